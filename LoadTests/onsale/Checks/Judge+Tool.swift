/// Whether the load tool itself was fast enough for what was judged by its clock.
extension Judge {
    /// Of an objective for the time of answers that was missed, the share by which the tool itself may have been late.
    static let toolShare = 0.1
    /// A request is sent late, and its answer may be read late.
    private static let latenesses = 2.0

    /// Missed, and perhaps by what the tool was late. Lateness is part of each time that was measured: where an objective
    /// holds in spite of it, it holds.
    static func isInDoubt(missedBy measured: Double, limit: Double, lateness: Double) -> Bool {
        lateness > self.toolShare * limit && measured - self.latenesses * lateness <= limit
    }

    /// What was missed, promises and objectives about times, where nobody can say of any of it whether the site or the tool
    /// missed it. Nothing is in doubt where something else was missed for sure.
    private func inDoubt(_ total: Int64) -> [String] {
        let promises = zip(
            [self.latency(), self.lineLatency(), self.doorLatency()],
            [self.insideTimes, self.lineTimes, self.doorTimes]
        ).flatMap { checks, times in
            zip(checks, [total, self.lateness(in: times.worst)]).filter { $0.0.outcome == .failed }
        }
        let missed = self.asked.filter { !$0.isReached }
        let doubtful = promises.filter { check, lateness in
            guard let figure = check.figure else { return false }
            return Self.isInDoubt(missedBy: figure.measured, limit: figure.limit, lateness: Double(lateness))
        }
        guard doubtful.count == promises.count, missed.allSatisfy(\.isInDoubt) else { return [] }
        return doubtful.map { "\"\($0.0.title)\"" } + missed.map(\.objective)
    }

    /// How late the tool was where the promise was kept worst.
    private func lateness(in worst: WorstStretch.Found?) -> Int64 {
        worst.flatMap { self.evidence.timeline.samples.toolLateness(in: $0.seconds) } ?? 0
    }

    /// That the site holds answers back until no connection is left is the site's doing, and counts among the errors.
    func tool() -> Check {
        let title = "The load tool kept up"
        let limit = self.objectives.tool
        let limits = Self.pair(limit.p99Nanoseconds, limit.worstSecondNanoseconds)
        guard let total = Percentiles(self.evidence.timeline.total.lateness) else {
            return Check(
                name: .tool,
                title: title,
                outcome: .notMeasured,
                measured: "–",
                limit: limits,
                detail: "no timer of the load tool was timed"
            )
        }
        let worst = self.evidence.timeline.worstStretch(.tool)?.p99
        let slowest = worst ?? 0
        let isInTime = total.p99 <= limit.p99Nanoseconds && slowest <= limit.worstSecondNanoseconds
        let lack = self.lack
        let doubts = isInTime && lack == nil ? self.inDoubt(total.p99) : []
        guard doubts.isEmpty else { return Self.doubt(doubts, measured: Self.pair(total.p99, worst)) }
        return Check(
            name: .tool,
            title: title,
            outcome: Self.outcome(isInTime && lack == nil),
            measured: Self.pair(total.p99, worst),
            limit: limits,
            detail: lack ?? self.latenessWords,
            figure: Self.tighter(total.p99, slowest, limit)
        )
    }

    private var latenessWords: String {
        var words = "p99 of how late visitors' timers ran, and of the worst second; if it were higher, no other figure "
        words += "would count"
        if self.counts.connectionsGivenUp > 0 {
            words += "; from three quarters of the open files on, \(Format.count(self.counts.connectionsGivenUp)) "
            words += "connections were not kept between two requests"
        }
        return words
    }

    /// What the tool fell short of beside time; nil: nothing.
    private var lack: String? {
        let overflow = self.evidence.books?.overflow ?? 0
        if overflow > 0 { return "\(Format.count(overflow)) answers found no room in the visitors' books: play fewer" }
        let refused = self.counts.errors[.toolLimit]
        guard refused > 0 else { return nil }
        return "\(Format.count(refused)) connections were not made: raise the limit of open files or of local ports"
    }

    private static func doubt(_ missed: [String], measured: String) -> Check {
        Check(
            name: .tool,
            title: "The load tool kept up",
            outcome: .failed,
            measured: measured,
            limit: "\(Format.percent(self.toolShare)) of what was missed",
            detail: "so late were visitors' timers at the 99th percentile, and in the worst second: too late to say "
                + "whether the site or the tool missed \(missed.joined(separator: ", "))",
            isDoubt: true
        )
    }

    /// Whichever used more of its limit.
    private static func tighter(_ total: Int64, _ second: Int64, _ limit: Objectives.Slowness) -> Check.Figure {
        let isSecond =
            Double(second) / Double(limit.worstSecondNanoseconds) > Double(total) / Double(limit.p99Nanoseconds)
        return Check.Figure(
            unit: .nanoseconds,
            measured: Double(isSecond ? second : total),
            limit: Double(isSecond ? limit.worstSecondNanoseconds : limit.p99Nanoseconds)
        )
    }
}
