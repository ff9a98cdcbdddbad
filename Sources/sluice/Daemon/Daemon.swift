import AdminAPI
import CLinux
import Controller
import Dispatch
import EventLoop
import Gateway
import Glibc
import Logging
import Observability
import Primitives
import RedisClient
import Settings
import SettingsFile
import SharedState
import Transport

/// The long-running process: puts the parts together, follows the configuration, ends in order.
///
/// Lives on the home loop; the main thread only waits.
final class Daemon {
    enum Role { case gateway, controller }

    /// How long requests under way may take when the process is told to end.
    private static let drainNanoseconds = 20 * Nanoseconds.perSecond
    /// Descriptors for everything that is neither a client's nor a worker's connection.
    private static let reservedDescriptors = 256

    private let roles: Set<Role>
    private let path: String
    let loops: [EventLoop]
    let home: EventLoop
    let log: Logger
    let state: StateAccess
    private let descriptorLimit: Int
    private(set) var settings: Settings
    /// Nil until the state is open.
    private(set) var operated: OperatedRooms?
    private(set) var operatedPools: (any PoolBoard)?
    private(set) var gateway: Gateway?
    private(set) var controller: Controller?
    private var admin: AdminServer?
    var scaler: ScalerDuty?
    private(set) var certificates: CertificateDuty?
    private(set) var workerTLS: WorkerTLSDuty?
    private var watcher: SettingsWatcher?
    private var signals: [SignalSource] = []
    private(set) var reloads: ReloadHistory
    /// ```
    /// starting → running → draining → ending
    /// ```
    /// and from everywhere straight to the last.
    enum Phase {
        case starting
        case running
        /// Requests under way are finished; nothing new is taken.
        case draining
        /// Workers and the embedded Redis are stopped; then the process ends.
        case ending
    }
    private(set) var phase = Phase.starting

