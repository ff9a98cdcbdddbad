import ArgumentParser

/// What the run must reach by the word of whoever started it.
struct ObjectiveOptions: ParsableArguments {
    @Option(
        name: .customLong("objective"),
        help: ArgumentHelp(
            "What the run must reach, beside the promises; may be given several times. \(Objective.grammar)",
            valueName: "objective"
        )
    )
    var texts: [String] = []

    func validate() throws { _ = try self.objectives() }

    /// Behind those of the scenario's own file.
    func added(to scenario: Scenario) throws -> Scenario {
        var scenario = scenario
        scenario.asked += try self.objectives()
        return scenario
    }

    /// As they were given, for the command that plays the same again.
    var words: String { self.texts.map { " --objective \"\($0)\"" }.joined() }

    func objectives() throws -> [Objective] {
        do {
            return try Objective.parse(self.texts)
        } catch {
            throw ValidationError("\(error)")
        }
    }
}
