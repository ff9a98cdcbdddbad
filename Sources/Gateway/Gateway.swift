import Admission
import EventLoop
import Logging
import Pools
import Primitives
import Rooms
import Scaling
import Settings
import SharedState
import Tokens
import Transport

/// A gateway: its loops, and what they do together once a tick and once a second.
///
/// Lives on its home loop, the first of its loops; all methods are called there and complete there.
public final class Gateway {
    /// How often rooms move on.
    public static let tickNanoseconds = Nanoseconds.perSecond / RoomSettings.ticksPerSecond
    private static let signalsNanoseconds = Nanoseconds.perSecond
    /// How often the list of workers is fetched between two reports of signals.
    private static let directoryNanoseconds = 250 * Nanoseconds.perMillisecond

    /// Names this process among the gateways that share a state.
    public let id: String
    let home: any LoopContext
    private let contexts: [any LoopContext]
    private let network: any Network
    let log: Logger
    private let makeStores: @Sendable (any LoopContext) -> SharedStores
    let shares: GatewayShares
    private(set) var settings: Settings
    private var keys: [SigningKey]
    private var connectionLimit = 0
    /// Settings that are not all in force yet.
    private var bridge: RouteBridge?
    private(set) var loops: [LoopBound<GatewayLoop>] = []
    private var pools: (any PoolBoard)?
    private(set) var tickets: TicketRotation?
    private var timers: [LoopTimer] = []
    private(set) var rooms: [String: RoomPulse] = [:]
    private var lastSignals = Instant(nanoseconds: 0)
    private var roomMeter = RoomMeter()
    private(set) var isStopping = false
    private let processes: ProcessSight
    /// The names of workers.
    let hosts: HostWatch

    /// `makeStores` is called once on each loop. `loops` holds at least one, the home loop first.
    public init(
        id: String,
        settings: Settings,
        keys: [SigningKey],
        loops: [any LoopContext],
        network: any Network = SocketNetwork(),
        processes: ProcessSight = .system,
        log: Logger,
        makeStores: @escaping @Sendable (any LoopContext) -> SharedStores
    ) {
        precondition(!loops.isEmpty, "a gateway needs a loop")
        self.id = id
        self.shares = GatewayShares(gateway: id, log: log)
        self.settings = settings
        self.keys = keys
        self.contexts = loops
        self.home = loops[0]
        self.network = network
        self.hosts = HostWatch(loop: loops[0], ask: network.lookUp)
        self.processes = processes
        self.log = log
        self.makeStores = makeStores
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
        self.connectionLimit = connectionLimit
        self.shares.accessLog.apply(self.settings.accessLog)
        let blueprint = self.blueprint(connectionLimit: connectionLimit, seed: seed)
        do {
            let stores = self.makeStores(self.home)
            self.pools = stores.pools
            self.tickets = TicketRotation(
                loop: self.home,
                listeners: listeners,
                store: stores.tickets,
                keys: self.keys,
                periodNanoseconds: self.settings.ticketPeriodNanoseconds,
                log: self.log
            )
            self.tickets?.start()
            let first = try blueprint.build(on: self.home, stores: stores, listeners: listeners)
            self.loops = [LoopBound(first.loop, loop: self.home)]
            let bound = zip(listeners, first.addresses).map { $0.bound(to: $1) }
            self.startOthers(listeners: bound, blueprint: blueprint) { error in
                if let error { return completion(.failure(error)) }
                self.startTimers()
                completion(.success(first.addresses))
            }
        } catch {
            completion(.failure(error))
        }
    }

    private func blueprint(connectionLimit: Int, seed: UInt64) -> LoopBlueprint {
        LoopBlueprint(
            settings: self.settings,
            keys: self.keys,
            shares: self.shares,
            network: self.network,
            loopCount: self.contexts.count,
            connectionLimit: connectionLimit,
            seed: seed,
            log: self.log
        )
    }

