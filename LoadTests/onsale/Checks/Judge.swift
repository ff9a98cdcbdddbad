/// Computes the verdict on a run through the gateway from its evidence.
///
/// Order, pace and double admissions are judged by the room's own journal, so that no lost answer hides a fault; errors
/// and latencies by what visitors met.
struct Judge {
    let objectives: Objectives
    let evidence: Evidence
    private let journal: AdmissionJournal
    private var counts: Counts { self.evidence.timeline.total.counts }

    init(objectives: Objectives, evidence: Evidence) {
        self.objectives = objectives
        self.evidence = evidence
        var journal = evidence.journal
        journal.sort()
        self.journal = journal
    }

    func verdict() -> Verdict {
        var checks = [self.order()]
        checks += self.objectives.windowSeconds.map { self.pace(windowSeconds: $0) }
        checks += [
            self.admittedTwice(), self.placeKept(), self.serverErrors(), self.otherErrors(), self.latency(),
        ]
        checks += [
            self.workers(), self.reload(), self.books(), self.accounted(), self.ending(), self.tool(),
        ].compactMap(\.self)
        return Verdict(checks: checks)
    }

    func order() -> Check {
        let search = InversionSearch(self.journal.exchanges, tickMicros: self.objectives.tickMicros)
        let admitted = self.journal.exchanges.count
        var detail = "\(Format.count(admitted)) admissions in the room's journal; the longest anyone was kept at the "
        detail += "door was \(Format.duration(micros: search.longestDoorWaitMicros))"
        if let first = search.inversions.first {
            detail = "the first: number \(first.number) was at the door for "
            detail += "\(Format.duration(micros: first.doorWaitMicros)) while number \(first.overtakenBy) went in"
        }
        return Check(
            name: .order,
            title: "People are let in by order of place",
            outcome: Self.outcome(search.inversions.isEmpty, measured: admitted > 0),
            measured: Self.plural(search.inversions.count, "inversion"),
            limit: "0",
            detail: detail
        )
    }

    func pace(windowSeconds: Int) -> Check {
        let search = WindowSearch(exchanges: self.journal.exchanges, limits: self.journal.limits)
        let window = search.worst(lengthMicros: Int64(windowSeconds) * 1_000_000)
        let title = "Never above burst + rate × time, any \(windowSeconds) s"
        guard let window else {
            return Check(
                name: .pace,
                title: title,
                outcome: .notMeasured,
                measured: "–",
                limit: "–",
                detail: "the journal holds no admission"
            )
        }
        let at = Int(max(window.startMicros - self.evidence.startedMicros, 0) / 1_000_000)
        return Check(
            name: .pace,
            title: title,
            outcome: Self.outcome(window.excessNano <= 0),
            measured: Format.count(window.exchanges),
            limit: "\(Format.decimal(window.allowed))",
            detail: "the tightest of all windows of this length; it begins at \(Format.clock(seconds: at))",
            used: window.used.isFinite ? window.used : nil
        )
    }

    func admittedTwice() -> Check {
        let admitted = Self.repeats(self.journal.exchanges.map(\.number))
        let told = Self.repeats(self.evidence.placeNumbers)
        return Check(
            name: .admittedTwice,
            title: "Nobody is admitted twice, no number is given twice",
            outcome: Self.outcome(admitted + told == 0, measured: !self.journal.exchanges.isEmpty),
            measured: Format.count(admitted + told),
            limit: "0",
            detail: "\(Format.count(admitted)) in the journal, \(Format.count(told)) among the numbers that visitors "
                + "were told"
        )
    }

    func placeKept() -> Check {
        let changes = self.counts.placeChanges
        return Check(
            name: .placeKept,
            title: "Nobody loses the place in line",
            outcome: Self.outcome(changes == 0, measured: self.counts.waitingPages > 0),
            measured: Format.count(changes),
            limit: "0",
            detail: "over \(Format.count(self.counts.waitingPages)) answers to visitors in line"
        )
    }

