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
        wallMicros: Int64,
        now: Instant
    ) -> (order: ScalingOrder, steps: [Step]) {
        let signals = self.signals(rooms, wallMicros: wallMicros, now: now)
        let order = scaler.order(signals: signals, pool: self.state, now: now)
        let inFlight = self.freshReport(now: now)?.inFlight
        let actions = self.reconciliation.reconcile(desired: order.workers, inFlight: inFlight, now: now)
        return (order, self.carryOut(actions, now: now))
    }

    /// Requests under way at a worker, those in its queue included; none when there is no such worker.
    mutating func inFlight(of number: Int, now: Instant) -> Int {
        guard let index = self.workers.firstIndex(where: { $0.number == number }) else { return 0 }
        return self.countInFlight(at: index, now: now)
    }
}
