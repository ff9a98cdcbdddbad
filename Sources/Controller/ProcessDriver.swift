import EventLoop
import Logging
import Pools
import Primitives
import Scaling
import Settings
import SharedState
import Transport

/// Runs a pool's workers. `Reconciliation` decides; this does what it says, and tells it what became of it.
final class ProcessDriver {
    struct Running {
        let process: any WorkerProcess
        let id: String
        let startedMicros: Int64
        let shape: UInt64
        let log: String
        /// Why this driver has told it to end, where that is a failure of the worker's.
        var failure: String?
    }

    let loop: any LoopContext
    let log: Logger
    private let executable: String
    private let launch: WorkerLauncher
    let adoptProcess: WorkerAdopter
    /// Names of workers begin with the pool's and one of this driver's: they are unique over all controllers, and over the
    /// pools that one controller has had under the same name, one after the other.
    private let namePrefix: String
    let book: any WorkerBook
    private let freePort: () throws -> UInt16
    private(set) var settings: PoolSettings
    var reconciliation: Reconciliation
    var running: [Reconciliation.Number: Running] = [:]
    /// Of an earlier controller. Whether they still run cannot be seen for the moment: they stay written down, and gateways
    /// go on with them.
    var unseen: [RegisteredWorker] = []
    private var timer: LoopTimer?
    /// What is due while this controller may not act is looked at again after this time.
    private static let heldNanoseconds = 100 * Nanoseconds.perMillisecond
    private var stopCompletions: [() -> Void] = []
    /// The latest failure of a worker, and when the first came since one got ready or there were enough.
    private var trouble: (what: String, sinceMicros: Int64)?
    /// A worker became ready after so many nanoseconds.
    var onStarted: ((Int64) -> Void)?
    /// The directory is another one now.
    var onChange: (() -> Void)?
    /// A worker was started, or has told its address: the next controller has to know.
    var onNews: (() -> Void)?
    /// Whether this controller may still act on its workers.
    var mayAct: () -> Bool = { true }

    /// `executable` is the program that brings the sample worker along.
    init(
        settings: PoolSettings,
        executable: String,
        loop: any LoopContext,
        log: Logger,
        seed: UInt64,
        controller: String,
        book: any WorkerBook,
        launch: @escaping WorkerLauncher,
        adopt: @escaping WorkerAdopter,
        freePort: @escaping () throws -> UInt16
    ) {
        self.settings = settings
        self.executable = executable
        self.launch = launch
        self.adoptProcess = adopt
        self.namePrefix = "\(settings.name)-" + String(FNV1a.hash64("\(controller) \(seed)".utf8), radix: 36)
        self.book = book
        self.freePort = freePort
        self.loop = loop
        self.log = log
        self.reconciliation = Reconciliation(limits: Reconciliation.Limits(settings), seed: seed)
        self.timer = LoopTimer(loop: loop) { [weak self] in
            guard let self else { return }
            guard self.mayAct() else {
                self.timer?.arm(afterNanoseconds: Self.heldNanoseconds)
                return
            }
            let actions = self.reconciliation.timePassed(now: self.loop.now)
            self.tellTimeouts(actions)
            self.run(actions)
        }
    }

    /// Workers that run keep their shape; new ones get the new one.
    func apply(_ settings: PoolSettings) {
        self.settings = settings
        self.reconciliation.limits = Reconciliation.Limits(settings)
        for running in self.running.values { running.process.ask(settings.probe) }
        self.armTimer()
    }

    var crashes: Int { self.reconciliation.crashes }

    /// For the operator: since when workers fail, how, and what to do; nil when they do not.
    var problem: String? {
        guard let trouble = self.trouble else { return self.unseenProblem }
        let since = RFC3339.text(wallMicros: trouble.sinceMicros, fraction: .millis)
        return "pool \(self.settings.name): workers fail since \(since), \(self.state.ready) are ready. The last "
            + "failure: \(trouble.what). It is tried again by itself; look at the worker's own output, and at pools."
            + "\(self.settings.name) in the configuration"
    }

    var state: PoolState { self.reconciliation.state }

    /// As many as were desired last, or as there are: who has just been adopted was desired by another controller.
    var wanted: Int { max(self.reconciliation.desired, self.reconciliation.workers.count(where: \.isLive)) }

    /// Workers that listen somewhere and have not been told to end.
    var directory: [WorkerRecord] {
        self.unseenRecords
            + self.reconciliation.workers.compactMap { worker in
                guard let running = self.running[worker.number], let address = running.process.address else {
                    return nil
                }
                let state: WorkerRecord.State
                switch worker.state {
                case .starting: state = .starting
                case .ready: state = .ready
                case .draining: state = .draining
                case .stopping: return nil
                }
                return WorkerRecord(
                    id: running.id,
                    address: address.description,
                    state: state,
                    sinceMicros: running.startedMicros,
                    // Told only where it is not what the settings say: gateways of before do not know the form for it.
                    slots: worker.slots == self.settings.worker.slots ? nil : worker.slots
                )
            }
    }

