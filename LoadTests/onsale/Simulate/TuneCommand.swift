import ArgumentParser
import Foundation
import Settings
import SettingsFile

/// `onsale tune`: looks for better settings, in virtual time.
struct TuneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tune",
        abstract: "Search the settings of a gateway's file by simulation, and print what to change.",
        discussion: """
            Changes inflow and slots of the room, and max_workers and utilization of its pool, within a quarter to four \
            times of what the file says (or within --bound KEY=LEAST..MOST, which also names what may be changed at \
            all), until no single step makes the goal better while every promise holds, the objectives of the scenario \
            file are reached, and at most one in a hundred fewer are served than by the file. The file itself is left \
            alone.

            Ends with 0 when something better was found or the file is as good as it gets, 1 when no settings kept \
            every promise, 99 when none that did reached every objective, 3 when nothing could be played.
            """
    )

    @Argument(help: "The gateway's YAML file.")
    var config: String

    @OptionGroup var options: ScenarioOptions

    @Option(help: "What to make least: p90-wait, median-wait, cost (worker-minutes) or last-in.")
    var goal = Goal.p90Wait

    @Option(help: "Play each choice with so many seeds, from --seed on.")
    var seeds = 2

    @Option(
        name: .customLong("bound"),
        help: "KEY=LEAST..MOST of a setting that may be changed, with units as in the file. Repeatable."
    )
    var bounds: [String] = []

    @OptionGroup var rehearsed: SimulationOptions

    func validate() throws {
        guard (1...100).contains(self.seeds) else {
            throw ValidationError("--seeds: \(self.seeds) is not between 1 and 100")
        }
        try StrayOptions.refuse(
            self.rehearsed.planned.given,
            "is of the site that `play` makes, and a file is tuned: leave it out, or write it into the file"
        )
        try StrayOptions.refuseTwice("--bound", self.bounds.map { String($0.prefix { $0 != "=" }) })
    }

    func run() throws {
        do {
            let scenario = try self.options.playedScenario()
            try SimulationOptions.refuseFaults(scenario)
            try ScenarioOptions.refusePages(scenario)
            try SimulationOptions.checkSeeds(from: scenario.seed, count: self.seeds)
            if let division = self.options.division("are not simulated") { Output.standard.say("  \(division)") }
            let found = try self.search(scenario)
            self.tell(found)
            if found.best.broken > 0 { throw ExitCode(Verdict.ExitCode.broken.rawValue) }
            if found.best.missed > 0 { throw ExitCode(Verdict.ExitCode.objectiveMissed.rawValue) }
        } catch let error as SettingsError {
            printError(error.description)
            throw ExitCode(Verdict.ExitCode.notPlayed.rawValue)
        } catch let error as ScenarioProblem {
            printError("onsale: \(error)")
            throw ExitCode(Verdict.ExitCode.notPlayed.rawValue)
        } catch let error as PlayProblem {
            printError("onsale: \(error)")
            throw ExitCode(Verdict.ExitCode.notPlayed.rawValue)
        }
    }

    /// The best choice, all that was tried, and the values that the search began with.
    struct Found {
        var best: Tuning.Trial
        var tuning: Tuning
        var start: [Double]
    }

    func search(_ scenario: Scenario) throws -> Found {
        let (knobs, start) = try self.knobs(try self.rehearsed.rehearsal(self.config, scenario))
        let crowds = try (0..<UInt64(self.seeds)).map { offset in
            var scenario = scenario
            scenario.seed += offset
            return try Crowd(scenario)
        }
        var tuning = Tuning(knobs: knobs) { values in
            let set = zip(knobs, values).map { SettingsOverride(path: $0.path, value: $0.text($1)) }
            return try self.trial(values, set, crowds, scenario)
        }
        guard let best = try tuning.search(from: start) else {
            throw PlayProblem(
                "\(self.config): the settings as they are let nobody in, so there is nothing to start from"
            )
        }
        return Found(best: best, tuning: tuning, start: start)
    }

    /// nil when the settings refuse these values, or nobody gets in.
    private func trial(
        _ values: [Double],
        _ set: [SettingsOverride],
        _ crowds: [Crowd],
        _ scenario: Scenario
    ) throws -> Tuning.Trial? {
        guard let rehearsal = try? self.rehearsed.rehearsal(self.config, scenario, more: set) else { return nil }
        var sum = 0.0
        var trial = Tuning.Trial(values: values, figure: 0, served: 0, broken: 0)
        for crowd in crowds {
            let run = rehearsal.play(crowd)
            guard let figure = self.goal.figure(run) else { return nil }
            sum += figure
            let outcome = SimulatedOutcome(run, crowd.scenario)
            trial.served += run.counts.served
            trial.broken += outcome.verdict?.passed ?? true ? 0 : 1
            trial.missed += outcome.missed.isEmpty ? 0 : 1
            trial.isCounted = run.isCounted
        }
        trial.figure = sum / Double(crowds.count)
        return trial
    }

    // MARK: What may be changed

    private func knobs(_ rehearsal: SimulationPlan) throws -> (knobs: [Knob], start: [Double]) {
        let (room, pool) = (rehearsal.room, rehearsal.pool)
        var known: [KnobBound.Setting] = [
            .init(path: "rooms.\(room.name).inflow", value: Double(room.inflowMilli) / 1000, unit: .perSecond),
            .init(path: "rooms.\(room.name).slots", value: Double(room.slots), unit: .count),
            .init(path: "rooms.\(room.name).burst", value: Double(room.burst), unit: .count),
            .init(path: "pools.\(pool.name).max_workers", value: Double(pool.maxWorkers), unit: .count),
            .init(path: "pools.\(pool.name).min_workers", value: Double(pool.minWorkers), unit: .count),
            .init(path: "pools.\(pool.name).scaling.utilization", value: pool.scaling.utilization, unit: .share),
        ]
        if pool.driver == .static { known.removeAll { $0.path.hasSuffix("_workers") } }
        guard !self.bounds.isEmpty else {
            let usual = known.filter { !$0.path.hasSuffix(".burst") && !$0.path.hasSuffix(".min_workers") }
            return (
                usual.map { Knob(path: $0.path, range: KnobBound.usual($0), unit: $0.unit) }, usual.map(\.value)
            )
        }
        let bounds = try self.bounds.map { text throws(PlayProblem) in try KnobBound(parsing: text, known) }
        return (
            bounds.map { Knob(path: $0.setting.path, range: $0.range, unit: $0.setting.unit) },
            bounds.map { $0.setting.value.clamped(to: $0.range) }
        )
    }

    // MARK: What was found

    private func tell(_ found: Found) {
        let tuning = found.tuning
        let changes = zip(tuning.knobs, zip(found.start, found.best.values)).map { ($0, $1.0, $1.1) }
        Output.standard.say(
            """
              \(self.goal.rawValue), least is best; \(tuning.trials.count) choices, \(self.seeds) seeds each
              as it is: \(tuning.trials[0].words(self.goal, seeds: self.seeds))
              found:    \(found.best.words(self.goal, seeds: self.seeds))

            \(SettingsDiff.render(self.config, changes))
            """
        )
    }
}

extension Goal: ExpressibleByArgument {}

/// A change of settings as lines taken out and put in, below the keys that they stand under.
enum SettingsDiff {
    static func render(_ file: String, _ changes: [(knob: Knob, before: Double, after: Double)]) -> String {
        var lines: [String] = []
        var above: [String] = []
        for (knob, before, after) in changes where knob.text(before) != knob.text(after) {
            let keys = knob.path.split(separator: ".").map(String.init)
            let shared = zip(above, keys.dropLast()).prefix { $0 == $1 }.count
            for (depth, key) in keys.dropLast().enumerated() where depth >= shared {
                lines.append("   " + String(repeating: "  ", count: depth) + "\(key):")
            }
            above = Array(keys.dropLast())
            let indent = String(repeating: "  ", count: keys.count - 1)
            lines.append("-  \(indent)\(keys.last!): \(knob.text(before))")
            lines.append("+  \(indent)\(keys.last!): \(knob.text(after))")
        }
        guard !lines.isEmpty else { return "  \(file) is as good as any that was tried: change nothing" }
        return (["--- \(file)", "+++ \(file)"] + lines).joined(separator: "\n")
    }
}
