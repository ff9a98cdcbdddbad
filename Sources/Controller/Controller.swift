import EventLoop
import Logging
import Pools
import Primitives
import Reports
import Scaling
import Settings
import SharedState

/// The controller: sees to each pool once a second while it leads; stands by while another one does.
///
/// Lives on one loop; all methods are called there and complete there.
public final class Controller {
    public static let intervalNanoseconds = Nanoseconds.perSecond
    private static let impatienceNanoseconds = 100 * Nanoseconds.perMillisecond
    /// Leadership that is not renewed for this long is free for another controller.
    private static let leadershipMillis: Int64 = 5_000

    public let id: String
    private let loop: any LoopContext
    private let log: Logger
    private let board: any PoolBoard
    private let rates: RoomRates
    private let journal: (any RoomJournal)?
    private let executable: String
    private let launch: WorkerLauncher
    private var random: SplitMix64
    private var settings: Settings
    private var pools: [PoolController] = []
    private var exporters: [JournalExporter] = []
    private var timer: LoopTimer?
    private var fence: Int64?
    private var isStopping = false
    private var contact = StateContact()

    /// `executable` is the program whose `worker` command runs a sample worker.
    public convenience init(
        id: String,
        settings: Settings,
        executable: String,
        loop: EventLoop,
        store: any RoomStore,
        board: any PoolBoard,
        journal: any RoomJournal,
        log: Logger
    ) {
        self.init(
            id: id,
            settings: settings,
            executable: executable,
            loop: loop,
            store: store,
            board: board,
            journal: journal,
            log: log,
            seed: .random(in: 0 ... .max)
        ) { plan, onEvent in try ManagedWorker(plan, on: loop, onEvent: onEvent) }
    }

    /// On any loop, with any workers: `seed` makes a run in a simulated world repeatable.
    init(
        id: String,
        settings: Settings,
        executable: String,
        loop: any LoopContext,
        store: any RoomStore,
        board: any PoolBoard,
        journal: (any RoomJournal)? = nil,
        log: Logger,
        seed: UInt64,
        launch: @escaping WorkerLauncher
    ) {
        self.id = id
        self.settings = settings
        self.executable = executable
        self.loop = loop
        self.rates = RoomRates(settings: settings, loop: loop, store: store)
        self.board = board
        self.journal = journal
        self.log = log
        self.random = SplitMix64(seed: seed)
        self.launch = launch
    }

    public func start() {
        self.loop.preconditionOnLoop()
        self.makePools()
        self.makeExporters()
        let timer = LoopTimer(loop: self.loop) { [weak self] in
            guard let self, !self.isStopping else { return }
            self.timer?.arm(afterNanoseconds: Self.intervalNanoseconds)
            self.round()
        }
        self.timer = timer
        timer.arm(afterNanoseconds: Self.intervalNanoseconds)
        self.round()
    }

    private func makePools() {
        for pool in self.settings.pools where !self.pools.contains(where: { $0.name == pool.name }) {
            self.pools.append(
                PoolController(
                    pool: pool,
                    settings: self.settings,
                    executable: self.executable,
                    loop: self.loop,
                    board: self.board,
                    rates: self.rates,
                    log: self.log,
                    seed: self.random.next(),
                    launch: self.launch
                )
            )
        }
    }

    private func makeExporters() {
        guard let journal = self.journal else { return }
        let before = self.exporters
        self.exporters = self.settings.rooms.compactMap { room in
            guard let path = room.journalFolder else { return nil }
            if let known = self.exporters.first(where: { $0.room == room.name && $0.path == path }) {
                known.keptEntries = room.journalEntries
                return known
            }
            return JournalExporter(
                room: room.name,
                path: path,
                keptEntries: room.journalEntries,
                loop: self.loop,
                journal: journal,
                log: self.log
            )
        }
        // It may be put back before it has ended.
        for exporter in before where !self.exporters.contains(where: { $0 === exporter }) { exporter.pause() }
    }

    private func round() {
        self.board.lead(controller: self.id, ttlMillis: Self.leadershipMillis) { result in
            guard !self.isStopping else { return }
            let moment = (now: self.loop.now, wallMicros: self.loop.wallMicros)
            switch result {
            case .success(let fence):
                self.contact.answered(moment)
                self.take(fence: fence)
            case .failure(let error):
                self.contact.failed(error, moment)
                // Whoever led goes on with what it has; who has not led yet waits impatiently.
                if self.fence == nil { self.timer?.arm(afterNanoseconds: Self.impatienceNanoseconds) }
            }
            guard let fence = self.fence else { return }
            for pool in self.pools { pool.control(fence: fence) }
            for exporter in self.exporters { exporter.export() }
        }
    }

