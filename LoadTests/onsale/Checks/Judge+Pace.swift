/// How many were let in, and when, against what was written.
extension Judge {
    private static let noLimits = "the tool wrote no limits"

    func opening() -> Check {
        let title = "Nobody is in before the opening"
        guard let schedule = self.evidence.schedule else {
            return Self.notJudged(.opening, title, "the tool wrote no opening")
        }
        let earliest = schedule.openingMicros - self.objectives.openingMicros
        let early = self.visits.compactMap(\.letIn).filter { $0.answeredMicros < earliest }
        let first = self.visits.compactMap { $0.letIn?.answeredMicros }.min()
        let distance = first.map { Format.duration(micros: abs($0 - schedule.openingMicros)) } ?? "–"
        let side = (first ?? 0) < schedule.openingMicros ? "before" : "after"
        return Self.none(
            .opening,
            title,
            found: early.count,
            measured: first != nil,
            "the first was in \(distance) \(side) the time that was written"
        )
    }

    func pace(windowSeconds: Int) -> Check {
        self.pace("any \(windowSeconds) s", "all windows of this length") {
            $0.worst(lengthMicros: Int64(windowSeconds) * 1_000_000)
        }
    }

    func paceOfAnyLength() -> Check {
        self.pace("however long", "all windows of any length") { $0.worstOfAnyLength() }
    }

    private func pace(
        _ stretch: String,
        _ windows: String,
        _ worst: (WindowSearch) -> WindowSearch.Window?
    ) -> Check {
        let title = "Never above burst + rate × time, \(stretch)"
        guard let schedule = self.evidence.schedule else { return Self.notJudged(.pace, title, Self.noLimits) }
        guard let window = worst(WindowSearch(self.passages, limits: schedule.mostAllowed)) else {
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
            detail: "people surely let in within the tightest of \(windows), by their own clocks; it begins at "
                + "\(Self.clock(window.startMicros)) and lasts \(Format.duration(micros: window.lengthMicros))",
            figure: Check.Figure(unit: .count, measured: Double(window.exchanges), limit: window.allowed)
        )
    }

    /// Who met errors while a fault excused them, and then was neither let in nor told to wait, may have been let in by
    /// the first of these requests, and hold a slot for a session from the last: a worker fails the first page of
    /// somebody who has the turn. To the room each request of who shows no pass is another person's.
    var unheardStays: [Visit.Span] {
        guard !self.excuses.isEmpty else { return [] }
        var stays: [UInt32: Visit.Span] = [:]
        var ofStrangers: [Visit.Span] = []
        for look in self.looks {
            let isStranger = self.strangers.contains(look.visitor)
            guard look.kind == .error else {
                if !isStranger { stays[look.visitor] = nil }
                continue
            }
            guard isStranger || self.visits[Int(look.visitor)].letIn == nil,
                self.excuses.covers(.serverErrors, from: look.sentMicros, to: look.answeredMicros)
            else { continue }
            let span = Visit.Span(sentMicros: look.sentMicros, answeredMicros: look.answeredMicros)
            if isStranger {
                ofStrangers.append(span)
            } else {
                stays[look.visitor, default: span].answeredMicros = span.answeredMicros
            }
        }
        return ofStrangers + stays.values
    }

    private func shortfallSearch(_ schedule: LimitSchedule) -> ShortfallSearch {
        ShortfallSearch(
            passages: self.passages,
            due: schedule.leastDue,
            inLine: .inLine(self.visits),
            inside: .atMostInside(
                self.visits,
                reentries: self.reentries + self.unheardStays,
                sessionMicros: self.evidence.sessionMicros
            ),
            excused: self.excuses.spans(of: .shortfall)
        )
    }

    /// Of all that was due, what must be let in: a room that uses up a turn for each who does not come loses more.
    private static let wholeShare = 0.96

    /// The rate is used: in windows, in all, and without a standstill.
    func shortfalls() -> [Check] {
        let schedule = self.evidence.schedule
        let search = schedule.map(self.shortfallSearch)
        var checks = self.objectives.leastShares.map { least in
            self.used(
                "any \(least.seconds) s",
                search?.worst(lengthMicros: Int64(least.seconds) * 1_000_000),
                share: least.share,
                otherwise: "for no \(least.seconds) s on end enough people waited while slots were free"
            ) { "from \(Self.clock($0.startMicros)) on" }
        }
        checks.append(
            self.used(
                "in all",
                search.flatMap { $0.whole(schedule?.settled ?? []) },
                share: Self.wholeShare,
                otherwise: "fewer than \(ShortfallSearch.fewestDue) were due for certain"
            ) { _ in "while people waited, slots were free, and the limits had settled" }
        )
        checks += [self.stall(search), self.opened(search)]
        return checks
    }

    /// The other side of `opening`.
    private func opened(_ search: ShortfallSearch?) -> Check {
        let title = "When the sale opens, somebody is soon in"
        guard let schedule = self.evidence.schedule, let search else {
            return Self.notJudged(.shortfall, title, "the tool wrote no opening")
        }
        guard let limit = schedule.openedMicros else {
            return Self.notJudged(.shortfall, title, "the room has no opening")
        }
        let micros = search.untilFirst(self.looks, openingMicros: schedule.openingMicros, except: self.strangers)
        guard let micros else {
            return Self.notJudged(.shortfall, title, "nobody waited for it who came again when told")
        }
        return Check(
            name: .shortfall,
            title: title,
            outcome: Self.outcome(micros <= limit),
            measured: Format.duration(micros: micros),
            limit: Format.duration(micros: limit),
            detail: "from the opening that was written until the first was in, while somebody waited who came again "
                + "when told",
            figure: Check.Figure(unit: .nanoseconds, measured: Double(micros) * 1e3, limit: Double(limit) * 1e3)
        )
    }

