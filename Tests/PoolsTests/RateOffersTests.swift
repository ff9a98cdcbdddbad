import Primitives
import Scaling
import Settings
import Testing

@testable import Pools

/// What rooms are lent out of what their pools offer.
@Suite struct RateOffersTests {
    private static let now: Int64 = 1_795_000_000_000_000

    private static func settings(
        _ rooms: [(name: String, pools: [String])],
        change: (inout [RoomSettings]) -> Void = { _ in }
    ) -> Settings {
        var settings = Settings()
        settings.rooms = rooms.map { RoomSettings(name: $0.name, slots: 1_000, inflowMilli: 100_000) }
        change(&settings.rooms)
        settings.pools = Set(rooms.flatMap(\.pools)).sorted().map { PoolSettings(name: $0) }
        settings.routes = rooms.flatMap { room in
            room.pools.map { RouteSettings(path: "/\(room.name)/\($0)", pool: $0, room: room.name) }
        }
        return settings
    }

    private static func lines(_ rooms: [String: RoomSignals]) -> RoomLines {
        RoomLines([GatewaySignals(gateway: "g", intervalMicros: 1_000_000, rooms: ByName(rooms))])
    }

    private static let idle = RoomSignals(freeSlots: 1_000)
    private static let crowd = RoomSignals(waiting: 900, freeSlots: 1_000)

    private func rates(_ offers: RateOffers, _ pools: String...) -> [String: Int64] {
        let rates = offers.rates(bearing: Set(pools), wallMicros: Self.now)
        return Dictionary(uniqueKeysWithValues: rates.map { ($0.room, $0.rateMilli) })
    }

    /// Seen before: a fifth for each, and a crowd that took 190 s instead of 48.
    @Test func fourIdleRooms_leaveTheCrowdNearlyAll_andKeepAReserve() {
        var offers = RateOffers(Self.settings(["a", "b", "c", "d", "e"].map { ($0, ["p"]) }))
        let idle = Dictionary(uniqueKeysWithValues: ["a", "b", "c", "d"].map { ($0, Self.idle) })
        offers.offer(pool: "p", rateMilli: 60_000, lines: Self.lines(idle.merging(["e": Self.crowd]) { $1 }))
        let rates = self.rates(offers, "p")
        #expect(rates == ["a": 600, "b": 600, "c": 600, "d": 600, "e": 57_600])
    }

