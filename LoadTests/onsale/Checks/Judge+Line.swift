/// What people in line were promised.
extension Judge {
    func order() -> Check {
        let search = OvertakingSearch(
            self.looks,
            visits: self.visits,
            slackMicros: self.objectives.slackMicros,
            self.way
        )
        let slack = Format.duration(micros: self.objectives.slackMicros)
        var detail =
            "of \(Format.count(self.passages.count)) who were let in; closer than \(slack) is not counted; the "
        detail += "longest that anyone stood there after somebody behind was in: "
        detail += Format.duration(micros: search.longestDueMicros)
        detail += "; the longest that anyone came after that, as told: "
        detail += Format.duration(micros: search.longestPauseMicros)
        // A page that a worker was slow to make is long on its way, and nobody can tell. To a tool that reads late every
        // answer is so.
        let inferred = search.overtakings.count(where: \.isInferred)
        let tolerated = max(self.tool().outcome == .passed ? 3 : inferred, self.passages.count / 1_000)
        let limit = inferred == search.overtakings.count ? tolerated : 0
        if let first = search.overtakings.first(where: { !$0.isInferred }) ?? search.overtakings.first {
            detail =
                "the first: number \(first.number) asked at \(Self.clock(first.dueMicros)), and number \(first.by) "
            detail += "was in before, at \(Self.clock(first.overtakenMicros)); up to \(tolerated) count as none when "
            detail += "only a slow answer tells of them: \(inferred) of \(search.overtakings.count)"
        }
        let found = search.overtakings.count
        return Check(
            name: .order,
            title: "Nobody who asks when told is overtaken",
            outcome: Self.outcome(found <= limit, measured: self.passages.count > 0),
            measured: Format.count(found),
            limit: Format.count(limit),
            detail: detail,
            figure: Check.Figure(unit: .count, measured: Double(found), limit: Double(limit))
        )
    }

    /// People may have been called before a position was told, and go in after that: more than the room calls ahead.
    private static let calledAhead = (seconds: 5, count: 50)

    func positions() -> Check {
        let title = "Positions fall in step with the line"
        let most = self.evidence.schedule?.written.map(\.rateMilli).max() ?? .max / 1_000_000
        let called = most * Int64(Self.calledAhead.seconds) / 1_000 + Int64(Self.calledAhead.count)
        let search = PositionSearch(
            self.looks,
            slackMicros: self.objectives.slackMicros,
            calledCount: called,
            gap: self.excuses.skipsNumbers ? Excuses.fewestSkipped : nil
        )
        guard search.compared > 0 || !search.misfits.isEmpty else {
            return Self.notJudged(.positions, title, "nobody was told to be further back than the first")
        }
        var detail = "\(Format.count(search.compared)) positions, each held against all that were told before, and "
        detail += "against how many went in after it"
        if let first = search.misfits.first {
            detail = "the first: number \(first.number) was told position \(first.position) at "
            detail += "\(Self.clock(first.micros)), when the line had come to number \(first.served)"
            if search.tooLow > 0 { detail += "; \(Format.count(search.tooLow)) saw more go in than were in front" }
        }
        return Self.none(.positions, title, found: search.misfits.count, measured: true, detail)
    }

    func numbers() -> Check {
        let title = "Each gets a number of their own, in the order of their coming"
        let told = self.visits.map(\.number).filter { $0 != 0 }
        guard !told.isEmpty || self.passages.count == 0 else {
            return Self.notJudged(.numbers, title, "nobody was told a number")
        }
        let doubled = told.count - Set(told).count
        let late = NumberSearch(self.looks, slackMicros: self.objectives.slackMicros).misfits
        var detail = "\(Format.count(told.count)) visitors were told a number; \(Format.count(doubled)) had somebody "
        detail += "else's, \(Format.count(late.count)) a lower one than was told before they asked"
        if let first = late.first {
            detail += "; the first: number \(first.number), asked for at \(Self.clock(first.askedMicros)), after "
            detail += "number \(first.told)"
        }
        return Self.none(
            .numbers,
            title,
            found: doubled + late.count,
            measured: self.passages.count > 0,
            detail
        )
    }

    func placeKept() -> Check {
        let pages = self.evidence.books?.pages ?? 0
        return Self.none(
            .placeKept,
            "Nobody loses the place in line",
            found: self.visits.count { $0.numberChanges > 0 },
            measured: self.passages.count > 0,
            "people who were told another number than before, over \(Format.count(pages)) pages to those in line"
        )
    }

