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
            all), until no single step makes the goal better while every promise holds. The file itself is left alone.

            Ends with 0 when something better was found or the file is as good as it gets, 1 when no settings kept \
            every promise, 3 when nothing could be played.
            """
    )

    @Argument(help: "The gateway's YAML file.")
    var config: String

    @OptionGroup var options: ScenarioOptions

    @Option(help: "What to make least: p90-wait, median-wait, cost (worker-minutes) or last-in.")
    var goal = Goal.p90Wait

    @Option(help: "Play each choice with so many seeds, from --seed on.")
    var seeds = 2

    @Option(name: .customLong("bound"), help: "KEY=LEAST..MOST of a setting that may be changed. Repeatable.")
    var bounds: [String] = []

    @OptionGroup var rehearsed: SimulationOptions

    func validate() throws {
        guard (1...100).contains(self.seeds) else {
            throw ValidationError("--seeds: \(self.seeds) is not between 1 and 100")
        }
    }

    func run() throws {
        do {
            let scenario = try self.options.playedScenario()
            try SimulationOptions.refuseFaults(scenario)
            let before = try self.rehearsed.rehearsal(self.config, scenario)
            let (knobs, start) = try self.knobs(before)
            let crowds = try (0..<UInt64(self.seeds)).map { offset in
                var scenario = scenario
                scenario.seed = scenario.seed &+ offset
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
            self.tell(best, tuning, start)
            if best.broken > 0 { throw ExitCode(Verdict.ExitCode.broken.rawValue) }
        } catch let error as SettingsError {
            printError(error.description)
            throw ExitCode(Verdict.ExitCode.notPlayed.rawValue)
        } catch let error as PlayProblem {
            printError("onsale: \(error)")
            throw ExitCode(Verdict.ExitCode.notPlayed.rawValue)
        }
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
        var broken = 0
        for crowd in crowds {
            let run = rehearsal.play(crowd)
            guard let figure = self.goal.figure(run) else { return nil }
            sum += figure
            let judge = Judge(objectives: crowd.scenario.objectives, evidence: run.evidence)
            if !run.isCounted, !judge.verdict().checks.allSatisfy({ $0.outcome != .failed }) { broken += 1 }
        }
        return Tuning.Trial(values: values, figure: sum / Double(crowds.count), broken: broken)
    }

    // MARK: What may be changed

    private func knobs(_ rehearsal: SimulationPlan) throws -> (knobs: [Knob], start: [Double]) {
        let (room, pool) = (rehearsal.room, rehearsal.pool)
        var known: [(path: String, value: Double, unit: Knob.Unit)] = [
            ("rooms.\(room.name).inflow", Double(room.inflowMilli) / 1000, .perSecond),
            ("rooms.\(room.name).slots", Double(room.slots), .count),
            ("rooms.\(room.name).burst", Double(room.burst), .count),
            ("pools.\(pool.name).max_workers", Double(pool.maxWorkers), .count),
            ("pools.\(pool.name).min_workers", Double(pool.minWorkers), .count),
            ("pools.\(pool.name).scaling.utilization", pool.scaling.utilization, .share),
        ]
        if pool.driver == .static { known.removeAll { $0.path.hasSuffix("_workers") } }
        guard !self.bounds.isEmpty else {
            let usual = known.filter { !$0.path.hasSuffix(".burst") && !$0.path.hasSuffix(".min_workers") }
            let knobs = usual.map { path, value, unit in
                let most = unit == .share ? 1 : max(1, value * 4)
                return Knob(path: path, range: max(value / 4, unit == .share ? 0.05 : 1)...most, unit: unit)
            }
            return (knobs, usual.map(\.value))
        }
        var found: (knobs: [Knob], start: [Double]) = ([], [])
        for bound in self.bounds {
            let parts = bound.split(separator: "=", maxSplits: 1).map(String.init)
            let ends = parts.count == 2 ? parts[1].components(separatedBy: "..").compactMap(Double.init) : []
            guard ends.count == 2, ends[0] > 0, ends[0] <= ends[1] else {
                throw PlayProblem("--bound: \(bound) is no KEY=LEAST..MOST, such as rooms.onsale.inflow=50..400")
            }
            guard let setting = known.first(where: { $0.path == parts[0] }) else {
                let paths = known.map(\.path).joined(separator: ", ")
                throw PlayProblem("--bound: \(parts[0]) cannot be searched; what can: \(paths)")
            }
            found.knobs.append(Knob(path: setting.path, range: ends[0]...ends[1], unit: setting.unit))
            found.start.append(min(max(setting.value, ends[0]), ends[1]))
        }
        return found
    }

    // MARK: What was found

    private func tell(_ best: Tuning.Trial, _ tuning: Tuning, _ start: [Double]) {
        let first = tuning.trials[0]
        func words(_ trial: Tuning.Trial) -> String {
            let kept =
                trial.broken == 0 ? "every promise kept" : "promises broken with \(trial.broken) of \(self.seeds) seeds"
            return "\(Format.decimal(trial.figure, places: 2)) \(self.goal.unit), \(kept)"
        }
        print("  \(self.goal.rawValue), least is best; \(tuning.trials.count) choices, \(self.seeds) seeds each")
        print("  as it is: \(words(first))")
        print("  found:    \(words(best))")
        print("")
        print(SettingsDiff.render(self.config, zip(tuning.knobs, zip(start, best.values)).map { ($0, $1.0, $1.1) }))
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
