import ArgumentParser

/// The options that fix a scenario, shared by every command that plays or shows one.
struct ScenarioOptions: ParsableArguments {
    @Option(
        help: """
            A scenario in YAML: who comes, when, and what they are like (LoadTests/README.md explains each key, \
            LoadTests/Scenarios has examples). The options below have the last word.
            """
    )
    var scenario: String?

    @Option(
        name: .shortAndLong,
        help: "People who come to the sale; 20000, or as many as the scenario file says, scaled to that number."
    )
    var visitors: Int?

    @Option(
        name: .shortAndLong,
        help: """
            Length of the whole in seconds, both ways of playing together (90; with a file, its own length through the \
            gateway); the curve, patience, think times and sessions are squeezed or stretched to fit.
            """
    )
    var seconds: Double?

    @Option(help: "Fixes every draw: the same seed sends the same people at the same moments (1, or the file's).")
    var seed: UInt64?

    /// Of the whole, for the run through the gateway; the rest is for the same crowd without it.
    private static let gatewayShare = 0.66

    /// - Parameter isWhole: the crowd is played in one way only.
    func playedScenario(isWhole: Bool = false) throws -> Scenario {
        let share = isWhole ? 1 : Self.gatewayShare
        if let file = self.scenario {
            let overrides = ScenarioFile.Overrides(
                visitors: self.visitors,
                durationSeconds: self.seconds.map { $0 * share },
                seed: self.seed
            )
            do {
                return try ScenarioFile.load(file, overrides)
            } catch {
                printError("\(error)")
                throw ExitCode(Verdict.ExitCode.notPlayed.rawValue)
            }
        }
        let scenario = Scenario(
            visitors: self.visitors ?? 20_000,
            durationSeconds: (self.seconds ?? 90) * share,
            seed: self.seed ?? 1
        )
        do {
            try scenario.check()
        } catch {
            throw ValidationError(error.description)
        }
        return scenario
    }

    /// The options as they were given, for the command that plays the same again.
    var words: String {
        var words: [String] = []
        if let file = self.scenario { words.append("--scenario \(file)") }
        if self.scenario == nil || self.visitors != nil { words.append("--visitors \(self.visitors ?? 20_000)") }
        if self.scenario == nil || self.seconds != nil {
            words.append("--seconds \(Format.decimal(self.seconds ?? 90))")
        }
        if self.scenario == nil || self.seed != nil { words.append("--seed \(self.seed ?? 1)") }
        return words.joined(separator: " ")
    }
}
