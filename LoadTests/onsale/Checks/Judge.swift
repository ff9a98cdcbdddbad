/// Computes the verdict on a run through the gateway from its evidence.
///
/// Judged is what visitors saw, by the limits that the tool itself has written. The room's journal is held against that
/// in the end. Promises of which a run can say nothing, because it was too small or had no such thing, are named as not
/// judged, with the reason: a promise that vanished would look like one that held.
struct Judge {
    let objectives: Objectives
    let evidence: Evidence
    /// What became of the objectives that were asked for.
    let asked: [ObjectiveResult]
    let visits: [Visit]
    /// In the order of their answers.
    let looks: [Look]
    /// Each time that somebody who shows no pass was let in once more, or a probe as a newcomer.
    let reentries: [Visit.Span]
    /// Visitors who keep no place. To the room each of their pages is to somebody else.
    let strangers: Set<UInt32>
    let way: AnswerWay
    let passages: Passages
    var counts: Counts { self.evidence.timeline.total.counts }
    var excuses: Excuses { self.evidence.timeline.excuses }

    init(objectives: Objectives, evidence: Evidence, asked: [ObjectiveResult] = []) {
        self.asked = asked
        self.objectives = objectives
        self.evidence = evidence
        let visits = evidence.books?.visits ?? []
        self.visits = visits
        self.looks = evidence.books?.looks.all ?? []
        self.reentries = evidence.books?.reentries ?? []
        self.strangers = Set(visits.indices.lazy.filter { !visits[$0].keepsRules }.map { UInt32($0) })
        self.way = AnswerWay(
            self.looks,
            inside: evidence.books?.insideAnswers.all ?? [],
            usualMicros: objectives.answerMicros,
            heldUp: evidence.timeline.excuses.heldUp
        )
        self.passages = Passages(self.visits, reentries: self.reentries, self.way)
    }

    /// Who asks again within this time is still inside: a pass is renewed by a request that comes a sixth of a session
    /// after its issue, not earlier.
    var owedMicros: Int64 { Self.owedMicros(self.evidence.sessionMicros) }

    static func owedMicros(_ sessionMicros: Int64) -> Int64 { sessionMicros > 0 ? sessionMicros / 6 * 5 : .max }

    func verdict() -> Verdict {
        var checks: [Check?] = [
            self.order(), self.positions(), self.numbers(), self.placeKept(), self.letInOnce(),
        ]
        checks += self.estimates() + [self.pages(), self.opening()]
        checks += self.objectives.windowSeconds.map { self.pace(windowSeconds: $0) } + [self.paceOfAnyLength()]
        checks += self.shortfalls() + [self.slots(), self.reload()]
        checks += [
            self.identity(), self.serverErrors(), self.blame(), self.otherErrors(),
        ]
        checks += self.latencies()
        checks += [self.passes(), self.books()]
        checks += self.workers()
        checks += [self.accounted(), self.ending(), self.agents(), self.tool()]
        return self.verdict(of: checks)
    }

    /// Without what the site cannot be held to.
    func verdict(of checks: [Check?]) -> Verdict {
        var checks = checks.compactMap(\.self).filter { !self.evidence.leftOut.contains($0.name) }
        if self.evidence.books?.overflow ?? 0 > 0 { checks = checks.map(Self.withoutAllLooks) }
        return Verdict(checks: checks)
    }

    /// Answers found no room in the books: what was not found among the others may be among these.
    static func withoutAllLooks(_ check: Check) -> Check {
        guard check.name.needsAllLooks, check.outcome == .passed else { return check }
        var check = check
        check.outcome = .notMeasured
        check.detail = "answers found no room in the visitors' books; of the others: " + check.detail
        return check
    }

    // MARK: What all promises are written with

    static func outcome(_ holds: Bool, measured: Bool = true) -> Check.Outcome {
        guard holds else { return .failed }
        return measured ? .passed : .notMeasured
    }

    /// The run cannot say anything of this promise.
    static func notJudged(_ name: Check.Name, _ title: String, _ reason: String) -> Check {
        Check(name: name, title: title, outcome: .notJudged, measured: "–", limit: "–", detail: reason)
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
