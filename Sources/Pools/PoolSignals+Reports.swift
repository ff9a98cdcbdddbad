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
        // By index: to copy a report counts its four references up and down, and was half of the time.
        for told in [reports, held] {
            for index in told.indices {
                let seconds = told[index].intervalSeconds
                arrivals += Double(told[index].arrivals) / seconds
                unguarded += Double(told[index].unguarded) / seconds
                admissions += Double(told[index].admissions) / seconds
                inFlight += Self.counted(told[index].inFlight)
                queued += Self.counted(told[index].queued)
            }
        }
        for index in reports.indices {
            errors += Double(reports[index].errors) / reports[index].intervalSeconds
            latency.merge(reports[index].latency)
        }
        let lines = lines ?? RoomLines(reports)
        let goalSeconds = Double(drainGoalNanoseconds) / 1e9
        var absent = lines.lines.reduce(0) { $0 + $1.value.absent }
        var inflow = 0.0
        var lineInflow = 0.0
        for index in rooms.indices {
            let line = lines.lines[rooms[index].name]
            guard rooms[index].isOpen(wallMicros: wallMicros) else {
                absent -= line?.absent ?? 0
                continue
            }
            // Where no gateway tells of the room, nobody knows how many of its slots are free.
            let limit =
                line.map {
                    RoomInflow.limitPerSecond(
                        of: rooms[index],
                        freeSlots: Int64($0.freeSlots),
                        admissionsPerSecond: $0.admissionsPerSecond,
                        goalSeconds: goalSeconds
                    )
                } ?? Double(rooms[index].inflowMilli) / 1_000
            inflow += limit
            if let line { lineInflow += min(limit, max(line.admissionsPerSecond, Double(line.expected + line.atDoor))) }
        }
        self.init(
            arrivalsPerSecond: arrivals,
            unguardedPerSecond: unguarded,
            admissionsPerSecond: admissions,
            inFlight: inFlight,
            queued: queued,
            waiting: lines.waiting,
            absent: absent,
            inflowLimitPerSecond: rooms.isEmpty ? .infinity : inflow,
            lineInflowPerSecond: lineInflow,
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
    public static func workerInFlight(of reports: [GatewaySignals]) -> ByName<Int> {
        var sums = ByName<Int>()
        for index in reports.indices { sums.join(reports[index].workerInFlight, fresh: 0) { $0 += $1 } }
        return sums
    }
}