    func serverErrors() -> Check {
        let counts = self.counts
        return Check(
            name: .serverErrors,
            title: "No 5xx",
            outcome: Self.outcome(counts.serverErrors == 0, measured: counts.answered > 0),
            measured: Format.count(counts.serverErrors),
            limit: "0",
            detail:
                "of \(Format.count(counts.answered)) requests; \(Format.count(counts.errors[.gatewayError])) by the "
                + "gateway, \(Format.count(counts.errors[.workerError])) by workers"
        )
    }

    func otherErrors() -> Check {
        let counts = self.counts
        let others = counts.errors.total - counts.serverErrors
        let kinds = counts.errors.met.filter { !$0.kind.isServerError }
        let detail = kinds.map { "\(Format.count($0.count)) \($0.kind.rawValue)" }.joined(separator: ", ")
        return Check(
            name: .otherErrors,
            title: "No broken connection, no refusal, no timeout",
            outcome: Self.outcome(others == 0, measured: counts.answered > 0),
            measured: Format.count(others),
            limit: "0",
            detail: detail.isEmpty
                ? "over \(Format.count(counts.connections)) connections" : detail
        )
    }

    func latency() -> Check {
        let title = "p99 of admitted requests within the objective"
        let limit = Format.duration(nanoseconds: self.objectives.p99Nanoseconds)
        guard let latency = Percentiles(self.evidence.timeline.total.inside.corrected) else {
            return Check(
                name: .latency,
                title: title,
                outcome: .notMeasured,
                measured: "–",
                limit: limit,
                detail: "no admitted visitor was answered"
            )
        }
        let raw = Percentiles(self.evidence.timeline.total.inside.raw)?.p99 ?? 0
        return Check(
            name: .latency,
            title: title,
            outcome: Self.outcome(latency.p99 <= self.objectives.p99Nanoseconds),
            measured: Format.duration(nanoseconds: latency.p99),
            limit: limit,
            detail: "from the moment each of \(Format.count(latency.count)) requests was due; from the moment it was "
                + "sent: \(Format.duration(nanoseconds: raw))",
            used: Double(latency.p99) / Double(self.objectives.p99Nanoseconds)
        )
    }

    /// nil when nothing scales.
    func workers() -> Check? {
        guard let bounds = self.evidence.workerBounds, bounds.most > bounds.fewest else { return nil }
        let title = "Workers grew with the crowd and came back"
        let ready = self.evidence.timeline.samples.compactMap(\.gauges.workersReady)
        guard let last = ready.last, let peak = ready.max() else {
            return Check(
                name: .workers,
                title: title,
                outcome: .notMeasured,
                measured: "–",
                limit: "\(bounds.fewest) to \(bounds.most)",
                detail: "the controller told no number of ready workers"
            )
        }
        let first = ready.first { $0 > 0 } ?? 0
        return Check(
            name: .workers,
            title: title,
            outcome: Self.outcome(peak > bounds.fewest && last == bounds.fewest && peak <= bounds.most),
            measured: "\(first) → \(peak) → \(last)",
            limit: "\(bounds.fewest) → up to \(bounds.most) → \(bounds.fewest)",
            detail: "ready workers at the start, at most, and at the end"
        )
    }

    /// nil when the run changed no limit.
    func reload() -> Check? {
        guard let reload = self.evidence.reload else { return nil }
        let limit = Format.duration(nanoseconds: self.objectives.reloadNanoseconds)
        let before = Format.significant(Double(reload.rateMilliBefore) / 1000)
        let after = Format.perSecond(Double(reload.rateMilliAfter) / 1000)
        var detail = "inflow from \(before) to \(after): from the write of the file to the new limits in the journal"
        if let rate = reload.visibleRateMilli, rate != reload.rateMilliAfter {
            detail += "; \(Format.perSecond(Double(rate) / 1000)) until the workers were ready for more"
        }
        guard let visible = reload.visibleMicros else {
            return Check(
                name: .reload,
                title: "A changed limit takes hold at once",
                outcome: .failed,
                measured: "never",
                limit: limit,
                detail: detail
            )
        }
        let nanoseconds = (visible - reload.writtenMicros) * 1_000
        return Check(
            name: .reload,
            title: "A changed limit takes hold at once",
            outcome: Self.outcome(nanoseconds <= self.objectives.reloadNanoseconds),
            measured: Format.duration(nanoseconds: nanoseconds),
            limit: limit,
            detail: detail,
            used: Double(max(nanoseconds, 0)) / Double(self.objectives.reloadNanoseconds)
        )
    }

