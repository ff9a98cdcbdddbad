import Admission
import EventLoop
import Logging
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
    let pid: Int32? = nil
    private let world: VirtualWorld
    let loop: VirtualLoop
    private let onEvent: (WorkerEvent) -> Void
    private(set) var isAskedToEnd = false
    private(set) var hasEnded = false

    init(_ plan: WorkerPlan, site: InventedSite, loop: VirtualLoop, onEvent: @escaping (WorkerEvent) -> Void) {
        self.id = plan.id
        self.world = site.world
        self.loop = loop
        self.onEvent = onEvent
        let isBadStart = site.world.oneIn(site.oneInBadStarts)
        let address = SocketAddress.loopback(port: site.nextPort())
        loop.after(nanoseconds: site.world.random(20...600) * Nanoseconds.perMillisecond) { [self] in
            guard !self.hasEnded, !self.isAskedToEnd else { return }
            if isBadStart { return self.end("a bad start") }
            self.address = address
            self.onEvent(.ready)
            self.askLater()
        }
    }

    /// From now on it answers nobody.
    var hangs = false
    private var probe = ProbeSettings()
    func ask(_ settings: ProbeSettings) { self.probe = settings }

    /// Once it is ready it is asked for good.
    private func askLater() {
        self.loop.after(nanoseconds: self.probe.intervalNanoseconds) { [self] in
            guard !self.hasEnded, !self.isAskedToEnd else { return }
            self.onEvent(.probed(isWell: !self.hangs))
            self.askLater()
        }
    }

    func stop() {
        self.isAskedToEnd = true
        // It takes no notice of anything.
        guard !self.hangs else { return }
        // A few have to be killed.
        guard !self.world.oneIn(10) else { return }
        self.loop.after(nanoseconds: self.world.random(1...300) * Nanoseconds.perMillisecond) { self.end("asked to") }
    }

    func kill() { self.loop.onNextTurn { self.end("killed") } }

    func end(_ reason: String) {
        guard !self.hasEnded else { return }
        self.hasEnded = true
        self.onEvent(.ended(reason))
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
    }
    private(set) var controllers: [Member] = []
    private(set) var workers: [InventedWorker] = []
    /// One start in so many fails.
    var oneInBadStarts = Int.max
    private var ports: UInt16 = 10_000
    /// What the gateway reports of each second.
    var arrivals = 40
    private let boards = MemoryBoards()
    private let rooms = MemoryRooms()
    private let gateway: VirtualLoop
    private let gatewayBoard: MemoryPoolBoard
    private let gatewayStore: MemoryRoomStore
    /// As the gateway saw it last.
    private(set) var directory: [WorkerRecord] = []
    private(set) var rateMilli: Int64 = 0

    /// `journalFolder`: where its room's journal is to be exported to.
    init(seed: UInt64, journalFolder: String? = nil) {
        self.world = VirtualWorld(seed: seed)
        var pool = PoolSettings(name: "tickets")
        pool.drainTimeoutNanoseconds = 3 * Nanoseconds.perSecond
        pool.scaling.scaleDownAfterNanoseconds = 2 * Nanoseconds.perSecond
        var settings = Settings()
        settings.pools = [pool]
        settings.rooms = [RoomSettings(name: "sale", slots: 1_000, inflowMilli: 100_000)]
        settings.rooms[0].journalFolder = journalFolder
        settings.routes = [RouteSettings(pool: "tickets", room: "sale")]
        self.settings = settings
        self.gateway = self.world.makeLoop()
        self.gatewayBoard = MemoryPoolBoard(loop: self.gateway, boards: self.boards)
        self.gatewayStore = MemoryRoomStore(loop: self.gateway, rooms: self.rooms)
        self.world.run(on: self.gateway) { self.report() }
    }

    /// `prepare` is given its board before it starts.
    @discardableResult
    func addController(_ prepare: (FlakyBoard) -> Void = { _ in }) -> Int {
        let loop = self.world.makeLoop()
        let number = self.controllers.count
        let board = FlakyBoard(MemoryPoolBoard(loop: loop, boards: self.boards), world: self.world)
        let store = RefusingStore(MemoryRoomStore(loop: loop, rooms: self.rooms))
        let controller = Controller(
            id: "controller-\(number)",
            settings: self.settings,
            executable: "none",
            loop: loop,
            store: store,
            board: board,
            journal: MemoryRoomJournal(loop: loop, rooms: self.rooms),
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            seed: UInt64(self.world.random(0...Int64.max))
        ) { [weak self] plan, onEvent in
            guard let self else { throw SiteIsGone() }
            let worker = InventedWorker(plan, site: self, loop: loop, onEvent: onEvent)
            self.workers.append(worker)
            return worker
        }
        prepare(board)
        self.controllers.append(Member(controller: controller, loop: loop, board: board, store: store))
        self.world.run(on: loop) { controller.start() }
        return number
    }

    func on<Result>(_ number: Int, _ body: (Controller) -> Result) -> Result {
        self.world.run(on: self.controllers[number].loop) { body(self.controllers[number].controller) }
    }

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

    /// Once a second, as a gateway does; ten times a second it looks at its room.
    private func report() {
        var signals = GatewaySignals(gateway: "g", intervalMicros: 1_000_000)
        signals.arrivals = self.arrivals
        signals.admissions = self.arrivals / 5
        for _ in 0..<self.arrivals { signals.latency.record(nanoseconds: 20 * Nanoseconds.perMillisecond) }
        signals.workerInFlight = Dictionary(uniqueKeysWithValues: self.ready.map { ($0.id, 0) })
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
        fence: Int64,
        completion: @escaping StoreCompletion<Bool>
    ) {
        self.orFail(completion) { self.board.publish(pool: pool, workers: workers, fence: fence, completion: $0) }
    }
    func publishDecision(pool: String, fields: [(String, String)], completion: @escaping StoreCompletion<Void>) {
        self.orFail(completion) { self.board.publishDecision(pool: pool, fields: fields, completion: $0) }
    }
    func decision(pool: String, completion: @escaping StoreCompletion<[(String, String)]>) {
        self.orFail(completion) { self.board.decision(pool: pool, completion: $0) }
    }
    func lead(controller: String, ttlMillis: Int64, completion: @escaping StoreCompletion<Int64?>) {
        self.orFail(completion) { self.board.lead(controller: controller, ttlMillis: ttlMillis, completion: $0) }
    }
    func resign(controller: String, completion: @escaping StoreCompletion<Void>) {
        self.orFail(completion) { self.board.resign(controller: controller, completion: $0) }
    }
}
