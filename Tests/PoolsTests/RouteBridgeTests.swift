import Primitives
import Settings
import Testing

@testable import Pools

/// What a gateway and a controller make of a pool that takes another's place.
@Suite struct RouteBridgeTests {
    private static let now = Instant(nanoseconds: 5_000_000_000)

    private static func settings(_ routes: [(path: String, pool: String)]) -> Settings {
        var settings = Settings()
        settings.pools = Set(routes.map(\.pool)).sorted().map { PoolSettings(name: $0) }
        settings.routes = routes.map { RouteSettings(path: $0.path, pool: $0.pool, room: "sale") }
        return settings
    }

    private func bridge(
        _ before: [(path: String, pool: String)],
        _ after: [(path: String, pool: String)],
        with workers: [String: Int],
        _ change: (inout Settings) -> Void = { _ in }
    ) -> RouteBridge? {
        var settings = Self.settings(after)
        change(&settings)
        return RouteBridge(from: Self.settings(before), to: settings, now: Self.now) { workers[$0] ?? 0 }
    }

    private static func at(_ seconds: Int64) -> Instant {
        Self.now.advanced(byNanoseconds: seconds * Nanoseconds.perSecond)
    }

    @Test func poolRenamed_requestsGoToTheOldOne_untilTheNewOneHasAsManyWorkers() throws {
        let first = self.bridge(
            [("/", "old"), ("/a", "b")],
            [("/", "new"), ("/a", "b"), ("/c", "new")],
            with: ["old": 5, "b": 1]
        ) { $0.pools[1].maxWorkers = 20 }
        var bridge = try #require(first)
        // A route that there was not before leads nowhere else.
        #expect(bridge.meanwhile.routes.map(\.pool) == ["old", "b", "new"])
        #expect(bridge.meanwhile.pools.map(\.name) == ["b", "new", "old"])
        #expect(bridge.meanwhile.pools[1].minWorkers == 5, "it begins with as many")
        #expect(bridge.settings.routes.map(\.pool) == ["new", "b", "new"])
        #expect(bridge.settings.pools[1].minWorkers == PoolSettings(name: "new").minWorkers)
        #expect(bridge.text == "new for old")
        func isCrossed(old: Int, new: Int, after seconds: Int64 = 0, notice: Int64 = 0) -> Bool {
            bridge.isCrossed(now: Self.at(seconds), noticeNanoseconds: notice) { $0 == "old" ? old : new }
        }
        #expect(!isCrossed(old: 5, new: 0) && !isCrossed(old: 5, new: 4) && isCrossed(old: 5, new: 5))
        // Those that have gone meanwhile need not be replaced, and more than it began with are its own affair.
        #expect(isCrossed(old: 3, new: 3) && isCrossed(old: 9, new: 5) && !isCrossed(old: 0, new: 0))
        let notice = 2 * Nanoseconds.perSecond
        #expect(!isCrossed(old: 5, new: 4, after: 1, notice: notice))
        #expect(!isCrossed(old: 5, new: 5, after: 2, notice: notice))
        #expect(!isCrossed(old: 5, new: 5, after: 3, notice: notice))
        #expect(isCrossed(old: 5, new: 5, after: 4, notice: notice))
        let patience = PoolSettings(name: "new").startTimeoutNanoseconds / Nanoseconds.perSecond
        #expect(!isCrossed(old: 5, new: 1, after: patience - 1))
        #expect(isCrossed(old: 5, new: 1, after: patience))
        // Seen before: a pool whose workers did not start got all requests, and those that served were ended.
        #expect(!isCrossed(old: 5, new: 0, after: 100 * patience))
        #expect(isCrossed(old: 0, new: 0, after: patience), "there is nobody to go on with")
    }

