import Pools
import Primitives
import Scaling
import Settings

/// What somebody wants of a pool.
public struct ScalingOrder: Equatable, Sendable {
    public var workers: Int
    /// Visitors a second, in thousandths, that its rooms may let in; nil leaves the rooms to their own settings.
    public var admissionRateMilli: Int64?

    public init(workers: Int, admissionRateMilli: Int64? = nil) {
        self.workers = workers
        self.admissionRateMilli = admissionRateMilli
    }
}

/// Whoever decides on a pool's size in place of the production policy, once a second and whenever a worker became ready
/// or ended.
public protocol PoolScaler {
    /// `signals` is nil when none came.
    mutating func order(signals: PoolSignals?, pool: PoolState, now: Instant) -> ScalingOrder
}

extension SimulatedPool {
    /// One round of the controller with somebody else's decision.
    mutating func control(
        by scaler: inout any PoolScaler,
        rooms: [RoomSettings],
        now: Instant
    ) -> (order: ScalingOrder, steps: [Step]) {
        let report = self.report.flatMap { now.nanoseconds(since: $0.at) <= Self.reportNanoseconds ? $0 : nil }
        let signals = report.map { PoolSignals([$0.signals], rooms: rooms) }
        let order = scaler.order(signals: signals, pool: self.state, now: now)
        let actions = self.reconciliation.reconcile(desired: order.workers, inFlight: report?.inFlight, now: now)
        return (order, self.carryOut(actions, now: now))
    }

    /// Requests under way at a worker, those in its queue included; none when there is no such worker.
    mutating func inFlight(of number: Int, now: Instant) -> Int {
        guard let index = self.workers.firstIndex(where: { $0.number == number }) else { return 0 }
        return self.countInFlight(at: index, now: now)
    }
}
