import EventLoop
import Glibc
import Primitives
import RedisClient
import Transport

/// A private `redis-server` on a unix socket, for whoever does not want to run one: started, watched, started again
/// when it dies, stopped in the end. What it stores survives; at most its last second is lost when it is killed.
///
/// A server that runs already on the same folder is taken over, be it left behind by a process that crashed or in use
/// by the one that this process replaces: there is never a second one on the same data. Of several processes that use
/// it each starts it again when it dies (a lock lets one do so), and the last one to leave stops it.
///
/// Confined to its loop.
public final class EmbeddedRedis {
    /// Waiting for another process that is starting the server.
    private static let lockWaitNanoseconds = 20 * Nanoseconds.perMillisecond
    /// A server that ran for longer than this did not die of its start.
    private static let soundNanoseconds = 30 * Nanoseconds.perSecond

    public let loop: EventLoop
    public let stateFolder: String
    public let options: EmbeddedRedisOptions
    /// Called on the loop.
    public var onEvent: ((EmbeddedRedisEvent) -> Void)?
    /// Where the server is, from `start()` on; a client of it reconnects by itself when it is started again.
    public private(set) var endpoint: RedisEndpoint?
    /// The server's process; nil while there is none.
    public var pid: Int32? { self.server?.pid }
    public private(set) var restarts: UInt64 = 0

    private enum Phase {
        case idle
        /// Waiting for the lock, or for an unreachable server to end.
        case preparing
        /// A server runs, and has not answered yet.
        case starting
        case running
        /// It died; the next start is due after a while.
        case waiting
        case stopping
        case stopped
    }
    private var phase = Phase.idle
    private var folder: RedisFolder?
    /// Held while looking for a server and starting one.
    private var lock: FileLock?
    /// Shared by all who use the server, from their start to their stop; exclusive to the last one while it stops it.
    private var usage: FileLock?
    private var server: ServerProcess?
    /// Raised whenever `server` changes, so that the late end of one is not taken for the end of the next.
    private var generation = 0
    private var probe: RedisClient?
    private var deadline = Instant(nanoseconds: 0)
    private var timer: LoopTimer?
    private var backoff: Backoff
    /// Since when the server that runs has answered.
    private var readyAt: Instant?
    private var startCompletion: ((Result<RedisEndpoint, EmbeddedRedisError>) -> Void)?
    private var stopCompletions: [() -> Void] = []

    public init(
        loop: EventLoop,
        stateFolder: String,
        options: EmbeddedRedisOptions = EmbeddedRedisOptions(),
        seed: UInt64 = .random(in: 0 ... .max)
    ) {
        self.loop = loop
        self.stateFolder = stateFolder
        self.options = options
        self.backoff = Backoff(
            shortestNanoseconds: 10 * Nanoseconds.perMillisecond,
            longestNanoseconds: 2 * Nanoseconds.perSecond,
            seed: seed
        )
    }

    // MARK: Start

    /// Starts the server, or takes a running one over; `completion` runs once, when it answers or when it cannot be
    /// had. After a success the server is kept running until `stop`; after a failure none that was started here runs.
    public func start(_ completion: @escaping (Result<RedisEndpoint, EmbeddedRedisError>) -> Void) {
        self.loop.preconditionOnLoop()
        precondition(self.isIdle, "an embedded Redis is started once")
        self.startCompletion = completion
        do throws(EmbeddedRedisError) {
            let folder = try RedisFolder(
                stateFolder: self.stateFolder,
                temporaryFolder: self.options.temporaryFolder
            )
            self.folder = folder
            self.endpoint = RedisEndpoint(.unix(path: folder.socketPath))
            if folder.isSocketElsewhere { self.tell(.shortSocketPath(folder.socketPath)) }
            self.begin()
        } catch {
            self.phase = .preparing
            self.loop.onNextTurn { self.fail(error) }
        }
    }

    private var isIdle: Bool { if case .idle = self.phase { true } else { false } }

    /// From the beginning: lock, look, adopt or start.
    private func begin() {
        self.phase = .preparing
        self.deadline = self.loop.now.advanced(byNanoseconds: self.options.startTimeoutNanoseconds)
        self.takeLock()
    }

    private func takeLock() {
        guard case .preparing = self.phase, let folder = self.folder else { return }
        do throws(EmbeddedRedisError) {
            if self.lock == nil { self.lock = try FileLock.take(folder.lockFile) }
            if self.lock != nil, self.usage == nil { self.usage = try FileLock.take(folder.usageFile, shared: true) }
        } catch {
            return self.fail(error)
        }
        guard self.lock == nil || self.usage == nil else { return self.look() }
        guard self.loop.now < self.deadline else {
            return self.fail(
                EmbeddedRedisError(
                    "another process holds \(folder.path) and gets its Redis neither started nor stopped: look at its log"
                )
            )
        }
        self.after(Self.lockWaitNanoseconds) { $0.takeLock() }
    }