    /// Runs until a signal ends the process.
    static func run(roles: Set<Role>, configuration path: String) throws -> Never {
        let settings = try Self.load(path, exportsJournals: roles.contains(.controller))
        LogSetup.bootstrap(
            level: Logger.Level(settings.log.level),
            format: settings.log.format == .json ? .json : .text
        )
        SignalSource.ignoreBrokenPipe()
        let count = roles.contains(.gateway) ? settings.loops ?? max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) : 1
        let loops = try (0..<count).map { try EventLoop(index: $0, label: "sluice.loop.\($0)") }
        let home = loops[0]
        home.submit {
            let daemon = Daemon(roles: roles, path: path, settings: settings, loops: loops)
            Self.current = LoopBound(daemon, loop: home)
            daemon.start()
        }
        dispatchMain()
    }

    /// Keeps the one daemon of this process alive.
    // Unchecked because it is written once, on the home loop, before anything that could read it exists.
    private nonisolated(unsafe) static var current: LoopBound<Daemon>?

    private static func load(_ path: String, exportsJournals: Bool) throws -> Settings {
        do {
            return try SettingsFile.load(path, exportsJournals: exportsJournals, isStarting: true)
        } catch {
            throw DaemonError("the configuration is refused:\n\(error)")
        }
    }

    private init(roles: Set<Role>, path: String, settings: Settings, loops: [EventLoop]) {
        self.roles = roles
        self.path = path
        self.settings = settings
        self.reloads = ReloadHistory(startedMicros: Timestamp.wallMicros())
        self.loops = loops
        self.home = loops[0]
        self.log = Logger(label: "sluice")
        self.state = StateAccess(settings: settings, home: loops[0], log: self.log)
        self.descriptorLimit = sluice_raise_descriptor_limit()
    }

    // MARK: Start

    private func start() {
        if self.settings.redis == .memory, self.roles.count == 1 {
            return self.fail("redis: memory is for `sluice run` alone; a gateway and a controller apart need a Redis")
        }
        self.watchSignals()
        for notice in self.settings.notices { self.log.notice("\(notice)") }
        do {
            try self.makeStateFolder()
        } catch {
            return self.fail("\(error)")
        }
        self.state.open { result in
            // A signal may have come meanwhile.
            guard self.phase == .starting else { return }
            switch result {
            case .success(let makeState): self.startGateway(makeState)
            case .failure(let error): self.fail("\(error)")
            }
        }
    }

    private func makeStateFolder() throws {
        guard mkdir(self.settings.stateFolder, 0o700) == 0 || errno == EEXIST else {
            throw SystemError(call: "state_folder \(self.settings.stateFolder)")
        }
    }

    private func startGateway(_ makeState: @escaping @Sendable (any LoopContext) -> SharedStores) {
        guard self.roles.contains(.gateway) else { return self.startController(makeState) }
        do {
            let gateway = Gateway(
                id: self.processName,
                settings: self.settings,
                keys: try SigningKeyFile.keys(for: self.settings),
                loops: self.loops,
                log: self.log,
                makeStores: makeState
            )
            self.gateway = gateway
            for listener in self.settings.listeners { try Listener.requireFree(listener.address) }
            let certificates = try CertificateDuty(
                self.settings,
                loopCount: self.loops.count,
                home: self.home,
                log: self.log
            )
            self.certificates = certificates
            gateway.start(
                listeners: certificates.listeners,
                connectionLimit: self.connectionLimit,
                seed: UInt64.random(in: 0 ... .max)
            ) { result in
                guard self.phase == .starting else { return }
                switch result {
                case .failure(let error): self.fail("\(error)")
                case .success(let addresses):
                    for (address, listener) in zip(addresses, self.settings.listeners) {
                        self.announce("gateway listening on \(address)\(listener.tls == nil ? "" : " (TLS)")")
                    }
                    certificates.start { [weak gateway] contexts, number in gateway?.renew(contexts, number: number) }
                    self.startWorkerTLS(gateway)
                    self.startController(makeState)
                }
            }
        } catch {
            self.fail("\(error)")
        }
    }

    private func startWorkerTLS(_ gateway: Gateway) {
        let duty = WorkerTLSDuty(loopCount: self.loops.count, home: self.home, log: self.log) {
            [weak gateway] pool, contexts, tls in
            gateway?.secure(pool: pool, with: contexts, madeOf: tls)
        }
        self.workerTLS = duty
        duty.apply(self.settings)
    }

    /// Host, process and the time of its start: in containers every process has number 1, and one that is started again
    /// must not be taken for the one before, whose visitors stand at the door no more.
    let processName = Daemon.makeProcessName()

    private static func makeProcessName() -> String {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        let host = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }.filter { byte in
            ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
        }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let started = String(now.tv_sec * 1_000_000 + now.tv_nsec / 1_000, radix: 36)
        return "\(String(decoding: host.prefix(32), as: UTF8.self))-\(getpid())-\(started)"
    }

    /// What is asked for, or what the system's descriptors leave beside the connections to workers.
    private var connectionLimit: Int {
        if let limit = self.settings.limits.connections { return limit }
        let workers = self.settings.pools.reduce(0) { $0 + $1.workerBounds.upperBound * $1.connectionsPerWorker }
        return max(self.descriptorLimit / 2, self.descriptorLimit - Self.reservedDescriptors - workers)
    }

    private func startController(_ makeState: @escaping @Sendable (any LoopContext) -> SharedStores) {
        // For the controller, and for what an operator asks of rooms.
        let access = makeState(self.home)
        guard let journal = access.journal else { preconditionFailure("this process's state has a journal") }
        self.operated = OperatedRooms(store: access.rooms, journal: journal)
        self.operatedPools = access.pools
        if self.roles.contains(.controller) {
            let controller = Controller(
                id: self.processName,
                settings: self.settings,
                executable: "/proc/self/exe",
                loop: self.home,
                store: access.rooms,
                board: access.pools,
                journal: journal,
                log: self.log
            )
            self.controller = controller
            controller.start()
            return self.startScaler(board: access.pools) { self.begin() }
        }
        self.begin()
    }

    private func begin() {
        // A signal may have come meanwhile.
        guard self.phase == .starting else { return }
        do {
            try self.startAdmin()
            self.watcher = try SettingsWatcher(path: self.path, running: self.settings, on: self.home) {
                [weak self] in
                self?.reloaded($0)
            }
            self.phase = .running
        } catch {
            self.fail("\(error)")
        }
    }

    private func startAdmin() throws {
        let admin = try AdminServer(
            loop: self.home,
            address: self.settings.admin.listen,
            routes: self.adminRoutes
        )
        self.admin = admin
        if let address = admin.boundAddress { self.announce("admin listening on \(address)") }
    }

    /// One line for whoever started this process, at once though standard output may be a pipe.
    func announce(_ line: String) {
        var text = line + "\n"
        text.withUTF8 { _ = Glibc.write(1, $0.baseAddress, $0.count) }
    }

    // MARK: Reloading

    private func reloaded(_ result: Result<Settings, SettingsError>) {
        guard self.phase == .starting || self.phase == .running else { return }
        switch result {
        case .failure(let error):
            self.refuse(error.line)
        case .success(let loaded): self.apply(loaded)
        }
    }

    private func apply(_ loaded: Settings) {
        let changes = Settings.changes(from: self.settings, to: loaded)
        let effective = Settings.effective(running: self.settings, loaded: loaded)
        do {
            let keys = try SigningKeyFile.keys(for: effective)
            let notices = effective.notices.filter { !self.settings.notices.contains($0) }
            self.settings = effective
            LogSetup.level = Logger.Level(effective.log.level)
            self.gateway?.apply(effective, keys: keys, connectionLimit: self.connectionLimit)
            self.certificates?.apply(effective)
            self.workerTLS?.apply(effective)
            self.controller?.apply(effective)
            self.applyToScaler(effective)
            self.reloads.applied(atMicros: Timestamp.wallMicros())
            for line in changes.map(\.description) + notices { self.log.notice("\(line)") }
            self.log.notice(
                "configuration read again",
                metadata: [
                    "changes": "\(changes.count)", "generation": "\(Settings.text(generation: effective.generation))",
                ]
            )
        } catch {
            self.refuse("\(error)")
        }
    }

    private func refuse(_ reason: String) {
        self.reloads.refused(atMicros: Timestamp.wallMicros(), reason)
        self.log.error("the new configuration is refused; the running one stays in force: \(reason)")
    }

    // MARK: Signals and end

    private func watchSignals() {
        let daemon = LoopBound(self, loop: self.home)
        self.signals = [
            SignalSource([SIGTERM, SIGINT], on: self.home) { number in daemon.open().stop(signal: number) },
            SignalSource([SIGHUP], on: self.home) { _ in daemon.open().watcher?.reload() },
        ]
    }

    private func stop(signal: Int32) {
        switch self.phase {
        case .starting:
            self.log.notice("ending before all has started", metadata: ["signal": "\(signal)"])
            self.end(code: 0)
        case .running:
            // Whoever reads the line finds the gateway ending.
            self.drain()
            self.log.notice("ending: requests under way are finished first", metadata: ["signal": "\(signal)"])
        case .draining:
            // Supervisors may say SIGTERM twice and mean it once; a person who presses Ctrl-C again is in a hurry.
            guard signal == SIGINT else { return }
            self.log.warning("ending at once")
            self.end(code: 130)
        case .ending: return
        }
    }

    private func drain() {
        self.phase = .draining
        self.watcher?.close()
        self.certificates?.stop()
        self.workerTLS?.stop()
        guard let gateway = self.gateway else { return self.end(code: 0) }
        gateway.drain(timeoutNanoseconds: Self.drainNanoseconds) { [weak self] in self?.end(code: 0) }
    }

    /// What was started is stopped, whatever came in between.
    private func end(code: Int32) {
        guard self.phase != .ending else { return }
        self.phase = .ending
        let afterController = { self.state.close { Glibc.exit(code) } }
        guard let controller = self.controller else { return afterController() }
        let afterScaler = { controller.stop(inHurry: code != 0, afterController) }
        guard let scaler = self.scaler else { return afterScaler() }
        scaler.stop(afterScaler)
    }

    func fail(_ message: String) {
        self.log.critical("\(message)")
        self.end(code: 1)
    }
}

extension Logger.Level {
    /// The settings' levels have swift-log's names; one that it does not know would be a slip in the schema.
    init(_ level: LogSettings.Level) { self = Logger.Level(rawValue: level.rawValue) ?? .info }
}
