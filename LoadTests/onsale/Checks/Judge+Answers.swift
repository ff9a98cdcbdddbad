/// What came back for each request.
extension Judge {
    func identity() -> Check {
        Self.none(
            .identity,
            "Every page is the one that was asked for",
            found: self.counts.errors[.foreignPage],
            measured: self.counts.insideAnswers > 0,
            "of \(Format.count(self.counts.insideAnswers)) pages of the sale, those that were not made by a worker for "
                + "the very request: each carries a mark of its own"
        )
    }

    func serverErrors() -> Check {
        let errors = self.counts.errors
        // Whoever made it, it has to say so: what nobody has signed is not excused.
        let excused = self.excused(.serverErrors) { $0.errors[.gatewayError] + $0.errors[.workerError] }
        return Self.none(
            .serverErrors,
            "No 5xx",
            found: self.counts.serverErrors - excused,
            measured: self.counts.answered > 0,
            "of \(Format.count(self.counts.answered)) requests; \(Format.count(errors[.gatewayError])) by the gateway, "
                + "\(Format.count(errors[.workerError])) by workers, \(Format.count(errors[.unsignedError])) of which "
                + "nobody can tell" + Self.excusedWords(excused)
        )
    }

    func blame() -> Check {
        Self.none(
            .blame,
            "Every 5xx says who made it",
            found: self.counts.errors[.unsignedError],
            measured: self.counts.answered > 0,
            "the gateway's carry Sluice-Error, the workers' the mark of the request; of "
                + Self.plural(self.counts.serverErrors, "5xx", "5xx")
        )
    }

    func otherErrors() -> Check {
        let errors = self.counts.errors
        let elsewhere = [ErrorKind.foreignPage, .failedCheck, .missingAsset, .sentElsewhere, .toolLimit]
        let kinds = errors.met.filter { !$0.kind.isServerError && !elsewhere.contains($0.kind) }
        var words = kinds.map { "\(Format.count($0.count)) \($0.kind.rawValue)" }
        let lost = self.lostOnKeptConnections
        if lost > 0 { words.append("\(Format.count(lost)) kept connections ended instead of an answer") }
        let excused = self.excused(.otherErrors) { counts in
            ErrorKind.allCases.reduce(0) { $0 + ($1.isOfTheConnection ? counts.errors[$1] : 0) }
        }
        return Self.none(
            .otherErrors,
            "No broken connection, no refusal, no timeout",
            found: kinds.reduce(lost) { $0 + $1.count } - excused,
            measured: self.counts.answered > 0,
            (words.isEmpty
                ? "over \(Format.count(self.counts.connections)) connections" : words.joined(separator: ", "))
                + Self.excusedWords(excused)
        )
    }

    /// A kept connection may end just when the next request is sent: so many of a thousand requests meet that.
    static let toleratedClosesPerMille = 1
    static let fewestToleratedCloses = 3

    var toleratedCloses: Int {
        max(Self.fewestToleratedCloses, self.counts.answered * Self.toleratedClosesPerMille / 1_000)
    }

    /// Requests over kept connections that had surely come, or that are too many to have met a closing one.
    private var lostOnKeptConnections: Int {
        let closes = (self.evidence.books?.closes ?? [:])
            .filter { !self.excuses.covers(.otherErrors, second: $0.key) }.values.reduce(CloseCount(), +)
        return max(closes.late, closes.all - self.toleratedCloses, 0)
    }

    /// Of all seconds in which a promise need not hold.
    func excused(_ promise: Check.Name, _ count: (Counts) -> Int) -> Int {
        guard !self.excuses.isEmpty else { return 0 }
        return self.evidence.timeline.samples.reduce(0) { sum, sample in
            self.excuses.covers(promise, second: sample.second) ? sum + count(sample.counts) : sum
        }
    }

    static func excusedWords(_ count: Int) -> String {
        count > 0 ? "; \(Format.count(count)) of them while a fault excused it" : ""
    }

    func latencies() -> [Check] { self.latency() + self.lineLatency() + self.doorLatency() }

    func latency() -> [Check] {
        self.slowness(
            .latency,
            "Answers inside come within the objective",
            self.insideTimes,
            wereAny: self.evidence.timeline.total.inside.count > 0
        )
    }

    func lineLatency() -> [Check] {
        self.slowness(
            .lineLatency,
            "Waiting pages come within the objective",
            self.lineTimes,
            wereAny: self.evidence.timeline.total.line.count > 0
        )
    }

    func doorLatency() -> [Check] {
        self.slowness(
            .doorLatency,
            "Who comes when called is soon in",
            self.doorTimes,
            wereAny: self.evidence.timeline.total.door.count > 0
        )
    }

