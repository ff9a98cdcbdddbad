import Primitives
import Scaling
import Settings

extension PoolSignals {
    /// Adds the gateways' reports up.
    ///
    /// - Parameters:
    ///   - held: last words of gateways that have fallen silent. What came through them is taken to go on; how long it
    ///     took, and what failed, is not told twice.
    ///   - silent: gateways that have fallen silent, those that are held included.
    ///   - rooms: those of the pool. One that has not opened lets nobody in, and counts towards no limit.
    ///   - drainGoalNanoseconds: how soon the pool's lines are to be gone.
    public init(
        _ reports: [GatewaySignals],
        held: [GatewaySignals] = [],
        silent: Int = 0,
        lines: RoomLines? = nil,
        rooms: [RoomSettings],
        drainGoalNanoseconds: Int64,
        wallMicros: Int64
    ) {
        var latency = LatencyHistogram()
        var arrivals = 0.0
        var unguarded = 0.0
        var admissions = 0.0
        var errors = 0.0
        var inFlight = 0
        var queued = 0
        for report in reports + held {
            let seconds = report.intervalSeconds
            arrivals += Double(report.arrivals) / seconds
            unguarded += Double(report.unguarded) / seconds
            admissions += Double(report.admissions) / seconds
            inFlight += Self.counted(report.inFlight)
            queued += Self.counted(report.queued)
        }
        for report in reports {
            errors += Double(report.errors) / report.intervalSeconds
            latency.merge(report.latency)
        }
        let lines = lines ?? RoomLines(reports)
        let goalSeconds = Double(drainGoalNanoseconds) / 1e9
        let inflow = rooms.filter { $0.isOpen(wallMicros: wallMicros) }.reduce(0.0) { sum, room in
            // Where no gateway tells of the room, nobody knows how many of its slots are free.
            guard let line = lines.lines[room.name] else { return sum + Double(room.inflowMilli) / 1_000 }
            return sum
                + RoomInflow.limitPerSecond(
                    of: room,
                    freeSlots: Int64(line.freeSlots),
                    admissionsPerSecond: line.admissionsPerSecond,
                    goalSeconds: goalSeconds
                )
        }
        self.init(
            arrivalsPerSecond: arrivals,
            unguardedPerSecond: unguarded,
            admissionsPerSecond: admissions,
            inFlight: inFlight,
            queued: queued,
            waiting: lines.waiting,
            inflowLimitPerSecond: rooms.isEmpty ? .infinity : inflow,
            latency: latency,
            errorsPerSecond: errors,
            gatewaysReporting: reports.count + held.count,
            gatewaysHeld: held.count,
            gatewaysSilent: silent
        )
    }
}

extension GatewaySignals {
    /// Requests at each worker, by its id, over all gateways that report.
    public static func workerInFlight(of reports: [GatewaySignals]) -> [String: Int] {
        reports.reduce(into: [:]) { $0.merge($1.workerInFlight, uniquingKeysWith: +) }
    }
}
