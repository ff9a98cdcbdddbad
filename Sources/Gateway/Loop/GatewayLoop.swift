import Addresses
import EventLoop
import Logging
import Observability
import Primitives
import Rooms
import Settings
import SharedState
import Tokens
import Transport

/// What the loops of one gateway have in common.
final class GatewayShares: Sendable {
    let rooms: SharedRooms
    /// Which workers are well, over all loops.
    let standings = PoolStandings()
    let draining = DrainFlag()
    /// Client connections, over all loops.
    let connections = SharedLimit()
    let accessLog: AccessLog
    private let waiting = SharedLimits()
    private let tunnels = SharedLimits()

    /// `gateway` names it among the gateways that share a state.
    init(gateway: String, log: Logger) {
        self.rooms = SharedRooms(gateway: gateway)
        self.accessLog = AccessLog(log: log)
    }

    /// Requests that wait for a worker of that pool, over all loops.
    func waitingLimit(pool: String) -> SharedLimit { self.waiting[pool] }
    /// Tunnels to workers of that pool, over all loops.
    func tunnelLimit(pool: String) -> SharedLimit { self.tunnels[pool] }
}

/// Everything of the gateway that belongs to one loop. Loops share no connection, room or pool; what one has to know of
/// another travels as a message, or is one of the few numbers in `GatewayShares`.
final class GatewayLoop: ConnectionRegistry {
    let tools: LoopTools
    let store: any RoomStore
    private let shares: GatewayShares
    private let accessSpool: LineSpool
    private let routes = RouteBook()
    let exchanges: ExchangeShelf
    private(set) var gates: [String: RoomGate] = [:]
    private(set) var pools: [String: WorkerPool] = [:]
    var listeners = LoopListeners()
    private var connections = ConnectionList()
    private var connectionLimit: Int
    private var onDrained: (() -> Void)?

    init(
        tools: LoopTools,
        store: any RoomStore,
        shares: GatewayShares,
        settings: Settings,
        keys: [SigningKey],
        connectionLimit: Int
    ) {
        self.tools = tools
        self.store = store
        self.shares = shares
        self.exchanges = ExchangeShelf(tools: tools, routes: self.routes)
        self.accessSpool = shares.accessLog.makeSpool()
        self.connectionLimit = connectionLimit
        self.apply(settings, keys: keys, connectionLimit: connectionLimit)
    }

    // MARK: Settings

    /// Takes new settings over between two requests: rooms and pools that stay keep their state, and requests under
    /// way keep what they began with.
    func apply(_ settings: Settings, keys: [SigningKey], connectionLimit: Int) {
        self.tools.limits = settings.limits
        self.tools.forwarding = ForwardingRules(settings.forwarding)
        let accessLog = self.shares.accessLog
        self.tools.accessLog = AccessLogDesk(settings.accessLog, log: accessLog, spool: self.accessSpool)
        self.tools.loop.buffers.limitBytes = settings.limits.bufferBytes / self.tools.loopCount
        self.tools.signer = TokenSigner(keys: keys)
        self.connectionLimit = connectionLimit
        // Half of the house stays with those who are through the door, however many come at once.
        self.tools.network.limitHandshakes(
            on: self.tools.loop,
            waiting: connectionLimit / (2 * self.tools.loopCount)
        )
        self.listeners.apply(settings.listeners)
        self.tools.reach.keepContexts(of: settings)
        var pools: [String: WorkerPool] = [:]
        for pool in settings.pools {
            let kept = self.pools[pool.name]
            kept?.apply(pool)
            pools[pool.name] =
                kept
                ?? WorkerPool(
                    settings: pool,
                    tools: self.tools,
                    waitingLimit: self.shares.waitingLimit(pool: pool.name),
                    tunnelLimit: self.shares.tunnelLimit(pool: pool.name),
                    standings: self.shares.standings[pool.name]
                )
        }
        var gates: [String: RoomGate] = [:]
        for room in settings.rooms {
            let kept = self.gates[room.name]
            kept?.apply(room)
            gates[room.name] =
                kept
                ?? RoomGate(
                    settings: room,
                    tools: self.tools,
                    store: self.store,
                    shared: self.shares.rooms[room.name]
                )
        }
        let goneGates = self.gates.filter { gates[$0.key] == nil }.values
        let gonePools = self.pools.filter { pools[$0.key] == nil }.values
        self.pools = pools
        self.gates = gates
        self.routes.table = self.makeTable(settings)
        // Whoever waits in what is gone is told when the new routes are in force.
        for gate in goneGates { gate.dissolve() }
        for pool in gonePools { pool.dissolve() }
    }

