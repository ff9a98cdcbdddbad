/// The whole report as data: what the JSON file holds and the HTML file is made from.
struct RunReport: Codable, Equatable, Sendable {
    /// Raised when a reader of older files would misread newer ones.
    static let formatVersion = 3

    /// A line of the settings tables.
    struct Fact: Codable, Equatable, Sendable {
        var name: String
        var value: String
    }

    var formatVersion = Self.formatVersion
    /// ISO 8601 with zone.
    var startedAt: String
    /// The command that plays the same run again.
    var command: String
    var scenario: Scenario
    /// The machine and the builds.
    var environment: [Fact]
    /// The gateway's limits as configured for the run.
    var settings: [Fact]
    var verdict: Verdict
    var gateway: RunResult
    /// The same crowd without the gateway.
    var direct: RunResult?
    /// What the direct run was sent at, in words: "straight at one worker".
    var directTarget: String?
    /// What became of the objectives that were asked for.
    var objectives: [ObjectiveResult] = []
    /// The run was stopped before its end; nil when it was played to it.
    var partial: Partial?

    /// How far a run came that was stopped.
    struct Partial: Codable, Equatable, Sendable {
        /// The reason of a run that was stopped by Ctrl-C.
        static let interrupted = "interrupted"

        /// Seconds of the run that the report holds.
        var seconds: Int
        /// Why it was stopped: `interrupted`, or what went wrong.
        var reason: String

        var exitCode: Verdict.ExitCode { self.reason == Self.interrupted ? .interrupted : .notPlayed }
    }

    /// Of the whole, for whoever started it. What was stopped is not judged, and a load tool that could not keep up
    /// says nothing of anything; then come the promises, then the objectives.
    var exitCode: Verdict.ExitCode {
        if let partial = self.partial { return partial.exitCode }
        guard self.verdict.exitCode == .good else { return self.verdict.exitCode }
        return self.objectives.allSatisfy(\.isReached) ? .good : .objectiveMissed
    }
}

/// What came of one run, ready to be drawn.
struct RunResult: Codable, Equatable, Sendable {
    /// Limits that hold from a moment on.
    struct DrawnLimit: Codable, Equatable, Sendable {
        /// From the start of the run; negative when it held before.
        var atSeconds: Double
        var ratePerSecond: Double
        var burst: Int64
    }

    /// Who was let in during a second, by number of place: the median, and the 5th and 95th percentile.
    struct OrderStep: Codable, Equatable, Sendable {
        var second: Int
        var low: Int64
        var median: Int64
        var high: Int64
    }

    var counts: Counts
    var samples: [Sample]
    /// Answers to admitted visitors.
    var inside: LatencySummary?
    /// Answers to visitors in line.
    var line: LatencySummary?
    /// Answers by which visitors got in; may include a bounded wait at the door.
    var door: LatencySummary?
    /// Time in line of those who got in.
    var wait: Percentiles?
    var waitHistogram: HistogramRecord?
    var toolLateness: Percentiles?
    var latenessHistogram: HistogramRecord?
    /// Exchanges of each second, from the journal.
    var inflow: [Int]
    /// Limits in force, from the journal.
    var limits: [DrawnLimit]
    /// The config's limit of the inflow at the start and after each change.
    var configured: [DrawnLimit] = []
    /// Who was let in when; seconds without an exchange are left out.
    var order: [OrderStep]
    /// Moments at which the config was changed, from the start of the run.
    var changeSeconds: [Double] { self.configured.dropFirst().map(\.atSeconds) }
    var workerBounds: Evidence.WorkerBounds?

    init(_ evidence: Evidence) {
        let total = evidence.timeline.total
        self.counts = total.counts
        self.samples = evidence.timeline.samples
        self.inside = LatencySummary(total.inside)
        self.line = LatencySummary(total.line)
        self.door = LatencySummary(total.door)
        self.wait = Percentiles(total.wait)
        self.waitHistogram = HistogramRecord(waits: total.wait)
        self.toolLateness = Percentiles(total.lateness)
        self.latenessHistogram = HistogramRecord(latencies: total.lateness)
        let started = evidence.startedMicros
        var inflow = [Int](repeating: 0, count: evidence.journal.exchanges.isEmpty ? 0 : self.samples.count)
        for exchange in evidence.journal.exchanges {
            let second = Int((exchange.micros - started) / 1_000_000)
            if exchange.micros >= started, second < inflow.count { inflow[second] += 1 }
        }
        self.inflow = inflow
        self.order = Self.order(evidence.journal.exchanges, startedMicros: started)
        self.limits = evidence.journal.limits.map {
            DrawnLimit(
                atSeconds: Double($0.micros - started) / 1e6,
                ratePerSecond: Double($0.rateMilli) / 1000,
                burst: $0.burst
            )
        }
        self.configured = (evidence.schedule?.written ?? []).enumerated().map { index, step in
            DrawnLimit(
                atSeconds: index == 0 ? 0 : Double(step.micros) / 1e6,
                ratePerSecond: Double(step.rateMilli) / 1000,
                burst: step.burst
            )
        }
        self.workerBounds = evidence.workerBounds
    }

    private static func order(_ exchanges: [AdmissionJournal.Exchange], startedMicros: Int64) -> [OrderStep] {
        let bySecond = Dictionary(grouping: exchanges) { Int(($0.micros - startedMicros) / 1_000_000) }
        return bySecond.keys.sorted().map { second in
            let numbers = (bySecond[second] ?? []).map(\.number).sorted()
            func number(_ percent: Int) -> Int64 { numbers[(numbers.count - 1) * percent / 100] }
            return OrderStep(second: second, low: number(5), median: number(50), high: number(95))
        }
    }

    /// Share of requests that ended in an error.
    var errorShare: Double {
        self.counts.answered > 0 ? Double(self.counts.errors.total) / Double(self.counts.answered) : 0
    }
}