    /// nil when the room was not asked.
    func books() -> Check? {
        guard let room = self.evidence.roomAdmitted else { return nil }
        let journal = self.journal.exchanges.count
        let seen = self.counts.exchanges
        // A response that was lost may have been an admission: only so many may be missing with the visitors.
        let lost = self.counts.errors.total + self.counts.unfinished
        let unknown = Set(self.evidence.admittedNumbers).subtracting(self.journal.exchanges.map(\.number)).count
        let holds = room == journal && seen <= journal && journal - seen <= lost && unknown == 0
        return Check(
            name: .books,
            title: "Room, journal and visitors count alike",
            outcome: Self.outcome(holds, measured: journal > 0),
            measured: Format.count(max(room, journal, seen) - min(room, journal, seen) + unknown),
            limit: Format.count(lost),
            detail: "let in: \(Format.count(room)) by the room's count, \(Format.count(journal)) in its journal, "
                + "\(Format.count(seen)) by the visitors' own; \(Format.count(unknown)) of these under a number that the "
                + "journal does not know"
        )
    }

    /// nil when the program under test was not this run's to end.
    func ending() -> Check? {
        guard let ending = self.evidence.ending else { return nil }
        let took = Format.duration(nanoseconds: ending.nanoseconds)
        return Check(
            name: .ending,
            title: "The gateway ends in order and leaves nothing behind",
            outcome: Self.outcome(ending.isClean && ending.leftProcesses == 0),
            measured: ending.status ?? "did not end",
            limit: "exit code 0",
            detail: "\(took) after it was told to; \(Self.plural(ending.leftProcesses, "process", "processes")) "
                + "of its own left"
        )
    }

    func accounted() -> Check {
        let counts = self.counts
        let lost = counts.arrivals - counts.left + counts.unfinished
        return Check(
            name: .accounted,
            title: "Every visitor's way came to its end",
            outcome: Self.outcome(lost == 0 && counts.failed == 0, measured: counts.arrivals > 0),
            measured: Format.count(lost + counts.failed),
            limit: "0",
            detail: "\(Format.count(counts.served)) served, \(Format.count(counts.abandoned)) lost patience, "
                + "\(Format.count(counts.noShows)) never came back, \(Format.count(counts.failed)) gave up after errors, "
                + "\(Format.count(lost)) still under way"
        )
    }

    func tool() -> Check {
        let title = "The load tool kept up"
        let limit = Format.duration(nanoseconds: self.objectives.toolLatenessNanoseconds)
        let limits = self.counts.errors[.toolLimit]
        guard let lateness = Percentiles(self.evidence.timeline.total.lateness) else {
            return Check(
                name: .tool,
                title: title,
                outcome: .notMeasured,
                measured: "–",
                limit: limit,
                detail: "no timer of the load tool was timed"
            )
        }
        let detail =
            limits > 0
            ? "\(Format.count(limits)) connections were not made: raise the limit of open files or of local ports"
            : "p99 of how late visitors' timers ran; if it were higher, no other figure would count"
        return Check(
            name: .tool,
            title: title,
            outcome: Self.outcome(lateness.p99 <= self.objectives.toolLatenessNanoseconds && limits == 0),
            measured: Format.duration(nanoseconds: lateness.p99),
            limit: limit,
            detail: detail,
            used: Double(lateness.p99) / Double(self.objectives.toolLatenessNanoseconds)
        )
    }

    private static func outcome(_ holds: Bool, measured: Bool = true) -> Check.Outcome {
        guard holds else { return .failed }
        return measured ? .passed : .notMeasured
    }

    private static func plural(_ count: Int, _ word: String, _ words: String? = nil) -> String {
        "\(Format.count(count)) \(count == 1 ? word : words ?? word + "s")"
    }

    /// How many entries repeat an earlier one.
    private static func repeats(_ numbers: [Int64]) -> Int { numbers.count - Set(numbers).count }
}
