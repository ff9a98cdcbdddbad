import ArgumentParser

/// `onsale report`: makes the page again from a report's JSON.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Print the verdict of an earlier run and make its page again.",
        discussion: """
            Ends as the run itself did, and with 3 when the report cannot be read or written. Where only the \
            comparison without the gateway was stopped, it ends with what the judged run came to.
            """
    )

    @Argument(help: "The report.json of a run.")
    var file: String

    @Option(name: .shortAndLong, help: "Folder for report.json, report.html and the rest.")
    var output: String

    func run() throws {
        do {
            let report = try ReportFiles.read(self.file)
            let printer = ProgressPrinter()
            Output.standard.say(VerdictText(report, isColoured: printer.isColoured, width: printer.columns).render())
            let paths = try ReportFiles.write(report, folder: self.output)
            Output.standard.say("  \(paths.html)")
            throw ExitCode(report.exitCode.rawValue)
        } catch let problem as ReportFiles.Problem {
            printError("onsale: \(problem)")
            throw ExitCode(Verdict.ExitCode.notPlayed.rawValue)
        }
    }
}
