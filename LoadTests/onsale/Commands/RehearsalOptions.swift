import ArgumentParser
import Settings

/// Which site a crowd is sent to, and what is done to it on the way.
struct RehearsalOptions: ParsableArguments {
    @Option(
        help: """
            Rehearse this configuration of yours: your rooms, limits and routes, on ports of this machine, with a private \
            Redis and sample workers. What is replaced is told.
            """,
        completion: .file(extensions: ["yaml", "yml"])
    )
    var config: String?

    @Option(help: "With --config: the room that the crowd goes to, where the file has several.")
    var room: String?

    @Option(help: "With --config: the room opens so many seconds into the run; by default as the crowd expects it.")
    var openAfter: Double?

    @Option(
        help: ArgumentHelp(
            "Done to the site at a moment of the run, beside the scenario's; may be given several times: \(TimedFault.grammar).",
            valueName: "when what"
        )
    )
    var fault: [String] = []

    func validate() throws {
        guard self.config == nil else { return }
        try StrayOptions.refuse(
            [("--room", self.room != nil), ("--open-after", self.openAfter != nil)],
            "goes with --config, which names your configuration: give that, or leave it out"
        )
    }

    /// The site, and the crowd's scenario as it fits it. Prints why a configuration cannot be played, and ends with the
    /// code for that.
    func site(_ scenario: Scenario) throws -> (scenario: Scenario, plan: SitePlan, faults: FaultSchedule) {
        var site = (scenario: scenario, plan: SitePlan(scenario))
        if let config = self.config {
            do {
                let options = Rehearsal.Options(file: config, room: self.room, openAfterSeconds: self.openAfter)
                let rehearsal = try Rehearsal(options, scenario)
                site = (rehearsal.scenario, rehearsal.plan)
            } catch let error as SettingsError {
                printError("\(error)")
                throw ExitCode(Verdict.ExitCode.notPlayed.rawValue)
            } catch {
                printError("onsale: \(config): \(error)")
                throw ExitCode(Verdict.ExitCode.notPlayed.rawValue)
            }
        }
        do {
            let faults = try self.fault.map { text throws(FaultProblem) in try TimedFault(parsing: text) }
            let schedule = try FaultSchedule(scenario.faults + faults, durationSeconds: scenario.durationSeconds)
            return (site.scenario, site.plan, schedule)
        } catch {
            throw ValidationError("--fault \(error)")
        }
    }

    /// As they were given, to play the same again.
    var words: String {
        func quoted(_ text: String) -> String { "'" + text.split(separator: "'").joined(separator: #"'\''"#) + "'" }
        var words = ""
        if let config = self.config { words += " --config \(quoted(config))" }
        if let room = self.room { words += " --room \(room)" }
        if let openAfter = self.openAfter { words += " --open-after \(Format.decimal(openAfter))" }
        for fault in self.fault { words += " --fault \(quoted(fault))" }
        return words
    }
}
