import Addresses
import Primitives
import Rooms
import Settings
import TestKit
import Testing
import Transport

@testable import Gateway

/// An open tunnel in virtual time: its visitor stays inside, and it ends when it has to.
@Suite struct OpenTunnelTests {
    private final class Owner: TunnelOwner {
        var isClientCongested = false
        var bytesTheWorkerOwes = 0
        private(set) var end: TunnelEnd?
        func tunnelHasToEnd(_ why: TunnelEnd) { self.end = why }
    }

    /// A room with one visitor inside, and a pool.
    private struct Rig {
        let scene: GateScene
        let pool: WorkerPool
        let limit = SharedLimit()
        let key: LineKey
        let owner = Owner()

        init(_ seed: UInt64, configure: (inout TunnelSettings) -> Void = { _ in }) throws {
            let scene = GateScene(seed, slots: 5) { $0.sessionMicros = 6_000_000 }
            scene.run(forSeconds: 0.2)
            let visitor = scene.park(.join)
            scene.run(forSeconds: 0.5)
            self.key = LineKey(try #require(visitor.pass))
            self.scene = scene
            var settings = PoolSettings(name: "web")
            settings.driver = .static
            settings.workers = [.init(SocketAddress.loopback(port: 9_000))]
            settings.tunnels.graceNanoseconds = 2 * Nanoseconds.perSecond
            configure(&settings.tunnels)
            let limit = self.limit
            self.pool = scene.world.run(on: scene.loops[0]) {
                WorkerPool(
                    settings: settings,
                    tools: scene.gates[0].tools,
                    waitingLimit: SharedLimit(),
                    tunnelLimit: limit,
                    standings: SharedStandings()
                )
            }
        }

        func open(isGuarded: Bool = true) -> OpenTunnel {
            self.scene.world.run(on: self.scene.loops[0]) {
                OpenTunnel(
                    tools: self.scene.gates[0].tools,
                    pool: self.pool,
                    stay: isGuarded ? (self.scene.gates[0], self.key) : nil,
                    owner: self.owner
                )
            }
        }

        func run<Result>(_ body: () -> Result) -> Result { self.scene.world.run(on: self.scene.loops[0], body) }
        var sessions: Int64? { self.scene.gates[0].snapshot?.sessions }
    }

    // MARK: The session

    /// A visitor who sends no request has lost the slot after six seconds here; with a tunnel it stays.
    @Test func session_isRenewedWhileTheTunnelIsOpen_andNoLonger() throws {
        let rig = try Rig(31)
        let tunnel = rig.open()
        rig.scene.run(forSeconds: 30)
        #expect(rig.sessions == 1 && rig.owner.end == nil)
        // Six times a session, as requests would do it.
        let renewals = rig.scene.count("renew")
        #expect((25...31).contains(renewals), "\(renewals) renewals in 30 s")
        rig.run { tunnel.close() }
        rig.scene.run(forSeconds: 10)
        #expect(rig.sessions == 0)
        #expect(rig.scene.count("renew") == renewals)
        #expect(rig.scene.gates[0].guests.isEmpty)
    }

    /// The origin says on another loop that the visitor is done.
    @Test func session_isReleasedElsewhere_theTunnelHasItsGraceAndEnds() throws {
        let rig = try Rig(32)
        let tunnel = rig.open()
        rig.scene.run(forSeconds: 1)
        rig.scene.world.run(on: rig.scene.loops[1]) { rig.scene.gates[1].release(rig.key) }
        rig.scene.run(forSeconds: 1.5)
        #expect(rig.owner.end == nil)
        #expect(rig.sessions == 0, "the slot is not kept by the tunnel's renewals")
        rig.scene.run(forSeconds: 2)
        #expect(rig.owner.end == .session)
        rig.run { tunnel.close() }
    }

