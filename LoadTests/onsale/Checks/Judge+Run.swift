/// The run as a whole: what was tried, what was counted, how it ended.
extension Judge {
    /// nil when nothing was tried.
    func passes() -> Check? {
        guard let probes = self.evidence.books?.probes, !probes.isEmpty else { return nil }
        let letIn = probes.filter(\.isLetIn)
        let kinds = ProbeKind.allCases.compactMap { kind -> String? in
            let count = (letIn.isEmpty ? probes : letIn).count { $0.kind == kind }
            return count > 0 ? Self.plural(count, kind.rawValue, kind.rawValue + (kind.isPass ? "es" : "s")) : nil
        }
        return Self.none(
            .passes,
            "No token that is no good lets anyone in",
            found: letIn.count,
            measured: true,
            (letIn.isEmpty ? "tried: " : "let in by: ") + kinds.joined(separator: ", ")
        )
    }

    /// nil when the room was not asked.
    func books() -> Check? {
        guard let room = self.evidence.roomAdmitted, let books = self.evidence.books else { return nil }
        // Who was sent round from the door and lost patience in that pause may have been given the turn in it, and whose
        // exit page was lost may have been let in once more.
        let unheard = books.visits.count { $0.letIn == nil && $0.sentRoundMicros != nil || $0.mayHaveLeft }
        // Whose session may have run out between two pages may have been let in anew with the second.
        let again = books.visits.reduce(0) { $0 + $1.doubleEntries + ($1.longestGapMicros >= self.owedMicros ? 1 : 0) }
        let lost = self.counts.errors.total + self.counts.unfinished + self.counts.vanished + unheard + again
        let comparison = JournalComparison(self.evidence.journal.exchanges, books, lost: lost)
        let difference = max(comparison.difference, abs(room - comparison.journal))
        return Check(
            name: .books,
            title: "The room's journal agrees with what visitors saw",
            outcome: Self.outcome(
                comparison.agrees && room == comparison.journal,
                measured: comparison.journal > 0
            ),
            measured: Format.count(difference),
            limit: Format.count(lost),
            detail: "let in: \(Format.count(comparison.seen)) by the visitors' own books, "
                + "\(Format.count(comparison.journal)) by the journal, \(Format.count(room)) by the room's count; "
                + "\(Format.count(comparison.missing)) under a number that the journal does not know, "
                + "\(Format.count(comparison.invented)) in the journal who were not let in, "
                + "\(Format.count(comparison.repeated)) there twice",
            figure: Check.Figure(unit: .count, measured: Double(difference), limit: Double(lost))
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

    func accounted() -> Check {
        let counts = self.counts
        let lost = counts.arrivals - counts.left + counts.unfinished
        return Self.none(
            .accounted,
            "Every visitor's way came to its end",
            found: lost + counts.failed,
            measured: counts.arrivals > 0,
            "\(Format.count(counts.served)) served, \(Format.count(counts.abandoned)) lost patience, "
                + "\(Format.count(counts.noShows)) never came back, \(Format.count(counts.failed)) gave up after errors, "
                + "\(Format.count(lost)) still under way"
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

    /// Whether the tool itself was fast enough. That the site holds answers back until no connection is left is the
    /// site's doing, and counts among the errors.
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
        let refused = self.counts.errors[.toolLimit]
        let overflow = self.evidence.books?.overflow ?? 0
        let worst = self.worstSecond(\.toolLateness, fewest: self.objectives.fewestAnswersOfASecond)
        let slowest = worst?.p99 ?? 0
        let isInTime = total.p99 <= limit.p99Nanoseconds && slowest <= limit.worstSecondNanoseconds
        var detail =
            "p99 of how late visitors' timers ran, and of the worst second; if it were higher, no other figure "
        detail += "would count"
        if self.counts.connectionsGivenUp > 0 {
            detail += "; from three quarters of the open files on, \(Format.count(self.counts.connectionsGivenUp)) "
            detail += "connections were not kept between two requests"
        }
        if refused > 0 {
            detail =
                "\(Format.count(refused)) connections were not made: raise the limit of open files or of local ports"
        }
        if overflow > 0 {
            detail = "\(Format.count(overflow)) answers found no room in the visitors' books: play fewer"
        }
        return Check(
            name: .tool,
            title: title,
            outcome: Self.outcome(isInTime && refused == 0 && overflow == 0),
            measured: Self.pair(total.p99, worst?.p99),
            limit: limits,
            detail: detail,
            figure: Self.tighter(total.p99, slowest, limit)
        )
    }
}
