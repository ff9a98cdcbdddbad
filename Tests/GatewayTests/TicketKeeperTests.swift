import Primitives
import Testing
import Transport

@testable import Gateway

@Suite struct TicketKeeperTests {
    private static let period: Int64 = 1_000

    private func ring(at now: Int64) throws -> TicketKeyRing {
        try #require(TicketKeeper(periodMicros: Self.period).renewal(of: nil, atMicros: now))
    }

    @Test func keys_beforeTheSharedStateAnswered_areOwnAndStayGoodAfterIt() throws {
        var keeper = TicketKeeper(periodMicros: Self.period)
        let (own, isOwn) = keeper.keys(wallMicros: 50_000)
        #expect(isOwn && own.keys.count == 1)
        #expect(keeper.keys(wallMicros: 50_001).set == own, "the same until it is time")
        let shared = try self.ring(at: 50_100)
        keeper.took(shared, atMicros: 50_100, wallMicros: 50_100)
        let (set, isStillOwn) = keeper.keys(wallMicros: 50_100)
        #expect(!isStillOwn && set.keys.first == shared.keys.first)
        #expect(set.keys.contains(own.keys[0]), "tickets from before are taken")
    }

    @Test func sharedStateAway_keepsTheKeysAsLongAsTheyLastAndThenMakesItsOwn() throws {
        var keeper = TicketKeeper(periodMicros: Self.period)
        let shared = try self.ring(at: 50_000)
        keeper.took(shared, atMicros: 50_000, wallMicros: 50_000)
        #expect(!keeper.keys(wallMicros: 50_999).isOwn)
        let (set, isOwn) = keeper.keys(wallMicros: 51_000)
        #expect(isOwn && set.keys[0] != shared.keys[0])
        #expect(set.keys.contains(shared.keys[0]), "what others sealed is still taken")
        // It goes on by itself for as long as it takes.
        #expect(keeper.keys(wallMicros: 500_000).isOwn)
    }

    @Test func clocks_ofMachines_doNotCount() throws {
        let shared = try self.ring(at: 50_000)
        let sealing = try ([0, 7_000_000, -40_000] as [Int64]).map { ahead in
            var keeper = TicketKeeper(periodMicros: Self.period)
            keeper.took(shared, atMicros: 50_000, wallMicros: 50_000 + ahead)
            let (set, isOwn) = keeper.keys(wallMicros: 50_000 + ahead + 300)
            return try #require(isOwn ? nil : set.keys.first)
        }
        #expect(sealing == [TicketKey](repeating: shared.keys[0], count: 3))
    }

    @Test func renewal_ofAStateThatLostItsKeys_givesThemBack() throws {
        var keeper = TicketKeeper(periodMicros: Self.period)
        let shared = try self.ring(at: 50_000)
        keeper.took(shared, atMicros: 50_000, wallMicros: 50_000)
        #expect(keeper.renewal(of: shared, atMicros: 50_100) == nil)
        #expect(keeper.renewal(of: nil, atMicros: 50_100) == shared)
        let renewed = try #require(keeper.renewal(of: nil, atMicros: 50_600))
        #expect(renewed.keys.count == 2 && renewed.keys[0] == shared.keys[0])
    }

    // MARK: Keys that cannot be read

    private static let hour = 3_600 * Nanoseconds.perSecond

    private func instant(_ nanoseconds: Int64) -> Instant {
        Instant(nanoseconds: 0).advanced(byNanoseconds: nanoseconds)
    }

    private func keeper(periodNanoseconds: Int64) -> TicketKeeper {
        TicketKeeper(periodMicros: periodNanoseconds / Nanoseconds.perMicrosecond)
    }

    /// Seen before: they stood until they ran out by themselves, a day and a half later.
    @Test func unreadable_fromTheStartOn_areReplacedAfterAMinute_orAPeriodThatIsShorter() {
        let second = Nanoseconds.perSecond
        for (period, wait) in [(12 * Self.hour, 60 * second), (10 * second, 10 * second)] {
            var keeper = self.keeper(periodNanoseconds: period)
            let looks = [0, wait - 1, wait].map { keeper.couldNotRead([1], now: self.instant($0)) }
            #expect(looks == [false, false, true])
            // Others are another matter, and so are those that come after none.
            let isTimeForOthers = keeper.couldNotRead([2], now: self.instant(2 * wait))
            keeper.foundNone()
            let isTimeAfterNone = keeper.couldNotRead([2], now: self.instant(4 * wait))
            #expect(!isTimeForOthers && !isTimeAfterNone)
        }
    }

    /// Somebody has written them, who may be there still.
    @Test func unreadable_afterReadableOnes_areReplacedOnceNobodyHasRenewedThem() throws {
        var keeper = self.keeper(periodNanoseconds: Self.hour)
        keeper.took(try self.ring(at: 50_000), atMicros: 50_000, wallMicros: 50_000)
        let times = [0, Self.hour, 2 * Self.hour - 1, 2 * Self.hour]
        #expect(times.map { keeper.couldNotRead([1], now: self.instant($0)) } == [false, false, false, true])
        // With other signing keys it is as at the start.
        keeper.changedSecrets()
        let minutes = [180, 181].map { keeper.couldNotRead([1], now: self.instant($0 * Self.hour / 60)) }
        #expect(minutes == [false, true])
    }

    /// Two sites on one Redis, each with a secret and two gateways; all look once a minute, for ten periods of two
    /// hours. Each gateway may have to replace the others' keys when it starts. From then on those who have them keep
    /// them.
    @Test(arguments: [[0, 0, 0, 0], [0, 1, 2, 3], [0, 300, 0, 500]])
    func gatewaysWithDifferentSecrets_doNotReplaceEachOthersKeysForEver(startMinutes: [Int]) throws {
        let period = 2 * Self.hour
        var keepers = (0..<4).map { _ in self.keeper(periodNanoseconds: period) }
        var stands: (site: Int, ring: TicketKeyRing, sealed: [UInt8])?
        var changes: [Int] = []
        for minute in 0..<1_200 {
            for index in 0..<4 where minute >= startMinutes[index] {
                let (now, micros) = (self.instant(Int64(minute) * Self.hour / 60), Int64(minute) * 60_000_000)
                let site = index % 2
                var stored: TicketKeyRing?
                if let stands, stands.site == site {
                    stored = stands.ring
                    keepers[index].took(stands.ring, atMicros: micros, wallMicros: micros)
                } else if let stands {
                    guard keepers[index].couldNotRead(stands.sealed, now: now) else { continue }
                }
                guard let ring = keepers[index].renewal(of: stored, atMicros: micros) else { continue }
                if let former = stands, former.site != site { changes.append(minute) }
                stands = (site, ring, ring.encoded.bytes + [UInt8(site)])
                keepers[index].took(ring, atMicros: micros, wallMicros: micros)
            }
        }
        #expect(changes.count <= 4 && changes.allSatisfy { $0 <= 510 }, "\(changes)")
    }
}
