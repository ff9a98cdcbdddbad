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

    func objectives() throws -> [Objective] {
        do {
            return try Objective.parse(self.texts)
        } catch {
            throw ValidationError("\(error)")
        }
    }
}
