import EventLoop
import Pools
import Primitives
import Scaling
import Settings
import SharedState
import Transport

/// Workers that KEDA starts and ends. What KEDA is told stands on the board, as the last decision, for every controller
/// to pass on (`KEDAScaler`); this finds out who is there, and tells gateways.
final class KEDADriver: WorkerDriver {
    /// Between two looks at who is to be asked.
    private static let lookNanoseconds = 100 * Nanoseconds.perMillisecond
    /// An address that has not answered by then has nobody, as far as the first decision goes.
    private static let firstLookNanoseconds = 5 * Nanoseconds.perSecond

    private enum Phase: Equatable {
        case standingBy
        /// Asks every address, and the board how many were wanted last: without that the first decision would send home
        /// whoever is still to come.
        case lookingAround(fence: Int64, since: Instant, wanted: Int?)
        case leading(fence: Int64)
        /// For good.
        case ended
    }

    private var pool: PoolSettings
    private let loop: any LoopContext
    private let board: any PoolBoard
    private let publisher: DirectoryPublisher
    private let question: WorkerQuestion
    private let mayAct: () -> Bool
    private var workers: ListedWorkers
    private var phase = Phase.standingBy
    private var onKnown: (() -> Void)?
    private var timer: LoopTimer?
    var onEvent: ((WorkerDriverEvent) -> Void)?

    init(_ context: DriverContext) {
        self.pool = context.pool
        self.loop = context.loop
        self.board = context.board
        self.publisher = DirectoryPublisher(pool: context.pool.name, board: context.board, log: context.log)
        self.question = context.workers.ask
        self.mayAct = context.mayAct
        self.workers = ListedWorkers(ListedWorkers.Limits(context.pool))
        self.timer = LoopTimer(loop: context.loop) { [weak self] in self?.look() }
    }

    // MARK: Observing

    var state: PoolState { self.workers.state }
    var crashes: Int { self.workers.losses }
    /// They are KEDA's, and need nobody's care.
    var hasWorkers: Bool { false }
    var term: Int64? { if case .leading(let fence) = self.phase { fence } else { nil } }

    var directory: [WorkerRecord] {
        self.workers.ready.map { worker in
            let address = worker.address.description
            return WorkerRecord(id: address, address: address, state: .ready, sinceMicros: worker.sinceMicros)
        }
    }

    var problem: String? {
        guard self.term != nil else { return nil }
        let failing = self.workers.kept
        if failing > 0 {
            return
                "pool \(self.pool.name): \(failing) of \(self.workers.state.ready) workers do not answer the probe. As many "
                + "as that are kept on the list, since it may be the controller that does not reach them: look whether it "
                + "does, and at probe in the configuration"
        }
        guard let first = self.workers.state.pending.first else { return nil }
        let age = self.loop.now.nanoseconds(since: first)
        guard age >= self.pool.startTimeoutNanoseconds else { return nil }
        let ready = self.workers.state.ready
        return
            "pool \(self.pool.name): \(ready + self.workers.state.pending.count) workers are wanted and \(ready) answer, "
            + "for \(age / Nanoseconds.perSecond) s now. Look whether KEDA asks (its ScaledObject's status), whether its "
            + "pods start, and whether they are at the addresses under workers"
    }

    // MARK: Acting

    func apply(_ pool: PoolSettings) {
        self.pool = pool
        self.workers.apply(ListedWorkers.Limits(pool))
        self.look()
    }

    func reconcile(desired: Int, inFlight: ByName<Int>?) {
        guard self.term != nil else { return }
        self.workers.want(desired, now: self.loop.now)
        self.publish()
    }

    /// Which of them goes KEDA and its cluster say.
    func retire(_ id: String) -> Retirement {
        .impossible("Kubernetes chooses which pod goes (driver keda): delete the pod")
    }
    var tellsLog: Bool { false }

