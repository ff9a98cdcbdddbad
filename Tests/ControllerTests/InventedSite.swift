import Admission
import EventLoop
import Pools
import Primitives
import Scaling
import Settings
import SharedState
import TestKit
import Transport

@testable import Controller

/// A worker that is no process: it gets ready after a while, may die, and may take no notice of being asked to end.
final class InventedWorker: WorkerProcess {
    let id: String
    private(set) var address: SocketAddress?
    let identity: ProcessIdentity
    private let world: VirtualWorld
    /// Of the controller that looks after it.
    private(set) var loop: VirtualLoop
    /// All who have looked after it: each of them sees it end.
    private var keepers: [(loop: VirtualLoop, onEvent: (WorkerEvent) -> Void)] = []
    private(set) var isAskedToEnd = false
    private(set) var hasEnded = false

    init(_ plan: WorkerPlan, site: InventedSite, loop: VirtualLoop, onEvent: @escaping (WorkerEvent) -> Void) {
        self.id = plan.id
        self.world = site.world
        self.loop = loop
        self.keepers = [(loop, onEvent)]
        let isBadStart = site.world.oneIn(site.oneInBadStarts)
        let port = site.nextPort()
        self.identity = ProcessIdentity(place: site.place(of: loop), pid: Int32(port), startTicks: 1)
        loop.after(nanoseconds: site.world.random(20...600) * Nanoseconds.perMillisecond) { [self] in
            guard !self.hasEnded, !self.isAskedToEnd else { return }
            if isBadStart { return self.end("a bad start") }
            self.address = SocketAddress.loopback(port: port)
            self.tell(.ready)
            self.onItsLoop { $0.askLater() }
        }
    }

    /// From now on it answers nobody.
    var hangs = false
    private var probe = ProbeSettings()
    func ask(_ settings: ProbeSettings) { self.probe = settings }

    /// Once it is ready it is asked for good, by whoever looks after it.
    private func askLater() {
        let loop = self.loop
        loop.after(nanoseconds: self.probe.intervalNanoseconds) { [self] in
            guard self.loop === loop, !self.hasEnded, !self.isAskedToEnd else { return }
            self.tell(.probed(isWell: !self.hangs))
            self.askLater()
        }
    }

    /// Another controller looks after it from now on, as far as its process can be seen from there.
    func adopt(_ state: RegisteredWorker.State, on loop: VirtualLoop, onEvent: @escaping (WorkerEvent) -> Void) {
        self.loop = loop
        self.keepers.append((loop, onEvent))
        // It has got ready while nobody asked it.
        if state == .starting, self.address != nil { self.tell(.ready) }
        if self.address != nil { self.askLater() }
    }

    func letGo() {}
    func tidy() {}

    /// On the loop of whoever looks after it by then.
    private func tell(_ event: WorkerEvent) {
        if case .ended = event {
            for (loop, onEvent) in self.keepers {
                LoopBound((onEvent, event), loop: loop).submit { onEvent, event in onEvent(event) }
            }
            return
        }
        guard let (loop, onEvent) = self.keepers.last else { return }
        LoopBound((self, onEvent, event), loop: loop).submit { worker, onEvent, event in
            if worker.loop === loop { onEvent(event) } else { worker.tell(event) }
        }
    }

    func stop(keepsOutput: Bool) {
        self.isAskedToEnd = true
        // It takes no notice of anything.
        guard !self.hangs else { return }
        // A few have to be killed.
        guard !self.world.oneIn(10) else { return }
        let nanoseconds = self.world.random(1...300) * Nanoseconds.perMillisecond
        self.onItsLoop { worker in worker.loop.after(nanoseconds: nanoseconds) { worker.end("asked to") } }
    }

    func kill() { self.onItsLoop { $0.end("killed") } }

    /// Also who told it to end and was deposed meanwhile may still kill it: by then it is another's.
    private func onItsLoop(_ body: @escaping @Sendable (InventedWorker) -> Void) {
        let loop = self.loop
        LoopBound(self, loop: loop).submit { worker in
            if worker.loop === loop { body(worker) } else { worker.onItsLoop(body) }
        }
    }

    func end(_ reason: String) {
        guard !self.hasEnded else { return }
        self.hasEnded = true
        self.tell(.ended(reason))
    }
}