    private func startOthers(
        listeners: [GatewayListener],
        blueprint: LoopBlueprint,
        completion: @escaping ((any Error)?) -> Void
    ) {
        let others = self.contexts.dropFirst()
        guard !others.isEmpty else { return completion(nil) }
        let gathering = Gathering<Result<LoopBound<GatewayLoop>, any Error>>(count: others.count) { results in
            for case .failure(let error) in results { return completion(error) }
            self.loops += results.compactMap { try? $0.get() }
            completion(nil)
        }
        let back = LoopBound(gathering, loop: self.home)
        // One address of the file system can be bound once only; the home loop serves it.
        let shared = listeners.filter { $0.address.port != nil }
        for context in others {
            context.submit { [makeStores = self.makeStores] in
                let result = Result {
                    let made = try blueprint.build(on: context, stores: makeStores(context), listeners: shared)
                    return LoopBound(made.loop, loop: context)
                }
                back.submit { $0.arrive(result) }
            }
        }
    }

    private func startTimers() {
        self.pools.map { ClearedBoard(board: $0, processes: self.processes, log: self.log).clearLater(self.settings) }
        self.lastSignals = self.home.now
        self.repeating(every: Self.tickNanoseconds) { $0.tick() }
        self.repeating(every: Self.signalsNanoseconds) { $0.reportSignals() }
        self.repeating(every: Self.directoryNanoseconds) { $0.fetchDirectories() }
        self.tick(isForced: true)
        self.fetchDirectories()
        self.followHosts()
    }

    private func repeating(every nanoseconds: Int64, _ action: @escaping (Gateway) -> Void) {
        let index = self.timers.count
        let timer = LoopTimer(loop: self.home) { [weak self] in
            guard let self, !self.isStopping else { return }
            self.timers[index].arm(afterNanoseconds: nanoseconds)
            action(self)
        }
        self.timers.append(timer)
        timer.arm(afterNanoseconds: nanoseconds)
    }

    // MARK: Once a tick

    /// Sends the ticks that are due; `isForced`: all of them, as limits may have changed.
    private func tick(isForced: Bool = false) {
        guard !self.loops.isEmpty else { return }
        self.crossBridge()
        self.tryFailingWorkers()
        if self.settings.accessLog.path != nil { self.shares.accessLog.hurry() }
        for room in self.settings.rooms { self.tick(room, isForced: isForced) }
    }

    private func tick(_ room: RoomSettings, isForced: Bool = false) {
        guard let home = self.loops.first?.open() else { return }
        let shared = self.shares.rooms[room.name]
        let activity = shared.activityCount
        let seesWorkers = self.healthyWorkers(of: room.name) != 0
        var pulse = self.rooms[room.name, default: RoomPulse()]
        if pulse.isDue(activity: activity, seesWorkers: seesWorkers, isForced: isForced) {
            pulse.sent(
                activity: activity,
                seesWorkers: seesWorkers,
                now: self.home.now,
                wallMicros: self.home.wallMicros
            )
            let tick = self.makeTick(room, pulse, shared)
            home.store.tick(room: room.name, tick, known: shared.known(at: self.home.now)) {
                self.take(tick: $0, of: room.name)
            }
        }
        self.rooms[room.name] = pulse
        self.tellMode(of: room.name)
    }

    private func makeTick(_ room: RoomSettings, _ pulse: RoomPulse, _ shared: SharedRoom) -> RoomTick {
        RoomTick(
            gateway: self.id,
            room: room,
            generation: self.settings.generation,
            healthy: self.healthyWorkers(of: room.name),
            pulse: pulse,
            block: shared.reportBlock(),
            older: shared.reportOlder()
        )
    }

    /// Those whose pause is over. The home loop asks for all of them: a visitor need not find out when one is well.
    private func tryFailingWorkers() {
        guard let home = self.loops.first?.open() else { return }
        for pool in home.pools.values { pool.tryFailing() }
    }

    /// Workers behind the room's routes that are well; nil when that is not known of all of them.
    private func healthyWorkers(of room: String) -> Int64? {
        let pools = Set(self.settings.routes.filter { $0.room == room }.map(\.pool))
        let known = pools.compactMap { self.shares.standings.healthy(pool: $0) }
        let sum = known.reduce(0, +)
        return known.count < pools.count && sum == 0 || pools.isEmpty ? nil : sum
    }

