import EventLoop
import Glibc
import Logging
import Primitives
import Scaling
import Settings
import SharedState

/// Runs a pool's workers as child processes: brings their number to what is desired, and replaces those that die.
final class ProcessDriver {
    private static let firstBackoffNanoseconds = 200 * Nanoseconds.perMillisecond
    private static let longestBackoffNanoseconds = 10 * Nanoseconds.perSecond
    /// A gateway learns of a draining worker with its next look at the directory; before that it may still send.
    private static let noticeNanoseconds = 2 * Nanoseconds.perSecond

    private let loop: EventLoop
    private let log: Logger
    private let executable: String
    private var settings: PoolSettings
    private(set) var workers: [ManagedWorker] = []
    private var started = 0
    private(set) var crashes = 0
    private var failuresInARow = 0
    private var mayStartAt = Instant(nanoseconds: 0)
    private var isStopping = false
    private var onStopped: (() -> Void)?
    /// A worker became ready after so many nanoseconds.
    var onStarted: ((Int64) -> Void)?
    /// The directory is another one now.
    var onChange: (() -> Void)?

    /// `executable` is the program that brings the sample worker along.
    init(settings: PoolSettings, executable: String, loop: EventLoop, log: Logger) {
        self.settings = settings
        self.executable = executable
        self.loop = loop
        self.log = log
    }

    /// Workers that run keep their shape; new ones get the new one.
    func apply(_ settings: PoolSettings) { self.settings = settings }

    var state: PoolState {
        var ready = 0
        var pending: [Instant] = []
        var draining = 0
        for worker in self.workers {
            switch worker.state {
            case .starting: pending.append(worker.startedAt)
            case .ready: ready += 1
            case .draining, .stopping: draining += 1
            case .ended: break
            }
        }
        return PoolState(ready: ready, pending: pending, draining: draining)
    }

    var directory: [WorkerRecord] { self.workers.compactMap(\.record) }

    // MARK: Reconciling

    /// Moves towards `desired` workers, starting or pending ones included. `inFlight` tells, by worker, what the gateways
    /// have under way; nil when they did not tell.
    func reconcile(desired: Int, inFlight: [String: Int]?) {
        guard !self.isStopping else { return }
        let live = self.workers.filter { $0.state == .starting || $0.state == .ready }
        if live.count < desired {
            self.start(desired - live.count)
        } else if live.count > desired {
            self.retire(live.count - desired, of: live, inFlight: inFlight ?? [:])
        }
        self.finishDraining(inFlight)
    }

    private func start(_ count: Int) {
        guard self.loop.now >= self.mayStartAt else { return }
        for _ in 0..<count {
            do {
                self.workers.append(try self.makeWorker())
            } catch {
                self.failed("cannot start a worker: \(error)")
                return
            }
        }
    }

    private func makeWorker() throws -> ManagedWorker {
        self.started += 1
        let worker = try ManagedWorker(
            id: "\(self.settings.name)-\(getpid())-\(self.started)",
            plan: self.plan,
            on: self.loop,
            log: self.log
        ) { [unowned self] worker in
            self.failuresInARow = 0
            let took = self.loop.now.nanoseconds(since: worker.startedAt)
            self.log.info(
                "worker ready",
                metadata: ["worker": "\(worker.id)", "address": "\(worker.address!)", "took_ms": "\(took / 1_000_000)"]
            )
            self.onStarted?(took)
            self.onChange?()
        } onEnd: { [unowned self] worker, reason, wasWanted in
            self.ended(worker, reason, wasWanted)
        }
        self.log.info("worker started", metadata: ["worker": "\(worker.id)", "pid": "\(worker.pid ?? 0)"])
        return worker
    }

    private var plan: ManagedWorker.Plan {
        let shape = self.settings.worker
        let timeout = self.settings.startTimeoutNanoseconds
        guard let program = self.settings.command.first else {
            return ManagedWorker.Plan(
                executable: self.executable,
                arguments: [
                    "worker", "--listen", "127.0.0.1:0", "--slots", "\(shape.slots)", "--service-time",
                    "\(shape.serviceTimeNanoseconds)ns", "--spread", "\(shape.spread)", "--queue", "\(shape.queue)",
                    "--start-time", "\(shape.startTimeNanoseconds)ns", "--seed", "\(self.started)",
                    "--exit-with-parent",
                ],
                startTimeoutNanoseconds: timeout
            )
        }
        return ManagedWorker.Plan(
            executable: program,
            arguments: Array(self.settings.command.dropFirst()),
            startTimeoutNanoseconds: timeout
        )
    }

    private func ended(_ worker: ManagedWorker, _ reason: String, _ wasWanted: Bool) {
        self.workers.removeAll { $0 === worker }
        if wasWanted {
            self.log.info("worker stopped", metadata: ["worker": "\(worker.id)", "reason": "\(reason)"])
        } else {
            self.crashes += 1
            self.failed("worker \(worker.id) died: \(reason)")
        }
        self.onChange?()
        if self.isStopping, self.workers.isEmpty { self.finishStopping() }
    }

    /// What fails again and again is tried again more and more slowly.
    private func failed(_ what: String) {
        let pause = min(
            Self.longestBackoffNanoseconds,
            Self.firstBackoffNanoseconds << Int64(min(self.failuresInARow, 10))
        )
        self.failuresInARow += 1
        self.mayStartAt = self.loop.now.advanced(byNanoseconds: pause)
        self.log.error("\(what)", metadata: ["pool": "\(self.settings.name)", "next_try_ms": "\(pause / 1_000_000)"])
    }

    /// Those who are not ready go first, then the idlest.
    private func retire(_ count: Int, of live: [ManagedWorker], inFlight: [String: Int]) {
        let order = live.sorted { left, right in
            if (left.state == .starting) != (right.state == .starting) { return left.state == .starting }
            return inFlight[left.id] ?? 0 < inFlight[right.id] ?? 0
        }
        for worker in order.prefix(count) {
            worker.drain()
            self.log.info("worker drains", metadata: ["worker": "\(worker.id)"])
        }
        self.onChange?()
    }

    /// A draining worker is stopped when the gateways have nothing under way with it, or when its time is up.
    private func finishDraining(_ inFlight: [String: Int]?) {
        for worker in self.workers {
            guard case .draining(let since) = worker.state else { continue }
            let drained = self.loop.now.nanoseconds(since: since)
            let isQuiet = drained >= Self.noticeNanoseconds && inFlight.map { $0[worker.id] ?? 0 == 0 } == true
            if isQuiet || drained >= max(Self.noticeNanoseconds, self.settings.drainTimeoutNanoseconds) {
                worker.stop()
            }
        }
    }

    // MARK: End

    func stopAll(_ completion: @escaping () -> Void) {
        self.isStopping = true
        self.onStopped = completion
        if self.workers.isEmpty { return self.finishStopping() }
        for worker in self.workers { worker.stop() }
    }

    private func finishStopping() {
        self.onStopped?()
        self.onStopped = nil
    }
}
