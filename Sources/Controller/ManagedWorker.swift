import EventLoop
import Glibc
import HTTPService
import Logging
import Primitives
import SharedState
import Transport

/// One worker process through its life: started, asked until it is ready, drained, stopped.
final class ManagedWorker {
    enum State: Equatable {
        /// Its process runs; it has not answered its readiness check yet.
        case starting
        case ready
        /// Gets no new requests; `since` counts for the drain timeout.
        case draining(since: Instant)
        /// Was told to end.
        case stopping
        case ended
    }

    /// What a worker needs to know to be started.
    struct Plan {
        let executable: String
        let arguments: [String]
        let startTimeoutNanoseconds: Int64
    }

    private static let probeIntervalNanoseconds = 50 * Nanoseconds.perMillisecond
    private static let probeTimeoutNanoseconds = Nanoseconds.perSecond
    /// Between the polite and the final signal.
    private static let killGraceNanoseconds = 5 * Nanoseconds.perSecond

    let id: String
    let startedAt: Instant
    let startedMicros: Int64
    private(set) var state = State.starting
    private(set) var address: SocketAddress?
    private let loop: EventLoop
    private let log: Logger
    private let onReady: (ManagedWorker) -> Void
    private let onEnd: (ManagedWorker, _ reason: String, _ wasWanted: Bool) -> Void
    private var process: ChildProcess?
    private var output: LineReader?
    private var timer: LoopTimer?

    init(
        id: String,
        plan: Plan,
        on loop: EventLoop,
        log: Logger,
        onReady: @escaping (ManagedWorker) -> Void,
        onEnd: @escaping (ManagedWorker, _ reason: String, _ wasWanted: Bool) -> Void
    ) throws {
        self.id = id
        self.loop = loop
        self.log = log
        self.startedAt = loop.now
        self.startedMicros = loop.wallMicros
        self.onReady = onReady
        self.onEnd = onEnd
        let process = try ChildProcess.spawn(plan.executable, arguments: plan.arguments, on: loop) {
            [weak self] status in
            self?.processEnded("\(status)")
        }
        self.process = process
        if let pipe = process.takeOutput() {
            self.output = try LineReader(loop: loop, fd: pipe) { [weak self] line in self?.read(line) }
        }
        self.timer = loop.after(nanoseconds: plan.startTimeoutNanoseconds) { [weak self] in self?.startTimedOut() }
    }

    var pid: Int32? { self.process?.pid }

    var record: WorkerRecord? {
        guard let address = self.address else { return nil }
        let state: WorkerRecord.State
        switch self.state {
        case .starting: state = .starting
        case .ready: state = .ready
        case .draining: state = .draining
        case .stopping, .ended: return nil
        }
        return WorkerRecord(
            id: self.id,
            address: address.description,
            state: state,
            sinceMicros: self.startedMicros
        )
    }

    // MARK: Start

    /// The worker says where it listens; other lines are its own business.
    private func read(_ line: String) {
        let announcement = "listening on "
        guard self.address == nil, line.hasPrefix(announcement) else { return }
        do {
            self.address = try SocketAddress(parsing: String(line.dropFirst(announcement.count)))
            self.probe()
        } catch {
            self.log.error(
                "a worker says that it listens on what is no address",
                metadata: ["worker": "\(self.id)", "error": "\(error)"]
            )
            self.stop()
        }
    }

    private func probe() {
        guard self.state == .starting, let address = self.address else { return }
        HTTPProbe.get(
            address: address,
            path: "/healthz",
            on: self.loop,
            timeoutNanoseconds: Self.probeTimeoutNanoseconds
        ) { [weak self] result in
            guard let self, self.state == .starting else { return }
            if case .success(let answer) = result, answer.status == 200 { return self.becomeReady() }
            self.loop.after(nanoseconds: Self.probeIntervalNanoseconds) { [weak self] in self?.probe() }
        }
    }

    private func becomeReady() {
        self.timer?.disarm()
        self.state = .ready
        self.onReady(self)
    }

    private func startTimedOut() {
        guard self.state == .starting else { return }
        self.log.error(
            "a worker was not ready in time and is stopped; look at its own output, or raise start_timeout",
            metadata: ["worker": "\(self.id)", "listening": "\(self.address?.description ?? "not yet")"]
        )
        self.stop(isWanted: false)
    }

    // MARK: End

    private var endIsWanted = false

    func drain() {
        guard self.state == .ready else { return self.stop() }
        self.state = .draining(since: self.loop.now)
    }

    /// Polite, and after a grace final.
    func stop(isWanted: Bool = true) {
        guard self.state != .stopping, self.state != .ended else { return }
        self.endIsWanted = isWanted
        self.state = .stopping
        self.process?.signal(SIGTERM)
        self.timer?.disarm()
        self.timer = self.loop.after(nanoseconds: Self.killGraceNanoseconds) { [weak self] in
            self?.process?.signal(SIGKILL)
        }
    }

    private func processEnded(_ reason: String) {
        self.timer?.disarm()
        self.state = .ended
        self.process = nil
        self.output?.deregisterAndClose()
        self.output = nil
        self.onEnd(self, reason, self.endIsWanted)
    }
}
