/// The run as a whole: what was tried, what was counted, how it ended.
extension Judge {
    func passes() -> Check {
        let title = "No token that is no good lets anyone in, or passes for its owner's"
        guard let probes = self.evidence.books?.probes, !probes.due.isEmpty else {
            return Self.notJudged(.passes, title, "too few waited or were inside when such tokens were to be shown")
        }
        func words(_ kind: ProbeKind, _ count: Int) -> String {
            Self.plural(count, kind.rawValue, kind.rawValue + (kind.isPass ? "es" : "s"))
        }
        func list(_ outcome: ProbeResult.Outcome) -> String {
            ProbeKind.allCases.compactMap { kind -> String? in
                let count = probes.results.count { $0 == ProbeResult(kind: kind, outcome: outcome) }
                return count > 0 ? words(kind, count) : nil
            }.joined(separator: ", ")
        }
        let taken = probes.results.count { $0.outcome == .taken }
        let asNewcomers = list(.letInAsNewcomer)
        let isJudged = probes.results.contains { $0.outcome != .letInAsNewcomer }
        // Where something was done to the site, a probe may have met it.
        let isMeasured = self.excuses.isEmpty ? probes.unanswered.isEmpty : !probes.results.isEmpty
        guard isJudged || !isMeasured else {
            let reason = "nobody had to wait when such tokens were shown, and they were let in like anybody"
            return Self.notJudged(.passes, title, "\(reason): \(asNewcomers)")
        }
        let unanswered = probes.unanswered.map { words($0, 2).dropFirst(2) }.joined(separator: ", ")
        var detail = taken > 0 ? "taken: \(list(.taken))" : isJudged ? "refused: \(list(.refused))" : "refused: none"
        if !asNewcomers.isEmpty { detail += "; not judged, as nobody had to wait just then: \(asNewcomers)" }
        if !unanswered.isEmpty { detail += "; there were no tokens to show, or no answer, for \(unanswered)" }
        return Self.none(.passes, title, found: taken, measured: isMeasured, detail)
    }

    func books() -> Check {
        let title = "The room's journal agrees with what visitors saw"
        let room: Int?
        switch self.evidence.roomCount {
        case .notAsked: return Self.notJudged(.books, title, "the room was not asked")
        case .unknown: room = nil
        case .told(let count): room = count
        }
        guard let books = self.evidence.books else {
            return Self.notJudged(.books, title, "there was no room")
        }
        let lost = self.unseenAdmissions(books)
        let comparison = JournalComparison(
            self.evidence.journal.exchanges,
            books,
            startedMicros: self.evidence.startedMicros,
            lost: lost
        )
        let difference = comparison.difference + (room.map { abs($0 - comparison.journal) } ?? 0)
        let count = room.map { "\(Format.count($0)) by the room's count" } ?? "the room's count could not be read"
        return Check(
            name: .books,
            title: title,
            outcome: Self.outcome(difference == 0, measured: room != nil && comparison.journal > 0),
            measured: Format.count(difference),
            limit: "0",
            detail: "let in: \(Format.count(comparison.seen)) by the visitors' own books, "
                + "\(Format.count(comparison.journal)) by the journal, \(count); "
                + "\(Format.count(comparison.missing)) under a number that the journal does not know, "
                + "\(Format.count(comparison.invented)) in the journal who were not let in, "
                + "\(Format.count(comparison.repeated)) there twice, \(Format.count(comparison.mistimed)) at another time; \(Format.count(lost)) may not have heard of it",
            figure: Check.Figure(unit: .count, measured: Double(difference), limit: 0)
        )
    }

    /// So many may have been let in, and not have heard of it.
    private func unseenAdmissions(_ books: VisitBooks) -> Int {
        // Answers to those outside that were lost; and who was sent round from the door and lost patience in that pause.
        // Who had a place and got in later was not let in by another one.
        let errors = self.looks.count { look in
            let visit = self.visits[Int(look.visitor)]
            return look.kind == .error && (look.number == 0 || visit.letIn == nil || !visit.keepsRules)
        }
        let sentRound = books.visits.count { $0.letIn == nil && $0.doorSinceMicros != nil && $0.sentRoundMicros != nil }
        let outside = books.visits.count { $0.letIn == nil || !$0.keepsRules }
        // Whose exit page was lost may have been let in once more; a connection that ended by chance explains few.
        let exits = books.visits.count(where: \.mayHaveLeft)
        let byChance = min(books.closesOnExit, self.toleratedCloses)
        // Whose session may have run out between two pages may have been let in anew with the second.
        let again = books.visits.reduce(0) { $0 + $1.doubleEntries + ($1.longestGapMicros >= self.owedMicros ? 1 : 0) }
        return errors + sentRound + again + min(outside, self.counts.unfinished)
            + min(exits, self.counts.errors.total + byChance)
    }

    /// By the processes that the tool has seen itself; what the site tells of them is then held against that.
    func workers() -> [Check] { [self.workersGrew(), self.workersTold()] }

    /// Who is told to end has five seconds for it, and another one may be needed in the meantime.
    private static let mostSecondsOfTooMany = 10

