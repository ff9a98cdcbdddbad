import Primitives
import Settings

/// Routes that lead to another pool than before, while that one has no worker yet: requests go where they went, until it
/// has one or its start has taken too long. A value.
public struct RouteBridge: Sendable {
    /// As the file has them.
    public let settings: Settings
    /// In force until then: the file's, but for the pools of such routes.
    public let meanwhile: Settings
    private let awaited: Set<String>
    private let until: Instant

    /// Nil: nobody has to be waited for. `running` are in force; `hasWorkers` says whether requests can be sent to a pool.
    public init?(from running: Settings, to settings: Settings, now: Instant, hasWorkers: (String) -> Bool) {
        var meanwhile = settings
        var awaited: [PoolSettings] = []
        for index in settings.routes.indices {
            let route = settings.routes[index]
            let earlier = running.routes.first { ($0.host, $0.path) == (route.host, route.path) }
            guard let next = settings.pool(named: route.pool), next.isStartedUnasked, !hasWorkers(next.name),
                let before = earlier.flatMap({ running.pool(named: $0.pool) }), hasWorkers(before.name)
            else { continue }
            meanwhile.routes[index].pool = before.name
            if meanwhile.pool(named: before.name) == nil { meanwhile.pools.append(before) }
            awaited.append(next)
        }
        guard let longest = awaited.map(\.startTimeoutNanoseconds).max() else { return nil }
        self.settings = settings
        self.meanwhile = meanwhile
        self.awaited = Set(awaited.map(\.name))
        self.until = now.advanced(byNanoseconds: longest)
    }

    public func isCrossed(now: Instant, hasWorkers: (String) -> Bool) -> Bool {
        now >= self.until || self.awaited.allSatisfy(hasWorkers)
    }
}

extension PoolSettings {
    /// It has workers without a request for them, and they take time to come.
    fileprivate var isStartedUnasked: Bool { self.driver != .static && self.workerBounds.lowerBound > 0 }
}

/// When the workers of pools that the file has no more may be ended: those of its pools come first, and gateways hear of
/// them, unless their start takes too long. A value.
public struct PoolSuccession: Sendable {
    private let until: Instant
    /// Each of the pools has had a worker for so long.
    private var readySince: Instant?

    /// `ready`: how many workers each of the file's pools has that take requests. Where none is without, gateways know.
    public init(to pools: [PoolSettings], ready: [Int], now: Instant) {
        self.until = now.advanced(byNanoseconds: pools.map(\.startTimeoutNanoseconds).max() ?? 0)
        let isReady = ready.allSatisfy { $0 > 0 }
        self.readySince = isReady ? now.advanced(byNanoseconds: -Reconciliation.noticeNanoseconds) : nil
    }

    public mutating func isOver(ready: [Int], now: Instant) -> Bool {
        self.readySince = ready.allSatisfy { $0 > 0 } ? self.readySince ?? now : nil
        let isTold = self.readySince.map { now.nanoseconds(since: $0) >= Reconciliation.noticeNanoseconds } ?? false
        return isTold || now >= self.until
    }
}