    private func take(fence: Int64?) {
        if fence != nil, self.fence == nil {
            self.log.notice("this controller leads", metadata: ["controller": "\(self.id)", "fence": "\(fence!)"])
        } else if fence == nil, self.fence != nil {
            self.log.warning("another controller leads now; this one stands by", metadata: ["controller": "\(self.id)"])
        }
        // Whoever led meanwhile may have written to the same folder.
        if fence != self.fence {
            for exporter in self.exporters { exporter.pause() }
            for pool in self.pools { pool.forgetCalls() }
            self.rates.forgetTerm()
        }
        self.fence = fence
    }

    /// As of the last answer of the shared state.
    public var isLeading: Bool { self.fence != nil }

    /// Fit to do its work as soon as the shared state has answered, whether it leads or stands by; and still so while
    /// that is away, since another controller would be no better off.
    public var readiness: Readiness {
        let isAway = self.contact.isAway(now: self.loop.now)
        return Readiness(
            ready: self.contact.answeredAt != nil && !self.isStopping,
            mode: isAway ? "degraded" : "normal",
            problems: self.problems + (self.isStopping ? ["shutting down"] : [])
        )
    }

    /// What the shared state's silence means; nil while it answers.
    var outage: String? { self.contact.problem(now: self.loop.now) }
    /// When it answered last, and how long ago that is.
    var leadsAsOf: (wallMicros: Int64, ageNanoseconds: Int64)? {
        self.contact.answeredAt.map { ($0.wallMicros, self.loop.now.nanoseconds(since: $0.now)) }
    }
    var poolProblems: [String] { self.pools.compactMap(\.problem) }
    /// In a Cluster each pool and each room may be on a node of its own, and that node away alone.
    var callProblems: [String] {
        self.isLeading ? self.pools.flatMap { $0.callProblems } + self.rates.problems : []
    }

    /// Takes new settings over. Pools that are gone are drained and stopped.
    public func apply(_ settings: Settings) {
        self.loop.preconditionOnLoop()
        self.settings = settings
        self.rates.apply(settings)
        for controller in self.pools {
            if let pool = settings.pool(named: controller.name) {
                controller.apply(pool, settings: settings)
            } else {
                self.retired.append(controller)
                controller.stop { [weak self] in self?.retired.removeAll { $0 === controller } }
            }
        }
        self.pools.removeAll { settings.pool(named: $0.name) == nil }
        self.makePools()
        self.makeExporters()
    }

    /// Pools of earlier settings whose workers have not ended yet.
    private var retired: [PoolController] = []

    // MARK: Watching

    public struct PoolReport: Sendable {
        public let name: String
        public let state: PoolState
        public let decision: ScalingDecision?
        public let signals: PoolSignals?
        public let crashes: Int
        public let silentGateways: [GatewayRoster.Silent]
        public let forgottenGateways: Int
    }

    public var report: [PoolReport] {
        self.loop.preconditionOnLoop()
        return self.pools.map {
            PoolReport(
                name: $0.name,
                state: $0.state,
                decision: $0.lastDecision,
                signals: $0.lastSignals,
                crashes: $0.crashes,
                silentGateways: $0.silent,
                forgottenGateways: $0.forgottenGateways
            )
        }
    }

    /// How the rooms' rates are lent, over all pools. Who stands by lends none: what it lent when it led has lapsed, or the
    /// next leader's is in its place.
    var leases: [ControllerStatus.Lease] {
        guard self.isLeading else { return [] }
        return self.rates.leases.sorted { $0.room < $1.room }
    }
    var exports: [ControllerStatus.Export] { self.exporters.map(\.status) }

    // MARK: End

    /// Stops every worker that this controller started, and waits for their end.
    ///
    /// The rates that it lent to rooms are not taken back: they lapse three seconds later, and then the stated fallback
    /// holds, which is never more than was lent. Taken back at once they would open the rooms to their full inflow for
    /// as long as it takes the next controller to come.
    public func stop(_ completion: @escaping () -> Void) {
        self.loop.preconditionOnLoop()
        self.isStopping = true
        self.rates.stop()
        for exporter in self.exporters { exporter.pause() }
        // Another controller need not wait until the lock runs out.
        self.board.resign(controller: self.id) { _ in }
        let controllers = self.pools + self.retired
        var missing = controllers.count
        guard missing > 0 else { return completion() }
        for controller in controllers {
            controller.stop {
                missing -= 1
                if missing == 0 { completion() }
            }
        }
    }
}
