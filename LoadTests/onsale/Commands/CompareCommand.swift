import ArgumentParser
import Foundation

/// `onsale compare`: what is better or worse since.
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compare two reports, or two groups of reports of several seeds.",
        discussion: """
            Each of A and B is a report.json, a folder that holds one, a folder of such folders, or several of these \
            with commas between. With at least three runs on each side every difference comes with its 95 % interval: \
            paired by seed where both sides have played the same seeds (Student's t), else Welch's t. "better" and \
            "worse" is said of what chance would not give once in twenty comparisons of all figures shown (Holm's \
            correction).

            What some run says nothing of is left out of the table, and named.

            Ends with 0 when nothing became worse, 1 when a figure did or a promise that A kept is broken in B (or \
            cannot be measured), 3 when they cannot be compared, or a figure of --metric is not there.
            """
    )

    @Argument(help: "What to compare with: before the change.")
    var base: String

    @Argument(help: "What is compared: after the change.")
    var other: String

    @Option(help: ArgumentHelp("Compare this figure only; may be given several times.", valueName: "name"))
    var metric: [String] = []

    @Flag(help: "Compare other scenarios and runs that do not count, too.")
    var force = false

    func validate() throws {
        try StrayOptions.refuseTwice("--metric", self.metrics().map(\.name))
    }

    func run() throws {
        do {
            let comparison = try ReportComparison(
                try ReportGroup.read(self.base),
                try ReportGroup.read(self.other),
                named: try self.metrics(),
                isForced: self.force
            )
            let text = ComparisonText(
                comparison,
                base: self.base,
                other: self.other,
                isColoured: ProgressPrinter().isColoured
            )
            Output.standard.say(text.render())
            if comparison.isWorse { throw ExitCode(Verdict.ExitCode.broken.rawValue) }
        } catch let code as ExitCode {
            throw code
        } catch {
            printError("onsale: \(error)")
            throw ExitCode(Verdict.ExitCode.notPlayed.rawValue)
        }
    }

    private func metrics() throws -> [Metric] {
        try self.metric.map { name in
            guard let metric = Metric(named: name) else {
                throw ValidationError("--metric: \(name) is the name of no figure; `onsale play --help` lists them")
            }
            return metric
        }
    }
}
