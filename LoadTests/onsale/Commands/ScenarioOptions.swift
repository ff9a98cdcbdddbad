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
            Length of the whole in seconds, both ways of playing together: 66 % through the gateway, also where only \
            that is played, planned or simulated, so that it is the same sale; the rest for the same crowd without it. \
            All of it with --url. (90; with a file, its own length through the gateway.) The curve, patience, think \
            times and sessions are squeezed or stretched to fit.
            """
    )
    var seconds: Double?

    @Option(help: "Fixes every draw: the same seed sends the same people at the same moments (1, or the file's).")
    var seed: UInt64?

    /// Of the whole, for the run through the gateway; the rest is for the same crowd without it.
    private static let gatewayShare = 0.66
    private static let defaultSeconds = 90.0

    /// By name, and whether it was given.
    var given: [StrayOptions.Option] {
        [
            ("--scenario", self.scenario != nil), ("--visitors", self.visitors != nil),
            ("--seconds", self.seconds != nil), ("--seed", self.seed != nil),
        ]
    }

    /// How the length that was asked for is divided; nil where a file says what is played through the gateway.
    ///
    /// - Parameter rest: what becomes of the rest, as the end of a sentence.
    func division(_ rest: String) -> String? {
        guard self.seconds != nil || self.scenario == nil else { return nil }
        let whole = self.seconds ?? Self.defaultSeconds
        func text(_ seconds: Double) -> String { Format.decimal(seconds, places: 2) }
        return
            "\(text(whole * Self.gatewayShare)) s of the \(text(whole)) s (--seconds) through the gateway; the other "
            + "\(text(whole * (1 - Self.gatewayShare))) s \(rest)"
    }

    /// - Parameter isWhole: the crowd is played in one way only.
    func playedScenario(isWhole: Bool = false) throws -> Scenario {
        let share = isWhole ? 1 : Self.gatewayShare
        if let seconds = self.seconds { try Self.check(seconds: seconds, share: share) }
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
            durationSeconds: (self.seconds ?? Self.defaultSeconds) * share,
            seed: self.seed ?? 1
        )
        do {
            try scenario.check()
        } catch {
            throw ValidationError(error.description)
        }
        return scenario
    }

    /// A site of the tool's own has pages of its own: to play those without a word would be another visit.
    static func refusePages(_ scenario: Scenario) throws {
        guard scenario.pages.isEmpty else {
            throw ValidationError(
                "the scenario's pages are those of a site of your own: name it with `onsale play --url`, or take "
                    + "`pages` out of the scenario"
            )
        }
    }

    /// In the terms of the option, of which the crowd gets a part.
    private static func check(seconds: Double, share: Double) throws(ValidationError) {
        let allowed = Scenario.durationSeconds
        guard !allowed.contains(seconds * share) else { return }
        let (least, most) = ((allowed.lowerBound / share).rounded(.up), (allowed.upperBound / share).rounded(.down))
        throw ValidationError(
            "--seconds is \(Format.decimal(seconds)): must be between \(Format.decimal(least)) and "
                + Format.decimal(most)
        )
    }

    /// The options as they were given, for the command that plays the same again.
    var words: String {
        var words: [String] = []
        if let file = self.scenario { words.append("--scenario \(file)") }
        if self.scenario == nil || self.visitors != nil { words.append("--visitors \(self.visitors ?? 20_000)") }
        if self.scenario == nil || self.seconds != nil {
            words.append("--seconds \(Format.decimal(self.seconds ?? Self.defaultSeconds))")
        }
        if self.scenario == nil || self.seed != nil { words.append("--seed \(self.seed ?? 1)") }
        return words.joined(separator: " ")
    }
}
