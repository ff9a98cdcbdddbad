import Admission
import EventLoop
import Logging
import Primitives
import Settings
import SharedState
import Tokens
import Transport

/// What one loop of a gateway reaches the shared state through.
public struct EdgeState {
    public let rooms: any RoomStore
    public let pools: any PoolBoard

    public init(rooms: any RoomStore, pools: any PoolBoard) {
        self.rooms = rooms
        self.pools = pools
    }
}

/// Where one listener's TLS comes from.
public struct GatewayListener: Sendable {
    public let address: SocketAddress
    /// PEM files; nil for plain HTTP.
    public let certificate: (certificateFile: String, keyFile: String)?

    public init(address: SocketAddress, certificate: (certificateFile: String, keyFile: String)?) {
        self.address = address
        self.certificate = certificate
    }
}

/// A gateway: an edge on each loop, and what they do together once a tick and once a second.
///
/// Lives on its home loop, the first of its loops; all methods are called there and complete there.
public final class Gateway {
    /// How often rooms move on.
    public static let tickNanoseconds = 100 * Nanoseconds.perMillisecond
    private static let signalsNanoseconds = Nanoseconds.perSecond
    /// How often the list of workers is fetched between two reports of signals.
    private static let directoryNanoseconds = 250 * Nanoseconds.perMillisecond

    /// Names this process among the gateways that share a state.
    public let id: String
    private let home: EventLoop
    private let loops: [EventLoop]
    private let log: Logger
    private let makeState: @Sendable (EventLoop) -> EdgeState
    private let marks = RoomMarks()
    private var settings: Settings
    private var keys: [SigningKey]
    private var edges: [LoopBound<Edge>] = []
    private var pools: (any PoolBoard)?
    private var ticker: LoopTimer?
    private var signals: LoopTimer?
    private var directory: LoopTimer?
    private var ticking: Set<String> = []
    /// Ticks in a row that got no answer, by room.
    private var missedTicks: [String: Int] = [:]
    /// One missed tick is a hiccup, or a connection that is being made.
    private static let missedTicksWorthTelling = 5
    private var lastSignalsMicros: Int64 = 0
    private var isStopping = false

    /// `makeState` is called once on each loop. `loops` holds at least one, the home loop first.
    public init(
        id: String,
        settings: Settings,
        keys: [SigningKey],
        loops: [EventLoop],
        log: Logger,
        makeState: @escaping @Sendable (EventLoop) -> EdgeState
    ) {
        precondition(!loops.isEmpty, "a gateway needs a loop")
        self.id = id
        self.settings = settings
        self.keys = keys
        self.loops = loops
        self.home = loops[0]
        self.log = log
        self.makeState = makeState
    }

    // MARK: Start

    /// Listens on every loop. Completes with the addresses, ports filled in, in the order of `listeners`.
    public func start(
        listeners: [GatewayListener],
        connectionLimit: Int,
        seed: UInt64,
        completion: @escaping (Result<[SocketAddress], any Error>) -> Void
    ) {
        self.home.preconditionOnLoop()
        do {
            let first = try self.makeEdge(
                on: self.home,
                listeners: listeners,
                connectionLimit: connectionLimit,
                seed: seed
            )
            self.edges = [LoopBound(first.edge, loop: self.home)]
            self.startOthers(
                listeners: zip(listeners, first.addresses).map {
                    GatewayListener(address: $1, certificate: $0.certificate)
                },
                connectionLimit: connectionLimit,
                seed: seed
            ) { error in
                if let error { return completion(.failure(error)) }
                self.startTimers()
                completion(.success(first.addresses))
            }
        } catch {
            completion(.failure(error))
        }
    }

    private func makeEdge(
        on loop: EventLoop,
        listeners: [GatewayListener],
        connectionLimit: Int,
        seed: UInt64
    ) throws -> (edge: Edge, addresses: [SocketAddress]) {
        let state = self.makeState(loop)
        if loop === self.home { self.pools = state.pools }
        return try Self.makeEdge(
            on: loop,
            blueprint: self.blueprint(connectionLimit: connectionLimit, seed: seed),
            rooms: state.rooms,
            listeners: listeners
        )
    }

    /// What an edge is made from; travels to the edge's loop.
    private struct Blueprint: Sendable {
        let settings: Settings
        let keys: [SigningKey]
        let marks: RoomMarks
        let loopCount: Int
        let connectionLimit: Int
        let seed: UInt64
        let log: Logger
    }

    private func blueprint(connectionLimit: Int, seed: UInt64) -> Blueprint {
        Blueprint(
            settings: self.settings,
            keys: self.keys,
            marks: self.marks,
            loopCount: self.loops.count,
            connectionLimit: max(1, connectionLimit / self.loops.count),
            seed: seed,
            log: self.log
        )
    }