    private func publish() {
        guard case .leading(let fence) = self.phase, self.mayAct() else { return }
        self.publisher.publish(self.directory, fence: fence) { [weak self] in
            if self?.term == fence { self?.deposed() }
        }
    }

    private func deposed() {
        self.standBy()
        self.onEvent?(.deposed)
    }

    // MARK: Asking

    private func look() {
        guard self.phase != .standingBy, self.phase != .ended else { return }
        for address in self.workers.ask(now: self.loop.now) {
            self.question(address, self.pool.probe) { [weak self] in self?.answered(address, isWell: $0) }
        }
        self.beginIfKnown()
        self.timer?.arm(afterNanoseconds: Self.lookNanoseconds)
    }

    private func answered(_ address: SocketAddress, isWell: Bool) {
        let change = self.workers.answered(
            address,
            isWell: isWell,
            now: self.loop.now,
            wallMicros: self.loop.wallMicros
        )
        guard self.term != nil else { return self.beginIfKnown() }
        switch change {
        case .none: return
        case .ready(let after):
            if let after { self.onEvent?(.started(afterNanoseconds: after)) }
        case .gone: break
        }
        self.publish()
        self.onEvent?(.directoryChanged)
    }

    // MARK: Leading and not

    func takeOver(fence: Int64, _ completion: @escaping () -> Void) {
        switch self.phase {
        case .lookingAround(fence, _, _): return
        case .leading(fence): return completion()
        case .ended: return
        case .standingBy, .leading, .lookingAround: break
        }
        // What was known of the time before this term is old.
        self.workers = ListedWorkers(ListedWorkers.Limits(self.pool))
        let began = Phase.lookingAround(fence: fence, since: self.loop.now, wanted: nil)
        self.phase = began
        self.onKnown = completion
        self.board.registry(pool: self.pool.name) { [weak self] result in
            guard let self, self.phase == began else { return }
            // What cannot be read is asked for again a second later.
            guard case .success(let left) = result else { return self.standBy() }
            guard left.fence <= fence else { return self.deposed() }
            self.readWanted(began, fence: fence, since: self.loop.now)
        }
        self.look()
    }

    /// KEDA is told the same as before: fewer that answer for a moment are no smaller wish.
    func hold(inFlight: ByName<Int>?) { self.publish() }

    private func readWanted(_ began: Phase, fence: Int64, since: Instant) {
        self.board.decision(pool: self.pool.name) { [weak self] result in
            guard let self, self.phase == began else { return }
            guard case .success(let fields) = result else { return self.standBy() }
            let wanted = DecisionReader.wanted(Dictionary(fields) { first, _ in first }) ?? 0
            self.phase = .lookingAround(fence: fence, since: since, wanted: wanted)
            self.beginIfKnown()
        }
    }

    private func beginIfKnown() {
        guard case .lookingAround(let fence, let since, let wanted?) = self.phase else { return }
        let isLate = self.loop.now.nanoseconds(since: since) >= Self.firstLookNanoseconds
        guard self.workers.isKnown || isLate else { return }
        self.phase = .leading(fence: fence)
        self.workers.want(min(wanted, self.pool.maxWorkers), now: self.loop.now)
        let onKnown = self.onKnown
        self.onKnown = nil
        onKnown?()
    }

    func standBy() { if self.phase != .ended { self.rest(.standingBy) } }
    func follow() {}
    func leave() { self.rest(.ended) }

    func stop(inHurry: Bool, _ completion: @escaping () -> Void) {
        self.rest(.ended)
        completion()
    }

    private func rest(_ phase: Phase) {
        self.phase = phase
        self.onKnown = nil
        self.timer?.disarm()
    }
}

extension ListedWorkers.Limits {
    init(_ pool: PoolSettings) {
        self.init(
            addresses: pool.workers.compactMap(\.address),
            intervalNanoseconds: pool.probe.intervalNanoseconds,
            failures: pool.probe.failures
        )
    }
}
