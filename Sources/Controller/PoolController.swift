import EventLoop
import Logging
import Pools
import Primitives
import Reports
import Scaling
import Settings
import SharedState

/// One pool's loop of control: gateways' signals in, workers and admission rate out, once a second.
final class PoolController {
    /// Between two looks at whether workers that drain for the end have come to it.
    private static let drainLookNanoseconds = 500 * Nanoseconds.perMillisecond

    let name: String
    private let loop: any LoopContext
    private let log: Logger
    private let board: any PoolBoard
    private let rates: RoomRates
    private var settings: Settings
    private var pool: PoolSettings
    private var policy: ScalingPolicy
    private let driver: ProcessDriver?
    /// Nil for a pool whose workers somebody else looks after.
    private let custody: WorkerCustody?
    private(set) var lastDecision: ScalingDecision?
    private(set) var lastSignals: PoolSignals?
    private var roster = GatewayRoster()
    private let workers: WorkerAccess
    /// Gateways that have ceased to report without having said that they stop.
    private(set) var silent: [GatewayRoster.Silent] = []
    /// Of those, how many have been given up.
    var forgottenGateways: Int { self.roster.forgotten }
    private var isBusy = false
    private var isStopping = false
    /// Its workers are none of its business any more.
    private var hasLeft = false
    private var fence: Int64 = 0
    /// A later leader has written to the board.
    var onDeposed: (() -> Void)?
    /// Whether this controller may still act: what it was told last is not too old.
    private let mayAct: () -> Bool

    init(
        pool: PoolSettings,
        settings: Settings,
        executable: String,
        loop: any LoopContext,
        board: any PoolBoard,
        rates: RoomRates,
        log: Logger,
        seed: UInt64,
        workers: WorkerAccess,
        mayAct: @escaping () -> Bool
    ) {
        self.name = pool.name
        self.pool = pool
        self.settings = settings
        self.loop = loop
        self.board = board
        self.rates = rates
        self.log = log
        self.policy = ScalingPolicy(limits: ScalingLimits(pool))
        self.mayAct = mayAct
        self.workers = workers
        guard pool.driver == .process else {
            self.driver = nil
            self.custody = nil
            return
        }
        let driver = ProcessDriver(
            settings: pool,
            executable: executable,
            loop: loop,
            log: log,
            seed: seed,
            controller: workers.controller,
            book: workers.book,
            launch: workers.launch,
            adopt: workers.adopt
        )
        let custody = WorkerCustody(
            pool: pool.name,
            keeper: workers.controller,
            place: workers.place,
            isGone: workers.isGone,
            driver: driver,
            loop: loop,
            board: board,
            book: workers.book,
            log: log
        )
        self.driver = driver
        self.custody = custody
        driver.mayAct = mayAct
        driver.onStarted = { [weak self] in self?.policy.workerStarted(after: $0) }
        // Gateways, and the rate at which rooms let in, follow at once.
        driver.onChange = { [weak self] in
            guard let self else { return }
            self.custody?.publish()
            if self.custody?.isLeading ?? false { self.control(fence: self.fence) }
        }
        driver.onNews = { [weak self] in self?.custody?.publish() }
        custody.onDeposed = { [weak self] in self?.onDeposed?() }
    }

    func apply(_ pool: PoolSettings, settings: Settings) {
        self.pool = pool
        self.settings = settings
        self.policy.limits = ScalingLimits(pool)
        self.driver?.apply(pool)
    }

    /// One round, as the leader with this fencing number.
    func control(fence: Int64) {
        guard !self.isBusy, !self.isStopping else { return }
        if let custody = self.custody, custody.phase != .leading(fence: fence) {
            return custody.takeOver(fence: fence) { [weak self] in self?.control(fence: fence) }
        }
        self.isBusy = true
        self.fence = fence
        self.board.signals(pool: self.name, maxAgeMicros: GatewayRoster.askedMicros) { result in
            self.isBusy = false
            guard !self.isStopping, self.custody?.isLeading ?? true, self.mayAct() else { return }
            self.boardContact.heard(result, self.moment)
            // A state that does not answer is a loss of signals: the size is held, the rate frozen.
            self.decide(on: (try? result.get()).map { self.look(at: $0) } ?? GatewayRoster.Look())
        }
    }

