/// What a run is asked to be.
struct PlayOptions: Sendable {
    /// The program under test.
    var sluice: String
    var scenario: Scenario
    /// The site that is made for it; nil: the usual one.
    var plan: SitePlan?
    var reportFolder: String
    /// Play the same crowd without the gateway, too.
    var withDirect: Bool
    /// Leave the gateway's configuration and state where they are.
    var keepsFolder: Bool
    /// The command that plays the same again.
    var command: String

    var sluiceLog: String { self.reportFolder + "/sluice.log" }
    var workersLog: String { self.reportFolder + "/workers.log" }
}