    private func look() {
        guard case .preparing = self.phase, let folder = self.folder else { return }
        switch ServerSearch.find(in: folder) {
        case .none: self.spawn(in: folder)
        case .reachable(let pid): self.adopt(pid, in: folder)
        case .unreachable(let pid): self.clear(pid)
        case .hidden:
            self.fail(
                EmbeddedRedisError(
                    "somebody listens on \(folder.socketPath) whose process cannot be seen from here: stop it, or "
                        + "choose another state folder"
                )
            )
        }
    }

    private func spawn(in folder: RedisFolder) {
        folder.boundLog()
        do {
            self.generation += 1
            let child = try ChildProcess.spawn(
                self.options.executable,
                arguments: Self.arguments(folder) + self.options.arguments,
                on: self.loop
            ) { [weak self, generation = self.generation] status in self?.serverEnded("\(status)", generation) }
            self.server = .child(child)
            self.tell(.started(pid: child.pid))
            self.waitForAnswer(folder)
        } catch let error as SystemError where error.code == ENOENT || error.code == EACCES {
            self.fail(
                EmbeddedRedisError(
                    "\(self.options.executable) cannot be run (\(SystemError.message(code: error.code))): install Redis 7 "
                        + "or later (Debian and Ubuntu: apt-get install redis-server), or name a running one by its "
                        + "address, redis://host:port"
                )
            )
        } catch {
            self.fail(EmbeddedRedisError("Redis could not be started: \(error)"))
        }
    }

    private static func arguments(_ folder: RedisFolder) -> [String] {
        [
            "--port", "0", "--unixsocket", folder.socketPath, "--unixsocketperm", "700", "--dir", folder.path,
            "--pidfile", folder.pidFile, "--logfile", folder.logFile, "--loglevel", "warning", "--daemonize", "no",
            "--databases", "1", "--save", "", "--appendonly", "yes", "--appendfsync", "everysec",
            "--maxmemory-policy", "noeviction",
        ]
    }

    private func adopt(_ pid: Int32, in folder: RedisFolder) {
        // It has ended since, or cannot be watched for want of a descriptor: a second one on its data must not begin.
        guard let process = self.watch(pid) else { return self.after(Self.lockWaitNanoseconds) { $0.look() } }
        self.server = .found(process)
        self.tell(.adopted(pid: pid))
        self.waitForAnswer(folder)
    }

    /// A server on our data that nobody can reach any more must end before another begins.
    private func clear(_ pid: Int32) {
        guard let process = self.watch(pid) else { return self.after(Self.lockWaitNanoseconds) { $0.look() } }
        self.server = .found(process)
        self.tell(.clearing(pid: pid))
        self.endServer()
    }

    private func watch(_ pid: Int32) -> FoundProcess? {
        self.generation += 1
        return FoundProcess(pid: pid, on: self.loop) { [weak self, generation = self.generation] in
            self?.serverEnded("unknown status", generation)
        }
    }

    // MARK: The first answer

    /// A Redis that loads its data takes connections and answers that it is loading: the client tries on.
    private func waitForAnswer(_ folder: RedisFolder) {
        self.phase = .starting
        var options = RedisOptions()
        options.shortestWaitNanoseconds = 10 * Nanoseconds.perMillisecond
        options.longestWaitNanoseconds = 200 * Nanoseconds.perMillisecond
        let probe = RedisClient(
            loop: self.loop,
            endpoint: RedisEndpoint(.unix(path: folder.socketPath)),
            options: options
        )
        self.probe = probe
        probe.onStateChange = { [weak self, weak probe] state in
            guard let self, let probe, state == .connected else { return }
            probe.send(["INFO", "server"]) { [weak self] in self?.serverAnswered($0) }
        }
        probe.start()
        let remaining = self.deadline.nanoseconds(since: self.loop.now)
        self.after(max(0, remaining)) { $0.startTimedOut(folder) }
    }

    private func startTimedOut(_ folder: RedisFolder) {
        guard case .starting = self.phase, let pid = self.pid else { return }
        let state = self.probe?.state.description ?? "no answer"
        if state.contains("LOADING") {
            // It works through what is stored; ending it would only make it begin again.
            return self.after(self.options.startTimeoutNanoseconds) { $0.startTimedOut(folder) }
        }
        let seconds = self.options.startTimeoutNanoseconds / Nanoseconds.perSecond
        self.fail(
            EmbeddedRedisError(
                "Redis process \(pid) did not get ready within \(seconds) s (\(state)); its log \(folder.logFile) "
                    + "ends with: \(folder.logTail())"
            )
        )
    }

    private func serverAnswered(_ result: RedisResult) {
        guard case .starting = self.phase, let endpoint = self.endpoint, let pid = self.pid else { return }
        // Unanswered: the probe connects again and asks again.
        guard case .success(let value) = result, let text = value.text else { return }
        if let objection = ServerVersion.objection(to: text) { return self.fail(objection) }
        self.closeProbe()
        self.timer?.disarm()
        self.lock = nil
        self.phase = .running
        self.readyAt = self.loop.now
        self.tell(.ready(pid: pid))
        self.finishStart(.success(endpoint))
    }

