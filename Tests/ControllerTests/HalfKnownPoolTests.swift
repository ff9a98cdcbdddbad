import Decisions
import Logging
import Pools
import Primitives
import Scaling
import Settings
import SharedState
import TestKit
import Testing

@testable import Controller

/// A controller that takes over while it cannot find out how many workers there are.
@Suite struct HalfKnownPoolTests {
    private static let kinds = [DriverKind.cloud, .cloudOfItsOwnMind, .kubernetes]

    /// One pool, its outside, and the controllers that lead it one after the other.
    private final class Site {
        let world: VirtualWorld
        let loop: VirtualLoop
        let outside: any DriverOutside
        let board: MemoryPoolBoard
        let decisions = MemoryDecisions()
        private var settings = Settings()
        private var leader: (controller: PoolController, fence: Int64)?

        init(_ kind: DriverKind, seed: UInt64) {
            self.world = VirtualWorld(seed: seed)
            self.loop = self.world.makeLoop()
            self.outside = kind.makeOutside(self.world, self.loop)
            self.board = MemoryPoolBoard(loop: self.loop, boards: MemoryBoards())
            var pool = PoolSettings(name: "tickets")
            pool.maxWorkers = 20
            pool.scaling.scaleDownAfterNanoseconds = 300 * Nanoseconds.perSecond
            self.outside.prepare(&pool)
            self.settings.pools = [pool]
            self.world.run(on: self.loop) { self.tick() }
        }

        private func tick() {
            self.board.report(
                pool: "tickets",
                signals: GatewaySignals(gateway: "g", intervalMicros: 1_000_000)
            ) { _ in }
            if let (controller, fence) = self.leader { controller.control(fence: fence) }
            self.loop.after(nanoseconds: Nanoseconds.perSecond) { [weak self] in self?.tick() }
        }

        /// Another controller leads, and the last one is gone.
        func lead(fence: Int64) {
            var access = self.outside.access
            access.decisions = fence > 1 ? self.decisions : nil
            let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            self.world.run(on: self.loop) {
                self.leader?.controller.leave()
                let store = MemoryRoomStore(loop: self.loop, rooms: MemoryRooms())
                let controller = PoolController(
                    pool: self.settings.pools[0],
                    settings: self.settings,
                    executable: "none",
                    loop: self.loop,
                    board: self.board,
                    rates: RoomRates(settings: self.settings, loop: self.loop, store: store),
                    log: log,
                    seed: UInt64(fence),
                    workers: access,
                    mayAct: { true }
                )
                self.leader = (controller, fence)
            }
        }

        var state: (ready: Int, pending: Int)? {
            self.leader.map { ($0.controller.state.ready, $0.controller.state.pending.count) }
        }
        var hasDecided: Bool { self.leader?.controller.lastDecision != nil }

        func order(_ order: ModeOrder?) {
            self.world.run(on: self.loop) { self.board.setMode(pool: "tickets", order: order) { _ in } }
        }

        /// Gateways know of so many, as if the others had only just come up.
        func forget(allBut most: Int, fence: Int64) {
            self.world.run(on: self.loop) {
                self.leader?.controller.leave()
                self.leader = nil
                self.board.registry(pool: "tickets") { result in
                    guard case .success(let left) = result else { return }
                    self.board.publish(
                        pool: "tickets",
                        workers: Array(left.directory.prefix(most)),
                        registry: left.workers,
                        fence: fence
                    ) { _ in }
                }
            }
            self.run(seconds: 1)
        }

        func onOutside(_ body: (any DriverOutside) -> Void) {
            self.world.run(on: self.loop) { body(self.outside) }
        }
        func run(seconds: Int64) { self.world.run(forNanoseconds: seconds * Nanoseconds.perSecond) }
        func wait(seconds: Int64, until condition: () -> Bool) -> Bool {
            self.world.run(withinNanoseconds: seconds * Nanoseconds.perSecond, until: condition)
        }
    }

    /// Seen before: it decided on the two workers that gateways knew of, and when the six were listed four of them went; in
    /// `freeze` the two were what stayed.
    @Test(arguments: Self.kinds, [PoolMode.automatic, .freeze])
    func size_thatIsNotKnownAtFirst_isLeftAsItIs(kind: DriverKind, mode: PoolMode) {
        let site = Site(kind, seed: 7)
        site.order(ModeOrder(mode: .manual(6)))
        site.lead(fence: 1)
        #expect(site.wait(seconds: 90) { site.outside.serving.count == 6 && site.state.map { $0.ready == 6 } == true })
        let all = site.outside.running
        site.order(ModeOrder(mode: mode))
        site.forget(allBut: 2, fence: 2)
        site.onOutside { $0.fail(.refuses) }
        site.lead(fence: 3)
        #expect(site.wait(seconds: 6) { site.hasDecided }, "rooms have a rate all the same")
        #expect(site.state.map { $0 == (2, 0) } == true)
        site.run(seconds: 8)
        site.onOutside { $0.fail(nil) }
        #expect(site.wait(seconds: 120) { site.state.map { $0.ready == 6 } == true })
        site.run(seconds: 10)
        #expect(site.outside.running == all && site.state.map { $0 == (6, 0) } == true)
        let comparison = DecisionWorldTests.comparison(site.decisions)
        #expect(comparison.steps > 15 && comparison.differing == 0 && comparison.skipped == 0)
    }
}