    /// Moves towards `desired` workers, those that are starting included. `inFlight` tells, by the workers' ids, what the
    /// gateways have under way; nil when they did not tell.
    func reconcile(desired: Int, inFlight: ByName<Int>?) {
        let load = inFlight.map { inFlight in self.running.mapValues { inFlight[$0.id] ?? 0 } }
        self.run(self.reconciliation.reconcile(desired: desired, inFlight: load, now: self.loop.now))
        // One that died and needs no successor is no trouble any more.
        if self.state.ready >= desired { self.trouble = nil }
    }

    // MARK: Doing what was decided

    func run(_ actions: [Reconciliation.Action]) {
        var hasChanged = false
        var hasStarted = false
        for action in actions {
            switch action {
            case .start(let number):
                // A start that failed takes those behind it along.
                if self.reconciliation.worker(number) != nil { self.start(number) }
                hasStarted = true
            case .drain(let number):
                hasChanged = true
                self.log.info("worker drains", metadata: ["worker": "\(self.name(number))"])
            case .revive(let number):
                hasChanged = true
                self.log.info("worker is wanted again", metadata: ["worker": "\(self.name(number))"])
            case .stop(let number):
                hasChanged = true
                self.running[number].map { $0.process.stop(keepsOutput: $0.failure != nil) }
            case .kill(let number):
                self.log.warning("worker did not end when asked to", metadata: ["worker": "\(self.name(number))"])
                self.running[number]?.process.kill()
            }
        }
        self.armTimer()
        if hasChanged { self.onChange?() } else if hasStarted { self.onNews?() }
    }

    func armTimer() {
        if let deadline = self.reconciliation.nextDeadline {
            self.timer?.arm(at: deadline)
        } else {
            self.timer?.disarm()
        }
    }

    private func start(_ number: Reconciliation.Number) {
        do {
            let plan = try self.plan(number)
            let process = try self.launch(plan) { [weak self] event in self?.take(event, of: number) }
            process.ask(self.settings.probe)
            self.running[number] = Running(
                process: process,
                id: plan.id,
                startedMicros: self.loop.wallMicros,
                shape: plan.shape,
                log: plan.log
            )
            self.log.info("worker started", metadata: ["worker": "\(plan.id)", "pid": "\(process.identity.pid)"])
        } catch {
            let pause = self.reconciliation.startFailed(number, now: self.loop.now)
            self.tellFailure("cannot start a worker: \(error)", pause)
        }
    }

    private func tellTimeouts(_ actions: [Reconciliation.Action]) {
        for case .stop(let number) in actions {
            guard case .stopping(isWanted: false, _)? = self.reconciliation.worker(number)?.state else { continue }
            let address = self.running[number]?.process.address
            let timeout = DurationText.format(self.settings.startTimeoutNanoseconds)
            let got =
                address.map { "it listens on \($0), and did not pass the probe" } ?? "it has not said where it listens"
            self.noteFailure(
                of: number,
                "was not ready within start_timeout (\(timeout)) and was ended: \(got). Raise start_timeout, or look why "
                    + "it starts slowly"
            )
            self.log.error(
                "a worker was not ready within start_timeout and is ended; raise that, or look why it starts slowly",
                metadata: [
                    "worker": "\(self.name(number))", "start_timeout": "\(timeout)",
                    "listening": "\(address?.description ?? "not yet")",
                ]
            )
        }
    }

    private func tellHung(_ actions: [Reconciliation.Action]) {
        for case .stop(let number) in actions {
            self.noteFailure(of: number, "was ready and well no more, and was ended; it is replaced")
            self.log.error(
                "a ready worker is well no more, and is replaced; look at its own output, or at probe",
                metadata: [
                    "worker": "\(self.name(number))", "failures": "\(self.settings.probe.failures)",
                    "others_failing": "\(self.reconciliation.failing)",
                ]
            )
        }
    }

    private func name(_ number: Reconciliation.Number) -> String {
        self.running[number]?.id ?? "\(self.namePrefix)-\(number)"
    }

    /// Where a word of the command holds this, the worker is told the port that it is to listen on.
    private static let portWord = "{port}"