    private static func makeEdge(
        on loop: EventLoop,
        blueprint: Blueprint,
        rooms: any RoomStore,
        listeners: [GatewayListener]
    ) throws -> (edge: Edge, addresses: [SocketAddress]) {
        let edge = Edge(
            loop: loop,
            loopCount: blueprint.loopCount,
            store: rooms,
            marks: blueprint.marks,
            settings: blueprint.settings,
            keys: blueprint.keys,
            connectionLimit: blueprint.connectionLimit,
            seed: blueprint.seed &+ UInt64(loop.index),
            log: blueprint.log
        )
        let addresses = try listeners.map { listener in
            let tls = try listener.certificate.map {
                try TLSContext(certificateFile: $0.certificateFile, keyFile: $0.keyFile)
            }
            return try edge.listen(on: listener.address, tls: tls)
        }
        return (edge, addresses)
    }

    private func startOthers(
        listeners: [GatewayListener],
        connectionLimit: Int,
        seed: UInt64,
        completion: @escaping ((any Error)?) -> Void
    ) {
        let others = self.loops.dropFirst()
        guard !others.isEmpty else { return completion(nil) }
        let gathering = Gathering<Result<LoopBound<Edge>, any Error>>(count: others.count) { results in
            for case .failure(let error) in results { return completion(error) }
            self.edges += results.compactMap { try? $0.get() }
            completion(nil)
        }
        let back = LoopBound(gathering, loop: self.home)
        let blueprint = self.blueprint(connectionLimit: connectionLimit, seed: seed)
        // One address of the file system can be bound once only; the home loop serves it.
        let shared = listeners.filter { $0.address.port != nil }
        for loop in others {
            loop.submit { [makeState = self.makeState] in
                let result = Result {
                    let state = makeState(loop)
                    let edge = try Self.makeEdge(
                        on: loop,
                        blueprint: blueprint,
                        rooms: state.rooms,
                        listeners: shared
                    ).edge
                    return LoopBound(edge, loop: loop)
                }
                back.submit { $0.arrive(result) }
            }
        }
    }

    private func startTimers() {
        self.lastSignalsMicros = self.home.wallMicros
        self.ticker = self.repeating(every: Self.tickNanoseconds) { $0.tick() }
        self.signals = self.repeating(every: Self.signalsNanoseconds) { $0.reportSignals() }
        self.directory = self.repeating(every: Self.directoryNanoseconds) { $0.fetchDirectories() }
        self.tick()
        self.fetchDirectories()
    }

    private func repeating(every nanoseconds: Int64, _ action: @escaping (Gateway) -> Void) -> LoopTimer {
        var timer: LoopTimer?
        let made = LoopTimer(loop: self.home) { [unowned self] in
            guard !self.isStopping else { return }
            timer?.arm(afterNanoseconds: nanoseconds)
            action(self)
        }
        timer = made
        made.arm(afterNanoseconds: nanoseconds)
        return made
    }

    // MARK: Once a tick

    private func tick() {
        guard let home = self.edges.first?.open() else { return }
        for room in self.settings.rooms where !self.ticking.contains(room.name) {
            self.ticking.insert(room.name)
            home.store.tick(room: room.name, limits: RoomLimits(room), known: self.marks.known(room: room.name)) {
                self.ticking.remove(room.name)
                self.take(tick: $0, of: room.name)
            }
        }
    }

    private func take(tick result: Result<TickAnswer, StoreError>, of room: String) {
        switch result {
        case .success(let answer):
            if let missed = self.missedTicks.removeValue(forKey: room), missed >= Self.missedTicksWorthTelling {
                self.log.notice("the room moves on again", metadata: ["room": "\(room)"])
            }
            let snapshot = answer.snapshot
            self.marks.raise(
                room: room,
                epoch: snapshot.epoch,
                issued: snapshot.issued,
                serving: snapshot.serving
            )
            for edge in self.edges { edge.submit { $0.gates[room]?.take(answer) } }
        case .failure(let error):
            self.missedTicks[room, default: 0] += 1
            if self.missedTicks[room] == Self.missedTicksWorthTelling {
                self.log.error(
                    "the room stands still: those inside stay inside, those in line keep their places",
                    metadata: ["room": "\(room)", "error": "\(error)"]
                )
            }
            for edge in self.edges { edge.submit { $0.gates[room]?.missedTick() } }
        }
    }

    // MARK: Once a second

