import EventLoop
import Primitives
import Transport

/// A client of a Redis fleet, confined to one loop: pipelined commands over connections that it keeps up by itself, to
/// one server, to the master that sentinels name, or to the masters of a Cluster.
///
/// Commands go out together at the end of the loop's turn and are answered in order; in a Cluster, in the order of each
/// node, and those that were redirected later. While there is no connection they fail at once, because a gateway has
/// something better to do than to wait: `RedisError` says whether a command was certainly not carried out or may have
/// been.
///
/// Nothing is carried out twice. A command is sent again only when a server has refused it before carrying it out:
/// because it had forgotten the script, and in a Cluster because the slot is elsewhere (MOVED, ASK) or cannot be written
/// to now (TRYAGAIN, CLUSTERDOWN, LOADING and the like, until the command's deadline). One that was sent and not answered
/// fails as unanswered; whether it may be repeated is its caller's to know.
///
/// Limits: see `RedisOptions`.
public final class RedisClient {
    public let loop: EventLoop
    public let endpoint: RedisEndpoint
    public let options: RedisOptions
    public private(set) var state = RedisState.idle
    /// Called on the loop after each change of `state`.
    public var onStateChange: ((RedisState) -> Void)?
    /// Called on the loop with what works less well than it should, in words for the operator; each text once.
    public var onNotice: ((String) -> Void)?

    private let setup: RedisLinkSetup
    private let follower: any FleetFollower
    private var isClosed: Bool { self.state == .closed }
    /// Digests by name, as Redis told them.
    private var digests: [String: String] = [:]
    private var parked = ParkedCommands()
    private var parkTimer: LoopTimer?
    private var notices: Set<String> = []
    /// What was told of the present outage.
    private var told: Set<String> = []
    private static let maxNotices = 100

    /// `scripts` are those that `eval` will be asked for. `seed` fixes the random waits, for tests.
    public init(
        loop: EventLoop,
        endpoint: RedisEndpoint,
        options: RedisOptions = RedisOptions(),
        scripts: [RedisScript] = [],
        seed: UInt64 = .random(in: 0 ... .max)
    ) {
        precondition(Set(scripts.map(\.name)).count == scripts.count, "each script has a name of its own")
        self.loop = loop
        self.endpoint = endpoint
        self.options = options
        let setup = RedisLinkSetup(loop: loop, endpoint: endpoint, options: options, scripts: scripts)
        self.setup = setup
        self.follower =
            switch endpoint.fleet {
            case .standalone: SingleFollower(setup, seed: seed)
            case .sentinel(let master): SentinelFollower(setup, name: master, seed: seed)
            case .cluster: ClusterFollower(setup, seed: seed)
            }
        self.follower.client = self
    }

    /// A client that nobody closed still ends its connections and what is under way on them, whichever thread lets it
    /// go.
    deinit {
        guard self.state != .idle, self.state != .closed else { return }
        let rest = LoopBound((self.follower, self.parked), loop: self.loop)
        self.loop.submit {
            var (follower, parked) = rest.open()
            follower.close("the client is gone")
            for (command, _) in parked.takeAll() { command.completion(.failure(.unavailable("the client is gone"))) }
        }
    }

    /// Whether commands are taken, in a Cluster perhaps only for a part of the keys.
    public var isConnected: Bool {
        switch self.state {
        case .connected, .partly: true
        case .idle, .connecting, .disconnected, .closed: false
        }
    }
    public var counters: RedisCounters { self.setup.tally.counters }
    /// Commands taken and not answered.
    public var inFlight: Int { self.follower.nodes.reduce(self.parked.count) { $0 + ($1.link?.inFlight ?? 0) } }

    /// Begins to connect, and goes on until `close()`.
    public func start() {
        self.loop.preconditionOnLoop()
        guard self.state == .idle else { return }
        self.fleetChanged(.connecting)
        self.follower.start()
    }

    /// Ends the connections. What is under way fails as unanswered; what comes later as unavailable.
    public func close() {
        self.loop.preconditionOnLoop()
        guard !self.isClosed else { return }
        self.fleetChanged(.closed)
        self.parkTimer?.disarm()
        self.follower.close("the client was closed")
        for (command, _) in self.parked.takeAll() { self.finish(command, .unavailable("the client was closed")) }
    }

    // MARK: Commands

    /// Sends one command. An error that Redis answers is a failure. In a Cluster, the second word is the key.
    public func send(_ arguments: [RedisArgument], completion: @escaping RedisCompletion) {
        self.take(.words(arguments), completion)
    }

    /// Runs one of the scripts that the client was made with, by its digest. In a Cluster, all keys are of one slot.
    public func eval(
        _ script: RedisScript,
        keys: [String],
        arguments: [String],
        completion: @escaping RedisCompletion
    ) {
        self.call(script, keys: keys, arguments: .texts(arguments), completion)
    }

    public func eval(
        _ script: RedisScript,
        keys: [String],
        arguments: [RedisArgument],
        completion: @escaping RedisCompletion
    ) {
        self.call(script, keys: keys, arguments: .words(arguments), completion)
    }

