import EventLoop
import Pools
import Primitives
import Scaling
import Settings
import SharedState

/// Processes of this machine: `ProcessDriver` runs them, and `WorkerCustody` says whose they are.
final class ProcessPool: WorkerDriver {
    /// Between two looks at whether workers that drain for the end have come to it.
    private static let drainLookNanoseconds = 500 * Nanoseconds.perMillisecond

    private var pool: PoolSettings
    private let loop: any LoopContext
    private let board: any PoolBoard
    private let driver: ProcessDriver
    private let custody: WorkerCustody
    /// Its workers are none of its business any more.
    private var hasLeft = false
    var onEvent: ((WorkerDriverEvent) -> Void)?

    init(_ context: DriverContext) {
        let workers = context.workers
        self.pool = context.pool
        self.loop = context.loop
        self.board = context.board
        self.driver = ProcessDriver(
            settings: context.pool,
            executable: context.executable,
            loop: context.loop,
            log: context.log,
            seed: context.seed,
            controller: workers.controller,
            book: workers.book,
            launch: workers.launch,
            adopt: workers.adopt,
            freePort: workers.freePort
        )
        self.custody = WorkerCustody(
            keeper: workers.controller,
            place: workers.place,
            isGone: workers.isGone,
            driver: self.driver,
            loop: context.loop,
            publisher: DirectoryPublisher(
                pool: context.pool.name,
                board: context.board,
                log: context.log,
                isSilent: !context.tellsGateways
            ),
            book: workers.book
        )
        self.driver.mayAct = context.mayAct
        self.driver.onStarted = { [weak self] in self?.onEvent?(.started(afterNanoseconds: $0)) }
        self.driver.onChange = { [weak self] in
            self?.custody.publish()
            self?.onEvent?(.directoryChanged)
        }
        self.driver.onNews = { [weak self] in self?.custody.publish() }
        self.custody.onDeposed = { [weak self] in self?.onEvent?(.deposed) }
    }

    // MARK: Observing

    /// Also those that still serve and cannot be seen from here, of another host for instance: what they can take may be
    /// let in.
    var state: PoolState {
        var state = self.driver.state
        let foreign = self.custody.foreignReady + self.driver.unseenRecords.filter { $0.state == .ready }
        guard !foreign.isEmpty else { return state }
        let each = self.pool.worker.slots
        state.ready += foreign.count
        state.slots = state.slots.map { $0 + foreign.reduce(0) { $0 + ($1.slots ?? each) } }
        return state
    }

    var directory: [WorkerRecord] { self.driver.directory + self.custody.foreignRecords }
    var problem: String? {
        let unwritten = self.custody.phase == .standingBy ? nil : self.custody.problem
        return self.driver.problem.map { driver in unwritten.map { "\(driver); \($0)" } ?? driver } ?? unwritten
    }
    var crashes: Int { self.driver.crashes }
    var hasWorkers: Bool { !self.driver.ids.isEmpty }
    var term: Int64? {
        guard !self.hasLeft, case .leading(let fence) = self.custody.phase else { return nil }
        return fence
    }

    // MARK: Acting

    func apply(_ pool: PoolSettings) {
        self.pool = pool
        self.driver.apply(pool)
    }

    func reconcile(desired: Int, inFlight: ByName<Int>?) {
        guard self.term != nil else { return }
        self.driver.lookAgain()
        self.driver.reconcile(desired: desired, inFlight: inFlight)
        self.driver.tidy()
        self.custody.letForeignGo(desired: desired)
        self.custody.publish()
    }

    /// Whoever dies is replaced: nobody else would.
    func hold(inFlight: ByName<Int>?) {
        self.reconcile(desired: max(self.pool.minWorkers, self.driver.wanted), inFlight: inFlight)
    }

    func retire(_ id: String) -> Retirement {
        guard self.term != nil else { return .tooEarly }
        if let done = self.driver.dismiss(id) { return done }
        guard !self.custody.foreignRecords.contains(where: { $0.id == id }) else {
            return .notThatOne("it runs on another host, and is let go as soon as this one has enough of its own")
        }
        return .unknown(self.driver.ids.sorted())
    }

    // MARK: Leading and not

    func takeOver(fence: Int64, _ completion: @escaping () -> Void) {
        self.custody.takeOver(fence: fence, completion)
    }

    func standBy() { self.custody.standBy() }

    func follow() { self.custody.follow() }

    // MARK: The end

    func leave() {
        self.hasLeft = true
        self.custody.publish()
        // What waits to be started in place of one that died is the next controller's to start.
        self.driver.standBy()
        self.driver.giveUp(self.driver.ids)
    }

    func stop(inHurry: Bool, _ completion: @escaping () -> Void) {
        guard !self.hasLeft else { return completion() }
        // What an earlier controller left is on its way to this one: then that ends too.
        guard !self.custody.isTakingOver else {
            return self.custody.onSettled = { self.stop(inHurry: inHurry, completion) }
        }
        self.driver.lookAgain()
        guard self.hasWorkers else { return completion() }
        self.custody.speakAgain()
        if inHurry { return self.driver.stopAll(completion) }
        self.board.signals(pool: self.pool.name, maxAgeMicros: GatewayRoster.freshMicros) { result in
            guard (try? result.get())?.isEmpty == false else { return self.driver.stopAll(completion) }
            self.driver.drainAll(completion)
            self.lookAtDrained()
        }
    }

    /// Stops those that have nothing under way any more.
    private func lookAtDrained() {
        self.loop.after(nanoseconds: Self.drainLookNanoseconds) {
            guard self.hasWorkers else { return }
            self.board.signals(pool: self.pool.name, maxAgeMicros: GatewayRoster.freshMicros) { result in
                if case .success(let reports) = result {
                    self.driver.reconcile(desired: 0, inFlight: GatewaySignals.workerInFlight(of: reports))
                }
                self.lookAtDrained()
            }
        }
    }
}
