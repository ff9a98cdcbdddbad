import ArgumentParser
import Dispatch
import EventLoop
import Foundation

/// `onsale soak`: a gateway under everything at once.
struct SoakCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak",
        abstract: "Keep a gateway busy with rude clients, failing workers and changing settings, and judge it.",
        discussion: """
            Starts `sluice run` with a private Redis, and sends it a mixed load over loopback: visitors of a sale, slow \
            readers and writers, half-closed and pipelined connections, nonsense, and clients that break off at every \
            phase of a request. Meanwhile workers fail in every way that workers fail in, and the configuration changes \
            every few seconds: limits, a room on a route and off it, a pool that comes and goes.

            Ends with 0 when the gateway came through: alive, memory flat, descriptors given back, nothing left under \
            way, and no response but of the kinds expected.
            """
    )

    @Argument(help: "How long, in minutes.")
    var minutes = 60.0

    @Option(help: "Fixes what clients, workers and operator do; by default a new one, which is printed.")
    var seed: UInt64?

    @Option(help: "The program under test.")
    var sluice: String

    @Flag(help: "Keep the gateway's configuration, state and log.")
    var keep = false

    func validate() throws {
        guard FileManager.default.isExecutableFile(atPath: self.sluice) else {
            throw ValidationError("--sluice: \(self.sluice) is not a program; build it with `Config/build -c release`")
        }
        guard self.minutes >= 0.25, self.minutes <= 24 * 60 else {
            throw ValidationError("minutes: \(self.minutes) is not between 0.25 and 1440")
        }
    }

    func run() throws {
        let options = Soak.Options(
            sluice: self.sluice,
            seconds: self.minutes * 60,
            seed: self.seed ?? UInt64.random(in: 0...999_999),
            keepsFolder: self.keep
        )
        ProgressPrinter().say("  soaking for \(Format.decimal(self.minutes)) minutes, seed \(options.seed)")
        SignalSource.ignoreBrokenPipe()
        let loop = try EventLoop(label: "soak")
        let soak = try Soak(options, on: loop)
        let signals = SignalSource(Machine.endSignals, on: loop) { _ in soak.assumeIsolated { $0.interrupt() } }
        Task {
            let code = await soak.run()
            withExtendedLifetime(signals) { Foundation.exit(code) }
        }
        dispatchMain()
    }
}
