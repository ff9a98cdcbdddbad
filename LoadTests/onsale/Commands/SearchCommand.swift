import ArgumentParser
import Dispatch
import EventLoop
import Foundation

/// `onsale search`: how large a crowd may be.
struct SearchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search",
        abstract: "Find the largest crowd for which objectives hold.",
        discussion: """
            Plays whole runs with `onsale play`: doubles the crowd while the objectives hold, then halves the gap. The \
            length of a run stays, so twice the visitors are twice the arrival rate. Whatever `play` takes may be \
            given, but for --visitors, --objective and --report: `onsale search --until "p99<250ms" --sluice \
            .build/release/sluice --seconds 30 --no-direct`. The runs' reports and search.json are in --folder.

            Ends with 0 when a capacity was found, 99 when nothing holds, 2 when a run is INVALID (the load tool could \
            not keep up), 3 when a run could not be played, 130 when stopped by Ctrl-C.
            """
    )

    @Option(
        name: .customLong("until"),
        help: ArgumentHelp(
            "The crowd grows until this is missed; may be given several times. \(Objective.grammar)",
            valueName: "objective"
        )
    )
    var texts: [String]

    @Option(help: "Visitors of the first run.")
    var from = 1_000

    @Option(help: "Fewer visitors are not tried (100, or --from where that is less).")
    var least: Int?

    @Option(help: "More visitors are not tried (200000, or --from where that is more).")
    var most: Int?

    @Option(help: "Ends when the gap is at most this share of the crowd for which all holds: 10% or 0.1.")
    var tolerance = "10%"

    @Option(help: "At most so many runs.")
    var runs = 20

    @Flag(help: "A run that breaks a promise misses, too.")
    var withPromises = false

    @Option(help: "Folder for the runs' reports and search.json.")
    var folder = "search"

    @Argument(parsing: .allUnrecognized, help: "Options of `onsale play`.")
    var play: [String] = []

    func validate() throws {
        guard !self.texts.isEmpty else {
            throw ValidationError("--until is missing: say what must hold, such as p99<250ms")
        }
        _ = try self.objectives()
        if let problem = try self.bounds().problem { throw ValidationError("--\(problem)") }
        let own = ["--visitors", "-v", "--report", "-r", "--objective"]
        for word in self.play where own.contains(String(word.prefix { $0 != "=" })) {
            throw ValidationError("\(word) is what the search itself decides: leave it out")
        }
    }

    func run() throws {
        let options = SearchDriver.Options(
            objectives: try self.objectives(),
            withPromises: self.withPromises,
            folder: self.folder,
            program: try SearchDriver.ownProgram(),
            playArguments: self.play
        )
        let bounds = try self.bounds()
        SignalSource.ignoreBrokenPipe()
        let loop = try EventLoop(label: "search", hasPreciseTimers: true)
        let driver = SearchDriver(options, bounds, on: loop)
        let signals = SignalSource(Machine.endSignals, on: loop) { _ in driver.assumeIsolated { $0.interrupt() } }
        Task {
            let code = await driver.run()
            withExtendedLifetime(signals) { Foundation.exit(code) }
        }
        dispatchMain()
    }

    private func objectives() throws -> [Objective] {
        do {
            return try Objective.parse(self.texts)
        } catch {
            throw ValidationError("\(error)")
        }
    }

    private func bounds() throws -> CapacitySearch.Bounds {
        guard let share = Metric.Unit.share.parse(self.tolerance) else {
            throw ValidationError("--tolerance: \(self.tolerance) is no share: write \(Metric.Unit.share.allowed)")
        }
        return CapacitySearch.Bounds(
            first: self.from,
            least: self.least ?? min(100, self.from),
            most: self.most ?? max(200_000, self.from),
            tolerance: share,
            mostRuns: self.runs
        )
    }
}