    private func closeProbe() {
        self.probe?.onStateChange = nil
        self.probe?.close()
        self.probe = nil
    }

    // MARK: The end of the server

    private func serverEnded(_ status: String, _ generation: Int) {
        guard generation == self.generation, let server = self.server else { return }
        let pid = server.pid
        self.server = nil
        self.timer?.disarm()
        switch self.phase {
        case .preparing: self.look()
        case .starting: self.endedWhileStarting(server, status)
        case .running:
            self.tell(.exited(pid: pid, status: status))
            self.startAgain()
        case .stopping:
            self.tell(.stopped(pid: pid))
            self.finishStop()
        case .idle, .waiting, .stopped: return
        }
    }

    private func endedWhileStarting(_ server: ServerProcess, _ status: String) {
        self.closeProbe()
        guard let folder = self.folder else { return }
        if case .found = server {
            // It was on its way out when it was found.
            self.phase = .preparing
            return self.look()
        }
        self.fail(
            EmbeddedRedisError(
                "Redis ended with \(status) before it was ready; its log \(folder.logFile) ends with: "
                    + folder.logTail()
            )
        )
    }

    /// At the first start a failure is the answer; later on it is tried again and again.
    private func fail(_ error: EmbeddedRedisError) {
        switch self.phase {
        case .stopping, .stopped: return
        case .idle, .preparing, .starting, .running, .waiting: break
        }
        self.closeProbe()
        self.timer?.disarm()
        self.generation += 1
        if case .child(let child)? = self.server {
            child.signal(SIGKILL)
        } else if case .found(let process)? = self.server {
            process.forget()
        }
        self.server = nil
        self.lock = nil
        guard self.startCompletion == nil else {
            self.usage = nil
            self.phase = .stopped
            return self.finishStart(.failure(error))
        }
        self.tell(.restartFailed(error))
        self.startAgain()
    }

    private func startAgain() {
        self.phase = .waiting
        if let readyAt = self.readyAt, self.loop.now.nanoseconds(since: readyAt) >= Self.soundNanoseconds {
            self.backoff.reset()
        }
        self.readyAt = nil
        self.after(self.backoff.next()) {
            guard case .waiting = $0.phase else { return }
            $0.restarts += 1
            $0.begin()
        }
    }

    private func finishStart(_ result: Result<RedisEndpoint, EmbeddedRedisError>) {
        let completion = self.startCompletion
        self.startCompletion = nil
        completion?(result)
    }

    // MARK: Stop

    /// Stops the server, unless another process uses it too. `completion` runs when it has ended.
    public func stop(_ completion: @escaping () -> Void) {
        self.loop.preconditionOnLoop()
        self.stopCompletions.append(completion)
        if case .stopping = self.phase { return }
        self.closeProbe()
        self.timer?.disarm()
        let wasStarting = self.startCompletion != nil
        self.phase = .stopping
        if wasStarting { self.finishStart(.failure(EmbeddedRedisError("Redis was stopped before it was ready"))) }
        let isLast = self.usage?.makeExclusive() ?? false
        // It may have come back without us: others started it again, and have left since.
        if isLast, self.server == nil { self.server = self.findRunning() }
        guard let server = self.server else { return self.loop.onNextTurn { self.finishStop() } }
        guard isLast else {
            if case .found(let process) = server { process.forget() }
            self.tell(.handedOver(pid: server.pid))
            self.server = nil
            return self.loop.onNextTurn { self.finishStop() }
        }
        self.endServer()
    }

    private func findRunning() -> ServerProcess? {
        guard let folder = self.folder else { return nil }
        switch ServerSearch.find(in: folder) {
        case .none, .hidden: return nil
        case .reachable(let pid), .unreachable(let pid): return self.watch(pid).map { .found($0) }
        }
    }

    private func endServer() {
        guard let server = self.server else { return }
        server.signal(SIGTERM)
        let pid = server.pid
        self.after(self.options.stopGraceNanoseconds) { $0.endByForce(pid) }
    }

    private func endByForce(_ pid: Int32) {
        // A frozen process takes no notice of SIGTERM.
        if self.server?.pid == pid { self.server?.signal(SIGKILL) }
    }

    private func finishStop() {
        guard case .stopping = self.phase else { return }
        self.timer?.disarm()
        self.lock = nil
        self.usage = nil
        self.phase = .stopped
        let completions = self.stopCompletions
        self.stopCompletions = []
        for completion in completions { completion() }
    }

    // MARK: Small parts

    /// One timer: every step waits for one thing only.
    private func after(_ nanoseconds: Int64, _ action: @escaping (EmbeddedRedis) -> Void) {
        self.timer?.disarm()
        self.timer = self.loop.after(nanoseconds: nanoseconds) { [weak self] in
            guard let self else { return }
            action(self)
        }
    }

    private func tell(_ event: EmbeddedRedisEvent) { self.onEvent?(event) }
}
