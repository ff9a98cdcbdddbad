/// What people in line were promised.
extension Judge {
    func order() -> Check {
        let search = OvertakingSearch(self.looks, slackMicros: self.objectives.slackMicros, self.way)
        let slack = Format.duration(micros: self.objectives.slackMicros)
        var detail =
            "of \(Format.count(self.passages.count)) who were let in; closer than \(slack) is not counted; the "
        detail += "longest that anyone stood there after somebody behind was in: "
        detail += Format.duration(micros: search.longestDueMicros)
        if let first = search.overtakings.first {
            detail =
                "the first: number \(first.number) asked at \(Self.clock(first.dueMicros)), and number \(first.by) "
            detail += "was in before, at \(Self.clock(first.overtakenMicros))"
        }
        return Self.none(
            .order,
            "Nobody who asks when told is overtaken",
            found: search.overtakings.count,
            measured: self.passages.count > 0,
            detail
        )
    }

    /// nil when nobody was told a position.
    func positions() -> Check? {
        let search = PositionSearch(self.looks, slackMicros: self.objectives.slackMicros)
        guard search.compared > 0 else { return nil }
        var detail = "\(Format.count(search.compared)) positions, each held against all that were told before"
        if let first = search.misfits.first {
            detail = "the first: number \(first.number) was told position \(first.position) at "
            detail += "\(Self.clock(first.micros)), when the line had come to number \(first.served)"
        }
        return Self.none(
            .positions,
            "Positions fall in step with the line",
            found: search.misfits.count,
            measured: true,
            detail
        )
    }

    func numbers() -> Check {
        let told = self.visits.map(\.number).filter { $0 != 0 }
        return Self.none(
            .numbers,
            "No number is given to two people",
            found: told.count - Set(told).count,
            measured: self.passages.count > 0,
            "\(Format.count(told.count)) visitors were told a number"
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

    /// nil when too few waited.
    func estimates() -> Check? {
        let changes = self.evidence.schedule?.changes.map(\.after.micros) ?? []
        let score = EstimateScore(self.visits, changesMicros: changes)
        let title = "The wait that was told is the wait that comes"
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
        guard let worst = score.worst, let longest = score.deciles.last else { return nil }
        return Check(
            name: .estimates,
            title: title,
            outcome: Self.outcome(worst.share >= self.objectives.estimateShare),
            measured: Format.percent(worst.share),
            limit: "at least \(Format.percent(self.objectives.estimateShare))",
            detail: "of the first ranges told, the share that held in the worst tenth of the waits, that up to "
                + "\(Format.decimal(worst.longestSeconds)) s; the longest wait was "
                + "\(Format.decimal(longest.longestSeconds)) s; \(Format.count(untold)) were told none",
            figure: Check.Figure(
                unit: .share,
                measured: worst.share,
                limit: self.objectives.estimateShare,
                isLeast: true
            )
        )
    }

    /// nil when nobody waited.
    func pages() -> Check? {
        guard let books = self.evidence.books, books.pages > 0 else { return nil }
        let range = VisitBooks.sensibleRefreshSeconds
        return Self.none(
            .pages,
            "Every waiting page says when to look again",
            found: books.pagesWithoutTime + books.pagesWithWrongCountdown,
            measured: true,
            "of \(Format.count(books.pages)): \(Format.count(books.pagesWithoutTime)) name no time within "
                + "\(range.lowerBound) to \(range.upperBound) s, \(Format.count(books.pagesWithWrongCountdown)) count "
                + "down to another opening"
        )
    }
}
