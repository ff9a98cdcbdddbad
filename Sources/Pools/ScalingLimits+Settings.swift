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
            startTimePriorNanoseconds: max(Nanoseconds.perSecond, pool.worker.startTimeNanoseconds),
            costCap: pool.scaling.costCapMinutes == 0
                ? nil
                : CostCap(
                    workerSeconds: Double(pool.scaling.costCapMinutes) * 60,
                    windowNanoseconds: pool.scaling.costWindowNanoseconds
                ),
            prewarm: pool.scaling.prewarm.map {
                Prewarm(
                    workers: $0.workers,
                    fromMicros: $0.fromMicros,
                    lengthMicros: $0.lengthNanoseconds / Nanoseconds.perMicrosecond
                )
            }
        )
    }

    /// There are so many workers, whatever is wanted.
    public mutating func fix(at workers: Int) { (self.minWorkers, self.maxWorkers) = (workers, max(1, workers)) }

    /// Openings that are still to come, each with the line before its own door.
    ///
    /// Visitors of whom it is not told where they stand are taken to stand before an open door, and where there is none,
    /// before the first that opens.
    public static func openings(
        of rooms: [RoomSettings],
        lines: RoomLines,
        now: Instant,
        wallMicros: Int64
    ) -> [Opening] {
        let closed = rooms.filter { !$0.isOpen(wallMicros: wallMicros) }
        guard !closed.isEmpty else { return [] }
        let first = closed.count < rooms.count ? nil : closed.compactMap(\.opensAtMicros).min()
        var untold = lines.untold
        return closed.compactMap { room in
            guard let opensAt = room.opensAtMicros else { return nil }
            var waiting = lines.lines[room.name]?.waiting ?? 0
            if opensAt == first {
                waiting += untold
                untold = 0
            }
            // Further ahead than this nothing is planned, and a clock would run over.
            let micros = min(opensAt - wallMicros, Self.farthestOpeningMicros)
            return Opening(
                at: now.advanced(byNanoseconds: micros * 1_000),
                waiting: waiting,
                inflowPerSecond: Double(room.inflowMilli) / 1_000
            )
        }
    }

    /// A hundred years.
    private static let farthestOpeningMicros: Int64 = 3_155_760_000_000_000
}
