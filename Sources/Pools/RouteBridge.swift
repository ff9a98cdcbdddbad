import Primitives
import Settings

/// Routes that lead to another pool than before, while that one has no worker yet: requests go where they went until it
/// has as many, or some, and the others take too long to start. As long as it has none they stay where they are served. A
/// value, the same for gateways, which send the requests, and for the controller, which has the workers.
public struct RouteBridge: Sendable {
    /// As the file has them.
    public let settings: Settings
    /// In force until then: the file's, but that such routes lead where they led, to pools that go on as they were, and
    /// that each new pool begins with as many workers as the one whose place it takes, if it may have so many. Where the
    /// old one keeps other routes, it begins with what it has at least.
    public let meanwhile: Settings
    private let ways: [Way]
    /// Each new pool has had enough workers for so long.
    private var readySince: Instant?

    private struct Way: Sendable {
        let before, next: String
        let until: Instant
        /// Workers that the new pool begins with.
        let first: Int
    }

    /// Nil: nobody has to be waited for.
    ///
    /// - Parameters:
    ///   - running: in force.
    ///   - earlier: not crossed yet. Whoever is waited for already is not given more time by another file.
    ///   - workers: to how many workers of a pool requests can be sent.
    public init?(
        from running: Settings,
        to settings: Settings,
        after earlier: RouteBridge? = nil,
        now: Instant,
        workers: (String) -> Int
    ) {
        var meanwhile = settings
        var ways: [Way] = []
        for index in settings.routes.indices {
            let route = settings.routes[index]
            let led = running.routes.first { ($0.host, $0.path) == (route.host, route.path) }
            guard let before = led.flatMap({ running.pool(named: $0.pool) }), before.name != route.pool,
                let next = settings.pools.firstIndex(where: { $0.name == route.pool }), workers(before.name) > 0
            else { continue }
            let pool = settings.pools[next]
            let begun = earlier?.ways.first { ($0.before, $0.next) == (before.name, pool.name) }
            guard pool.hasWorkersUnasked, workers(pool.name) == 0 || begun != nil else { continue }
            // Nobody knows which part of the requests one route has of several.
            let isWhole = !settings.routes.contains { $0.pool == before.name }
            let wanted = begun?.first ?? (isWhole ? workers(before.name) : 1)
            let way = Way(
                before: before.name,
                next: pool.name,
                until: begun?.until ?? now.advanced(byNanoseconds: pool.startTimeoutNanoseconds),
                first: min(pool.maxWorkers, max(pool.minWorkers, wanted))
            )
            ways.append(way)
            meanwhile.routes[index].pool = before.name
            meanwhile.pools[next].minWorkers = max(meanwhile.pools[next].minWorkers, way.first)
            if meanwhile.pool(named: before.name) == nil { meanwhile.pools.append(before) }
        }
        guard !ways.isEmpty else { return nil }
        self.settings = settings
        self.meanwhile = meanwhile
        self.ways = ways
    }

    /// `noticeNanoseconds`: so long the workers must have been there, for others to hear of them.
    public mutating func isCrossed(now: Instant, noticeNanoseconds: Int64 = 0, workers: (String) -> Int) -> Bool {
        let waiting = self.ways.filter { workers($0.next) < max(1, min($0.first, workers($0.before))) }
        self.readySince = waiting.isEmpty ? self.readySince ?? now : nil
        return self.readySince.map { now.nanoseconds(since: $0) >= noticeNanoseconds }
            ?? waiting.allSatisfy { now >= $0.until && (workers($0.next) > 0 || workers($0.before) == 0) }
    }

    /// For the log: which pool is to take whose place.
    public var text: String {
        Set(self.ways.map { "\($0.next) for \($0.before)" }).sorted().joined(separator: ", ")
    }
}

extension PoolSettings {
    /// It has workers without a request for them, and they take time to come.
    fileprivate var hasWorkersUnasked: Bool { self.driver != .static && self.minWorkers > 0 }
}

/// When a new leader may end workers of pools that its file does not have: those of its own pools come first, and
/// gateways hear of them, unless their start takes too long. A value.
public struct PoolSuccession: Sendable {
    private let awaited: [String]
    private let until: Instant
    /// Each of the pools has had a worker for so long.
    private var readySince: Instant?

    public init(to pools: [PoolSettings], now: Instant) {
        let awaited = pools.filter(\.hasWorkersUnasked)
        self.awaited = awaited.map(\.name)
        self.until = now.advanced(byNanoseconds: awaited.map(\.startTimeoutNanoseconds).max() ?? 0)
    }

    /// `workers`: how many of a pool take requests.
    public mutating func isOver(now: Instant, workers: (String) -> Int) -> Bool {
        self.readySince = self.awaited.allSatisfy { workers($0) > 0 } ? self.readySince ?? now : nil
        let isTold = self.readySince.map { now.nanoseconds(since: $0) >= Reconciliation.noticeNanoseconds } ?? false
        return isTold || now >= self.until
    }
}