    private func decide(on look: GatewayRoster.Look) {
        let rooms = self.settings.rooms(of: self.name)
        let lines = look.fresh.isEmpty ? nil : RoomLines(look.fresh)
        let signals = lines.map {
            PoolSignals(
                look.fresh,
                held: look.held,
                silent: look.silent.count,
                lines: $0,
                rooms: rooms,
                drainGoalNanoseconds: self.pool.scaling.drainGoalNanoseconds,
                wallMicros: self.loop.wallMicros
            )
        }
        var state = self.state
        // Also those of another host that still serve: what they can take may be let in.
        if let foreign = self.custody?.foreignReady {
            state.ready += foreign.count
            let each = self.pool.worker.slots
            state.slots = state.slots.map { $0 + foreign.reduce(0) { $0 + ($1.slots ?? each) } }
        }
        self.policy.limits.openings = ScalingLimits.openings(
            of: rooms,
            lines: lines ?? RoomLines(),
            now: self.loop.now,
            wallMicros: self.loop.wallMicros
        )
        let decision = self.policy.decide(signals: signals, pool: state, now: self.loop.now)
        if decision.desiredWorkers != self.lastDecision?.desiredWorkers || decision.reason != self.lastDecision?.reason
        {
            self.log.info(
                "scaling",
                metadata: [
                    "pool": "\(self.name)", "desired": "\(decision.desiredWorkers)", "ready": "\(state.ready)",
                    "reason": "\(decision.reason.rawValue)",
                ]
            )
        }
        self.lastDecision = decision
        self.lastSignals = signals
        // What a silent gateway has under way nobody knows: no worker is taken to be idle.
        let isKnown = signals != nil && !look.hidesRequests
        let inFlight = isKnown ? GatewaySignals.workerInFlight(of: look.fresh) : nil
        self.driver?.reconcile(desired: decision.desiredWorkers, inFlight: inFlight)
        self.driver?.tidy()
        self.custody?.letForeignGo(desired: decision.desiredWorkers)
        self.custody?.publish()
        // Also without signals: the policy freezes the rate, except that it is nought while no worker is ready.
        self.rates.offer(
            pool: self.name,
            rateMilli: decision.admissionRateMilli,
            lines: lines,
            fence: self.fence
        )
        let fields = self.statusFields(decision, state)
        self.board.publishDecision(pool: self.name, fields: fields, fence: self.fence) { result in
            if case .success(false) = result { self.onDeposed?() }
        }
    }

    /// Tells gateways that report from those that have fallen silent, and says so in the log.
    private func look(at reports: [GatewaySignals]) -> GatewayRoster.Look {
        let look = self.roster.look(reports, isGone: self.workers.hasEnded)
        self.silent = look.silent
        for event in look.events {
            switch event {
            case .fellSilent(let gateway):
                self.log.warning(
                    "a gateway has fallen silent and did not say that it stops: the pool keeps its workers",
                    metadata: ["pool": "\(self.name)", "gateway": "\(gateway)"]
                )
            case .died(let gateway):
                self.log.warning(
                    "a gateway has died: the pool keeps its workers until its visitors are back by another one",
                    metadata: ["pool": "\(self.name)", "gateway": "\(gateway)"]
                )
            case .forgotten(let gateway):
                self.log.warning(
                    "a gateway has been silent for too long and is forgotten: the pool may shrink again",
                    metadata: ["pool": "\(self.name)", "gateway": "\(gateway)"]
                )
            case .isBack(let gateway):
                self.log.notice(
                    "a silent gateway is back",
                    metadata: ["pool": "\(self.name)", "gateway": "\(gateway)"]
                )
            case .withdrew(let gateway):
                self.log.notice(
                    "a silent gateway is off the board",
                    metadata: ["pool": "\(self.name)", "gateway": "\(gateway)"]
                )
            }
        }
        return look
    }

    // MARK: Leading and not

    /// Another controller leads.
    func standBy() { self.custody?.standBy() }

    /// While it does: its word on the workers that are left here.
    func follow() { self.custody?.follow() }

    var hasWorkers: Bool { !(self.driver?.ids.isEmpty ?? true) }

    // MARK: What fails

    private var boardContact = StateContact()
    private var moment: StateContact.Moment { (self.loop.now, self.loop.wallMicros) }

