import ArgumentParser
import Dispatch
import EventLoop
import Foundation
import RedisClient

/// Which Redis a run with agents goes through, and under which name.
struct AgentOptions: ParsableArguments {
    @Option(help: "The Redis through which coordinator and agents find each other, as redis://HOST:PORT.")
    var redis: String?

    @Option(name: .customLong("run"), help: "The run's name in that Redis; of letters, digits, - and _ (sale).")
    var runName: String?

    func endpoint() throws -> RedisEndpoint {
        guard let redis = self.redis else { throw ValidationError("--redis: say where the Redis of the run is") }
        do {
            return try RedisEndpoint(parsing: redis)
        } catch {
            throw ValidationError("--redis: \(error)")
        }
    }

    func keys() throws -> AgentKeys {
        let name = self.runName ?? "sale"
        guard let keys = AgentKeys(name: name) else {
            throw ValidationError("--run: '\(name)' is not a name of 1 to 64 letters, digits, - and _")
        }
        return keys
    }
}

/// `onsale agent`: a share of somebody else's run.
struct AgentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent",
        abstract: "Play a share of a crowd that `onsale play --agents` coordinates, on this machine.",
        discussion: """
            Waits until a run is made known in Redis, takes one of its seats, plays every so manyeth visitor from the \
            start that the coordinator names by Redis's clock, and hands over what those visitors saw. Ends with the run, \
            and, with a line that says why, \(AgentSilence.silenceSeconds) s after the coordinator's last word. Each seat \
            is one process; a further run needs it to be started again.

            Ends with 0 when the share was played and handed over, 3 when not, 130 when interrupted.
            """
    )

    @OptionGroup var options: AgentOptions

    @Option(help: "What the coordinator calls this agent (default: the machine's name).")
    var name: String?

    @Option(help: "Threads that play, each with a part of the share (default: all processors).")
    var threads: Int?

    @Option(help: "How long to wait for a run, in seconds.")
    var patience = 600.0

    func validate() throws {
        if let threads = self.threads, !(1...Machine.mostThreads).contains(threads) {
            throw ValidationError("--threads: \(threads) is not a number from 1 to \(Machine.mostThreads)")
        }
        guard (1...86_400).contains(self.patience) else {
            throw ValidationError("--patience: \(self.patience) is not a number of seconds from 1 to 86400")
        }
        _ = try self.options.endpoint()
        _ = try self.options.keys()
    }

    func run() throws {
        let options = AgentRun.Options(
            endpoint: try self.options.endpoint(),
            keys: try self.options.keys(),
            name: self.name ?? ProcessInfo.processInfo.hostName,
            patienceSeconds: self.patience
        )
        SignalSource.ignoreBrokenPipe()
        let loop = try EventLoop(label: "onsale", hasPreciseTimers: true)
        let threads = self.threads ?? min(Machine.mostThreads, ProcessInfo.processInfo.activeProcessorCount)
        let helpers = try (1..<threads).map { try EventLoop(index: $0, label: "onsale-\($0)", hasPreciseTimers: true) }
        let agent = AgentRun(options, on: loop, helpers: helpers)
        let signals = SignalSource(Machine.endSignals, on: loop) { _ in agent.assumeIsolated { $0.interrupt() } }
        Task {
            let code = await agent.run()
            withExtendedLifetime(signals) { Foundation.exit(code) }
        }
        dispatchMain()
    }
}
