/// Computes the verdict on a run through the gateway from its evidence.
///
/// Judged is what visitors saw, by the limits that the tool itself has written. The room's journal is held against that
/// in the end. Promises of which a run can say nothing, because it was too small or had no such thing, are left out.
struct Judge {
    let objectives: Objectives
    let evidence: Evidence
    let visits: [Visit]
    /// In the order of their answers.
    let looks: [Look]
    /// Each time that somebody who shows no pass was let in once more.
    let reentries: [Visit.Span]
    let way: AnswerWay
    let passages: Passages
    var counts: Counts { self.evidence.timeline.total.counts }

    init(objectives: Objectives, evidence: Evidence) {
        self.objectives = objectives
        self.evidence = evidence
        self.visits = evidence.books?.visits ?? []
        self.looks = evidence.books?.looks.all ?? []
        self.reentries = evidence.books?.reentries ?? []
        self.way = AnswerWay(self.looks, usualMicros: objectives.answerMicros)
        self.passages = Passages(self.visits, reentries: self.reentries, self.way)
    }

    /// Who asks again within this time is still inside: a pass is renewed by a request that comes a sixth of a session
    /// after its issue, not earlier.
    var owedMicros: Int64 { self.evidence.sessionMicros > 0 ? self.evidence.sessionMicros / 6 * 5 : .max }

    func verdict() -> Verdict {
        var checks: [Check?] = [
            self.order(), self.positions(), self.numbers(), self.placeKept(), self.letInOnce(), self.estimates(),
            self.pages(), self.opening(),
        ]
        checks += self.objectives.windowSeconds.map { self.pace(windowSeconds: $0) }
        checks += self.objectives.leastShares.map { self.shortfall($0) }
        checks += [self.slots(), self.reload()]
        checks += [
            self.identity(), self.serverErrors(), self.blame(), self.otherErrors(), self.latency(), self.lineLatency(),
            self.doorLatency(),
        ]
        checks += [
            self.passes(), self.books(), self.workers(), self.accounted(), self.ending(), self.tool(),
        ]
        return Verdict(checks: checks.compactMap(\.self))
    }

    // MARK: What all promises are written with

    static func outcome(_ holds: Bool, measured: Bool = true) -> Check.Outcome {
        guard holds else { return .failed }
        return measured ? .passed : .notMeasured
    }

    static func plural(_ count: Int, _ word: String, _ words: String? = nil) -> String {
        "\(Format.count(count)) \(count == 1 ? word : words ?? word + "s")"
    }

    /// A promise of which nothing must be found.
    static func none(
        _ name: Check.Name,
        _ title: String,
        found: Int,
        measured: Bool,
        _ detail: String
    ) -> Check {
        Check(
            name: name,
            title: title,
            outcome: Self.outcome(found == 0, measured: measured),
            measured: Format.count(found),
            limit: "0",
            detail: detail,
            figure: Check.Figure(unit: .count, measured: Double(found), limit: 0)
        )
    }

    static func clock(_ micros: Int64) -> String { Format.clock(seconds: Int(max(micros, 0) / 1_000_000)) }
}
