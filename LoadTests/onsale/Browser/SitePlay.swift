import Dispatch
import EventLoop
import Foundation

/// `onsale play --url`.
enum SitePlay {
    /// Plays to the end of the process.
    static func run(_ plan: SitePlayPlan, scenario: Scenario, reportFolder: String, command: String) throws -> Never {
        SignalSource.ignoreBrokenPipe()
        let loop = try EventLoop(label: "onsale", hasPreciseTimers: true)
        let director = SiteDirector(
            plan,
            scenario: scenario,
            reportFolder: reportFolder,
            command: command,
            on: loop
        )
        let signals = SignalSource(Machine.endSignals, on: loop) { _ in director.assumeIsolated { $0.interrupt() } }
        Task {
            let code = await director.play()
            withExtendedLifetime(signals) { Foundation.exit(code) }
        }
        dispatchMain()
    }
}