    private func take(tick result: Result<TickAnswer, StoreError>, of room: String) {
        // A room that was taken out of the configuration meanwhile.
        guard var pulse = self.rooms[room] else { return }
        switch result {
        case .success(let answer):
            let arrival = pulse.answered(answer, now: self.home.now, wallMicros: self.home.wallMicros)
            if arrival.isBack { self.log.notice("the room moves on again", metadata: ["room": "\(room)"]) }
            if let change = arrival.change {
                self.log.warning(
                    "\(change.message)",
                    metadata: [
                        "room": "\(room)", "epoch": "\(answer.snapshot.epoch)",
                        "incarnation": "\(answer.snapshot.incarnation)",
                    ]
                )
            }
            self.shares.rooms[room].take(answer, sentAt: pulse.sentAt)
        case .failure(let error):
            if pulse.failed(error) {
                self.log.error(
                    "the room stands still: those inside stay inside, those in line keep their places",
                    metadata: ["room": "\(room)", "error": "\(error)"]
                )
            }
        }
        self.rooms[room] = pulse
        self.tell(room, answer: try? result.get())
    }

    /// A tick that is overdue changes what the room can do, without an answer.
    private func tellMode(of room: String) {
        guard let pulse = self.rooms[room] else { return }
        let mode = pulse.mode(healthy: self.healthyWorkers(of: room), now: self.home.now)
        if mode != pulse.toldMode { self.tell(room, answer: nil) }
    }

    private func tell(_ room: String, answer: TickAnswer?) {
        guard var pulse = self.rooms[room] else { return }
        let healthy = self.healthyWorkers(of: room)
        let mode = pulse.mode(healthy: healthy, now: self.home.now)
        pulse.toldMode = mode
        self.rooms[room] = pulse
        let news = RoomNews(
            answer: answer,
            offsetMicros: pulse.offsetMicros,
            mode: mode,
            lastOfState: self.shares.rooms[room].lastOfState,
            seesWorkers: healthy != 0,
            isRestTold: pulse.isRestTold
        )
        for loop in self.loops { loop.submit { $0.take(news, of: room) } }
    }

    // MARK: Once a second

    private func reportSignals() {
        let now = self.home.now
        let interval = max(1, now.nanoseconds(since: self.lastSignals) / Nanoseconds.perMicrosecond)
        self.lastSignals = now
        let rooms = self.readRooms()
        for pool in self.settings.pools {
            let name = pool.name
            self.collect {
                $0.pools[name]?.takeSample() ?? PoolSample()
            } completion: { samples in
                var sum = PoolSample()
                for sample in samples { sum.add(sample) }
                self.report(sum, of: name, rooms: rooms, intervalMicros: interval)
            }
        }
    }

    /// What is to be told of each room, as its latest snapshot has it.
    private func readRooms() -> [String: RoomSignals] {
        let gates = self.loops.first?.open().gates ?? [:]
        return self.roomMeter.read(gates.compactMapValues { $0.snapshot.map(RoomMeter.Sight.init) })
    }

    private func report(
        _ sample: PoolSample,
        of pool: String,
        rooms: [String: RoomSignals],
        intervalMicros: Int64
    ) {
        // It has withdrawn: what is told after that would look like a gateway that has fallen silent.
        guard !self.isStopping, self.settings.pool(named: pool) != nil else { return }
        let names = Set(self.settings.routes.filter { $0.pool == pool }.compactMap(\.room))
        let signals = GatewaySignals(
            sample,
            of: self.id,
            rooms: rooms.filter { names.contains($0.key) },
            intervalMicros: intervalMicros,
            process: self.processes.own
        )
        self.pools?.report(pool: pool, signals: signals) { self.take(directory: $0, of: pool) }
    }

    private func fetchDirectories() {
        for pool in self.settings.pools where pool.driver != .static {
            self.pools?.workers(pool: pool.name) { self.take(directory: $0, of: pool.name) }
        }
    }