    @Test func stateIsAway_theTunnelGoesOn_andTheSessionIsThereAfterwards() throws {
        let rig = try Rig(33)
        let tunnel = rig.open()
        rig.scene.run(forSeconds: 1)
        rig.scene.rooms.goAway(forNanoseconds: 20 * Nanoseconds.perSecond)
        rig.scene.run(forSeconds: 25)
        #expect(rig.owner.end == nil)
        rig.scene.run(forSeconds: 10)
        #expect(rig.owner.end == nil && rig.sessions == 1)
        rig.run { tunnel.close() }
    }

    @Test func roomIsTakenAway_theTunnelGoesOnWithoutIt() throws {
        let rig = try Rig(34)
        let tunnel = rig.open()
        rig.scene.run(forSeconds: 1.4)
        rig.run { rig.scene.gates[0].dissolve() }
        let renewals = rig.scene.count("renew")
        rig.scene.run(forSeconds: 10)
        #expect(rig.owner.end == nil && rig.scene.gates[0].guests.isEmpty)
        #expect(rig.scene.count("renew") == renewals)
        rig.run { tunnel.close() }
    }

    // MARK: Its end

    @Test func silence_endsIt_bytesDoNot() throws {
        let rig = try Rig(35) { $0.idleTimeoutNanoseconds = 5 * Nanoseconds.perSecond }
        let tunnel = rig.open(isGuarded: false)
        for _ in 0..<4 {
            rig.scene.run(forSeconds: 4)
            rig.run { tunnel.moved() }
        }
        #expect(rig.owner.end == nil)
        rig.scene.run(forSeconds: 6)
        #expect(rig.owner.end == .idle)
        rig.run { tunnel.close() }
    }

    /// Whoever takes what waits for it is not silent; who takes nothing is.
    @Test func workerTakesSlowly_isNoSilence() throws {
        let rig = try Rig(36) { $0.idleTimeoutNanoseconds = 5 * Nanoseconds.perSecond }
        let tunnel = rig.open(isGuarded: false)
        for owed in [50_000, 40_000, 30_000, 20_000] {
            rig.owner.bytesTheWorkerOwes = owed
            rig.scene.run(forSeconds: 4)
        }
        #expect(rig.owner.end == nil)
        rig.scene.run(forSeconds: 11)
        #expect(rig.owner.end == .idle)
        rig.run { tunnel.close() }
    }

    /// A client that takes slowly is the affair of `write_timeout`.
    @Test func clientTakesSlowly_isNoSilence() throws {
        let rig = try Rig(37) { $0.idleTimeoutNanoseconds = 5 * Nanoseconds.perSecond }
        let tunnel = rig.open(isGuarded: false)
        rig.owner.isClientCongested = true
        rig.scene.run(forSeconds: 20)
        #expect(rig.owner.end == nil)
        rig.owner.isClientCongested = false
        rig.scene.run(forSeconds: 11)
        #expect(rig.owner.end == .idle)
        rig.run { tunnel.close() }
    }

    @Test func drain_endsItWithinTheGrace() throws {
        let rig = try Rig(38)
        let tunnel = rig.open()
        rig.run { tunnel.gatewayDrains() }
        rig.scene.run(forSeconds: 0.9)
        #expect(rig.owner.end == nil)
        rig.scene.run(forSeconds: 1.3)
        #expect(rig.owner.end == .draining)
        rig.run { tunnel.close() }
    }

    // MARK: How many

    /// Of 64 connections to the one worker either loop has 32, and gives away no more than half of them: clients come to
    /// loops by chance, and one with tunnels alone would serve nobody else.
    @Test func most_isHalfOfTheConnections_unlessTheSettingsSayOtherwise() throws {
        for (most, expected) in [(nil, 16), (100, 16), (3, 3), (0, 0)] as [(Int?, Int)] {
            let rig = try Rig(39) { $0.most = most }
            let taken = (0..<100).count { _ in rig.run { rig.pool.takeTunnel() } }
            #expect(taken == expected)
            if taken > 0 {
                rig.pool.giveBackTunnel()
                #expect(rig.pool.takeTunnel() && !rig.pool.takeTunnel())
            }
        }
    }
}
