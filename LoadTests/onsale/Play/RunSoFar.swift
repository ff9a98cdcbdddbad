import Foundation

/// What is known of a run under way: enough for a report, should it be stopped.
struct RunSoFar {
    var startedAt: Date
    var environment: [RunReport.Fact]
    var scenario: Scenario
    /// The crowd that went through the gateway, of which nothing but its own books is known yet.
    var played: CrowdPlayer?
    /// Of the run through the gateway; nil until that has ended, and the room's journal is read.
    var evidence: Evidence?
    var direct: Evidence?

    /// A report of a run that was stopped: what there was, and nothing judged.
    func stopped(
        _ result: RunResult,
        command: String,
        settings: [RunReport.Fact],
        reason: String
    ) -> RunReport {
        RunReport(
            startedAt: self.startedAt.ISO8601Format(),
            command: command,
            scenario: self.scenario,
            environment: self.environment,
            settings: settings,
            verdict: Verdict(checks: []),
            gateway: result,
            partial: RunReport.Partial(
                seconds: result.samples.count,
                reason: reason.split(separator: "\n").first.map(String.init) ?? reason
            )
        )
    }
}