/// A site in virtual time: a room, a pool, a gateway's signals, and as many controllers as a test wants.
final class InventedSite {
    let world: VirtualWorld
    let settings: Settings
    struct Member {
        let controller: Controller
        let loop: VirtualLoop
        let board: FlakyBoard
        let store: RefusingStore
        let book: MemoryBook
    }
    private(set) var controllers: [Member] = []
    private(set) var workers: [InventedWorker] = []
    /// What controllers have written to their logs.
    let told = Record<[String]>([])
    /// Whether controllers can see processes of others.
    var canSee = true
    /// One start in so many fails.
    var oneInBadStarts = Int.max
    private var ports: UInt16 = 10_000
    /// What the gateway reports of each second.
    var arrivals = 40
    /// And what other gateways report, by their names: one that is taken out has fallen silent.
    var otherArrivals: [String: Int] = [:]
    /// Their processes, as far as they tell them.
    var processes: [String: ProcessIdentity] = [:]
    private let boards = MemoryBoards()
    private let rooms = MemoryRooms()
    private let gateway: VirtualLoop
    private let gatewayBoard: MemoryPoolBoard
    private let gatewayStore: MemoryRoomStore
    /// As the gateway saw it last.
    private(set) var directory: [WorkerRecord] = []
    private(set) var rateMilli: Int64 = 0

    /// `journalFolder`: where its room's journal is to be exported to.
    init(seed: UInt64, journalFolder: String? = nil, _ adjust: (inout Settings) -> Void = { _ in }) {
        self.world = VirtualWorld(seed: seed)
        var pool = PoolSettings(name: "tickets")
        pool.drainTimeoutNanoseconds = 3 * Nanoseconds.perSecond
        pool.scaling.scaleDownAfterNanoseconds = 2 * Nanoseconds.perSecond
        var settings = Settings()
        settings.pools = [pool]
        settings.rooms = [RoomSettings(name: "sale", slots: 1_000, inflowMilli: 100_000)]
        settings.rooms[0].journalFolder = journalFolder
        settings.routes = [RouteSettings(pool: "tickets", room: "sale")]
        adjust(&settings)
        self.settings = settings
        self.gateway = self.world.makeLoop()
        self.gatewayBoard = MemoryPoolBoard(loop: self.gateway, boards: self.boards)
        self.gatewayStore = MemoryRoomStore(loop: self.gateway, rooms: self.rooms)
        self.world.run(on: self.gateway) { self.report() }
    }

    /// `prepare` is given its board before it starts.
    @discardableResult
    func addController(
        at place: String = "here/1.1",
        book: MemoryBook = MemoryBook(),
        decisions: MemoryDecisions? = nil,
        settings: Settings? = nil,
        _ prepare: (FlakyBoard) -> Void = { _ in }
    ) -> Int {
        let loop = self.world.makeLoop()
        let number = self.controllers.count
        let board = FlakyBoard(MemoryPoolBoard(loop: loop, boards: self.boards), world: self.world)
        let store = RefusingStore(MemoryRoomStore(loop: loop, rooms: self.rooms))
        self.places[ObjectIdentifier(loop)] = place
        let controller = Controller(
            id: "controller-\(number)",
            settings: settings ?? self.settings,
            executable: "none",
            loop: loop,
            store: store,
            board: board,
            journal: MemoryRoomJournal(loop: loop, rooms: self.rooms),
            log: ToldLog.logger { [told] line in told.update { $0.append(line) } },
            seed: UInt64(self.world.random(0...Int64.max)),
            workers: WorkerAccess(
                controller: "controller-\(number)",
                place: self.place(of: loop),
                ask: { [weak self] address, _, answer in self?.answer(address, on: loop, answer) },
                book: book,
                launch: { [weak self] plan, onEvent in
                    guard let self else { throw SiteIsGone() }
                    let worker = InventedWorker(plan, site: self, loop: loop, onEvent: onEvent)
                    self.workers.append(worker)
                    return worker
                },
                adopt: { [weak self] entry, onEvent in
                    guard let self, self.canSee else { return .unseen }
                    guard let found = self.workers.first(where: { $0.identity == entry.process && !$0.hasEnded })
                    else { return .ended }
                    found.adopt(entry.state, on: loop, onEvent: onEvent)
                    return .runs(found)
                },
                isGone: { [weak self] in self?.gone.contains($0) ?? false },
                freePort: { [weak self] in self?.nextPort() ?? 0 },
                run: { _, _, _ in throw CommandFailure(what: "there is no cloud here") },
                probe: { settings, _ in SilentProbe(settings) },
                decisions: decisions
            )
        )
        prepare(board)
        self.controllers.append(Member(controller: controller, loop: loop, board: board, store: store, book: book))
        self.world.run(on: loop) { controller.start() }
        return number
    }

    /// Who is well at an address that somebody else looks after; nil: nobody answers there at all.
    var isWell: (SocketAddress) -> Bool? = { _ in nil }

