import Primitives
import Scaling
import Settings

/// What the settings of a pool mean to the policy.
extension ScalingLimits {
    public init(_ pool: PoolSettings) {
        let isStatic = pool.driver == .static
        self.init(
            minWorkers: isStatic ? pool.workers.count : pool.minWorkers,
            maxWorkers: isStatic ? pool.workers.count : pool.maxWorkers,
            slotsPerWorker: pool.worker.slots,
            utilization: pool.scaling.utilization,
            drainGoalNanoseconds: pool.scaling.drainGoalNanoseconds,
            scaleDownAfterNanoseconds: pool.scaling.scaleDownAfterNanoseconds,
            latencyObjectiveNanoseconds: pool.scaling.latencyObjectiveNanoseconds,
            requestsPerVisitorPrior: pool.scaling.requestsPerVisitor,
            serviceTimePriorNanoseconds: pool.worker.serviceTimeNanoseconds,
            startTimePriorNanoseconds: max(Nanoseconds.perSecond, pool.worker.startTimeNanoseconds)
        )
    }

    /// Openings that are still to come; `waiting` stand before all of them together.
    public static func openings(
        of rooms: [RoomSettings],
        waiting: Int,
        now: Instant,
        wallMicros: Int64
    ) -> [Opening] {
        rooms.compactMap { room in
            guard let opensAt = room.opensAtMicros, opensAt > wallMicros else { return nil }
            return Opening(at: now.advanced(byNanoseconds: (opensAt - wallMicros) * 1_000), waiting: waiting)
        }
    }
}
