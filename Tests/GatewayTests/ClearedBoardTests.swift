import Logging
import Pools
import Primitives
import Scaling
import Settings
import SharedState
import TestKit
import Testing

@testable import Gateway

/// A gateway takes those of its host off the board that were killed: the controller may be elsewhere.
@Suite struct ClearedBoardTests {
    private static func process(_ pid: Int32) -> ProcessIdentity {
        ProcessIdentity(place: "here/1.1", pid: pid, startTicks: 1)
    }

    private let world = VirtualWorld(seed: 1)

    /// Gateways by their names and processes; who is in `killed` reports once, at the beginning.
    private func left(_ gateways: [String: ProcessIdentity?], killed: [String], own: ProcessIdentity?) -> [String] {
        let loop = self.world.makeLoop()
        let board = MemoryPoolBoard(loop: loop, boards: MemoryBoards())
        func report(_ names: some Sequence<String>) {
            for name in names {
                let process = gateways[name] ?? nil
                let signals = GatewaySignals(gateway: name, intervalMicros: 1_000_000, process: process)
                board.report(pool: "tickets", signals: signals) { _ in }
            }
        }
        var settings = Settings()
        settings.pools = [PoolSettings(name: "tickets")]
        let sight = ProcessSight(own: own) { $0.pid > 100 }
        self.world.run(on: loop) {
            report(gateways.keys)
            ClearedBoard(board: board, processes: sight, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
                .clearLater(settings)
        }
        for second in 0..<60 {
            self.world.run(on: loop) { report(gateways.keys.filter { !killed.contains($0) }) }
            self.world.run(forNanoseconds: Nanoseconds.perSecond)
            guard second == 29 else { continue }
            // Its visitors may not be back yet.
            #expect(self.names(board, loop) == gateways.keys.sorted())
        }
        return self.names(board, loop)
    }

    private func names(_ board: MemoryPoolBoard, _ loop: VirtualLoop) -> [String] {
        var names: [String] = []
        self.world.run(on: loop) {
            board.signals(pool: "tickets", maxAgeMicros: GatewayRoster.askedMicros) {
                names = ((try? $0.get()) ?? []).map(\.gateway)
            }
        }
        self.world.run(forNanoseconds: Nanoseconds.perMillisecond)
        return names
    }

    @Test func gatewaysThatWereKilled_areTakenOff_whenTheirVisitorsAreBack() {
        let all = [
            "dead": Self.process(101), "silent": Self.process(8), "living": Self.process(9), "old": nil,
            // Its number is nobody's, but it reports.
            "unseen": Self.process(102),
        ]
        let left = self.left(all, killed: ["dead", "silent", "old"], own: Self.process(1))
        #expect(left == ["living", "old", "silent", "unseen"])
    }

    @Test func gatewayThatDoesNotKnowItsProcess_takesNobodyOff() {
        #expect(self.left(["dead": Self.process(101)], killed: ["dead"], own: nil) == ["dead"])
    }
}
