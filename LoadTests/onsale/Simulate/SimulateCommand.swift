import ArgumentParser
import Foundation
import Settings
import SettingsFile

/// `onsale simulate`: the same sale in virtual time.
struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Play an on-sale in virtual time against the settings of a gateway, and judge it.",
        discussion: """
            Nothing is started and nothing waited for: the crowd of `play` meets the rules of room, gateway, controller \
            and workers as production runs them, by the settings of CONFIG, or, without it, by those of the site that \
            `play` makes for such a crowd. One seed gives one result, to the last digit, on every machine.

            Ends with 0 when every promise held in every run, 1 when one did not, 99 when all held and an objective of \
            the scenario file was missed, 3 when the run could not be played.
            """
    )

    @Argument(help: "The gateway's YAML file; without it, the site that `play` makes for the crowd.")
    var config: String?

    @OptionGroup var options: ScenarioOptions

    @Option(help: "Play so many seeds, one after the other, from --seed on.")
    var seeds = 1

    @OptionGroup var rehearsed: SimulationOptions

    @Option(name: .shortAndLong, help: "Folder for report.html and report.json of the first seed.")
    var report: String?

    @Option(help: "The report.json of a run of `play`: its crowd is simulated, and what came of both is compared.")
    var like: String?

    func validate() throws {
        if self.report != nil, self.options.visitors ?? 0 > SimulatedCrowd.mostJudged { throw Self.tooManyForAPage }
        guard (1...10_000).contains(self.seeds) else {
            throw ValidationError("--seeds: \(self.seeds) is not between 1 and 10000")
        }
        if self.config == nil {
            try StrayOptions.refuse(
                [("--room", self.rehearsed.room != nil)],
                "the site that `play` makes has one room: name your file as CONFIG, or leave it out"
            )
        } else {
            try StrayOptions.refuse(
                self.rehearsed.planned.given,
                "is of the site that `play` makes: leave it out beside a file, or put a value in place of the file's "
                    + "with --set"
            )
        }
        guard self.like != nil else { return }
        try StrayOptions.refuse(
            self.options.given + [("--seeds", self.seeds != 1)],
            "the report of --like says which crowd came, and with which seed: leave it out"
        )
    }

    private static let tooManyForAPage = ValidationError(
        "--report: a page is made of the visitors' books, which are kept of \(SimulatedCrowd.mostJudged) at most; "
            + "leave it out, or take fewer --visitors"
    )

    func run() throws {
        do {
            let played = try self.like.map { path throws(ReportFiles.Problem) in try ReportFiles.read(path) }
            let scenario = try played?.scenario ?? self.options.playedScenario()
            try SimulationOptions.refuseFaults(scenario)
            try ScenarioOptions.refusePages(scenario)
            try SimulationOptions.checkSeeds(from: scenario.seed, count: self.seeds)
            var rehearsal = try self.rehearsed.rehearsal(self.config, scenario)
            try rehearsal.checkSlots(for: scenario)
            if let folder = self.report {
                guard scenario.visitors <= SimulatedCrowd.mostJudged else { throw Self.tooManyForAPage }
                // Before the simulation, which may take minutes.
                try ReportFiles.prepare(folder)
            }
            rehearsal.controllerLeadNanoseconds = played.flatMap { PlayedComparison.controllerLead($0.gateway) }
            if played == nil, let division = self.options.division("are not simulated") {
                ProgressPrinter().say("  \(division)")
            }
            let began = Date()
            let runs = try (0..<self.seeds).map { offset in
                var scenario = scenario
                scenario.seed += UInt64(offset)
                return rehearsal.play(try Crowd(scenario))
            }
            if let played {
                if let folder = self.report {
                    let report = self.runReport(runs[0], rehearsal, scenario, SimulatedOutcome(runs[0], scenario))
                    ProgressPrinter().say("  \(try ReportFiles.write(report, folder: folder).html)")
                }
                let comparison = PlayedComparison(played: played.gateway, simulated: RunResult(runs[0].evidence))
                ProgressPrinter().say(comparison.render())
                throw ExitCode(comparison.isClose ? 0 : Verdict.ExitCode.broken.rawValue)
            }
            ProgressPrinter().say(SimulatedText(runs: runs).render())
            try self.judge(runs, rehearsal, scenario, tookSeconds: Date().timeIntervalSince(began))
        } catch let error as SettingsError {
            printError(error.description)
            throw ExitCode(Verdict.ExitCode.notPlayed.rawValue)
        } catch let error as PlayProblem {
            throw Self.notPlayed(error)
        } catch let error as ScenarioProblem {
            throw Self.notPlayed(error)
        } catch let error as ReportFiles.Problem {
            throw Self.notPlayed(error)
        }
    }

    private static func notPlayed(_ error: any Error) -> ExitCode {
        printError("onsale: \(error)")
        return ExitCode(Verdict.ExitCode.notPlayed.rawValue)
    }

    private func judge(
        _ runs: [SimulatedRun],
        _ rehearsal: SimulationPlan,
        _ scenario: Scenario,
        tookSeconds: Double
    ) throws {
        let outcomes = runs.map { SimulatedOutcome($0, scenario) }
        let report = self.runReport(runs[0], rehearsal, scenario, outcomes[0])
        let printer = ProgressPrinter()
        let text = VerdictText(report, isColoured: printer.isColoured)
        if runs[0].isCounted {
            let words = "more than \(Format.count(SimulatedCrowd.mostJudged)) visitors: counted, not judged"
            printer.say((["  \(words)"] + text.objectives).joined(separator: "\n"))
        } else {
            printer.say(text.render())
        }
        for (run, outcome) in zip(runs, outcomes).dropFirst() where outcome.exitCode != .good {
            printer.say("  seed \(run.seed): \(outcome.complaints.joined(separator: "; "))")
        }
        printer.say("  simulated in \(Format.decimal(tookSeconds, places: 2)) s")
        if let folder = self.report {
            let paths = try ReportFiles.write(report, folder: folder)
            printer.say("  \(URL(fileURLWithPath: paths.html).path)")
        }
        throw ExitCode(Verdict.ExitCode(outcomes).rawValue)
    }

    private func runReport(
        _ run: SimulatedRun,
        _ rehearsal: SimulationPlan,
        _ scenario: Scenario,
        _ outcome: SimulatedOutcome
    ) -> RunReport {
        RunReport(
            startedAt: Date(timeIntervalSince1970: Double(SimulationPlan.startedMicros) / 1e6).ISO8601Format(),
            command: self.repeatCommand,
            scenario: scenario,
            environment: [
                .init(
                    name: RunReport.wayOfPlaying,
                    value: "simulated in virtual time: no socket, no process, no clock"
                ),
                .init(name: "site", value: self.config ?? "generated, as `play` makes it"),
            ],
            settings: rehearsal.facts,
            verdict: outcome.verdict ?? Verdict(checks: []),
            gateway: RunResult(run.evidence),
            objectives: outcome.objectives
        )
    }

    private var repeatCommand: String {
        if let like = self.like { return "onsale simulate --like \(like)\(self.rehearsed.planned.text)" }
        var command = "onsale simulate\(self.config.map { " \($0)" } ?? "") \(self.options.words)"
        command += self.rehearsed.planned.text
        return command + self.rehearsed.set.map { " --set \($0)" }.joined()
    }
}