    /// Seen before: a route of many that was led elsewhere ordered a second whole pool.
    @Test func routeOfSeveral_newPoolBeginsWithItsLeast() throws {
        var bridge = try #require(
            self.bridge([("/", "old"), ("/a", "old")], [("/", "old"), ("/a", "new")], with: ["old": 40]) {
                $0.pools[1].maxWorkers = 50
            }
        )
        #expect(bridge.meanwhile.pool(named: "new")?.minWorkers == PoolSettings(name: "new").minWorkers)
        #expect(bridge.meanwhile.routes.map(\.pool) == ["old", "old"])
        #expect(bridge.isCrossed(now: Self.now) { $0 == "old" ? 40 : 1 })
    }

    @Test func poolRenamed_toASmallerOne_isWaitedForAsFarAsItMayGrow() throws {
        var bridge = try #require(
            self.bridge([("/", "old")], [("/", "new")], with: ["old": 9]) { $0.pools[0].maxWorkers = 2 }
        )
        #expect(bridge.meanwhile.pool(named: "new")?.minWorkers == 2)
        #expect(bridge.isCrossed(now: Self.now) { $0 == "old" ? 9 : 2 })
    }

    /// Seen before: each reload moved the end, and with the first worker of the new pool it was no bridge any more.
    @Test func reloadedMeanwhile_isTheSameBridge() throws {
        var settings = Self.settings([("/", "new")])
        settings.pools[0].maxWorkers = 20
        let patience = settings.pools[0].startTimeoutNanoseconds / Nanoseconds.perSecond
        let first = try #require(
            RouteBridge(from: Self.settings([("/", "old")]), to: settings, now: Self.now) { $0 == "old" ? 5 : 0 }
        )
        let workers = ["old": 6, "new": 1]
        func again(_ settings: Settings) -> RouteBridge? {
            RouteBridge(from: first.meanwhile, to: settings, after: first, now: Self.at(5)) { workers[$0] ?? 0 }
        }
        var second = try #require(again(settings))
        #expect(second.meanwhile.pool(named: "new")?.minWorkers == 5 && second.meanwhile.routes[0].pool == "old")
        #expect(!second.isCrossed(now: Self.at(patience - 1)) { workers[$0] ?? 0 })
        #expect(second.isCrossed(now: Self.at(patience)) { workers[$0] ?? 0 })
        // Seen before: as many were waited for as the second file did not allow any more.
        settings.pools[0].maxWorkers = 2
        var smaller = try #require(again(settings))
        #expect(smaller.meanwhile.pool(named: "new")?.minWorkers == 2)
        #expect(smaller.isCrossed(now: Self.at(6)) { $0 == "old" ? 6 : 2 })
        #expect(again(Self.settings([("/", "old")])) == nil, "it is taken back")
    }

    /// There is nobody to wait for, or nobody who could serve meanwhile.
    @Test func others_areInForceAtOnce() {
        #expect(self.bridge([("/", "a")], [("/", "a")], with: ["a": 1]) == nil, "the same")
        #expect(self.bridge([("/", "a")], [("/", "b")], with: ["a": 1, "b": 1]) == nil, "it has workers")
        #expect(self.bridge([("/", "a")], [("/", "b")], with: [:]) == nil, "neither has")
        #expect(self.bridge([("/", "a")], [("/x", "b")], with: ["a": 1]) == nil, "another route")
        #expect(self.bridge([("/", "a")], [("/", "b")], with: ["a": 1]) { $0.pools[0].minWorkers = 0 } == nil, "asleep")
        #expect(self.bridge([("/", "a")], [("/", "b")], with: ["a": 1]) { $0.pools[0].driver = .static } == nil)
        #expect(self.bridge([("/", "a")], [("/", "b")], with: ["a": 1]) != nil)
    }

    @Test func succession_isOverWhenGatewaysKnowAWorkerOfEach_orWhenItTakesTooLong() {
        var pools = ["a", "b", "asleep", "fixed"].map { PoolSettings(name: $0) }
        for index in pools.indices { pools[index].startTimeoutNanoseconds = 9 * Nanoseconds.perSecond }
        // Nobody waits for these.
        pools[2].minWorkers = 0
        pools[3].driver = .static
        /// What it says at each of these times, with so many workers of the second pool.
        func told(_ rounds: [(second: Int64, ready: Int)]) -> [Bool] {
            var succession = PoolSuccession(to: pools, now: Self.now)
            return rounds.map { round in
                succession.isOver(now: Self.at(round.second)) { ["a": 3, "b": round.ready][$0] ?? 0 }
            }
        }
        #expect(told([(1, 0), (2, 1), (3, 0), (4, 2), (6, 2)]) == [false, false, false, false, true])
        #expect(told([(8, 0), (9, 0)]) == [false, true])
    }
}