    private func answer(_ address: SocketAddress, on loop: VirtualLoop, _ answer: @escaping (Bool) -> Void) {
        guard let isWell = self.isWell(address) else { return }
        loop.after(nanoseconds: self.world.random(1...50) * Nanoseconds.perMillisecond) { answer(isWell) }
    }

    /// As the last leader has left it.
    func decision(_ completion: @escaping ([String: String]) -> Void) {
        self.world.run(on: self.gateway) {
            self.gatewayBoard.decision(pool: "tickets") { result in
                completion(Dictionary((try? result.get()) ?? []) { first, _ in first })
            }
        }
    }

    func on<Result>(_ number: Int, _ body: (Controller) -> Result) -> Result {
        self.world.run(on: self.controllers[number].loop) { body(self.controllers[number].controller) }
    }

    private var places: [ObjectIdentifier: String] = [:]
    func place(of loop: VirtualLoop) -> String { self.places[ObjectIdentifier(loop)] ?? "" }
    /// Controllers of which it can be seen that their process has ended.
    var gone: Set<String> = []

    func nextPort() -> UInt16 {
        self.ports += 1
        return self.ports
    }

    func run(seconds: Int64) { self.world.run(forNanoseconds: seconds * Nanoseconds.perSecond) }

    func wait(seconds: Int64, until condition: () -> Bool) -> Bool {
        self.world.run(withinNanoseconds: seconds * Nanoseconds.perSecond, until: condition)
    }

    var running: [InventedWorker] { self.workers.filter { !$0.hasEnded } }
    /// Workers of one controller that live and are not told to end.
    func live(_ number: Int) -> [InventedWorker] {
        self.workers.filter { $0.loop === self.controllers[number].loop && !$0.hasEnded && !$0.isAskedToEnd }
    }
    /// The workers that the gateway would send requests to.
    var ready: [WorkerRecord] { self.directory.filter { $0.state == .ready } }

    /// A gateway that stops in order.
    func withdraw(_ gateway: String) {
        self.otherArrivals[gateway] = nil
        self.world.run(on: self.gateway) { self.gatewayBoard.withdraw(pool: "tickets", gateway: gateway) { _ in } }
    }

    /// As an operator's command does.
    func order(_ order: ModeOrder?) {
        self.world.run(on: self.gateway) { self.gatewayBoard.setMode(pool: "tickets", order: order) { _ in } }
    }

    private func signals(_ gateway: String, arrivals: Int) -> GatewaySignals {
        var signals = GatewaySignals(
            gateway: gateway,
            intervalMicros: 1_000_000,
            process: self.processes[gateway]
        )
        signals.arrivals = arrivals
        signals.admissions = arrivals / 5
        for _ in 0..<arrivals { signals.latency.record(nanoseconds: 20 * Nanoseconds.perMillisecond) }
        signals.workerInFlight = ByName(Dictionary(uniqueKeysWithValues: self.ready.map { ($0.id, 0) }))
        return signals
    }

    /// Once a second, as a gateway does; ten times a second it looks at its room.
    private func report() {
        for (gateway, arrivals) in self.otherArrivals.sorted(by: { $0.key < $1.key }) {
            let signals = self.signals(gateway, arrivals: arrivals)
            self.gatewayBoard.report(pool: "tickets", signals: signals) { _ in }
        }
        let signals = self.signals("g", arrivals: self.arrivals)
        self.gatewayBoard.report(pool: "tickets", signals: signals) { [weak self] result in
            if case .success(let workers) = result { self?.directory = workers }
        }
        let limits = RoomLimits(
            inflowMilli: 100_000,
            burst: 40,
            slots: 1_000,
            sessionMicros: 600_000_000,
            claimMicros: 60_000_000,
            horizonMicros: 2_000_000
        )
        self.gatewayStore.tick(room: "sale", RoomTick(gateway: "g", limits: limits), known: .nothing) {
            [weak self] result in
            if case .success(let answer) = result { self?.rateMilli = answer.snapshot.rateMilli }
        }
        self.gateway.after(nanoseconds: Nanoseconds.perSecond) { [weak self] in self?.report() }
    }
}

private struct SiteIsGone: Error {}

/// Nobody is asked, and nobody answers.
private final class SilentProbe: AddressProbe {
    var settings: ProbeSettings
    init(_ settings: ProbeSettings) { self.settings = settings }
    func begin(at address: SocketAddress, isReady: Bool) {}
    func end() {}
}

/// A board that now and then cannot be reached.
final class FlakyBoard: PoolBoard {
    private let board: MemoryPoolBoard
    private let world: VirtualWorld
    /// The node of the gateways' reports is away, and no other.
    var hidesSignals = false
    /// One call in so many fails: 1 for all.
    var oneInFailures = Int.max

