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
    public init(
        _ reports: [GatewaySignals],
        held: [GatewaySignals] = [],
        silent: Int = 0,
        lines: RoomLines? = nil,
        rooms: [RoomSettings],
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
        let open = rooms.filter { $0.isOpen(wallMicros: wallMicros) }
        self.init(
            arrivalsPerSecond: arrivals,
            unguardedPerSecond: unguarded,
            admissionsPerSecond: admissions,
            inFlight: inFlight,
            queued: queued,
            waiting: (lines ?? RoomLines(reports)).waiting,
            inflowLimitPerSecond: rooms.isEmpty
                ? .infinity : open.reduce(0.0) { $0 + Double($1.inflowMilli) / 1_000 },
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