    private func used(
        _ stretch: String,
        _ window: ShortfallSearch.Window?,
        share: Double,
        otherwise reason: String,
        _ words: (ShortfallSearch.Window) -> String
    ) -> Check {
        let title = "While people wait, the rate is used, \(stretch)"
        guard let window else {
            return Self.notJudged(.shortfall, title, self.evidence.schedule == nil ? Self.noLimits : reason)
        }
        return Check(
            name: .shortfall,
            title: title,
            outcome: Self.outcome(window.share >= share),
            measured: Format.percent(window.share),
            limit: "at least \(Format.percent(share))",
            detail: "\(Format.count(window.admitted)) let in of \(Format.decimal(window.due)) due \(words(window))",
            figure: Check.Figure(unit: .share, measured: window.share, limit: share, isLeast: true)
        )
    }

    private func stall(_ search: ShortfallSearch?) -> Check {
        let title = "While anyone waits, somebody is let in"
        guard let search else { return Self.notJudged(.shortfall, title, Self.noLimits) }
        guard let stall = search.worstStall(self.looks, except: self.strangers) else {
            return Self.notJudged(.shortfall, title, "nobody asked in vain while slots were free")
        }
        let limit = stall.limitMicros
        return Check(
            name: .shortfall,
            title: title,
            outcome: Self.outcome(stall.micros <= limit),
            measured: Format.duration(micros: stall.micros),
            limit: Format.duration(micros: limit),
            detail: "the longest for the rate of its time that nobody was let in after somebody had asked and was told "
                + "to wait, with slots free; from \(Self.clock(stall.startMicros)) on",
            figure: Check.Figure(unit: .nanoseconds, measured: Double(stall.micros) * 1e3, limit: Double(limit) * 1e3)
        )
    }

    /// With fewer of the slots taken at most, nothing kept the room from letting in more.
    private static let leastTakenSlots = 0.95

    func slots() -> Check {
        let title = "Never more inside than there are slots"
        guard let schedule = self.evidence.schedule else { return Self.notJudged(.slots, title, Self.noLimits) }
        let search = SlotSearch(
            self.visits,
            reentries: self.reentries,
            self.way,
            steps: schedule.mostAllowed,
            sessionMicros: self.evidence.sessionMicros
        )
        guard let worst = search.worst else { return Self.notJudged(.slots, title, "nobody was let in") }
        let isKept = worst.inside <= worst.slots
        guard !isKept || search.mostTaken >= Self.leastTakenSlots else {
            return Self.notJudged(
                .slots,
                title,
                "at most \(Format.percent(search.mostTaken)) of the slots were taken when somebody was let in"
            )
        }
        return Check(
            name: .slots,
            title: title,
            outcome: Self.outcome(isKept),
            measured: Format.count(worst.inside),
            limit: Format.count(Int(worst.slots)),
            detail: "people who had been let in, had not left, and whose passes were good, at "
                + Self.clock(worst.micros),
            figure: Check.Figure(unit: .count, measured: Double(worst.inside), limit: Double(worst.slots))
        )
    }

    func reload() -> Check {
        let title = "A changed limit takes hold at once"
        guard let schedule = self.evidence.schedule else { return Self.notJudged(.reload, title, Self.noLimits) }
        let search = ReloadSearch(
            passages: self.passages,
            schedule: schedule,
            answerMicros: self.objectives.answerMicros,
            shortfall: self.shortfallSearch(schedule)
        )
        let carried = schedule.carriedMilli ?? .max
        let findings = search.findings().filter { finding in
            let end = finding.writtenMicros + finding.limitMicros
            guard !self.excuses.covers(.reload, from: finding.writtenMicros, to: end) else { return false }
            return finding.canShow && (!finding.isRaise || finding.rateMilli <= carried)
        }
        guard let slowest = findings.max(by: { $0.used < $1.used }) else {
            return Self.notJudged(.reload, title, "no limit was changed while people waited for what it brought")
        }
        func words(_ micros: Int64?) -> String { micros.map { Format.duration(micros: $0) } ?? "never" }
        let late = findings.filter { $0.micros ?? .max > $0.limitMicros || !$0.isWhole }
        let partly = findings.compactMap(\.share).map { "; \(Format.percent($0)) of the raised rate was used" }.joined()
        return Check(
            name: .reload,
            title: title,
            outcome: Self.outcome(late.isEmpty),
            measured: findings.map { words($0.micros) }.joined(separator: ", "),
            limit: findings.map { words($0.limitMicros) }.joined(separator: ", "),
            detail: findings.map { "\($0.isRaise ? "raised" : "lowered") at \(Self.clock($0.writtenMicros))" }
                .joined(separator: ", ")
                + ": from the write of the file until people were let in faster, or no more above the new limits; a raise "
                + "has to be seen, and workers may have to start\(partly)",
            figure: slowest.micros.map {
                Check.Figure(unit: .nanoseconds, measured: Double($0) * 1e3, limit: Double(slowest.limitMicros) * 1e3)
            }
        )
    }
}
