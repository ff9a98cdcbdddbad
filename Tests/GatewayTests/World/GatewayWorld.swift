import Logging
import Primitives
import Rooms
import Settings
import SharedState
import TestKit
import Tokens
import Transport

@testable import Gateway

/// One or two whole gateways in virtual time: several loops, workers and clients of all manners, and a shared state that
/// delays, fails, repeats, goes away, goes back in time and starts empty. The seed decides everything.
final class GatewayWorld {
    let world: VirtualWorld
    let network: VirtualNetwork
    private let gatewayLoops: [[VirtualLoop]]
    private let workerLoop: VirtualLoop
    private let clientLoop: VirtualLoop
    let rooms: FickleRooms
    let register = WorldRegister()
    private(set) var gateways: [Gateway] = []
    private var clients: [WorldClient] = []
    /// What somebody saw that must not happen.
    private(set) var complaints: [String] = []
    private var generation: Int64 = 0
    private var settings = Settings()

    init(seed: UInt64) {
        self.world = VirtualWorld(seed: seed)
        self.network = VirtualNetwork(world: self.world)
        self.rooms = FickleRooms(world: self.world)
        self.gatewayLoops = (0..<self.world.random(1...2)).map { [world] _ in
            (0..<world.random(1...3)).map { _ in world.makeLoop() }
        }
        self.workerLoop = self.world.makeLoop()
        self.clientLoop = self.world.makeLoop()
        self.settings = self.makeSettings()
    }

    private var addresses: [SocketAddress] {
        self.gatewayLoops.indices.map { .loopback(port: 8_080 + UInt16($0)) }
    }
    private static let workers: [SocketAddress] = [
        .loopback(port: 9_001), .loopback(port: 9_002), .loopback(port: 9_003),
    ]

    /// The limits of a room may be others each time: the settings that are made last are in force.
    private func makeSettings() -> Settings {
        var settings = Settings()
        self.generation += 1
        settings.fileMicros = self.generation
        var pool = PoolSettings(name: "web")
        pool.driver = .static
        // The third refuses every connection.
        pool.workers = Self.workers.map { .init($0) }
        pool.connectionsPerWorker = self.world.random(1...8)
        pool.waitingRequests = self.world.random(0...20)
        pool.waitingTimeoutNanoseconds = 700 * Nanoseconds.perMillisecond
        pool.connectTimeoutNanoseconds = 300 * Nanoseconds.perMillisecond
        pool.responseTimeoutNanoseconds = 900 * Nanoseconds.perMillisecond
        var other = pool
        other.name = "other"
        settings.pools = [pool, other]
        var room = RoomSettings(name: "sale", slots: Int64(self.world.random(1...10)), inflowMilli: 20_000)
        room.burst = 3
        room.sessionMicros = 2_000_000
        settings.rooms = [room]
        settings.limits.bufferedBodyBytes = self.world.pick([0, 1_000, 64 * 1_024])!
        settings.limits.doorTimeoutNanoseconds = 500 * Nanoseconds.perMillisecond
        settings.limits.idleTimeoutNanoseconds = 2 * Nanoseconds.perSecond
        settings.limits.headTimeoutNanoseconds = Nanoseconds.perSecond
        settings.limits.bodyTimeoutNanoseconds = Nanoseconds.perSecond
        settings.limits.writeTimeoutNanoseconds = Nanoseconds.perSecond
        settings.limits.waitingToJoin = self.world.random(1...20)
        settings.limits.waitingAtDoor = self.world.random(0...10)
        settings.routes = [
            RouteSettings(path: "/open", pool: "web"), RouteSettings(path: "/sale", pool: "web", room: "sale"),
        ]
        return settings
    }

    /// Other settings: a room is put on a route or taken off, a pool taken away or put back.
    private func changedSettings() -> Settings {
        var settings = self.makeSettings()
        switch self.world.random(1...4) {
        case 1: settings.routes[0].room = "sale"
        case 2:
            settings.rooms = []
            settings.routes[1].room = nil
        case 3:
            settings.pools.removeFirst()
            for index in settings.routes.indices { settings.routes[index].pool = "other" }
        default: break
        }
        return settings
    }

    // MARK: Playing

    func play() {
        let boards = MemoryBoards()
        for index in self.gatewayLoops.indices { self.start(gateway: index, boards) }
        self.startWorkers()
        // A line is named by the second of its creation: one that is lost within it cannot be told from the next.
        self.world.run(forNanoseconds: Nanoseconds.perSecond)
        for _ in 0..<self.world.random(3...14) {
            self.world.run(on: self.clientLoop) { self.startClient() }
            self.world.run(forNanoseconds: self.world.random(0...300_000_000))
            if self.world.oneIn(8) { self.reload(self.changedSettings()) }
            if self.world.oneIn(6) { self.trouble() }
        }
        self.rooms.isCalm = self.world.oneIn(2)
        let allDone = self.world.run(withinNanoseconds: 240 * Nanoseconds.perSecond) {
            self.clients.allSatisfy(\.isDone)
        }
        self.expect(allDone, "every client gets its responses, or is told: \(self.clients.map(\.books))")
    }

    /// What a gateway makes of its room when the shared state goes away for so long, and its machine's clock is set at the
    /// beginning of that.
    func mode(afterAwayForNanoseconds away: Int64, clockSetByMicros shift: Int64) -> RoomMode? {
        self.rooms.isCalm = true
        self.start(gateway: 0, MemoryBoards())
        self.startWorkers()
        self.world.run(forNanoseconds: 3 * Nanoseconds.perSecond)
        self.rooms.goAway(forNanoseconds: 60 * Nanoseconds.perSecond)
        // New settings send a tick at once.
        self.world.run(on: self.gatewayLoops[0][0]) {
            self.gateways[0].apply(self.settings, keys: Self.keys, connectionLimit: 40)
        }
        self.world.wallShiftMicros = shift
        self.world.run(forNanoseconds: away)
        var report: GatewayReport?
        self.world.run(on: self.gatewayLoops[0][0]) { self.gateways[0].report { report = $0 } }
        _ = self.world.run(withinNanoseconds: Nanoseconds.perSecond) { report != nil }
        return report?.rooms.first?.mode
    }