    init(_ board: MemoryPoolBoard, world: VirtualWorld) {
        self.board = board
        self.world = world
    }

    var loop: any LoopContext { self.board.loop }
    var outage: String? { nil }

    private func orFail<Answer>(
        _ completion: @escaping StoreCompletion<Answer>,
        _ call: (@escaping StoreCompletion<Answer>) -> Void
    ) {
        guard self.world.oneIn(self.oneInFailures) else { return call(completion) }
        // Half of what is not answered has been done, unless nothing gets through at all.
        if self.oneInFailures > 1, self.world.oneIn(2) { call { _ in } }
        self.loop.onNextTurn { completion(.failure(.unanswered("a test wants it"))) }
    }

    func report(pool: String, signals: GatewaySignals, completion: @escaping StoreCompletion<[WorkerRecord]>) {
        self.orFail(completion) { self.board.report(pool: pool, signals: signals, completion: $0) }
    }
    func workers(pool: String, completion: @escaping StoreCompletion<[WorkerRecord]>) {
        self.orFail(completion) { self.board.workers(pool: pool, completion: $0) }
    }
    func withdraw(pool: String, gateway: String, completion: @escaping StoreCompletion<Void>) {
        self.orFail(completion) { self.board.withdraw(pool: pool, gateway: gateway, completion: $0) }
    }
    func signals(pool: String, maxAgeMicros: Int64, completion: @escaping StoreCompletion<[GatewaySignals]>) {
        guard !self.hidesSignals else {
            return self.loop.onNextTurn { completion(.failure(.unavailable("its node is away"))) }
        }
        self.orFail(completion) { self.board.signals(pool: pool, maxAgeMicros: maxAgeMicros, completion: $0) }
    }
    func publish(
        pool: String,
        workers: [WorkerRecord],
        registry: [RegisteredWorker],
        fence: Int64,
        completion: @escaping StoreCompletion<Bool>
    ) {
        self.orFail(completion) {
            self.board.publish(pool: pool, workers: workers, registry: registry, fence: fence, completion: $0)
        }
    }
    func registry(pool: String, completion: @escaping StoreCompletion<BoardRegistry>) {
        self.orFail(completion) { self.board.registry(pool: pool, completion: $0) }
    }
    func publishDecision(
        pool: String,
        fields: [(String, String)],
        fence: Int64,
        completion: @escaping StoreCompletion<Bool>
    ) {
        self.orFail(completion) {
            self.board.publishDecision(pool: pool, fields: fields, fence: fence, completion: $0)
        }
    }
    func decision(pool: String, completion: @escaping StoreCompletion<[(String, String)]>) {
        self.orFail(completion) { self.board.decision(pool: pool, completion: $0) }
    }
    func setMode(pool: String, order: ModeOrder?, completion: @escaping StoreCompletion<Void>) {
        self.orFail(completion) { self.board.setMode(pool: pool, order: order, completion: $0) }
    }
    func mode(pool: String, completion: @escaping StoreCompletion<ModeOrder?>) {
        self.orFail(completion) { self.board.mode(pool: pool, completion: $0) }
    }
    func lead(
        controller: String,
        ttlMillis: Int64,
        displacing: String?,
        completion: @escaping StoreCompletion<Leadership>
    ) {
        self.orFail(completion) {
            self.board.lead(controller: controller, ttlMillis: ttlMillis, displacing: displacing, completion: $0)
        }
    }
    func resign(controller: String, completion: @escaping StoreCompletion<String?>) {
        self.orFail(completion) { self.board.resign(controller: controller, completion: $0) }
    }
}

/// A state folder in memory.
final class MemoryBook: WorkerBook {
    private var texts: [String: String] = [:]
    var pools: [String]? { self.texts.keys.sorted() }
    /// It cannot be read, for want of descriptors for instance.
    var isUnreadable = false

    func load(pool: String) -> WorkerRegistry? {
        self.isUnreadable ? nil : self.written(pool)
    }
    private func written(_ pool: String) -> WorkerRegistry {
        self.texts[pool].map { WorkerRegistry(text: $0) } ?? WorkerRegistry(fence: 0, workers: [])
    }
    func save(_ registry: WorkerRegistry, pool: String) -> Bool {
        guard !self.isUnreadable, self.written(pool).fence <= registry.fence else { return false }
        self.texts[pool] = registry.text
        return true
    }
    func problem(pool: String) -> String? { nil }
    func strays(pool: String, besides known: Set<String>) -> [RegisteredWorker] { [] }
    func logFile(of worker: String) -> String { "/logs/\(worker).log" }
    func tidy(keeping logs: Set<String>) {}
}
