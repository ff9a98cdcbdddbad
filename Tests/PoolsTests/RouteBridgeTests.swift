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
        with workers: Set<String>,
        _ change: (inout Settings) -> Void = { _ in }
    ) -> RouteBridge? {
        var settings = Self.settings(after)
        change(&settings)
        return RouteBridge(from: Self.settings(before), to: settings, now: Self.now) { workers.contains($0) }
    }

    @Test func poolRenamed_requestsGoToTheOldOne_untilTheNewOneHasAWorker() throws {
        let bridge = try #require(
            self.bridge([("/", "old"), ("/a", "b")], [("/", "new"), ("/a", "b"), ("/c", "new")], with: ["old", "b"])
        )
        // A route that there was not before leads nowhere else.
        #expect(bridge.meanwhile.routes.map(\.pool) == ["old", "b", "new"])
        #expect(bridge.meanwhile.pools.map(\.name) == ["b", "new", "old"])
        #expect(bridge.settings.routes.map(\.pool) == ["new", "b", "new"])
        #expect(!bridge.isCrossed(now: Self.now) { $0 == "old" })
        #expect(bridge.isCrossed(now: Self.now) { $0 == "new" })
        let patience = PoolSettings(name: "new").startTimeoutNanoseconds
        #expect(!bridge.isCrossed(now: Self.now.advanced(byNanoseconds: patience - 1)) { _ in false })
        #expect(bridge.isCrossed(now: Self.now.advanced(byNanoseconds: patience)) { _ in false })
    }

    /// There is nobody to wait for, or nobody who could serve meanwhile.
    @Test func others_areInForceAtOnce() {
        #expect(self.bridge([("/", "a")], [("/", "a")], with: ["a"]) == nil, "the same")
        #expect(self.bridge([("/", "a")], [("/", "b")], with: ["a", "b"]) == nil, "it has workers")
        #expect(self.bridge([("/", "a")], [("/", "b")], with: []) == nil, "neither has")
        #expect(self.bridge([("/", "a")], [("/x", "b")], with: ["a"]) == nil, "another route")
        #expect(self.bridge([("/", "a")], [("/", "b")], with: ["a"]) { $0.pools[0].minWorkers = 0 } == nil, "asleep")
        #expect(self.bridge([("/", "a")], [("/", "b")], with: ["a"]) { $0.pools[0].driver = .static } == nil)
        #expect(self.bridge([("/", "a")], [("/", "b")], with: ["a"]) != nil)
    }

    @Test func succession_isOverWhenGatewaysKnowAWorkerOfEach_orWhenItTakesTooLong() {
        let at = { (seconds: Int64) in Self.now.advanced(byNanoseconds: seconds * Nanoseconds.perSecond) }
        var pool = PoolSettings(name: "a")
        pool.startTimeoutNanoseconds = 9 * Nanoseconds.perSecond
        /// What it says at each of these times, with so many workers of the one pool of two that has none at first.
        func told(_ rounds: [(second: Int64, ready: Int)], atFirst: Int = 0) -> [Bool] {
            var succession = PoolSuccession(to: [pool], ready: [3, atFirst], now: at(0))
            return rounds.map { succession.isOver(ready: [3, $0.ready], now: at($0.second)) }
        }
        #expect(told([(0, 1)], atFirst: 1) == [true], "gateways know already")
        #expect(told([(1, 0), (2, 1), (3, 0), (4, 2), (6, 2)]) == [false, false, false, false, true])
        #expect(told([(8, 0), (9, 0)]) == [false, true])
    }
}
