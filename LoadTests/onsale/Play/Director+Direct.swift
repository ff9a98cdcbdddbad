import EventLoop
import Glibc
import Primitives
import Transport

/// The same crowd without the gateway: as many workers as the pool may have, from the start, and everybody straight at
/// them.
extension Director {
    /// The run is taken up so long before the opening: until then people only look at a closed page.
    private static let secondsBeforeOpening = 6.0
    /// Within this time everybody who is early has looked at the page once.
    private static let takeUpSeconds = 4.0
    /// So long after the last have come it is plain what became of the crowd.
    private static let secondsAfterArrivals = 20.0

    static func firstDirectSecond(_ scenario: Scenario) -> Int {
        max(0, Int(scenario.curve.openingSeconds - Self.secondsBeforeOpening))
    }

    /// By then the run is over, whoever is still under way; counted from the start of the sale, as `firstDirectSecond`.
    static func lastDirectSecond(_ scenario: Scenario) -> Double {
        scenario.curve.endSeconds + Self.secondsAfterArrivals
    }

    func playDirect(_ crowd: Crowd) async throws -> Evidence {
        let addresses = try await self.startWorkers()
        let firstSecond = Self.firstDirectSecond(crowd.scenario)
        let player = CrowdPlayer(
            crowd.takenUp(atSeconds: Double(firstSecond), withinSeconds: Self.takeUpSeconds),
            target: Target(addresses),
            startedAt: MonotonicClock.now().advanced(byNanoseconds: -Int64(firstSecond) * Nanoseconds.perSecond),
            firstSecond: firstSecond,
            hasRoom: false,
            descriptorLimit: self.descriptorLimit,
            on: self.loop,
            helpers: self.helpers
        )
        self.player = player
        player.start()
        Task { await self.show() }
        let seconds = Self.lastDirectSecond(crowd.scenario) - Double(firstSecond)
        _ = try await self.waits(seconds: seconds) { player.isEverybodyGone }
        player.finish()
        self.player = nil
        self.printer.paint(self.progress(player), isLast: true)
        self.children.signalAll(SIGTERM)
        // A worker that does not end is killed by the end of the run, and says nothing about the gateway.
        _ = try await self.waits(seconds: Self.patienceSeconds) { self.children.isEmpty }
        return Evidence(startedMicros: 0, timeline: player.timeline)
    }

    private func startWorkers() async throws -> [SocketAddress] {
        var addresses: [SocketAddress] = []
        var ended: ExitStatus?
        for index in 0..<self.plan.mostWorkers {
            _ = try self.children.start(
                self.options.sluice,
                self.plan.workerArguments(seed: index + 1),
                logFile: self.options.workersLog,
                onLine: { line in
                    let words = line.split(separator: " ")
                    guard words.count == 3, words[0] == "listening" else { return }
                    if let address = try? SocketAddress(parsing: String(words[2])) { addresses.append(address) }
                },
                onExit: { ended = $0 }
            )
        }
        try await self.wait("the start of \(self.plan.mostWorkers) workers (see \(self.options.workersLog))") {
            addresses.count == self.plan.mostWorkers || ended != nil
        }
        if let ended {
            throw PlayProblem("a worker ended with \(ended) before it listened: see \(self.options.workersLog)")
        }
        return addresses
    }
}
