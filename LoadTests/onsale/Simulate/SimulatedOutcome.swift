/// What a simulated run comes to: the promises, as far as there are books to judge them by, and what was asked of it.
struct SimulatedOutcome: Sendable {
    /// nil of a crowd that was only counted.
    let verdict: Verdict?
    let objectives: [ObjectiveResult]

    init(_ run: SimulatedRun, _ scenario: Scenario) {
        let isJudged = !run.isCounted
        self.verdict = isJudged ? Judge(objectives: scenario.objectives, evidence: run.evidence).verdict() : nil
        // Every exchange is added up for a result: only where something was asked of it.
        let result = scenario.asked.isEmpty ? nil : RunResult(run.evidence)
        self.objectives = result.map { result in scenario.asked.map { ObjectiveResult($0, of: result) } } ?? []
    }

    var missed: [ObjectiveResult] { self.objectives.filter { !$0.isReached } }

    /// As that of a report.
    var exitCode: Verdict.ExitCode {
        let code = self.verdict?.exitCode ?? .good
        guard code == .good else { return code }
        return self.missed.isEmpty ? .good : .objectiveMissed
    }

    /// What went wrong, each in words.
    var complaints: [String] {
        (self.verdict?.broken ?? []).map { "\($0.title): \($0.measured)" }
            + self.missed.map { "\($0.title): \($0.measuredText), asked for \($0.boundText)" }
    }
}

extension Verdict.ExitCode {
    /// Of several runs together.
    init(_ outcomes: [SimulatedOutcome]) {
        let codes = Set(outcomes.map(\.exitCode))
        self = [.notPlayed, .toolTooSlow, .broken, .objectiveMissed].first { codes.contains($0) } ?? .good
    }
}
