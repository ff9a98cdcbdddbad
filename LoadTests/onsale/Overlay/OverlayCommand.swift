import ArgumentParser
import Foundation

/// `onsale overlay`: a run that was played and the simulated one in one page.
struct OverlayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "overlay",
        abstract: "Lay the simulation of an on-sale over the run that was really played, in one page.",
        discussion: """
            Waiting, inside, let in a second and workers over time, both runs in each drawing, and what the difference \
            comes to in figures. The second report is made with `onsale simulate --like PLAYED --report FOLDER`.

            Ends with 0 when the page was made, and with 3 when it could not be.
            """
    )

    @Argument(help: "The report.json of a run of `play`.")
    var played: String

    @Argument(help: "The report.json of the same crowd by `simulate`.")
    var simulated: String

    @Option(name: [.customLong("out"), .customShort("o")], help: "The page to write.")
    var output: String

    func run() throws {
        do {
            let overlay = try Overlay(
                played: try ReportFiles.read(self.played),
                simulated: try ReportFiles.read(self.simulated)
            )
            try ReportFiles.write(page: OverlayPage(overlay: overlay).render(), path: self.output)
            Output.standard.say(overlay.text)
            Output.standard.say("  \(URL(fileURLWithPath: self.output).path)")
        } catch {
            printError("onsale: \(error)")
            throw ExitCode(Verdict.ExitCode.notPlayed.rawValue)
        }
    }
}
