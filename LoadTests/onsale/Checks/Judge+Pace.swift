/// How many were let in, and when, against what was written.
extension Judge {
    /// nil when the opening was not written.
    func opening() -> Check? {
        guard let schedule = self.evidence.schedule else { return nil }
        let earliest = schedule.openingMicros - self.objectives.openingMicros
        let early = self.visits.compactMap(\.letIn).filter { $0.answeredMicros < earliest }
        let first = self.visits.compactMap { $0.letIn?.answeredMicros }.min()
        let distance = first.map { Format.duration(micros: abs($0 - schedule.openingMicros)) } ?? "–"
        let side = (first ?? 0) < schedule.openingMicros ? "before" : "after"
        return Self.none(
            .opening,
            "Nobody is in before the opening",
            found: early.count,
            measured: first != nil,
            "the first was in \(distance) \(side) the time that was written"
        )
    }

    /// nil when no limits were written.
    func pace(windowSeconds: Int) -> Check? {
        guard let schedule = self.evidence.schedule else { return nil }
        let search = WindowSearch(self.passages, limits: schedule.mostAllowed)
        let window = search.worst(lengthMicros: Int64(windowSeconds) * 1_000_000)
        let title = "Never above burst + rate × time, any \(windowSeconds) s"
        guard let window else {
            return Check(
                name: .pace,
                title: title,
                outcome: .notMeasured,
                measured: "–",
                limit: "–",
                detail: "nobody was let in"
            )
        }
        return Check(
            name: .pace,
            title: title,
            outcome: Self.outcome(window.excessNano <= 0),
            measured: Format.count(window.exchanges),
            limit: "\(Format.decimal(window.allowed))",
            detail: "people surely let in within the tightest of all windows of this length, by their own clocks; it "
                + "begins at \(Self.clock(window.startMicros))",
            figure: Check.Figure(unit: .count, measured: Double(window.exchanges), limit: window.allowed)
        )
    }

    /// nil when at no time enough people waited for slots that were free.
    func shortfall(_ least: Objectives.LeastShare) -> Check? {
        guard let schedule = self.evidence.schedule else { return nil }
        let search = ShortfallSearch(
            passages: self.passages,
            due: schedule.leastDue,
            inLine: .inLine(self.visits),
            inside: .atMostInside(
                self.visits,
                reentries: self.reentries,
                sessionMicros: self.evidence.sessionMicros
            )
        )
        guard let window = search.worst(lengthMicros: Int64(least.seconds) * 1_000_000) else { return nil }
        let stall = Format.duration(micros: search.longestStallMicros())
        return Check(
            name: .shortfall,
            title: "While people wait, the rate is used, any \(least.seconds) s",
            outcome: Self.outcome(window.share >= least.share),
            measured: Format.percent(window.share),
            limit: "at least \(Format.percent(least.share))",
            detail: "\(Format.count(window.admitted)) let in of \(Format.decimal(window.due)) due from "
                + "\(Self.clock(window.startMicros)) on; the longest that nobody was let in: \(stall)",
            figure: Check.Figure(unit: .share, measured: window.share, limit: least.share, isLeast: true)
        )
    }

    /// nil when no limits were written.
    func slots() -> Check? {
        guard let slots = self.evidence.schedule?.mostAllowed.map(\.slots).max() else { return nil }
        let most = Occupancy.surelyInside(self.visits).most
        return Check(
            name: .slots,
            title: "Never more inside than there are slots",
            outcome: Self.outcome(most?.count ?? 0 <= Int(slots), measured: most != nil),
            measured: Format.count(most?.count ?? 0),
            limit: Format.count(Int(slots)),
            detail: "people who had been let in and had not left, at \(Self.clock(most?.micros ?? 0))",
            figure: Check.Figure(unit: .count, measured: Double(most?.count ?? 0), limit: Double(slots))
        )
    }

    /// nil when no limit was changed, or nobody waited for what it brought.
    func reload() -> Check? {
        guard let schedule = self.evidence.schedule else { return nil }
        let search = ReloadSearch(
            passages: self.passages,
            schedule: schedule,
            answerMicros: self.objectives.answerMicros
        )
        let inLine = Occupancy.inLine(self.visits)
        let inside = Occupancy.atMostInside(
            self.visits,
            reentries: self.reentries,
            sessionMicros: self.evidence.sessionMicros
        )
        let fewestSlots = schedule.leastDue.map(\.slots).min() ?? 0
        // A raise shows only where people wait for it and slots are free.
        let findings = search.findings().filter { finding in
            let end = finding.writtenMicros + finding.limitMicros
            let most = inside.extremes(from: finding.writtenMicros, to: end).most
            return !finding.isRaise
                || inLine.extremes(from: finding.writtenMicros, to: end).fewest >= finding.fewestWaiting
                    && Double(most) <= Double(fewestSlots) * (1 - ShortfallSearch.freeShare)
        }
        guard !findings.isEmpty else { return nil }
        func words(_ micros: Int64?) -> String { micros.map { Format.duration(micros: $0) } ?? "never" }
        let late = findings.filter { $0.micros ?? .max > $0.limitMicros }
        let slowest = findings.max { $0.used < $1.used }!
        return Check(
            name: .reload,
            title: "A changed limit takes hold at once",
            outcome: Self.outcome(late.isEmpty),
            measured: findings.map { words($0.micros) }.joined(separator: ", "),
            limit: findings.map { words($0.limitMicros) }.joined(separator: ", "),
            detail: findings.map { "\($0.isRaise ? "raised" : "lowered") at \(Self.clock($0.writtenMicros))" }
                .joined(separator: ", ")
                + ": from the write of the file until people were let in faster, or no more above the new limits; a raise "
                + "has to be seen, and workers may have to start",
            figure: slowest.micros.map {
                Check.Figure(unit: .nanoseconds, measured: Double($0) * 1e3, limit: Double(slowest.limitMicros) * 1e3)
            }
        )
    }
}
