import ArgumentParser
import Controller
import Decisions
import Foundation
import Pools
import Scaling
import SettingsFile

struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Show what another configuration would have decided.",
        discussion: """
            Reads a pool's journal of decisions (`decisions/POOL-DAY.jsonl` in the state folder; several files in their \
            order) and gives the recorded signals and workers to the policy again, by the limits of the pool in --config. \
            Without --config by the journal's own limits: then every decision has to come out as it was, and the command \
            ends with code 1 if one does not.

            A replay knows what was seen, not what would have been: had there been other workers or another rate, the \
            crowd, the line and the answers would have been others. So each decision is an answer to the moment as it was. \
            What the settings of rooms mean (their inflow, slots and openings) is taken from the journal, too. `onsale \
            simulate` plays a sale with what follows from each decision.
            """
    )

    @Argument(help: "The journal's files.", completion: .file(extensions: ["jsonl"]))
    var journal: [String]
    @Option(help: "The configuration to decide by.", completion: .file(extensions: ["yaml", "yml"]))
    var config: String?
    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        do {
            var reader = DecisionJournal()
            let limits = try self.limits()
            var comparison: DecisionComparison?
            try reader.read(files: self.journal) { record in
                // The pool is known with the first head.
                if comparison == nil, case .head(let head) = record {
                    comparison = DecisionComparison(limits: try limits(head.pool))
                }
                comparison?.take(record)
            }
            for notice in reader.notices { printError("notice: \(notice)") }
            guard let comparison, let pool = reader.pool else {
                throw DecisionJournal.Problem(
                    description: "\(self.journal.joined(separator: ", ")): there is no decision in it"
                )
            }
            let text = ReplayText(pool: pool, comparison: comparison, config: self.config)
            print(self.json ? try text.json() : text.text, terminator: self.json ? "\n" : "")
            let isShown = comparison.steps > 0 && comparison.skipped == 0
            if self.config == nil, comparison.differing > 0 || !isShown { throw ExitCode(1) }
        } catch let error as ExitCode {
            throw error
        } catch {
            printError("\(error)")
            throw ExitCode(1)
        }
    }

    /// Those of a pool by `--config`; nil without it.
    private func limits() throws -> (String) throws -> ScalingLimits? {
        guard let config = self.config else { return { _ in nil } }
        let settings = try SettingsFile.load(config, opensPorts: false)
        return { name in
            guard let pool = settings.pool(named: name) else {
                throw DecisionJournal.Problem(
                    description: "\(config): there is no pool \(name), whose decisions these are; it has "
                        + settings.pools.map(\.name).joined(separator: ", ")
                )
            }
            return ScalingLimits(pool)
        }
    }
}
