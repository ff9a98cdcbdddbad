import Addresses
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

/// A pool whose workers are behind names, as answers of the name server come and go.
@Suite struct NamedWorkersTests {
    /// Workers at some addresses, a pool of one loop, and a waiter that asks it for connections.
    private final class Rig: WorkerWaiter {
        static let addresses: [IPAddress] = [.v4(0x0A00_0001), .v4(0x0A00_0002), .v6(0, 1)]
        let world = VirtualWorld(seed: 3)
        let loop: VirtualLoop
        let network: VirtualNetwork
        let tools: LoopTools
        let standings = SharedStandings()
        private(set) var pool: WorkerPool!
        private(set) var lease: WorkerLease?
        private(set) var refusal: GatewayError?
        var failedWorker: Worker? { nil }
        let isRepeatable = true
        private var peers: [any ByteStream] = []

        init(_ workers: [String], listening: [IPAddress] = Rig.addresses) throws {
            self.loop = self.world.makeLoop()
            self.network = VirtualNetwork(world: self.world)
            self.tools = LoopTools(
                loop: self.loop,
                network: self.network,
                loopCount: 1,
                limits: LimitSettings(),
                keys: [SigningKey(id: 1, secret: [UInt8](repeating: 1, count: 32))],
                draining: DrainFlag(),
                seed: 1,
                log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            var settings = PoolSettings(name: "shop")
            settings.driver = .static
            settings.workers = try workers.map { try WorkerAddress(parsing: $0) }
            try self.world.run(on: self.loop) {
                for address in listening {
                    let place = SocketAddress(address, port: 80)
                    _ = try self.network.listen(on: self.loop, at: place, isSecure: false) { stream in
                        self.peers.append(stream)
                        return ScriptedHandler()
                    }
                }
                self.pool = WorkerPool(
                    settings: settings,
                    tools: self.tools,
                    waitingLimit: SharedLimit(),
                    tunnelLimit: SharedLimit(),
                    standings: self.standings
                )
            }
        }

        /// The settings have been read again.
        func apply(_ workers: [String], authority: String) throws {
            var settings = self.pool.settings
            settings.workers = try workers.map { try WorkerAddress(parsing: $0) }
            settings.tls.authority = authority
            self.world.run(on: self.loop) { self.pool.apply(settings) }
        }

        /// The files that settings name have been loaded.
        func secure(_ context: TLSContext, authority: String) {
            var tls = WorkerTLSSettings()
            tls.authority = authority
            self.world.run(on: self.loop) {
                self.tools.reach.secure("shop", with: context, madeOf: tls)
                self.pool.updateListed()
            }
        }

        /// The context for a worker that is listed by its address; nil when it is not used.
        func context(of worker: String) throws -> TLSContext? {
            let listed = try WorkerAddress(parsing: worker)
            guard case .address(let address) = listed.place else { return nil }
            return self.pool.way(to: listed.description, at: address)?.tls?.context
        }

        /// The name server's word has come.
        func know(_ addresses: [String: [IPAddress]]) {
            self.world.run(on: self.loop) {
                self.tools.reach.addresses = addresses
                self.pool.updateListed()
            }
        }

        func ask() {
            self.refusal = nil
            self.world.run(on: self.loop) {
                switch self.pool.acquire(for: self) {
                case .ready(let lease): self.lease = consume lease
                case .pending: break
                case .refused(let error): self.refusal = error
                }
            }
        }

        /// The worker of the connection that is held.
        var held: Worker? { self.lease?.connection.worker }

        /// Asks for a connection, and says which worker it is to; the lease is kept.
        func reach() -> String? {
            self.ask()
            self.wait()
            return self.held?.id
        }

        func workerReady(_ lease: consuming WorkerLease) { self.lease = consume lease }
        func workerUnavailable(_ error: GatewayError) { self.refusal = error }
        func wait() { self.world.run(forNanoseconds: Nanoseconds.perSecond) }
        func giveBack() { self.world.run(on: self.loop) { self.lease.take()?.abort() } }
    }

    @Test func name_notAnsweredFor_isWaitedFor() throws {
        let rig = try Rig(["http://shop"])
        #expect(rig.standings.healthy == nil, "nobody knows yet")
        rig.ask()
        rig.wait()
        #expect(rig.held == nil && rig.refusal == nil)
        rig.know(["shop": [Rig.addresses[0]]])
        rig.wait()
        #expect(rig.held?.id == "http://shop:80 at 10.0.0.1" && rig.standings.healthy == 1)
        rig.giveBack()
    }

    @Test func name_thatCannotBeLookedUp_hasNoWorkers() throws {
        let rig = try Rig(["http://shop"])
        rig.know(["shop": []])
        #expect(rig.standings.healthy == 0)
        rig.ask()
        rig.world.run(forNanoseconds: 3 * Nanoseconds.perSecond)
        #expect(rig.refusal == .noWorker)
    }

    @Test func addresses_change_newRequestsGoThere_andTheOldOnesEndInPeace() throws {
        let rig = try Rig(["http://shop"])
        rig.know(["shop": [Rig.addresses[0]]])
        #expect(rig.reach() == "http://shop:80 at 10.0.0.1")
        let old = try #require(rig.held)
        rig.know(["shop": [Rig.addresses[1]]])
        #expect(rig.standings.healthy == 1 && rig.pool.current.inFlight == 1)
        #expect(!old.isReady && rig.network.openStreamCount == 2, "what is under way is left alone")
        rig.giveBack()
        #expect(rig.reach() == "http://shop:80 at 10.0.0.2")
        rig.giveBack()
        rig.wait()
        #expect(rig.pool.current.inFlight == 0)
    }

