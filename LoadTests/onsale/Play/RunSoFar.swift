import Foundation

/// What is known of a run under way: enough for a report, should it be stopped.
struct RunSoFar {
    var startedAt: Date
    var environment: [RunReport.Fact]
    var scenario: Scenario
    /// Of the run through the gateway; nil until it has ended.
    var evidence: Evidence?
    var direct: Evidence?
}
