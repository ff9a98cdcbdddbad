import EventLoop
import Logging
import Primitives
import Settings
import SharedState
import TestKit
import Testing
import Transport

@testable import Controller

/// How a controller counts the workers behind names, which set the rate of admission.
@Suite struct StaticDriverTests {
    private final class Rig {
        let world = VirtualWorld(seed: 5)
        let loop: VirtualLoop
        let network: VirtualNetwork
        let driver: StaticDriver
        private(set) var events: [WorkerDriverEvent] = []

        init(_ workers: [String]) throws {
            self.loop = self.world.makeLoop()
            self.network = VirtualNetwork(world: self.world)
            var pool = PoolSettings(name: "shop")
            pool.driver = .static
            pool.workers = try workers.map { try .init(parsing: $0) }
            var access = WorkerAccess.invented()
            access.lookUp = self.network.lookUp
            self.driver = StaticDriver(
                DriverContext(
                    pool: pool,
                    executable: "none",
                    loop: self.loop,
                    board: MemoryPoolBoard(loop: self.loop, boards: MemoryBoards()),
                    log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                    seed: 1,
                    workers: access,
                    mayAct: { true }
                )
            )
            self.driver.onEvent = { [weak self] in self?.events.append($0) }
        }

        func lead() { self.world.run(on: self.loop) { self.driver.takeOver(fence: 1) {} } }
        func wait(seconds: Int64) { self.world.run(forNanoseconds: seconds * Nanoseconds.perSecond) }
    }

    @Test func addressesOnly_areKnownAtOnce_andNobodyIsAsked() throws {
        let rig = try Rig(["127.0.0.1:1", "127.0.0.1:2"])
        rig.lead()
        #expect(rig.driver.isComplete && rig.driver.state.ready == 2 && rig.driver.fixedSize == nil)
        rig.wait(seconds: 30)
        #expect(rig.loop.timers.count == 0 && rig.events == [])
    }

    @Test func names_areCountedByTheirAddresses_whileItLeads() throws {
        let rig = try Rig(["http://shop", "127.0.0.1:1"])
        rig.network.names["shop"] = .success([.v4(1), .v4(2), .v6(0, 1)])
        rig.wait(seconds: 1)
        #expect(rig.network.lookUps == 0, "who does not lead needs not know")
        rig.lead()
        #expect(!rig.driver.isComplete && rig.driver.state.ready == 1)
        rig.wait(seconds: 1)
        #expect(rig.driver.isComplete && rig.driver.state.ready == 4 && rig.driver.fixedSize == 4)
        #expect(rig.events == [.directoryChanged] && rig.driver.problem == nil)
        rig.network.names["shop"] = .success([.v4(2)])
        rig.wait(seconds: 11)
        #expect(rig.driver.state.ready == 2 && rig.events.count == 2)
        rig.network.names["shop"] = nil
        rig.wait(seconds: 11)
        #expect(rig.driver.state.ready == 2)
        #expect(rig.driver.problem?.contains("the name shop cannot be looked up") == true)
        rig.world.run(on: rig.loop) { rig.driver.standBy() }
        rig.wait(seconds: 1)
        #expect(rig.loop.timers.count == 0 && rig.driver.problem == nil)
    }

    /// A name server that is away from the beginning must not keep a leader from its term.
    @Test func name_thatCannotBeLookedUp_isNotWaitedFor() throws {
        let rig = try Rig(["http://shop", "127.0.0.1:1"])
        rig.lead()
        rig.wait(seconds: 1)
        #expect(rig.driver.isComplete && rig.driver.state.ready == 1 && rig.driver.fixedSize == 1)
    }
}