    private func reportSignals() {
        let now = self.home.wallMicros
        let interval = max(1, now - self.lastSignalsMicros)
        self.lastSignalsMicros = now
        for pool in self.settings.pools {
            let name = pool.name
            self.collect {
                $0.pools[name]?.takeSample() ?? PoolSample()
            } completion: { samples in
                var sum = PoolSample()
                for sample in samples { sum.add(sample) }
                self.report(sum, of: name, intervalMicros: interval)
            }
        }
    }

    private func report(_ sample: PoolSample, of pool: String, intervalMicros: Int64) {
        let rooms = Set(self.settings.routes.filter { $0.pool == pool }.compactMap(\.room))
        let gates = self.edges.first?.open().gates ?? [:]
        let waiting = rooms.reduce(Int64(0)) { $0 + (gates[$1]?.snapshot?.waiting ?? 0) }
        let signals = GatewaySignals(
            gateway: self.id,
            intervalMicros: intervalMicros,
            arrivals: sample.arrivals,
            unguarded: sample.unguarded,
            admissions: sample.admissions,
            waiting: Int(waiting),
            inFlight: sample.inFlight,
            queued: sample.queued,
            errors: sample.errors,
            latency: sample.latency,
            workerInFlight: sample.workerInFlight
        )
        self.pools?.report(pool: pool, signals: signals) { self.take(directory: $0, of: pool) }
    }

    private func fetchDirectories() {
        for pool in self.settings.pools where pool.driver == .process {
            self.pools?.workers(pool: pool.name) { self.take(directory: $0, of: pool.name) }
        }
    }

    private func take(directory result: Result<[WorkerRecord], StoreError>, of pool: String) {
        // A state that does not answer changes nothing: the workers that were known go on.
        guard case .success(let workers) = result, self.settings.pool(named: pool)?.driver == .process else { return }
        for edge in self.edges { edge.submit { $0.pools[pool]?.update(workers) } }
    }

    /// Asks every edge something and hands all the answers over.
    private func collect<Answer: Sendable>(
        _ question: @escaping @Sendable (Edge) -> Answer,
        completion: @escaping ([Answer]) -> Void
    ) {
        let gathering = Gathering<Answer>(count: self.edges.count, completion)
        let back = LoopBound(gathering, loop: self.home)
        for edge in self.edges {
            edge.submit { edge in
                let answer = question(edge)
                back.submit { $0.arrive(answer) }
            }
        }
    }

    // MARK: Settings

    /// Takes new settings over on every loop; the next tick carries the rooms' limits to the shared state.
    public func apply(_ settings: Settings, keys: [SigningKey], connectionLimit: Int) {
        self.home.preconditionOnLoop()
        self.settings = settings
        self.keys = keys
        let share = max(1, connectionLimit / self.loops.count)
        for edge in self.edges { edge.submit { $0.apply(settings, keys: keys, connectionLimit: share) } }
        self.tick()
        self.fetchDirectories()
    }

    // MARK: Watching

    /// All counters, gathered from the loops.
    public func report(_ completion: @escaping (GatewayReport) -> Void) {
        self.home.preconditionOnLoop()
        self.collect {
            EdgeReport($0)
        } completion: { reports in
            completion(GatewayReport(reports))
        }
    }

    /// Why this gateway is not fit to take traffic; empty when it is.
    public var problems: [String] {
        self.home.preconditionOnLoop()
        let still = self.missedTicks.filter { $0.value >= Self.missedTicksWorthTelling }.keys.sorted()
        var problems = still.map { "room \($0): the shared state does not answer" }
        if self.edges.isEmpty { problems.append("starting") }
        if self.isStopping { problems.append("shutting down") }
        return problems
    }

    // MARK: End

    /// Takes no more connections, lets what is under way end, for at most `timeoutNanoseconds`.
    public func drain(timeoutNanoseconds: Int64, completion: @escaping () -> Void) {
        self.home.preconditionOnLoop()
        guard !self.isStopping else { return }
        self.isStopping = true
        for pool in self.settings.pools { self.pools?.withdraw(pool: pool.name, gateway: self.id) { _ in } }
        var isComplete = false
        let finish = {
            guard !isComplete else { return }
            isComplete = true
            completion()
        }
        let gathering = Gathering<Void>(count: self.edges.count) { _ in finish() }
        let back = LoopBound(gathering, loop: self.home)
        for edge in self.edges { edge.submit { $0.drain { back.submit { $0.arrive(()) } } } }
        self.home.after(nanoseconds: timeoutNanoseconds) { finish() }
    }
}

extension RoomLimits {
    init(_ room: RoomSettings) {
        self.init(
            inflowMilli: room.inflowMilli,
            burst: room.burst,
            slots: room.slots,
            sessionMicros: room.sessionMicros,
            claimMicros: room.claimWindowMicros,
            horizonMicros: room.horizonMicros,
            opensAtMicros: room.opensAtMicros ?? 0
        )
    }
}