    private func call(
        _ script: RedisScript,
        keys: [String],
        arguments: RedisScriptArguments,
        _ completion: @escaping RedisCompletion
    ) {
        self.loop.preconditionOnLoop()
        let digest = self.digests[script.name]
        precondition(
            digest != nil || !self.isConnected,
            "script \(script.name) was not given to the client when it was made"
        )
        self.take(.script(script, digest: digest ?? "", keys: keys, arguments: arguments), completion)
    }

    private func take(_ request: RedisRequest, _ completion: @escaping RedisCompletion) {
        self.loop.preconditionOnLoop()
        let deadline = self.loop.now.advanced(byNanoseconds: self.options.commandTimeoutNanoseconds)
        let command = RedisCommand(request: request, completion: completion, deadline: deadline)
        guard self.isConnected else { return self.refuse(command, .unavailable(self.state.description)) }
        self.dispatch(command)
    }

    func dispatch(_ command: RedisCommand) {
        guard !self.isClosed else { return self.refuse(command, .unavailable(self.state.description)) }
        switch self.follower.route(command) {
        case .link(let link):
            if let limit = self.limit(of: link) { return self.refuse(command, .overloaded(limit)) }
            link.send(command)
        case .soon:
            let reason = RedisError.unavailable("the connection to its node was not ready in time")
            self.park(command, until: command.deadline, waitsForNode: true, reason)
        case .nowhere(let reason): self.refuse(command, .unavailable(reason))
        }
    }

    private func limit(of link: RedisLink) -> String? {
        if link.inFlight >= self.options.maxInFlight { return "\(self.options.maxInFlight) are under way" }
        if link.pendingBytes >= self.options.maxPendingBytes {
            return "\(self.options.maxPendingBytes) bytes wait to be sent"
        }
        return nil
    }

    /// Counts it as not sent, and tells the caller so in the loop's next turn.
    private func refuse(_ command: RedisCommand, _ error: RedisError) {
        if case .overloaded = error {
            self.setup.tally.counters.overloaded += 1
        } else {
            self.setup.tally.counters.unavailable += 1
        }
        self.loop.onNextTurn { command.completion(.failure(error)) }
    }

    // MARK: Commands that wait

    private func park(_ command: RedisCommand, until due: Instant, waitsForNode: Bool, _ reason: RedisError) {
        guard self.parked.count < self.options.maxInFlight else {
            return self.refuse(command, .overloaded("\(self.options.maxInFlight) wait for their node"))
        }
        self.parked.park(command, until: due, waitsForNode: waitsForNode, reason: reason)
        self.watchParked()
    }

    private func watchParked() {
        guard let next = self.parked.next else { return }
        let timer = self.parkTimer ?? LoopTimer(loop: self.loop) { [weak self] in self?.releaseParked() }
        self.parkTimer = timer
        if timer.deadline.map({ next < $0 }) ?? true { timer.arm(at: next) }
    }

    private func releaseParked() {
        let now = self.loop.now
        for (command, reason) in self.parked.takeDue(now: now) {
            if now < command.deadline { self.dispatch(command) } else { self.finish(command, reason) }
        }
        self.watchParked()
    }
}

// MARK: What the follower tells

extension RedisClient: FleetClient {
    /// Each reason is told once an outage: a Redis that stays away does not fill a log.
    func fleetChanged(_ state: RedisState) {
        guard self.state != state, self.state != .closed else { return }
        let wasConnected = self.isConnected
        self.state = state
        switch state {
        case .connected: self.told = []
        case .partly(let reason), .disconnected(let reason):
            let isNews = self.told.count < Self.maxNotices && self.told.insert(reason).inserted
            guard isNews || self.isConnected != wasConnected else { return }
        case .idle, .connecting, .closed: break
        }
        self.onStateChange?(state)
    }

    func fleetNotice(_ text: String) {
        guard self.notices.count < Self.maxNotices, self.notices.insert(text).inserted else { return }
        self.onNotice?(text)
    }

    func fleetLoaded(_ script: RedisScript, digest: String) { self.digests[script.name] = digest }

    func fleetGained() {
        for (command, _) in self.parked.takeWaitingForNode() { self.dispatch(command) }
    }

    func postpone(_ command: RedisCommand, _ error: RedisError) {
        var command = command
        let now = self.loop.now
        guard let wait = command.resends.wait(now: now, deadline: command.deadline) else {
            return self.finish(command, error)
        }
        self.setup.tally.counters.postponed += 1
        self.park(command, until: now.advanced(byNanoseconds: wait), waitsForNode: false, error)
    }

    func finish(_ command: RedisCommand, _ error: RedisError) {
        guard case .refused(let code, let message) = error,
            let advice = RedisRights.adviceOnCommand(code: code, message: message)
        else { return command.completion(.failure(error)) }
        command.completion(.failure(.refused(code: code, message: "\(message); \(advice)")))
    }
}
