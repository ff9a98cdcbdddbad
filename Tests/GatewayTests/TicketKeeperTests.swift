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
}