    @Test func roomBehindTwoPools_isLentTheLower_whicheverDecidesLast() {
        var offers = RateOffers(Self.settings([("both", ["p", "q"]), ("other", ["q"])]))
        let lines = Self.lines(["both": Self.crowd, "other": Self.crowd])
        offers.offer(pool: "p", rateMilli: 10_000, lines: lines)
        #expect(self.rates(offers, "p") == [:], "the other pool has not said anything yet")
        offers.offer(pool: "q", rateMilli: 60_000, lines: lines)
        for last in ["p", "q"] { #expect(self.rates(offers, last) == ["both": 10_000, "other": 50_000]) }
        offers.offer(pool: "p", rateMilli: 50_000, lines: nil)
        #expect(self.rates(offers, "p") == ["both": 30_000, "other": 30_000], "what was known of the lines goes on")
    }

    @Test func offers_bearOnNothingElse() {
        var offers = RateOffers(Self.settings([("a", ["p"]), ("b", ["q"])]))
        offers.offer(pool: "p", rateMilli: 10_000, lines: nil)
        offers.offer(pool: "q", rateMilli: 20_000, lines: nil)
        offers.offer(pool: "unknown", rateMilli: 20_000, lines: nil)
        #expect(self.rates(offers, "p") == ["a": 10_000])
        #expect(self.rates(offers, "p", "q", "unknown") == ["a": 10_000, "b": 20_000])
    }

    /// Asked for together, pools that share no room come to what each comes to by itself.
    @Test func poolsWithoutACommonRoom_takeNothingFromEachOther() {
        let names = (0..<20).map { "p\($0)" }
        let settings = Self.settings(
            names.flatMap { name -> [(name: String, pools: [String])] in
                [(name: "a-\(name)", pools: [name]), (name: "b-\(name)", pools: [name])]
            }
        )
        var offers = RateOffers(settings)
        for (index, name) in names.enumerated() {
            let lines = Self.lines(["a-\(name)": Self.crowd, "b-\(name)": Self.idle])
            offers.offer(pool: name, rateMilli: 10_000 + 777 * Int64(index), lines: lines)
        }
        let all = offers.rates(bearing: Set(names), wallMicros: Self.now)
        let offered: Int64 = 20 * 10_000 + 777 * 190
        let lent: Int64 = all.reduce(0) { $0 + $1.rateMilli }
        #expect(lent == offered, "all that is offered is lent")
        for name in names {
            let own = all.filter { $0.room.hasSuffix("-\(name)") }
            #expect(self.rates(offers, name) == Dictionary(uniqueKeysWithValues: own.map { ($0.room, $0.rateMilli) }))
        }
    }

    @Test(
        arguments: [
            (11_000_000, 0, 60_000), (9_000_000, 30_000, 30_000), (-1, 30_000, 30_000),
        ] as [(Int64, Int64, Int64)]
    )
    func roomThatOpens_getsNothingUntilShortlyBefore(inMicros: Int64, rate: Int64, others: Int64) {
        let settings = Self.settings([("later", ["p"]), ("open", ["p"])]) { $0[0].opensAtMicros = Self.now + inMicros }
        var offers = RateOffers(settings)
        offers.offer(pool: "p", rateMilli: 60_000, lines: Self.lines(["later": Self.crowd, "open": Self.crowd]))
        #expect(self.rates(offers, "p") == ["later": rate, "open": others])
    }

    /// A room whose slots are taken can use what its visitors give back, however long its line.
    @Test func roomWithoutFreeSlots_getsWhatItUses() {
        var offers = RateOffers(Self.settings([("full", ["p"]), ("open", ["p"])]))
        let full = RoomSignals(waiting: 5_000, admissions: 4, freeSlots: 1)
        offers.offer(pool: "p", rateMilli: 60_000, lines: Self.lines(["full": full, "open": Self.crowd]))
        // Four newcomers and a quarter more, one slot, and a twentieth of half the rate.
        #expect(self.rates(offers, "p") == ["full": 7_500, "open": 52_500])
    }

    /// Whoever never comes uses nothing up.
    @Test func roomOfWhichFewCome_getsWhatTheyUse() {
        var offers = RateOffers(Self.settings([("few", ["p"]), ("open", ["p"])]))
        let few = RoomSignals(waiting: 50, freeSlots: 1_000, showUpPermille: 100)
        offers.offer(pool: "p", rateMilli: 60_000, lines: Self.lines(["few": few, "open": Self.crowd]))
        #expect(self.rates(offers, "p") == ["few": 6_500, "open": 53_500])
    }

    @Test func roomThatNobodyTellsOf_isTakenToUseAllItMay() {
        var offers = RateOffers(Self.settings([("old", ["p"]), ("open", ["p"])]))
        offers.offer(pool: "p", rateMilli: 60_000, lines: Self.lines(["open": Self.crowd]))
        #expect(self.rates(offers, "p") == ["old": 30_000, "open": 30_000])
    }

    @Test func settings_thatChange_changeTheShares() {
        var offers = RateOffers(Self.settings([("a", ["p"]), ("b", ["p"])]))
        let lines = Self.lines(["a": Self.crowd, "b": Self.crowd])
        offers.offer(pool: "p", rateMilli: 60_000, lines: lines)
        offers.apply(Self.settings([("a", ["p"]), ("b", ["p"])]) { $0[0].inflowMilli = 50_000 })
        #expect(self.rates(offers, "p") == ["a": 20_000, "b": 40_000])
        offers.apply(Self.settings([("a", ["p"]), ("b", ["p"])]) { $0[0].inflowMilli = 0 })
        #expect(self.rates(offers, "p") == ["a": 0, "b": 60_000], "a room at 0/s lets nobody in")
        offers.apply(Self.settings([("b", ["q"])]))
        #expect(self.rates(offers, "p", "q") == [:], "a pool that is gone has no offer")
        offers.forget()
        #expect(self.rates(offers, "p", "q") == [:])
    }
}
