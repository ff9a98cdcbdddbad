import Settings
import Testing

@testable import Pools

@Suite struct PoolModeTests {
    private struct Pool {
        var modes = PoolModes()
        var configured = PoolMode.automatic
        var order: ModeOrder?
        var live = 3
        var wall: Int64 = 1_000

        mutating func verdict(advised: Int) -> PoolModes.Verdict {
            self.modes.verdict(
                configured: self.configured,
                order: self.order,
                advised: advised,
                live: self.live,
                bounds: 1...10,
                wallMicros: self.wall
            )
        }
    }

    @Test func automatic_isThePolicy() {
        var pool = Pool()
        let verdict = pool.verdict(advised: 7)
        #expect(verdict.desired == 7 && verdict.advised == 7 && verdict.mode == .automatic && !verdict.isOrdered)
    }

    @Test func advise_changesNothing_andTellsWhatThePolicyWouldDo() {
        var pool = Pool(configured: .advise)
        let verdict = pool.verdict(advised: 7)
        #expect(verdict.desired == nil && verdict.advised == 7)
    }

    /// KEDA asks on in that mode, too: one that dies is no smaller wish.
    @Test func advise_tellsTheSizeThatItFound() {
        var pool = Pool(configured: .advise)
        for live in [3, 2, 1] {
            pool.live = live
            #expect(pool.verdict(advised: 9).told == 3)
        }
        pool.configured = .automatic
        #expect(pool.verdict(advised: 9).told == 9)
        pool.configured = .advise
        #expect(pool.verdict(advised: 2).told == 9, "what was wanted, also where it is not there yet")
        pool.configured = .freeze
        pool.live = 4
        #expect(pool.verdict(advised: 2).told == 4, "somebody else has scaled since")
    }

    @Test(arguments: [(0, 0), (4, 4), (10, 10), (11, 10), (1_000, 10)])
    func manual_isTheNumber_withinThePool(ordered: Int, desired: Int) {
        var pool = Pool(order: ModeOrder(mode: .manual(ordered)))
        let verdict = pool.verdict(advised: 7)
        #expect(verdict.desired == desired && verdict.mode == .manual(ordered) && verdict.isOrdered)
    }

    /// Not the workers that happen to be there: those that were wanted, also when one of them has just died.
    @Test func freeze_holdsWhatWasWanted() {
        var pool = Pool()
        _ = pool.verdict(advised: 5)
        pool.order = ModeOrder(mode: .freeze)
        pool.live = 4
        for advised in [9, 1, 0] {
            let verdict = pool.verdict(advised: advised)
            #expect(verdict.desired == 5 && verdict.advised == advised)
        }
        pool.order = nil
        #expect(pool.verdict(advised: 2).desired == 2)
        pool.order = ModeOrder(mode: .freeze)
        #expect(pool.verdict(advised: 9).desired == 2, "it is frozen anew")
    }

    @Test func freeze_byANewLeader_holdsWhatIsThere_orTheLeast() {
        var pool = Pool(configured: .freeze)
        #expect(pool.verdict(advised: 9).desired == 3)
        pool.live = 8
        #expect(pool.verdict(advised: 9).desired == 3)
        var begun = Pool(configured: .freeze, live: 0)
        #expect(begun.verdict(advised: 9).desired == 1)
        // After advice nobody knows what is wanted but by what is there.
        var advised = Pool(configured: .advise)
        _ = advised.verdict(advised: 9)
        advised.configured = .freeze
        #expect(advised.verdict(advised: 9).desired == 3)
    }

    @Test func order_thatHasRunOut_leavesItToTheConfiguration() {
        var pool = Pool(configured: .manual(2), order: ModeOrder(mode: .manual(6), untilMicros: 2_000))
        #expect(pool.verdict(advised: 9).desired == 6 && pool.verdict(advised: 9).untilMicros == 2_000)
        pool.wall = 1_999
        #expect(pool.verdict(advised: 9).desired == 6)
        pool.wall = 2_000
        let verdict = pool.verdict(advised: 9)
        #expect(verdict.desired == 2 && !verdict.isOrdered && verdict.untilMicros == nil)
        pool.order = ModeOrder(mode: .automatic)
        #expect(pool.verdict(advised: 9).desired == 9, "an order without an end is above the configuration")
    }

    @Test(arguments: [
        ModeOrder(mode: .automatic), ModeOrder(mode: .advise), ModeOrder(mode: .freeze, untilMicros: 7),
        ModeOrder(mode: .manual(0)), ModeOrder(mode: .manual(1_000), untilMicros: 1_795_000_000_000_000),
    ])
    func order_readBack_isTheSame(order: ModeOrder) {
        #expect(ModeOrder(encoded: order.encoded) == order)
    }

    @Test(arguments: [
        "", "1", "2 freeze - -", "1 frozen - -", "1 manual - -", "1 manual 1001 -", "1 manual -1 -", "1 freeze 3 -",
        "1 freeze - x", "1 freeze - -5", "1 freeze - - -", "1  - -",
    ])
    func order_thatIsNone_isNotRead(text: String) { #expect(ModeOrder(encoded: text) == nil) }

    @Test func names_areThoseOfTheConfiguration() {
        #expect(PoolMode.names == ["automatic", "advise", "manual", "freeze"])
        var pool = PoolSettings(name: "p")
        pool.mode = .manual
        pool.manualWorkers = 4
        #expect(PoolMode(pool) == .manual(4) && "\(PoolMode(pool))" == "manual 4")
    }
}