    private func hasTooMany(_ most: Int) -> Bool {
        var seconds = 0
        for sample in self.evidence.timeline.samples {
            // A worker that was stopped on purpose is replaced, and cannot end.
            let isExcused = self.excuses.covers(.shortfall, second: sample.second)
            seconds = !isExcused && sample.gauges.workersRunning ?? 0 > most ? seconds + 1 : 0
            if seconds >= Self.mostSecondsOfTooMany { return true }
        }
        return false
    }

    /// A process that never gets ready is no growth, and one that is not there is not ready; nil: nothing was told of
    /// that. Where a worker stands still on purpose, its replacement counts and it does not.
    private var mostReady: Int? {
        self.evidence.timeline.samples.compactMap { sample -> Int? in
            guard let ready = sample.gauges.workersReady, let running = sample.gauges.workersRunning else { return nil }
            return min(ready, running)
        }.max()
    }

    private func workersGrew() -> Check {
        let title = "Workers grew with the crowd and came back"
        guard let bounds = self.evidence.workerBounds, bounds.most > bounds.fewest else {
            return Self.notJudged(.workers, title, "the number of workers is fixed")
        }
        let running = self.evidence.timeline.samples.compactMap(\.gauges.workersRunning)
        guard let last = running.last, let most = running.max() else {
            return Check(
                name: .workers,
                title: title,
                outcome: .notMeasured,
                measured: "–",
                limit: "\(bounds.fewest) to \(bounds.most)",
                detail: "nobody has counted the workers"
            )
        }
        if most == bounds.fewest, !self.evidence.needsMoreWorkers {
            return Self.notJudged(.workers, title, "the fewest workers could serve this crowd")
        }
        let peak = self.mostReady ?? most
        let hasGrown = peak > bounds.fewest || !self.evidence.needsMoreWorkers
        let first = running.first { $0 > 0 } ?? 0
        return Check(
            name: .workers,
            title: title,
            outcome: Self.outcome(hasGrown && last == bounds.fewest && !self.hasTooMany(bounds.most)),
            measured: "\(first) → \(peak) → \(last)",
            limit: "\(bounds.fewest) → up to \(bounds.most) → \(bounds.fewest)",
            detail: "processes of workers at the start, at most, and at the end, counted by the tool itself; at most "
                + "\(Format.count(most)), of which those count that the site told were ready; more than "
                + "\(bounds.most) for \(Self.mostSecondsOfTooMany) s on end are too many"
        )
    }

    private func workersTold() -> Check {
        let title = "The status tells of as many workers as there are"
        guard self.evidence.workerBounds != nil else {
            return Self.notJudged(.workers, title, "the workers are not this run's to count")
        }
        let samples = self.evidence.timeline.samples
        let told = samples.filter { $0.gauges.workersTold != nil && $0.gauges.workersRunning != nil }
        let judged = told.filter { !self.excuses.covers(.shortfall, second: $0.second) }
        guard told.isEmpty || !judged.isEmpty else {
            return Self.notJudged(.workers, title, "the status told of them only while something was done to the site")
        }
        let wrong = judged.filter { sample in
            // One may start or end between the two looks.
            let around = samples[max(0, sample.second - 1)...min(sample.second + 1, samples.count - 1)]
            let seen = around.compactMap(\.gauges.workersRunning)
            guard let count = sample.gauges.workersTold, let least = seen.min(), let most = seen.max() else {
                return true
            }
            return count < least || count > most
        }
        var detail = "seconds of \(Format.count(judged.count)) in which it told of more or fewer, those that start and "
        detail += "drain included"
        if let first = wrong.first {
            detail += "; the first at \(Format.clock(seconds: first.second)): \(first.gauges.workersTold ?? 0) told, "
            detail += "\(first.gauges.workersRunning ?? 0) seen"
        }
        return Self.none(.workers, title, found: wrong.count, measured: !judged.isEmpty, detail)
    }

    func accounted() -> Check {
        let counts = self.counts
        let lost = counts.arrivals - counts.left + counts.unfinished - counts.unfinishedStrangers
        let excused = self.excused(.accounted) { $0.failed }
        return Self.none(
            .accounted,
            "Every visitor's way came to its end",
            found: lost + counts.failed - excused,
            measured: counts.arrivals > 0,
            "\(Format.count(counts.served)) served, \(Format.count(counts.abandoned)) lost patience, "
                + "\(Format.count(counts.noShows)) never came back, \(Format.count(counts.failed)) gave up after errors, "
                + "\(Format.count(lost)) still under way" + Self.excusedWords(excused)
        )
    }

    func ending() -> Check {
        let title = "The gateway ends in order and leaves nothing behind"
        guard let ending = self.evidence.ending else {
            return Self.notJudged(.ending, title, "the gateway was not this run's to end")
        }
        let took = Format.duration(nanoseconds: ending.nanoseconds)
        return Check(
            name: .ending,
            title: title,
            outcome: Self.outcome(ending.isClean && ending.leftProcesses == 0),
            measured: ending.status ?? "did not end",
            limit: "exit code 0",
            detail: "\(took) after it was told to; \(Self.plural(ending.leftProcesses, "process", "processes")) "
                + "of its own left"
        )
    }
}