    func letInOnce() -> Check {
        let again = self.visits.count { visit in
            visit.keepsRules && (visit.exchanges > 1 || visit.returns > 0)
                && visit.shortestReturnMicros ?? 0 < self.owedMicros
        }
        return Self.none(
            .letInOnce,
            "Who is in stays in, and is let in once",
            found: again,
            measured: self.passages.count > 0,
            "people who were sent back to the line, or let in anew, of \(Format.count(self.passages.count))"
        )
    }

    private var estimateScore: EstimateScore {
        let schedule = self.evidence.schedule
        let changes = schedule?.changes.map { before, after in
            (writtenMicros: after.micros, settledMicros: schedule?.settledMicros(before, after) ?? after.micros)
        }
        return EstimateScore(
            self.looks,
            strangers: self.strangers,
            strangerNumbers: self.evidence.books?.strangerNumbers ?? [],
            changes: changes ?? [],
            excused: self.excuses.spans(of: .estimates)
        )
    }

    /// By the first range that each was told, and by one of those that came later.
    func estimates() -> [Check] {
        let score = self.estimateScore
        return [
            self.estimates(
                "The wait that was told is the wait that comes",
                score.first,
                of: "the first ranges told after the last change of the limits"
            ),
            self.estimates(
                "What later pages say of the wait holds as well",
                score.later,
                of: "one range of each visitor's later pages, drawn by chance"
            ),
        ]
    }

    private func estimates(_ title: String, _ score: EstimateScore.Part, of ranges: String) -> Check {
        let untold = score.waited - score.told
        if score.waited >= EstimateScore.fewestWaits,
            Double(score.told) < self.objectives.estimatesToldShare * Double(score.waited)
        {
            return Check(
                name: .estimates,
                title: title,
                outcome: .failed,
                measured: "\(Format.percent(Double(score.told) / Double(score.waited))) told",
                limit: Format.percent(self.objectives.estimatesToldShare),
                detail: "\(Format.count(untold)) of \(Format.count(score.waited)) who waited were told no range at all",
                figure: nil
            )
        }
        guard let worst = score.worst, let longest = score.deciles.last else {
            let fewest = EstimateScore.fewestWaits
            return Self.notJudged(.estimates, title, "fewer than \(fewest) waits between two changes of the limits")
        }
        let least = worst.least(of: self.objectives.estimateShare)
        return Check(
            name: .estimates,
            title: title,
            outcome: Self.outcome(worst.share >= least && !score.saysNothing),
            measured: score.saysNothing ? "the same to all" : Format.percent(worst.share),
            limit: "at least \(Format.percent(least))",
            detail: "of \(ranges), the share that held in the worst tenth of \(Format.count(score.scored)) waits, that "
                + "up to \(Format.decimal(worst.longestSeconds)) s; the longest was "
                + "\(Format.decimal(longest.longestSeconds)) s; \(Format.count(untold)) were told none; the limit is "
                + "\(Format.percent(self.objectives.estimateShare)) less what chance does to \(Format.count(worst.count))",
            figure: Check.Figure(
                unit: .share,
                measured: worst.share,
                limit: least,
                isLeast: true
            )
        )
    }

    func pages() -> Check {
        let title = "Every waiting page says where one stands, and when to look again"
        guard let books = self.evidence.books, books.pages > 0 else {
            return Self.notJudged(.pages, title, "nobody was shown one")
        }
        let opening = self.evidence.schedule.map { $0.openingMicros - self.objectives.openingMicros }
        let search = PageSearch(self.looks, strangers: self.strangers, openingMicros: opening ?? .min)
        let range = VisitBooks.sensibleRefreshSeconds
        let withoutNumber = books.pagesWithoutNumber + search.withoutNumber
        let faults = [
            (books.pagesWithoutTime, "name no time within \(range.lowerBound) to \(range.upperBound) s"),
            (books.pagesWithWrongCountdown, "count down to another opening"),
            (withoutNumber, "name no number"), (search.withoutPosition, "name no position"),
            (search.atDoorTooEarly, "say that one is called who cannot be"),
        ]
        let met = faults.filter { $0.0 > 0 }.map { "\(Format.count($0.0)) \($0.1)" }.joined(separator: ", ")
        return Self.none(
            .pages,
            title,
            found: faults.reduce(0) { $0 + $1.0 },
            measured: true,
            "of \(Format.count(books.pages))" + (met.isEmpty ? "" : ": \(met)")
        )
    }
}
