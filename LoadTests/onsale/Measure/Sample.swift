/// How things stand at the end of a second, as the coordinator sees them. nil: not known.
struct Gauges: Codable, Equatable, Sendable {
    var waiting = 0
    var inside = 0
    var openConnections = 0
    var workersReady: Int?
    var workersDesired: Int?
    /// Of the pool behind the room, with those that start and drain: as the site tells, and as many processes as the
    /// tool saw right after that.
    var workersTold: Int?
    var workersRunning: Int?
    /// Exchanges per second that the config allows.
    var limitPerSecond: Double?
    /// The same after the controller's say: never above what ready workers can serve.
    var effectiveLimitPerSecond: Double?
}

/// One second of a run: what happened in it and how things stood at its end.
struct Sample: Codable, Equatable, Sendable {
    /// 0 for the first second of the run.
    var second: Int
    var counts: Counts
    var gauges: Gauges
    /// Answers to admitted visitors, from the moment each was due; nil when there were none.
    var insideCorrected: Percentiles?
    var insideRaw: Percentiles?
    /// Answers to visitors in line, from the moment each was due.
    var lineCorrected: Percentiles?
    /// Answers by which visitors got in, from the moment each was due.
    var doorCorrected: Percentiles?
    /// How late the load tool's timers ran.
    var toolLateness: Percentiles?
}

extension [Sample] {
    /// How late the tool was where answers of these seconds were measured: what is late there may have been due a second
    /// before. The p99 of the worst of them, in nanoseconds; nil where no timer ran.
    func toolLateness(in seconds: ClosedRange<Int>) -> Int64? {
        let around = (seconds.lowerBound - 1)...seconds.upperBound
        return self.lazy.filter { around.contains($0.second) }.compactMap { $0.toolLateness?.p99 }.max()
    }
}