/// Which settings are simulated.
struct SimulationOptions: ParsableArguments {
    /// What fails is not in virtual time: to leave it out without a word would be another sale.
    static func refuseFaults(_ scenario: Scenario) throws {
        guard scenario.faults.isEmpty else {
            throw ValidationError("faults are played, not simulated: take `faults` out of the scenario")
        }
    }

    /// Each is to be played again by its number.
    static func checkSeeds(from seed: UInt64, count: Int) throws(ValidationError) {
        let most = UInt64(Int.max)
        guard count > 1, seed > most - UInt64(count - 1) else { return }
        throw ValidationError(
            "--seeds: \(count) from \(seed) on go beyond \(most), the highest seed: take a lower --seed"
        )
    }

    @Option(
        name: .customLong("set"),
        help: "Put a value in place of the file's: rooms.onsale.inflow=150/s. Repeatable."
    )
    var set: [String] = []

    @Option(help: "The room that the crowd comes to, where the file has several.")
    var room: String?

    @OptionGroup var planned: PlanOptions

    func validate() throws {
        let overrides = try self.overrides()
        try StrayOptions.refuseTwice("--set", overrides.map(\.path))
    }

    private func overrides() throws -> [SettingsOverride] {
        try self.set.map { text in
            guard let override = SettingsOverride(parsing: text) else {
                throw ValidationError("--set: \(text) is no KEY=VALUE, such as rooms.onsale.inflow=150/s")
            }
            return override
        }
    }

    /// `more`: values that have the last word.
    func rehearsal(
        _ config: String?,
        _ scenario: Scenario,
        more: [SettingsOverride] = []
    ) throws -> SimulationPlan {
        let overrides = try self.overrides() + more
        guard let config else {
            return try SimulationPlan(
                plan: self.planned.plan(scenario) ?? SitePlan(scenario),
                scenario: scenario,
                overrides: overrides
            )
        }
        return try SimulationPlan(file: config, room: self.room, scenario: scenario, overrides: overrides)
    }
}
