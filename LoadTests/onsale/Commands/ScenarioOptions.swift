import ArgumentParser

/// The options that fix a scenario, shared by every command that plays or shows one.
struct ScenarioOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "People who come to the sale.")
    var visitors = 20_000

    @Option(
        name: .shortAndLong,
        help: """
            Length of the whole in seconds, both ways of playing together; the curve, patience, think times and sessions \
            are squeezed or stretched to fit.
            """
    )
    var seconds = 90.0

    @Option(help: "Fixes every draw: the same seed sends the same people at the same moments.")
    var seed: UInt64 = 1

    /// Of the whole, for the run through the gateway; the rest is for the same crowd without it.
    private static let gatewayShare = 0.66

    func scenario() throws -> Scenario { try self.scenario(seconds: self.seconds * Self.gatewayShare) }

    /// Where the crowd is played in one way only.
    func wholeScenario() throws -> Scenario { try self.scenario(seconds: self.seconds) }

    var words: String {
        "--visitors \(self.visitors) --seconds \(Format.decimal(self.seconds)) --seed \(self.seed)"
    }

    private func scenario(seconds: Double) throws -> Scenario {
        let scenario = Scenario(visitors: self.visitors, durationSeconds: seconds, seed: self.seed)
        do {
            try scenario.check()
        } catch {
            throw ValidationError(error.description)
        }
        return scenario
    }
}