    var insideTimes: TimedAnswers { self.times(.latency, \.inside, self.objectives.inside) }
    var lineTimes: TimedAnswers { self.times(.lineLatency, \.line, self.objectives.line) }

    private func times(
        _ name: Check.Name,
        _ times: KeyPath<Tally, LatencyRecorder>,
        _ limit: Objectives.Slowness
    ) -> TimedAnswers {
        let timeline = self.evidence.timeline
        return TimedAnswers(limit: limit, recorder: timeline.judged(name, times), worst: timeline.worstStretch(name))
    }

    /// From the moment at which somebody first stood at the door, though sent round since. Held against the rate of the
    /// time, so that a slow stretch of the run excuses nothing in a fast one: those who took most of their limit.
    var doorTimes: TimedAnswers {
        let doors = self.evidence.timeline.doors
        let times = doors.map { door in
            TimedAnswers(
                limit: self.doorLimit(door.turnsSeconds),
                recorder: door.recorder,
                worst: door.worst,
                isPart: doors.count > 1
            )
        }
        return times.max { $0.used < $1.used }
            ?? TimedAnswers(limit: self.objectives.door, recorder: LatencyRecorder(), worst: nil)
    }

    private func doorLimit(_ turnsSeconds: Double) -> Objectives.Slowness {
        var limit = self.objectives.door
        let turns = Int64(turnsSeconds * 1e9)
        limit.p99Nanoseconds = max(limit.p99Nanoseconds, turns)
        limit.worstSecondNanoseconds = max(limit.worstSecondNanoseconds, turns * 3 / 2)
        return limit
    }

    /// Of the whole run, and of its worst second.
    private func slowness(
        _ name: Check.Name,
        _ title: String,
        _ times: TimedAnswers,
        wereAny: Bool
    ) -> [Check] {
        let worstTitle = title + ", in the worst second"
        guard let total = Percentiles(times.recorder.corrected) else {
            return self.noAnswers(name, [title, worstTitle], areExcused: wereAny)
        }
        let raw = Percentiles(times.recorder.raw)?.p99 ?? 0
        let part = times.isPart ? " at the rate at which most of the limit was taken" : ""
        let whole = Self.atMost(
            name,
            title,
            total.p99,
            times.limit.p99Nanoseconds,
            "p99 of \(Format.count(total.count)) answers\(part), from the moment each was due; from the moment it was "
                + "sent: " + Format.duration(nanoseconds: raw)
        )
        guard let worst = times.worst else {
            let reason =
                "only \(Self.plural(total.count, "answer")): no stretch of the run has enough for a p99, which takes "
                + "\(WorstStretch.fewestValues)"
            return [whole, Self.notJudged(name, worstTitle, reason)]
        }
        return [whole, Self.atMost(name, worstTitle, worst.p99, times.limit.worstSecondNanoseconds, Self.words(worst))]
    }

    private static func atMost(
        _ name: Check.Name,
        _ title: String,
        _ measured: Int64,
        _ limit: Int64,
        _ detail: String
    ) -> Check {
        Check(
            name: name,
            title: title,
            outcome: Self.outcome(measured <= limit),
            measured: Format.duration(nanoseconds: measured),
            limit: Format.duration(nanoseconds: limit),
            detail: detail,
            figure: Check.Figure(unit: .nanoseconds, measured: Double(measured), limit: Double(limit))
        )
    }

    private static func words(_ stretch: WorstStretch.Found) -> String {
        let length = stretch.seconds.count
        let from = Format.clock(seconds: stretch.seconds.lowerBound)
        return "p99 of \(Format.count(stretch.count)) answers, from the moment each was due, "
            + (length == 1 ? "in the second at \(from)" : "in \(length) s from \(from) on: a single one has too few")
    }

    private func noAnswers(_ name: Check.Name, _ titles: [String], areExcused: Bool) -> [Check] {
        titles.map { title in
            guard !areExcused else {
                let late = self.evidence.timeline.hasLate ? ", or told too late to say when they came" : ""
                return Self.notJudged(name, title, "there were no such answers but while a fault excused them\(late)")
            }
            guard name != .lineLatency else { return Self.notJudged(name, title, "nobody was shown one") }
            return Check(
                name: name,
                title: title,
                outcome: .notMeasured,
                measured: "–",
                limit: "–",
                detail: "there were no such answers"
            )
        }
    }

    /// Of the whole run, and of its worst second where there is one.
    static func pair(_ total: Int64, _ second: Int64?) -> String {
        Format.duration(nanoseconds: total) + (second.map { ", \(Format.duration(nanoseconds: $0))" } ?? "")
    }
}
