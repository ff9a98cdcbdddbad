import ArgumentParser
import Dispatch
import EventLoop
import Foundation

/// `onsale play`: the whole run.
struct PlayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "play",
        abstract: "Play an on-sale through a real gateway, Redis, controller and workers, and judge it.",
        discussion: """
            Starts `sluice run` with a configuration that fits the crowd, sends the crowd over real sockets, raises and \
            lowers the limits in the middle, tries tokens that are no good, waits until the workers are back to the minimum, and ends everything that it started. \
            Then the same crowd goes straight at the workers, for comparison.

            Ends with 0 when every promise held, 1 when one did not, 2 when the load tool itself could not keep up (and \
            nothing went wrong but what may come of that), 3 when the run could not be played.
            """
    )

    @OptionGroup var options: ScenarioOptions

    @OptionGroup var planned: PlanOptions

    @Option(help: "The program under test.")
    var sluice: String

    @Option(name: .shortAndLong, help: "Folder for report.html, report.json and the logs.")
    var report = "report"

    @Flag(inversion: .prefixedNo, help: "Play the same crowd without the gateway, too.")
    var direct = true

    @Flag(help: "Keep the gateway's configuration and state.")
    var keep = false

    func validate() throws {
        guard FileManager.default.isExecutableFile(atPath: self.sluice) else {
            throw ValidationError("--sluice: \(self.sluice) is not a program; build it with `swift build -c release`")
        }
    }

    func run() throws {
        let scenario = try self.options.playedScenario()
        let options = PlayOptions(
            sluice: self.sluice,
            scenario: scenario,
            plan: try self.planned.plan(scenario),
            reportFolder: self.report,
            withDirect: self.direct,
            keepsFolder: self.keep,
            command: self.repeatCommand
        )
        SignalSource.ignoreBrokenPipe()
        let loop = try EventLoop(label: "onsale")
        let director = Director(options, on: loop)
        let signals = SignalSource([SIGINT, SIGTERM], on: loop) { _ in director.assumeIsolated { $0.interrupt() } }
        Task {
            let code = await director.play()
            withExtendedLifetime(signals) { Foundation.exit(code) }
        }
        dispatchMain()
    }

    private var repeatCommand: String {
        "LoadTests/run \(self.options.words)\(self.planned.text)\(self.direct ? "" : " --no-direct")"
    }
}