    /// As with `localhost`, where only one of its addresses is listened at.
    @Test func bothFamilies_onlyOneListens_isFoundByItself() throws {
        let rig = try Rig(["http://localhost"], listening: [Rig.addresses[0]])
        rig.know(["localhost": [Rig.addresses[0], Rig.addresses[2]]])
        for _ in 0..<20 {
            #expect(rig.reach() == "http://localhost:80 at 10.0.0.1" && rig.refusal == nil)
            rig.giveBack()
        }
        #expect(rig.standings.summary.failing.map(\.id) == ["http://localhost:80 at ::1"])
        #expect(rig.standings.healthy == 1)
    }

    /// Workers with TLS of which nobody has said whom to trust yet get nothing, in plain text least of all.
    @Test func https_withoutAContext_isNotUsed() throws {
        let rig = try Rig(["https://10.0.0.1:80"])
        rig.ask()
        rig.wait()
        #expect(rig.held == nil && rig.network.madeStreams == 0 && rig.standings.healthy == nil)
        let mixed = try Rig(["https://10.0.0.1:80", "10.0.0.2:80"])
        #expect(mixed.reach() == "10.0.0.2:80" && mixed.standings.healthy == 1)
        mixed.giveBack()
    }

    /// A tunnel may last for hours: the time of its end says nothing about the worker's certificate.
    @Test func handshake_thatWentOn_hasTheTimeOfItsSession() throws {
        let (earlier, now) = (Instant(nanoseconds: 5), Instant(nanoseconds: 9))
        let tls = OutgoingTLS(context: try TLSContext(), serverName: "shop.internal")
        let handshake = WorkerHandshake(tls: tls, began: now, ticketVerifiedAt: earlier)
        #expect(handshake.verifiedAt(isResumed: true) == earlier)
        #expect(handshake.verifiedAt(isResumed: false) == now, "the worker did not go on with it")
        let fresh = WorkerHandshake(tls: tls, began: now, ticketVerifiedAt: nil)
        #expect(fresh.verifiedAt(isResumed: true) == nil && fresh.verifiedAt(isResumed: false) == now)
    }

    /// Seen before: until the new files were loaded, new workers were reached under the old authority.
    @Test func authority_changes_newWorkersWaitForIt_andTheOldOnesStay() throws {
        let (old, new) = ("https://10.0.0.1:80", "https://10.0.0.2:80")
        let (first, second) = (try TLSContext(), try TLSContext())
        let rig = try Rig([])
        try rig.apply([old], authority: "first.pem")
        rig.secure(first, authority: "first.pem")
        #expect(try rig.context(of: old) === first && rig.standings.healthy == 1)
        try rig.apply([old, new], authority: "second.pem")
        #expect(try rig.context(of: old) === first && rig.context(of: new) == nil && rig.standings.healthy == 1)
        // Nothing of the old ones is at hand any more: whoever is there stays until the others can come.
        try rig.apply([new], authority: "second.pem")
        #expect(try rig.context(of: old) === first && rig.context(of: new) == nil)
        // Late news of the settings before.
        rig.secure(first, authority: "first.pem")
        #expect(try rig.context(of: new) == nil)
        rig.secure(second, authority: "second.pem")
        #expect(try rig.context(of: new) === second && rig.context(of: old) == nil && rig.standings.healthy == 1)
    }

    /// What was read of the same files is as good for another name: no reload is waited for.
    @Test func serverName_changes_theContextIsStillGood() throws {
        let (plain, context) = (WorkerTLSSettings(), try TLSContext())
        var named = plain
        named.serverName = "other.internal"
        var other = plain
        other.certificate = "gateway.pem"
        let reach = WorkerReach()
        reach.secure("shop", with: context, madeOf: plain)
        var pool = PoolSettings(name: "shop")
        pool.tls = named
        #expect(reach.context(for: pool) === context)
        pool.tls = other
        #expect(reach.context(for: pool) == nil)
        pool = PoolSettings(name: "other")
        #expect(reach.context(for: pool) == nil)
    }

    @Test func way_ofAnotherContextOrName_isAnother() throws {
        let (first, second) = (try TLSContext(), try TLSContext())
        let worker = try WorkerAddress(parsing: "https://shop.internal:8443")
        var settings = WorkerTLSSettings()
        #expect(WorkerWay(to: worker, settings, nil) == nil)
        let way = try #require(WorkerWay(to: worker, settings, first))
        #expect(way.tls?.serverName == "shop.internal" && way.authority == "shop.internal:8443")
        #expect(way == WorkerWay(to: worker, settings, first) && way != WorkerWay(to: worker, settings, second))
        settings.serverName = "other.internal"
        #expect(WorkerWay(to: worker, settings, first)?.tls?.serverName == "other.internal")
        #expect(way != WorkerWay(to: worker, settings, first))
        #expect(WorkerWay(to: try WorkerAddress(parsing: "http://shop"), settings, first)?.tls == nil)
    }
}