    /// A new term begins: what failed in one before is of the past.
    func forgetCalls() {
        self.boardContact = StateContact()
        self.roster = GatewayRoster()
        self.silent = []
    }

    /// Calls that have failed for a while, though the shared state may answer others.
    var callProblems: [String] {
        let board = self.boardContact.lastingFailure(now: self.loop.now).map {
            "pool \(self.name): what gateways report cannot be read \($0). Look after Redis. Meanwhile its workers stay "
                + "as they are"
        }
        return [board, self.silence].compactMap { $0 }
    }

    /// Gateways named in a problem, at most.
    private static let mostNamed = 5

    private var silence: String? {
        // Of one that is gone there is nothing to be looked after, except that it was not to end: the log says it.
        let silent = self.silent.filter { !$0.isGone }
        guard !silent.isEmpty else { return nil }
        let named = silent.prefix(Self.mostNamed).map { "\($0.gateway) for \($0.silentMicros / 1_000_000) s" }
        let others = silent.count - named.count
        return "pool \(self.name): gateways that have not reported and did not say that they stop: "
            + named.joined(separator: ", ") + (others > 0 ? " and \(others) more" : "")
            + ". The pool does not shrink until they report, or until "
            + "\(GatewayRoster.rememberedMicros / 60_000_000) minutes of silence. Look whether they run and reach the "
            + "shared state"
    }

    private func statusFields(_ decision: ScalingDecision, _ state: PoolState) -> [(String, String)] {
        [
            ("desired", "\(decision.desiredWorkers)"), ("needed", "\(decision.neededWorkers)"),
            ("ready", "\(state.ready)"), ("pending", "\(state.pending.count)"), ("draining", "\(state.draining)"),
            ("reason", decision.reason.rawValue), ("rate_milli", "\(decision.admissionRateMilli)"),
            ("service_time_us", "\(decision.serviceTimeNanoseconds / 1_000)"),
            ("requests_per_visitor_milli", "\(Int(decision.requestsPerVisitor * 1_000))"),
            ("latency_trim_permille", "\(Int(decision.latencyTrim * 1_000))"),
        ]
    }

    // MARK: Watching and end

    var state: PoolState { self.driver?.state ?? PoolState(ready: self.pool.workers.count) }
    var crashes: Int { self.driver?.crashes ?? 0 }
    /// Why workers do not get ready; nil when they do.
    var problem: String? { self.driver?.problem }

    /// Ends every worker. Those that gateways still use drain first, unless that has to be quick.
    func stop(inHurry: Bool = false, _ completion: @escaping () -> Void) {
        self.isStopping = true
        guard let driver = self.driver, let custody = self.custody, !self.hasLeft else { return completion() }
        // What an earlier controller left is on its way to this one: then that ends too.
        guard !custody.isTakingOver else { return custody.onSettled = { self.stop(inHurry: inHurry, completion) } }
        guard self.hasWorkers else { return completion() }
        custody.speakAgain()
        if inHurry { return driver.stopAll(completion) }
        self.board.signals(pool: self.name, maxAgeMicros: GatewayRoster.freshMicros) { result in
            guard (try? result.get())?.isEmpty == false else { return driver.stopAll(completion) }
            driver.drainAll(completion)
            self.lookAtDrained()
        }
    }

    /// Stops those that have nothing under way any more.
    private func lookAtDrained() {
        self.loop.after(nanoseconds: Self.drainLookNanoseconds) {
            guard self.hasWorkers else { return }
            self.board.signals(pool: self.name, maxAgeMicros: GatewayRoster.freshMicros) { result in
                if case .success(let reports) = result {
                    self.driver?.reconcile(desired: 0, inFlight: GatewaySignals.workerInFlight(of: reports))
                }
                self.lookAtDrained()
            }
        }
    }

    /// Takes over what an earlier controller has left of a pool that there is no more, and ends it.
    func retire(fence: Int64, _ completion: @escaping () -> Void) {
        guard let custody = self.custody else { return completion() }
        custody.takeOver(fence: fence) {}
        self.stop(completion)
    }

    /// Leaves the workers running, for the next controller to find.
    func leave() {
        self.isStopping = true
        self.hasLeft = true
        guard let driver = self.driver else { return }
        self.custody?.publish()
        driver.giveUp(driver.ids)
    }
}