    private func start(gateway index: Int, _ boards: MemoryBoards) {
        // One thread plays all of it.
        nonisolated(unsafe) let unshared = (world: self.world, rooms: self.rooms)
        let loops = self.gatewayLoops[index]
        let gateway = Gateway(
            id: "g\(index)",
            settings: self.settings,
            keys: Self.keys,
            loops: loops,
            network: self.network,
            processes: ProcessSight(own: nil) { _ in false },
            log: Logger(label: "world") { _ in SwiftLogNoOpLogHandler() },
            makeStores: { loop in
                SharedStores(
                    rooms: FickleRoomStore(loop: loop, rooms: unshared.rooms, world: unshared.world),
                    pools: MemoryPoolBoard(loop: loop, boards: boards)
                )
            }
        )
        self.gateways.append(gateway)
        var hasStarted = false
        self.world.run(on: loops[0]) {
            gateway.start(
                listeners: [GatewayListener(number: 0, address: self.addresses[index], identity: nil)],
                connectionLimit: self.world.random(4...40),
                seed: self.world.seed
            ) { result in
                if case .failure(let error) = result { self.complaints.append("\(error)") }
                hasStarted = true
            }
        }
        self.expect(self.world.run(withinNanoseconds: Nanoseconds.perSecond) { hasStarted }, "the gateway starts")
    }

    private static let keys = [SigningKey(id: 1, secret: [UInt8](repeating: 7, count: 32))]

    /// What happens to a Redis that is not looked after.
    private func trouble() {
        switch self.world.random(1...4) {
        case 1: self.rooms.startEmpty()
        case 2: self.rooms.goBack(byNanoseconds: self.world.random(0...2_500_000_000))
        case 3:
            // Its place is taken by one that is behind.
            self.rooms.goAway(forNanoseconds: self.world.random(100_000_000...3_000_000_000))
            self.rooms.goBack(byNanoseconds: self.world.random(0...1_500_000_000))
        default: self.rooms.goAway(forNanoseconds: self.world.random(100_000_000...4_000_000_000))
        }
    }

    private func startWorkers() {
        self.world.run(on: self.workerLoop) {
            for address in Self.workers.dropLast() {
                _ = try? self.network.listen(on: self.workerLoop, at: address, isSecure: false) { stream in
                    WorldWorker(loop: self.workerLoop, stream: stream) { self.complaints.append($0) }
                }
            }
        }
    }

    private func startClient() {
        let client = WorldClient(
            loop: self.clientLoop,
            network: self.network,
            addresses: self.addresses,
            register: self.register
        ) { self.complaints.append($0) }
        self.clients.append(client)
        client.start()
    }

    /// One gateway after the other, as a rolling reload does.
    private func reload(_ settings: Settings) {
        for (gateway, loops) in zip(self.gateways, self.gatewayLoops) {
            self.world.run(on: loops[0]) { gateway.apply(settings, keys: Self.keys, connectionLimit: 40) }
            self.world.run(forNanoseconds: self.world.random(0...100_000_000))
        }
    }

    /// While the gateways still run: nobody waits, no worker is held, nobody is connected.
    func checkRest() {
        self.world.run(forNanoseconds: 5 * Nanoseconds.perSecond)
        for (gateway, loops) in zip(self.gateways, self.gatewayLoops) { self.checkRest(of: gateway, loops) }
    }

    private func checkRest(of gateway: Gateway, _ loops: [VirtualLoop]) {
        var report: GatewayReport?
        self.world.run(on: loops[0]) { gateway.report { report = $0 } }
        self.expect(self.world.run(withinNanoseconds: Nanoseconds.perSecond) { report != nil }, "a report")
        guard let report else { return }
        self.expect(report.openConnections == 0, "\(report.openConnections) connections are open")
        for pool in report.pools {
            self.expect(pool.inFlight == 0, "\(pool.inFlight) leases are out")
            self.expect(pool.queued == 0, "\(pool.queued) requests wait for a worker")
        }
        for room in report.rooms {
            self.expect(
                room.joining == 0 && room.atDoor == 0,
                "parked: \(room.joining) joining, \(room.atDoor) at the door"
            )
            if self.rooms.isCalm { self.expect(room.mode == .normal, "the room is \(room.mode)") }
        }
    }

    /// Ends the gateways: they say so, and nothing of them is left.
    func checkEnd() {
        for (gateway, loops) in zip(self.gateways, self.gatewayLoops) {
            var hasEnded = false
            self.world.run(on: loops[0]) {
                gateway.drain(timeoutNanoseconds: 20 * Nanoseconds.perSecond) { hasEnded = true }
            }
            self.expect(
                self.world.run(withinNanoseconds: 10 * Nanoseconds.perSecond) { hasEnded },
                "the gateway drains"
            )
        }
        self.gateways = []
        self.clients = []
        self.world.run(forNanoseconds: 3 * Nanoseconds.perSecond)
        self.expect(self.network.openStreamCount == 0, "\(self.network.openStreamCount) streams are left")
        for loop in self.gatewayLoops.joined() {
            self.expect(loop.timers.count == 0, "loop \(loop.index) has \(loop.timers.count) timers left")
        }
    }

    private func expect(_ holds: Bool, _ what: @autoclosure () -> String) {
        if !holds { self.complaints.append(what()) }
    }
}
