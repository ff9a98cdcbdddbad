import Addresses
import Logging
import Primitives
import Settings
import TestKit
import Testing
import Tokens
import Transport

@testable import Gateway

/// What tunnels are to a pool that looks for a worker: less than requests.
@Suite struct TunnelChoiceTests {
    private final class Waiter: WorkerWaiter {
        var lease: WorkerLease?
        var failedWorker: Worker? { nil }
        var isRepeatable: Bool { true }
        func workerReady(_ lease: consuming WorkerLease) { self.lease = consume lease }
        func workerUnavailable(_ error: GatewayError) { Issue.record("\(error)") }
        var connection: UpstreamConnection? { self.lease?.connection }
    }

    /// A pool of two workers in a virtual world.
    private final class Rig {
        let world: VirtualWorld
        let loop: VirtualLoop
        private let network: VirtualNetwork
        private var peers: [any ByteStream] = []
        private var waiters: [Waiter] = []
        private(set) var pool: WorkerPool!

        init(seed: UInt64, perSlot: Int) throws {
            self.world = VirtualWorld(seed: seed)
            self.loop = self.world.makeLoop()
            self.network = VirtualNetwork(world: self.world)
            var settings = PoolSettings(name: "web")
            settings.driver = .static
            let addresses: [SocketAddress] = [.loopback(port: 9_000), .loopback(port: 9_001)]
            settings.workers = addresses.map { .init($0) }
            settings.tunnels.perSlot = perSlot
            try self.world.run(on: self.loop) {
                for address in addresses {
                    _ = try self.network.listen(on: self.loop, at: address, isSecure: false) { stream in
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
                    seed: seed,
                    log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                )
                self.pool = WorkerPool(
                    settings: settings,
                    tools: tools,
                    waitingLimit: SharedLimit(),
                    tunnelLimit: SharedLimit(),
                    standings: SharedStandings()
                )
            }
        }

        /// The worker that a request goes to; it stays there, as a tunnel if that is wanted.
        func take(asTunnel: Bool) throws -> String {
            let waiter = Waiter()
            self.waiters.append(waiter)
            self.world.run(on: self.loop) {
                switch self.pool.acquire(for: waiter) {
                case .ready(let lease): waiter.lease = consume lease
                case .pending: break
                case .refused(let error): Issue.record("\(error)")
                }
            }
            self.world.run(forNanoseconds: Nanoseconds.perSecond)
            let connection = try #require(waiter.connection)
            if asTunnel { self.pool.tunnelOpened(connection) }
            return connection.worker.id
        }

        func end() {
            self.world.run(on: self.loop) {
                for waiter in self.waiters { waiter.lease.take()?.abort() }
            }
        }
    }

    @Test(arguments: 0..<10 as Range<UInt64>)
    func worker_withTunnels_isFreerThanOneWithARequest(seed: UInt64) throws {
        let rig = try Rig(seed: seed, perSlot: 10)
        let first = try rig.take(asTunnel: true)
        // The other one has nothing to do.
        let other = try rig.take(asTunnel: false)
        #expect(other != first)
        // One request is as much as ten tunnels.
        for _ in 0..<8 { #expect(try rig.take(asTunnel: true) == first) }
        let sample = rig.pool.current
        #expect(sample.inFlight == 1 && sample.tunnels == 9 && sample.slotsTaken == 2)
        #expect(sample.workerInFlight[first] == 9, "whoever drains it has to wait for its tunnels")
        rig.end()
        let rest = rig.pool.current
        #expect(rest.inFlight == 0 && rest.tunnels == 0)
    }

    /// Where each tunnel keeps a slot busy they are spread as requests are.
    @Test func worker_whoseTunnelsAreWholeRequests_isAsBusyAsWithThese() throws {
        let rig = try Rig(seed: 1, perSlot: 1)
        var taken: [String: Int] = [:]
        for _ in 0..<10 { taken[try rig.take(asTunnel: true), default: 0] += 1 }
        #expect(taken.values.sorted() == [5, 5])
        rig.end()
    }
}
