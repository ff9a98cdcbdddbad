import ArgumentParser

/// `onsale report`: makes the page again from a report's JSON.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Print the verdict of an earlier run and make its page again."
    )

    @Argument(help: "The report.json of a run.")
    var file: String

    @Option(name: .shortAndLong, help: "Folder for report.json and report.html.")
    var output: String

    func run() throws {
        let report = try ReportFiles.read(self.file)
        let paths = try ReportFiles.write(report, folder: self.output)
        print(VerdictText(report, isColoured: false).render())
        print("  \(paths.html)")
        throw ExitCode(report.exitCode.rawValue)
    }
}
