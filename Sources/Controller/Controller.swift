import EventLoop
import Logging
import Pools
import Primitives
import Reports
import Settings
import SharedState

/// The controller: sees to each pool once a second while it leads; stands by while another one does.
///
/// Lives on one loop; all methods are called there and complete there.
public final class Controller {
    public static let intervalNanoseconds = Nanoseconds.perSecond
    private static let impatienceNanoseconds = 100 * Nanoseconds.perMillisecond
    /// Leadership that is not renewed for this long is free for another controller. It is renewed every second, so an
    /// answer of the shared state may take a second and a half.
    static let leadershipMillis: Int64 = 2_500
    /// Whoever stands by asks so often, and so leads within three seconds after the last renewal.
    static let standByNanoseconds = 250 * Nanoseconds.perMillisecond

    public let id: String
    let loop: any LoopContext
    private let log: Logger
    private let board: any PoolBoard
    let rates: RoomRates
    private let journal: (any RoomJournal)?
    private let executable: String
    private let workers: WorkerAccess
    private var random: SplitMix64
    private var settings: Settings
    private(set) var pools: [PoolController] = []
    private(set) var exporters: [JournalExporter] = []
    private var timer: LoopTimer?
    private var fence: Int64?
    /// Who leads in its place, as the shared state said last.
    private(set) var leader: String?
    /// When the shared state was asked that said last that this controller leads.
    private var confirmedAt: Instant?
    private var isStopping = false
    private var isInHurry = false
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
            seed: .random(in: 0 ... .max),
            workers: .ofThisMachine(id: id, settings: settings, loop: loop, log: log)
        )
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
        workers: WorkerAccess
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
        self.workers = workers
    }

    public func start() {
        self.loop.preconditionOnLoop()
        self.makePools()
        self.makeExporters()
        let timer = LoopTimer(loop: self.loop) { [weak self] in
            guard let self, !self.isStopping else { return }
            let isStandingBy = self.fence == nil
            self.timer?.arm(afterNanoseconds: isStandingBy ? Self.standByNanoseconds : Self.intervalNanoseconds)
            self.round()
        }
        self.timer = timer
        timer.arm(afterNanoseconds: Self.intervalNanoseconds)
        self.round()
    }

    private func makePools() {
        // One that is back while its earlier self still ends comes after it: two of a name would not go together.
        let names = Set((self.pools + self.retired).map(\.name))
        for pool in self.settings.pools where !names.contains(pool.name) { self.pools.append(self.makePool(pool)) }
    }

    private func makePool(_ pool: PoolSettings, tellsGateways: Bool = true) -> PoolController {
        let controller = PoolController(
            pool: pool,
            settings: self.settings,
            executable: self.executable,
            loop: self.loop,
            board: self.board,
            rates: self.rates,
            log: self.log,
            seed: self.random.next(),
            workers: self.workers,
            tellsGateways: tellsGateways,
            mayAct: { [weak self] in self?.mayAct(on: pool.driver) ?? false }
        )
        controller.onDeposed = { [weak self] in self?.take(fence: nil) }
        return controller
    }

    /// Pools that are configured no more, or have another driver now, of which an earlier configuration may have left
    /// processes: nobody wants those. Nil: not known yet in this term.
    private var leftovers: Set<String>?

    /// Again with every round until none is written down. Where another driver tells gateways of its workers now, that has
    /// to have happened first: until then they go on with those that are left.
    private func retireLeftovers(fence: Int64) {
        guard self.succession?.isOver(now: self.loop.now, workers: self.workersReady) ?? true else { return }
        self.leftovers = self.leftovers ?? self.workers.book.pools.map { Set($0) }
        for name in self.leftovers ?? [] where !self.retired.contains(where: { $0.name == name }) {
            guard self.settings.pool(named: name)?.driver != .process else {
                self.leftovers?.remove(name)
                continue
            }
            guard let left = self.workers.book.load(pool: name)?.workers.map(\.id) else { continue }
            let pool = self.pools.first { $0.name == name }
            guard pool?.isSettled(fence: fence, without: Set(left)) ?? true else { continue }
            let controller = self.makePool(PoolSettings(name: name), tellsGateways: pool == nil)
            self.retired.append(controller)
            controller.retire(fence: fence) { [weak self] in
                guard let self else { return }
                self.hasEnded(controller)
                if self.workers.book.load(pool: name)?.workers.isEmpty ?? false { self.leftovers?.remove(name) }
            }
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

    /// `displacing` names a leader that is gone, as by `kill -9`: nobody waits until its time runs out.
    private func round(displacing: String? = nil) {
        let askedAt = self.loop.now
        self.board.lead(
            controller: self.workers.controller,
            ttlMillis: Self.leadershipMillis,
            displacing: displacing
        ) { result in
            guard !self.isStopping else { return }
            let moment = (now: self.loop.now, wallMicros: self.loop.wallMicros)
            switch result {
            case .success(.own(let fence)):
                self.contact.answered(moment)
                self.confirmedAt = askedAt
                self.leader = nil
                self.take(fence: fence)
            case .success(.other(let leader)):
                self.contact.answered(moment)
                self.leader = leader
                self.take(fence: nil)
                if displacing == nil, self.workers.isGone(leader) {
                    self.log.notice("the controller that led is gone", metadata: ["leader": "\(leader)"])
                    return self.round(displacing: leader)
                }
            case .failure(let error):
                self.contact.failed(error, moment)
                // Whoever led goes on with what it has; who has not led yet waits impatiently.
                if self.fence == nil { self.timer?.arm(afterNanoseconds: Self.impatienceNanoseconds) }
            }
            self.crossBridge()
            guard let fence = self.fence else { return self.followIfDue() }
            for pool in self.pools { pool.control(fence: fence) }
            self.retireLeftovers(fence: fence)
            for exporter in self.exporters { exporter.export() }
        }
    }

    /// Others may lead once the time has run out for which this controller was told to, as when it was stopped for a while:
    /// then it does nothing to workers before it has heard again. While the shared state is away nobody else leads
    /// either, as far as anybody knows, and what dies is replaced. That holds for processes of its own. What another
    /// controller reaches as well, a cloud or a cluster, it leaves alone then: it may be cut off from Redis all by itself,
    /// and would undo what its successor does.
    func mayAct(on driver: PoolSettings.Driver) -> Bool {
        // Told to end, it asks no more; what it does to its workers then is between it and them.
        guard !self.isStopping, self.fence != nil, let confirmedAt = self.confirmedAt else { return true }
        let age = self.loop.now.nanoseconds(since: confirmedAt)
        let isShared = driver == .command || driver == .kubernetes
        return age < Self.leadershipMillis * Nanoseconds.perMillisecond || (self.contact.isFailing && !isShared)
    }

    /// Who leads is asked for more often than this.
    private var followedAt: Instant?

    private func followIfDue() {
        if let last = self.followedAt, self.loop.now.nanoseconds(since: last) < Self.intervalNanoseconds { return }
        self.followedAt = self.loop.now
        self.follow()
    }

    private func follow() { for pool in self.pools + self.retired { pool.follow() } }

    private func take(fence: Int64?) {
        if fence != nil, self.fence == nil {
            self.log.notice("this controller leads", metadata: ["controller": "\(self.id)", "fence": "\(fence!)"])
        } else if fence == nil, self.fence != nil {
            self.log.warning("another controller leads now; this one stands by", metadata: ["controller": "\(self.id)"])
        }
        // Whoever led meanwhile may have written to the same folder.
        if fence != self.fence {
            for exporter in self.exporters { exporter.pause() }
            for pool in self.pools { pool.forgetTerm() }
            self.rates.forgetTerm()
        }
        let hasBegun = fence != nil && fence != self.fence
        self.fence = fence
        // Those of earlier settings, too: where the one that leads has such a pool still, its workers are that one's.
        guard fence != nil else { return (self.pools + self.retired).forEach { $0.standBy() } }
        guard hasBegun else { return }
        self.leftovers = nil
        self.succession = PoolSuccession(to: self.settings.pools, now: self.loop.now)
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
    var decisionProblems: [String] { self.isLeading ? self.workers.decisions?.problems ?? [] : [] }
    /// The latest decisions on a pool as lines of JSON; nil when this controller does not decide: another one leads.
    public func latestDecisions(pool: String, count: Int, _ completion: @escaping ([UInt8]?) -> Void) {
        guard self.isLeading, let decisions = self.workers.decisions else { return completion(nil) }
        decisions.latest(pool: pool, count: count, completion)
    }
    /// In a Cluster each pool and each room may be on a node of its own, and that node away alone.
    var callProblems: [String] {
        self.isLeading ? self.pools.flatMap { $0.callProblems } + self.rates.problems : []
    }

    /// An operator wants one worker of a pool to go.
    public func retire(_ worker: String, ofPool pool: String) -> Retirement {
        self.loop.preconditionOnLoop()
        guard self.isLeading, let controller = self.pools.first(where: { $0.name == pool }) else { return .standsBy }
        return controller.retire(worker)
    }

    /// Takes new settings over. Pools that are gone are drained and stopped; one in whose place another comes goes on until
    /// that one has workers.
    public func apply(_ settings: Settings) {
        self.loop.preconditionOnLoop()
        self.bridge = RouteBridge(
            from: self.settings,
            to: settings,
            after: self.bridge,
            now: self.loop.now,
            workers: self.workersReady
        )
        self.takeUp(self.bridge?.meanwhile ?? settings)
    }

    /// Settings that are not all in force yet.
    private var bridge: RouteBridge?

    private func crossBridge() {
        let isCrossed = self.bridge?.isCrossed(
            now: self.loop.now,
            noticeNanoseconds: Reconciliation.noticeNanoseconds,
            workers: self.workersReady
        )
        guard isCrossed == true, let bridge = self.bridge else { return }
        self.bridge = nil
        self.takeUp(bridge.settings)
    }

    /// Since a term began.
    private var succession: PoolSuccession?

    private func workersReady(_ pool: String) -> Int { self.pools.first { $0.name == pool }?.state.ready ?? 0 }

    private func takeUp(_ settings: Settings) {
        self.settings = settings
        self.rates.apply(settings)
        self.workers.decisions?.apply(settings.controller)
        for controller in self.pools {
            if controller.isIn(settings), let pool = settings.pool(named: controller.name) {
                controller.apply(pool, settings: settings)
            } else {
                self.retired.append(controller)
                controller.stop { [weak self] in self?.hasEnded(controller) }
            }
        }
        self.pools.removeAll { !$0.isIn(settings) }
        self.makePools()
        self.makeExporters()
    }

    /// Pools of earlier settings whose workers have not ended yet.
    private var retired: [PoolController] = []

    private func hasEnded(_ controller: PoolController) {
        self.retired.removeAll { $0 === controller }
        if !self.isStopping { self.makePools() }
    }

    // MARK: End

    /// Longer than this nobody waits for the next controller to take over the workers.
    private static let handOverNanoseconds = 60 * Nanoseconds.perSecond
    private static let handOverLookNanoseconds = 200 * Nanoseconds.perMillisecond

    /// Hands the workers over to a controller that stands by. Without one, ends them and waits for it, or leaves them
    /// running, as `on_stop` says. In a hurry nobody is waited for: not the next controller, nor requests under way.
    ///
    /// The rates that it lent to rooms are not taken back: they lapse three seconds later, and then the stated fallback
    /// holds, which is never more than was lent. Taken back at once they would open the rooms to their full inflow for
    /// as long as it takes the next controller to come.
    public func stop(inHurry: Bool = false, _ completion: @escaping () -> Void) {
        self.loop.preconditionOnLoop()
        self.isStopping = true
        self.isInHurry = inHurry
        self.rates.stop()
        for exporter in self.exporters { exporter.pause() }
        // Another controller need not wait until the lock runs out.
        self.board.resign(controller: self.workers.controller) { result in
            // One that was killed may still be written down as the one that leads.
            guard let next = try? result.get(), !self.workers.isGone(next), self.hasWorkers else {
                return self.endAlone(completion)
            }
            self.log.notice("workers are left to the controller that stands by", metadata: ["controller": "\(next)"])
            guard !inHurry else {
                for controller in self.pools { controller.leave() }
                return self.endAll(completion)
            }
            for controller in self.pools + self.retired { controller.standBy() }
            self.handOver(until: self.loop.now.advanced(byNanoseconds: Self.handOverNanoseconds), completion)
        }
    }

    private var hasWorkers: Bool { (self.pools + self.retired).contains(where: \.hasWorkers) }

    /// Until the next controller has adopted all of them, or has workers of its own in their place. It may go too.
    private func handOver(until: Instant, _ completion: @escaping () -> Void) {
        self.follow()
        self.loop.after(nanoseconds: Self.handOverLookNanoseconds) {
            guard self.hasWorkers else { return completion() }
            guard self.loop.now < until else {
                let why = "the controller that stands by did not take them over in time"
                self.log.warning("workers are drained and ended: \(why)")
                return self.endAll(completion)
            }
            self.board.resign(controller: self.workers.controller) { result in
                if case .success(let next) = result, next.map(self.workers.isGone) ?? true {
                    return self.endAlone(completion)
                }
                self.handOver(until: until, completion)
            }
        }
    }

    /// Nobody takes the workers over now.
    private func endAlone(_ completion: @escaping () -> Void) {
        let isKept = self.settings.controller.onStop == .keep
        if self.hasWorkers {
            let what = isKept ? "left running, as on_stop says" : "drained and ended"
            self.log.notice("workers are \(what): no other controller takes them over")
        }
        guard isKept else { return self.endAll(completion) }
        for controller in self.pools { controller.leave() }
        // Those of pools that are configured no more are of no use to the next one.
        self.endAll(completion)
    }

    private func endAll(_ completion: @escaping () -> Void) {
        let controllers = self.pools + self.retired
        var missing = controllers.count
        guard missing > 0 else { return completion() }
        for controller in controllers {
            controller.stop(inHurry: self.isInHurry) {
                missing -= 1
                if missing == 0 { completion() }
            }
        }
    }
}
