/// What a run is asked to be.
struct PlayOptions: Sendable {
    /// The program under test.
    var sluice: String
    var scenario: Scenario
    /// The site; nil: one that fits the scenario.
    var plan: SitePlan?
    /// What is done to the site on the way.
    var faults = FaultSchedule.none
    var reportFolder: String
    /// Play the same crowd without the gateway, too.
    var withDirect: Bool
    /// How the length that was asked for is divided, in words; nil where there is nothing to tell.
    var division: String?
    /// Leave the gateway's configuration and state where they are.
    var keepsFolder: Bool
    /// The command that plays the same again.
    var command: String

    var sluiceLog: String { self.reportFolder + "/sluice.log" }
    var workersLog: String { self.reportFolder + "/workers.log" }
}