    private func makeTable(_ settings: Settings) -> RouteTable<Route> {
        let guards = Dictionary(uniqueKeysWithValues: settings.rooms.enumerated().map { ($1.name, $0) })
        return RouteTable(
            settings.routes.compactMap { route in
                guard let pool = self.pools[route.pool] else { return nil }
                return RouteTable<Route>.Entry(
                    host: route.host,
                    path: route.path,
                    target: Route(gate: route.room.flatMap { self.gates[$0] }, pool: pool),
                    guardedBy: route.room.flatMap { guards[$0] },
                    isExact: route.pathMatching == .exact
                )
            }
        )
    }

    // MARK: Ways to workers

    /// Names of workers have been looked up.
    func take(_ addresses: [String: [IPAddress]]) {
        self.tools.reach.addresses = addresses
        for pool in self.pools.values where !pool.settings.lookups.isEmpty { pool.updateListed() }
    }

    /// TLS with the workers of a pool is as `context` has it from now on, while the pool's settings name the same files.
    func secure(_ pool: String, with context: TLSContext, madeOf tls: WorkerTLSSettings) {
        self.tools.reach.secure(pool, with: context, madeOf: tls)
        if let pool = self.pools[pool], pool.settings.usesTLS { pool.updateListed() }
    }

    // MARK: Ticks

    func take(_ news: RoomNews, of room: String) { self.gates[room]?.take(news) }

    // MARK: Connections

    /// `number` is its place in the settings' list. Returns the address with its port.
    func listen(on address: SocketAddress, tls: TLSContext?, number: Int) throws -> SocketAddress {
        let rules = self.listeners.rules(of: number)
        // Known once it listens, which is before the first connection is taken.
        var port: UInt16?
        let listener = try self.tools.network.listen(on: self.tools.loop, at: address, tls: tls) {
            [weak self] stream in
            self?.accept(stream, rules, port: port)
        }
        port = listener.boundAddress.port
        self.listeners.add(listener, number: number)
        return listener.boundAddress
    }

    private func accept(_ stream: any ByteStream, _ rules: ListenerRules, port: UInt16?) -> (any StreamHandler)? {
        guard self.takeConnection() else {
            self.tools.counters.connectionsRefused += 1
            return nil
        }
        self.tools.counters.connectionsAccepted += 1
        self.tools.counters.connectionsOpen += 1
        let connection = HTTP1Connection(
            tools: self.tools,
            registry: self,
            rules: rules,
            stream: stream,
            listenPort: port
        )
        self.connections.insert(connection)
        return connection
    }

    func goOnWithHTTP2(_ connection: any ClientConnection, _ stream: any ByteStream) -> any StreamHandler {
        self.tools.counters.connectionsHTTP2 += 1
        let next = HTTP2Connection(
            tools: self.tools,
            routes: self.routes,
            registry: self,
            rules: connection.rules,
            stream: stream,
            listenPort: connection.listenPort
        )
        self.connections.remove(connection)
        self.connections.insert(next)
        stream.setHandler(next)
        next.begin()
        if self.tools.isDraining { next.drain() }
        return next
    }

    private func takeConnection() -> Bool {
        if self.shares.connections.take(limit: self.connectionLimit) { return true }
        return self.evictIdleConnection() && self.shares.connections.take(limit: self.connectionLimit)
    }

    /// The house is full: whoever has been idle for longest, of a few looked at, makes room for a visitor who has
    /// something to ask. False when none of them is idle.
    private func evictIdleConnection() -> Bool {
        guard let idlest = self.connections.idlest(random: &self.tools.random) else { return false }
        self.tools.counters.connectionsEvicted += 1
        idlest.evict()
        return true
    }

    func connectionClosed(_ connection: any ClientConnection) {
        self.tools.counters.connectionsOpen -= 1
        self.shares.connections.giveBack()
        self.connections.remove(connection)
        if self.tools.isDraining, self.connections.isEmpty { self.finishDraining() }
    }

    /// Takes no more connections, lets requests under way end, and then calls `completion`. Those at a door are sent
    /// round at once: it is another gateway that will let them in.
    func drain(_ completion: @escaping () -> Void) {
        self.onDrained = completion
        self.listeners.close()
        for gate in self.gates.values { gate.closeDoor() }
        for connection in self.connections.all { connection.drain() }
        if self.connections.isEmpty { self.finishDraining() }
    }

    private func finishDraining() {
        for pool in self.pools.values { pool.closeIdle() }
        let completion = self.onDrained
        self.onDrained = nil
        completion?()
    }
}