    private func take(directory result: Result<[WorkerRecord], StoreError>, of pool: String) {
        // A state that does not answer changes nothing: the workers that were known go on.
        let driver = self.settings.pool(named: pool)?.driver
        guard case .success(let workers) = result, let driver, driver != .static else { return }
        for loop in self.loops { loop.submit { $0.pools[pool]?.update(workers) } }
        guard self.rooms.values.contains(where: { $0.toldMode == .held }) else { return }
        // The first worker may be there: nobody is to wait for the next tick.
        self.collect { _ in
        } completion: { _ in
            for room in self.settings.rooms where self.rooms[room.name]?.toldMode == .held { self.tick(room) }
        }
    }

    /// Asks every loop something and hands all the answers over.
    func collect<Answer: Sendable>(
        _ question: @escaping @Sendable (GatewayLoop) -> Answer,
        completion: @escaping ([Answer]) -> Void
    ) {
        let gathering = Gathering<Answer>(count: self.loops.count, completion)
        let back = LoopBound(gathering, loop: self.home)
        for loop in self.loops {
            loop.submit { loop in
                let answer = question(loop)
                back.submit { $0.arrive(answer) }
            }
        }
    }

    // MARK: Settings

    /// Takes new settings over on every loop; the next tick carries the rooms' limits to the shared state. A route to a
    /// pool that has no worker yet leads where it led before, until it has as many.
    public func apply(_ settings: Settings, keys: [SigningKey], connectionLimit: Int) {
        self.home.preconditionOnLoop()
        self.keys = keys
        self.tickets?.apply(keys: keys)
        self.connectionLimit = connectionLimit
        self.bridge = RouteBridge(
            from: self.settings,
            to: settings,
            after: self.bridge,
            now: self.home.now,
            workers: self.healthyWorkers(inPool:)
        )
        if let bridge = self.bridge {
            let pools: Logger.Metadata = ["pools": "\(bridge.text)"]
            self.log.notice("routes lead where they led until the new pools have workers", metadata: pools)
        }
        self.takeUp(self.bridge?.meanwhile ?? settings)
    }

    private func healthyWorkers(inPool pool: String) -> Int { Int(self.shares.standings.healthy(pool: pool) ?? 0) }

    private func crossBridge() {
        let isCrossed = self.bridge?.isCrossed(now: self.home.now, workers: self.healthyWorkers(inPool:))
        guard isCrossed == true, let bridge = self.bridge else { return }
        self.log.notice("routes lead to the new pools", metadata: ["pools": "\(bridge.text)"])
        self.bridge = nil
        self.takeUp(bridge.settings)
    }

    private func takeUp(_ settings: Settings) {
        // Of a pool that is there no more this gateway does not report, and not because it has fallen silent.
        for pool in self.settings.pools where settings.pool(named: pool.name) == nil {
            self.pools?.withdraw(pool: pool.name, gateway: self.id) { _ in }
        }
        self.settings = settings
        self.shares.accessLog.apply(settings.accessLog)
        let names = Set(settings.rooms.map(\.name))
        self.rooms = self.rooms.filter { names.contains($0.key) }
        self.shares.rooms.keep(names)
        self.shares.standings.keep(Set(settings.pools.map(\.name)))
        let (keys, limit) = (self.keys, self.connectionLimit)
        for loop in self.loops { loop.submit { $0.apply(settings, keys: keys, connectionLimit: limit) } }
        self.tick(isForced: true)
        self.fetchDirectories()
        self.followHosts()
    }

    // MARK: End

    /// Takes no more connections, lets what is under way end, for at most `timeoutNanoseconds`.
    public func drain(timeoutNanoseconds: Int64, completion: @escaping () -> Void) {
        self.home.preconditionOnLoop()
        guard !self.isStopping else { return }
        self.isStopping = true
        self.shares.draining.raise()
        self.tickets?.stop()
        self.hosts.stop()
        for pool in self.settings.pools { self.pools?.withdraw(pool: pool.name, gateway: self.id) { _ in } }
        let finish = self.atLatest(afterNanoseconds: timeoutNanoseconds) { self.finishAccessLog(completion) }
        let gathering = Gathering<Void>(count: self.loops.count) { _ in finish() }
        let back = LoopBound(gathering, loop: self.home)
        for loop in self.loops { loop.submit { $0.drain { back.submit { $0.arrive(()) } } } }
    }
}
