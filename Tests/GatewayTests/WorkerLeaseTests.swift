import EventLoop
import Logging
import Primitives
import Settings
import SharedState
import TestKit
import Testing
import Tokens
import Transport

@testable import Gateway

/// A worker's connection is given back or aborted, exactly once.
@Suite struct WorkerLeaseTests {
    /// A pool with one worker in a virtual world, and a waiter that asks it for a connection.
    private final class Rig: WorkerWaiter {
        let world = VirtualWorld(seed: 1)
        let loop: VirtualLoop
        let network: VirtualNetwork
        let limit = SharedLimit()
        private(set) var pool: WorkerPool!
        private(set) var lease: WorkerLease?
        private(set) var refusal: GatewayError?
        var failedWorker: Worker? { nil }
        let isRepeatable: Bool
        private var peers: [any ByteStream] = []

        init(isRepeatable: Bool = true, listens: Bool = true, connections: Int = 1) throws {
            self.isRepeatable = isRepeatable
            self.loop = self.world.makeLoop()
            self.network = VirtualNetwork(world: self.world)
            var settings = PoolSettings(name: "web")
            settings.driver = .static
            settings.workers = [.loopback(port: 9_000)]
            settings.connectionsPerWorker = connections
            try self.world.run(on: self.loop) {
                if listens {
                    _ = try self.network.listen(on: self.loop, at: .loopback(port: 9_000), isSecure: false) { stream in
                        self.peers.append(stream)
                        return ScriptedHandler()
                    }
                }
                let tools = LoopTools(
                    loop: self.loop,
                    network: self.network,
                    loopCount: 1,
                    limits: LimitSettings(),
                    keys: [SigningKey(id: 1, secret: [UInt8](repeating: 1, count: 32))],
                    draining: DrainFlag(),
                    seed: 1,
                    log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                )
                self.pool = WorkerPool(
                    settings: settings,
                    tools: tools,
                    waitingLimit: self.limit,
                    tunnelLimit: SharedLimit(),
                    standings: SharedStandings()
                )
            }
        }

        /// Returns the ticket when the request has to wait.
        func ask() -> UInt64? {
            self.world.run(on: self.loop) {
                switch self.pool.acquire(for: self) {
                case .ready(let lease): self.lease = consume lease
                case .pending(let ticket): return ticket
                case .refused(let error): self.refusal = error
                }
                return nil
            }
        }

        func workerReady(_ lease: consuming WorkerLease) {
            if let old = self.lease.take() { old.abort() }
            self.lease = consume lease
        }
        func workerUnavailable(_ error: GatewayError) { self.refusal = error }

        func wait(_ seconds: Int64 = 5) { self.world.run(forNanoseconds: seconds * Nanoseconds.perSecond) }
        func abort() { self.world.run(on: self.loop) { self.lease.take()?.abort() } }
        func drop() { self.world.run(on: self.loop) { _ = self.lease.take() } }
        func close() { self.world.run(on: self.loop) { self.pool.closeIdle() } }
    }

    @Test func acquire_connectionOnItsWay_comesAndIsCountedOnce() throws {
        let rig = try Rig()
        #expect(rig.ask() != nil)
        #expect(rig.pool.current.inFlight == 0 && rig.pool.current.queued == 1)
        rig.wait(1)
        #expect(rig.lease != nil && rig.pool.current.inFlight == 1 && rig.pool.current.queued == 0)
        rig.abort()
        #expect(rig.pool.current.inFlight == 0)
    }

    /// The client that a connection was begun for leaves before it is there: the connection serves the next.
    @Test func leave_whileConnecting_theConnectionServesTheNext() throws {
        let rig = try Rig()
        let ticket = try #require(rig.ask())
        rig.world.run(on: rig.loop) { rig.pool.leave(ticket: ticket) }
        rig.wait(1)
        #expect(rig.lease == nil && rig.pool.current.inFlight == 0 && rig.pool.current.queued == 0)
        #expect(rig.ask() == nil, "there is an idle connection by now")
        #expect(rig.lease != nil && rig.network.openStreamCount == 2)
        rig.abort()
    }

    @Test func acquire_workerRefuses_isToldAndNothingIsLeft() throws {
        let rig = try Rig(listens: false)
        _ = rig.ask()
        rig.wait()
        #expect(rig.refusal == .connectFailed)
        #expect(rig.pool.current.queued == 0 && rig.limit.count == 0 && rig.network.openStreamCount == 0)
    }

    @Test func dissolve_withRequestsWaiting_tellsThem() throws {
        let rig = try Rig()
        _ = rig.ask()
        rig.world.run(on: rig.loop) { rig.pool.dissolve() }
        #expect(rig.refusal == .noWorker)
        rig.wait()
        #expect(rig.network.openStreamCount == 0, "the connection on its way is closed when it comes")
    }

    /// Whoever forgets a lease would hold a worker's connection for good.
    @Test func lease_dropped_traps() async {
        await #expect(processExitsWith: .failure) {
            let rig = try Rig()
            _ = rig.ask()
            rig.wait(1)
            precondition(rig.lease != nil)
            rig.drop()
        }
    }
}
