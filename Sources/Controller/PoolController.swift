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
    let name: String
    private let loop: any LoopContext
    private let log: Logger
    private let board: any PoolBoard
    private let rates: RoomRates
    /// Those before it.
    private var rooms: [RoomSettings]
    private var pool: PoolSettings
    private var policy: ScalingPolicy
    private let decisions: DecisionRecorder
    private let driver: any WorkerDriver
    private(set) var lastDecision: ScalingDecision?
    private var modes = PoolModes()
    /// What an operator has set, as the shared state told last; nil: not known yet in this term.
    private var order: ModeOrder??
    /// What the mode has made of the last decision.
    private(set) var lastVerdict: PoolModes.Verdict?
    private(set) var lastSignals: PoolSignals?
    private var roster = GatewayRoster()
    private let workers: WorkerAccess
    /// Gateways that have ceased to report without having said that they stop.
    private(set) var silent: [GatewayRoster.Silent] = []
    /// Of those, how many have been given up.
    var forgottenGateways: Int { self.roster.forgotten }
    private var notes = TroubleNotes()
    private var isBusy = false
    private var isStopping = false
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
        tellsGateways: Bool = true,
        mayAct: @escaping () -> Bool
    ) {
        self.name = pool.name
        self.pool = pool
        self.rooms = settings.rooms(of: pool.name)
        self.loop = loop
        self.board = board
        self.rates = rates
        self.log = log
        self.policy = ScalingPolicy(limits: ScalingLimits(pool))
        self.decisions = DecisionRecorder(pool: pool.name, workers: workers)
        self.mayAct = mayAct
        self.workers = workers
        self.driver = WorkerDrivers.make(
            DriverContext(
                pool: pool,
                executable: executable,
                loop: loop,
                board: board,
                log: log,
                seed: seed,
                workers: workers,
                mayAct: mayAct,
                tellsGateways: tellsGateways
            )
        )
        self.driver.onEvent = { [weak self] in self?.take($0) }
    }

    private func take(_ event: WorkerDriverEvent) {
        switch event {
        case .started(let nanoseconds):
            self.policy.workerStarted(after: nanoseconds)
            self.decisions.workerStarted(after: nanoseconds)
        // Gateways know already; the rate at which rooms let in follows at once.
        case .directoryChanged: if let fence = self.driver.term { self.control(fence: fence) }
        case .deposed: self.onDeposed?()
        }
    }

    /// False: the pool has another driver there, and its workers would have nothing in common with these.
    func isIn(_ settings: Settings) -> Bool { settings.pool(named: self.name)?.driver == self.pool.driver }

    func apply(_ pool: PoolSettings, settings: Settings) {
        self.pool = pool
        self.rooms = settings.rooms(of: pool.name)
        self.policy.limits = ScalingLimits(pool)
        self.driver.apply(pool)
    }

    /// One round, as the leader with this fencing number.
    func control(fence: Int64) {
        guard !self.isBusy, !self.isStopping else { return }
        // Also of what keeps the driver from taking over.
        self.noteTrouble()
        guard self.driver.term == fence else {
            return self.driver.takeOver(fence: fence) { [weak self] in self?.control(fence: fence) }
        }
        self.isBusy = true
        if fence != self.fence { self.policy.beginTerm() }
        self.fence = fence
        self.board.mode(pool: self.name) { result in
            if case .success(let order) = result { self.order = .some(order) }
            // Scaled in spite of an order it would be wrong, if only for a second.
            guard self.order != nil else {
                self.isBusy = false
                return self.boardContact.heard(result, self.moment)
            }
            self.askCost(fence: fence)
        }
    }

    private func askSignals(fence: Int64) {
        self.board.signals(pool: self.name, maxAgeMicros: GatewayRoster.askedMicros) { result in
            self.isBusy = false
            guard !self.isStopping, self.driver.term == fence, self.mayAct() else { return }
            self.boardContact.heard(result, self.moment)
            // A state that does not answer is a loss of signals: the size is held, the rate frozen.
            self.decide(on: (try? result.get()).map { self.look(at: $0) } ?? GatewayRoster.Look())
        }
    }

    /// The driver has not known all of its workers yet in this term.
    private var isHalfBlind = false

    /// What was decided on half of the workers is forgotten once all are known: the size that stays is not that half.
    private func lookAround() {
        if let size = self.driver.fixedSize { self.policy.limits.fix(at: size) }
        guard self.driver.isComplete else { return self.isHalfBlind = true }
        guard self.isHalfBlind else { return }
        self.isHalfBlind = false
        self.policy.beginTerm()
        self.modes = PoolModes()
        self.decisions.policyBeganAnew()
    }

    private func decide(on look: GatewayRoster.Look) {
        self.lookAround()
        let (state, wallMicros) = (self.state, self.loop.wallMicros)
        let lines = look.fresh.isEmpty ? nil : RoomLines(look.fresh)
        let signals = lines.map {
            PoolSignals(
                look.fresh,
                held: look.held,
                silent: look.silent.count,
                lines: $0,
                rooms: self.rooms,
                drainGoalNanoseconds: self.pool.scaling.drainGoalNanoseconds,
                wallMicros: wallMicros
            )
        }
        self.policy.limits.openings = ScalingLimits.openings(
            of: self.rooms,
            lines: lines ?? RoomLines(),
            now: self.loop.now,
            wallMicros: wallMicros
        )
        self.policy.limits.costCap?.carried = self.carriedCost
        let (before, now) = (self.policy, self.loop.now)
        let decision = self.policy.decide(signals: signals, pool: state, now: now, wallMicros: wallMicros)
        let verdict = self.modes.verdict(
            configured: PoolMode(self.pool),
            order: self.order ?? nil,
            advised: decision.desiredWorkers,
            live: state.ready + state.pending.count,
            bounds: self.pool.workerBounds,
            wallMicros: wallMicros
        )
        self.decisions.record(
            decision,
            under: verdict,
            at: now,
            wallMicros: wallMicros,
            by: before,
            signals: signals,
            lines: lines,
            state: state,
            fence: self.fence
        )
        self.tell(verdict)
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
        self.carryOut(verdict, inFlight: isKnown ? GatewaySignals.workerInFlight(of: look.fresh) : nil)
        // Also without signals: the policy freezes the rate, except that it is nought while no worker is ready.
        self.rates.offer(pool: self.name, rateMilli: decision.admissionRateMilli, lines: lines, fence: self.fence)
        let fields = self.statusFields(decision, verdict, state) + (decision.cost.map { self.costFields($0) } ?? [])
        self.board.publishDecision(pool: self.name, fields: fields, fence: self.fence) { result in
            if case .success(false) = result { self.onDeposed?() }
        }
    }

    private func carryOut(_ verdict: PoolModes.Verdict, inFlight: ByName<Int>?) {
        if let desired = verdict.desired, !self.isHalfBlind {
            self.driver.reconcile(desired: desired, inFlight: inFlight)
        } else {
            self.driver.hold(inFlight: inFlight)
        }
    }

    private func tell(_ verdict: PoolModes.Verdict) {
        if verdict.mode != self.lastVerdict?.mode, verdict.mode != .automatic || self.lastVerdict != nil {
            self.log.notice(
                "the pool's mode",
                metadata: [
                    "pool": "\(self.name)", "mode": "\(verdict.mode)",
                    "set_by": verdict.isOrdered ? "an operator" : "the configuration",
                    "until": "\(verdict.untilMicros.map { RFC3339.text(wallMicros: $0, fraction: .millis) } ?? "-")",
                ]
            )
        }
        self.lastVerdict = verdict
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

    /// An operator wants that worker to go.
    func retire(_ id: String) -> Retirement {
        guard self.mayAct() else { return .standsBy }
        guard self.driver.term != nil, let verdict = self.lastVerdict else { return .tooEarly }
        guard verdict.mode != .advise else { return .impossible("in the mode advise somebody else scales it") }
        let done = self.driver.retire(id)
        if done == .drains {
            self.log.notice("an operator has a worker go", metadata: ["pool": "\(self.name)", "worker": "\(id)"])
        }
        return done
    }

    // MARK: Leading and not

    /// Another controller leads.
    func standBy() { self.driver.standBy() }

    /// While it does: its word on the workers that are left here.
    func follow() { self.driver.follow() }

    var hasWorkers: Bool { self.driver.hasWorkers }

    // MARK: What fails

    private var boardContact = StateContact()
    private var moment: StateContact.Moment { (self.loop.now, self.loop.wallMicros) }

    /// A term begins or ends: what was decided and what failed in it is of the past.
    func forgetTerm() {
        self.boardContact = StateContact()
        self.lastDecision = nil
        self.lastSignals = nil
        self.order = nil
        self.isHalfBlind = false
        self.modes = PoolModes()
        self.lastVerdict = nil
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

    // MARK: Cost

    /// What the pool had cost when another controller, or this one in an earlier term, decided last.
    private var carriedCost: CostCap.Carried?
    /// The term in which that was read.
    private var costTerm: Int64?

    /// A new term begins. What was spent before it stands with the last decision: nothing is decided, and written over it,
    /// before that is known.
    private func askCost(fence: Int64) {
        guard self.pool.scaling.costCapMinutes > 0, self.costTerm != fence else { return self.askSignals(fence: fence) }
        self.board.decision(pool: self.name) { result in
            guard case .success(let fields) = result else {
                self.isBusy = false
                return self.boardContact.heard(result, self.moment)
            }
            self.costTerm = fence
            self.carry(Dictionary(fields, uniquingKeysWith: { first, _ in first }))
            self.askSignals(fence: fence)
        }
    }

    private func carry(_ told: [String: String]) {
        guard let all = told["cost_spent_ms"].flatMap({ Int64($0) }),
            let beyondLeast = told["cost_beyond_least_ms"].flatMap({ Int64($0) }),
            let at = told["cost_at_us"].flatMap({ Int64($0) })
        else { return }
        let age = min(max(0, self.loop.wallMicros - at), self.pool.scaling.costWindowNanoseconds / 1_000)
        self.carriedCost = CostCap.Carried(
            spent: CostSum(all: Double(all) / 1_000, beyondLeast: Double(beyondLeast) / 1_000),
            at: self.loop.now.advanced(byNanoseconds: -age * Nanoseconds.perMicrosecond)
        )
    }

    private func costFields(_ cost: CostStanding) -> [(String, String)] {
        [
            ("cost_spent_ms", "\(Int64(cost.spent.all * 1_000))"),
            ("cost_beyond_least_ms", "\(Int64(cost.spent.beyondLeast * 1_000))"),
            ("cost_at_us", "\(self.loop.wallMicros)"),
        ]
    }

    private func statusFields(
        _ decision: ScalingDecision,
        _ verdict: PoolModes.Verdict,
        _ state: PoolState
    ) -> [(String, String)] {
        [
            ("mode", verdict.mode.name), ("desired", "\(decision.desiredWorkers)"), ("wanted", "\(verdict.told)"),
            ("needed", "\(decision.neededWorkers)"),
            ("ready", "\(state.ready)"), ("pending", "\(state.pending.count)"), ("draining", "\(state.draining)"),
            ("reason", decision.reason.rawValue), ("rate_milli", "\(decision.admissionRateMilli)"),
            ("service_time_us", "\(decision.serviceTimeNanoseconds / 1_000)"),
            ("requests_per_visitor_milli", "\(Int(decision.requestsPerVisitor * 1_000))"),
            ("latency_trim_permille", "\(Int(decision.latencyTrim * 1_000))"),
        ]
    }

    // MARK: Watching and end

    var state: PoolState { self.driver.state }
    var crashes: Int { self.driver.crashes }
    /// Why workers do not get ready; nil when they do.
    var problem: String? { self.driver.problem }

    /// Whoever looks at the log alone must not miss what the status says.
    private func noteTrouble() {
        guard !self.driver.tellsLog else { return }
        switch self.notes.line(for: self.problem, now: self.loop.now) {
        case .begun(let trouble): self.log.error("the pool is in trouble", metadata: ["reason": "\(trouble)"])
        case .passed: self.log.notice("the pool's trouble has passed", metadata: ["pool": "\(self.name)"])
        case nil: break
        }
    }

    /// Ends every worker. Those that gateways still use drain first, unless that has to be quick.
    func stop(inHurry: Bool = false, _ completion: @escaping () -> Void) {
        self.isStopping = true
        self.driver.stop(inHurry: inHurry, completion)
    }

    /// Its driver knows its workers in this term, and none of `ids` is among them.
    func isSettled(fence: Int64, without ids: Set<String>) -> Bool {
        self.driver.term == fence && self.driver.isComplete && ids.isDisjoint(with: self.driver.directory.map(\.id))
    }

    /// Takes over what an earlier controller has left of a pool that is no more, or has another driver, and ends it.
    func retire(fence: Int64, _ completion: @escaping () -> Void) {
        self.driver.takeOver(fence: fence) {}
        self.stop(completion)
    }

    /// Leaves the workers running, for the next controller to find.
    func leave() {
        self.isStopping = true
        self.driver.leave()
    }
}