    private func plan(_ number: Reconciliation.Number) throws -> WorkerPlan {
        let id = "\(self.namePrefix)-\(number)"
        var (executable, arguments) = self.command
        var address: SocketAddress?
        if self.settings.command.contains(where: { $0.contains(Self.portWord) }) {
            let port = try self.freePort()
            address = .loopback(port: port)
            executable = executable.replacing(Self.portWord, with: "\(port)")
            arguments = arguments.map { $0.replacing(Self.portWord, with: "\(port)") }
        }
        // The seed is each worker's own, and no part of its shape.
        let isSample = self.settings.command.isEmpty
        return WorkerPlan(
            id: id,
            pool: self.settings.name,
            executable: executable,
            arguments: arguments + (isSample ? ["--seed", "\(number)"] : []),
            shape: self.shape,
            log: self.book.logFile(of: id),
            address: address
        )
    }

    private var command: (executable: String, arguments: [String]) {
        if let program = self.settings.command.first { return (program, Array(self.settings.command.dropFirst())) }
        let shape = self.settings.worker
        let arguments = [
            "worker", "--listen", "127.0.0.1:0", "--slots", "\(shape.slots)", "--service-time",
            "\(shape.serviceTimeNanoseconds)ns", "--spread", "\(shape.spread)", "--queue", "\(shape.queue)",
            "--start-time", "\(shape.startTimeNanoseconds)ns",
        ]
        return (self.executable, arguments)
    }

    /// What a worker that is started now is like.
    private var shape: UInt64 {
        let words = [self.command.executable] + self.command.arguments + ["\(self.settings.worker)"]
        return FNV1a.hash64(words.joined(separator: "\0").utf8)
    }

    // MARK: Telling what has happened

    func take(_ event: WorkerEvent, of number: Reconciliation.Number) {
        guard let worker = self.running[number] else { return }
        let now = self.loop.now
        switch event {
        case .ready:
            let took = self.reconciliation.becameReady(number, now: now)
            self.log.info(
                "worker ready",
                metadata: [
                    "worker": "\(worker.id)", "address": "\(worker.process.address?.description ?? "")",
                    "took_ms": "\(took / Nanoseconds.perMillisecond)",
                ]
            )
            self.trouble = nil
            self.armTimer()
            self.onStarted?(took)
            self.onChange?()
        case .probed(let isWell):
            // Who may not act leaves it to the one who may.
            guard self.mayAct() else { return }
            let actions = self.reconciliation.probed(number, isWell: isWell, now: now)
            self.tellHung(actions)
            self.run(actions)
        case .announced: self.onNews?()
        case .useless(let problem):
            self.noteFailure(of: number, "says that it listens on what is no address, and was ended: \(problem)")
            self.log.error(
                "a worker says that it listens on what is no address",
                metadata: ["worker": "\(worker.id)", "error": "\(problem)"]
            )
            self.run(self.reconciliation.becameUseless(number, now: now))
        case .ended(let reason):
            self.running[number] = nil
            switch self.reconciliation.ended(number, now: now) {
            case .stopped:
                self.log.info("worker stopped", metadata: ["worker": "\(worker.id)", "reason": "\(reason)"])
            case .crashed(let pause):
                let failure = worker.failure.map { "\($0) (it ended with: \(reason))" }
                self.tellFailure("worker \(worker.id) \(failure ?? "died: \(reason)")", pause)
            }
            self.book.tidy(keeping: Set(self.running.values.map(\.log)))
            self.armTimer()
            self.onChange?()
            if self.running.isEmpty { self.finishStopping() }
        }
    }

    /// A worker that is told to end because it does not do what it should: how it ends then is no news.
    private func noteFailure(of number: Reconciliation.Number, _ what: String) {
        self.running[number]?.failure = what
        self.noteTrouble("worker \(self.name(number)) \(what)")
    }

    private func noteTrouble(_ what: String) {
        self.trouble = (what, self.trouble?.sinceMicros ?? self.loop.wallMicros)
    }

    private func tellFailure(_ what: String, _ pauseNanoseconds: Int64) {
        self.noteTrouble(what)
        self.log.error(
            "\(what)",
            metadata: [
                "pool": "\(self.settings.name)", "next_try_ms": "\(pauseNanoseconds / Nanoseconds.perMillisecond)",
            ]
        )
    }

    // MARK: End

    /// Stops every worker; `completion` runs when the last process has ended.
    func stopAll(_ completion: @escaping () -> Void) {
        self.stopCompletions.append(completion)
        self.run(self.reconciliation.stopAll(now: self.loop.now))
        if self.running.isEmpty { self.finishStopping() }
    }

    /// As `stopAll`, but the ready ones drain first: `reconcile` and time stop them then.
    func drainAll(_ completion: @escaping () -> Void) {
        self.stopCompletions.append(completion)
        self.run(self.reconciliation.drainAll(now: self.loop.now))
        if self.running.isEmpty { self.finishStopping() }
    }

    func finishStopping() {
        let completions = self.stopCompletions
        self.stopCompletions = []
        for completion in completions { completion() }
    }
}
