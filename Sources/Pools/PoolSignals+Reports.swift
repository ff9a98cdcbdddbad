import Primitives
import Scaling
import Settings

extension PoolSignals {
    /// Adds the gateways' reports up. The line is one, whoever tells of it: the longest report counts.
    public init(_ reports: [GatewaySignals], rooms: [RoomSettings]) {
        var latency = LatencyHistogram()
        var arrivals = 0.0
        var unguarded = 0.0
        var admissions = 0.0
        var errors = 0.0
        for report in reports {
            let seconds = max(0.001, Double(report.intervalMicros) / 1e6)
            arrivals += Double(report.arrivals) / seconds
            unguarded += Double(report.unguarded) / seconds
            admissions += Double(report.admissions) / seconds
            errors += Double(report.errors) / seconds
            latency.merge(report.latency)
        }
        self.init(
            arrivalsPerSecond: arrivals,
            unguardedPerSecond: unguarded,
            admissionsPerSecond: admissions,
            inFlight: reports.reduce(0) { $0 + $1.inFlight },
            queued: reports.reduce(0) { $0 + $1.queued },
            waiting: reports.map(\.waiting).max() ?? 0,
            inflowLimitPerSecond: rooms.isEmpty
                ? .infinity : rooms.reduce(0.0) { $0 + Double($1.inflowMilli) / 1_000 },
            latency: latency,
            errorsPerSecond: errors,
            gatewaysReporting: reports.count
        )
    }
}
