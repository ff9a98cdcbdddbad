import EventLoop
import Primitives
import Transport

/// A client of one Redis, confined to one loop: pipelined commands over one connection that it keeps up by itself.
///
/// Commands go out together at the end of the loop's turn and are answered in order. While there is no connection
/// they fail at once, because a gateway has something better to do than to wait: `RedisError` says whether a command
/// was certainly not carried out or may have been. Nothing is sent twice, except a script call that Redis refused
/// because it had forgotten the script.
///
/// Limits: see `RedisOptions`.
public final class RedisClient {
    public let loop: EventLoop
    public let endpoint: RedisEndpoint
    public let options: RedisOptions
    public internal(set) var counters = RedisCounters()
    public private(set) var state = RedisState.idle
    /// Called on the loop after each change of `state`.
    public var onStateChange: ((RedisState) -> Void)?

    private enum Phase {
        case idle, waiting, lookingUp, closed
        /// A connection is being made, or made ready.
        case preparing(RedisLink)
        case ready(RedisLink)
    }
    private var phase = Phase.idle
    private var backoff: Backoff
    private let scripts: [RedisScript]
    /// Digests by name, as Redis told them.
    private var digests: [String: String] = [:]
    /// Scripts that are being loaded again on this connection.
    private var reloading: Set<String> = []
    private var retryTimer: LoopTimer?
    private var lookupTimer: LoopTimer?
    /// Tells the answer of the current lookup from one that came too late.
    private var lookups = 0
    /// A lookup cannot be cancelled: while one hangs no second one is begun.
    private var lookupIsUnderWay = false
    /// Attempts that failed since the last connection: each takes the next of a name's addresses.
    private var failures = 0
    private var tls: TLSContext?

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
        self.scripts = scripts
        self.tls = options.tls
        self.backoff = Backoff(
            shortestNanoseconds: options.shortestWaitNanoseconds,
            longestNanoseconds: options.longestWaitNanoseconds,
            seed: seed
        )
    }

    /// A client that nobody closed still ends its connection and what is under way on it, whichever thread lets it go.
    deinit {
        switch self.phase {
        case .preparing(let link), .ready(let link):
            let link = LoopBound(link, loop: self.loop)
            self.loop.submit { link.open().end("the client is gone") }
        case .idle, .waiting, .lookingUp, .closed: break
        }
    }

    public var isConnected: Bool { self.state == .connected }
    /// Commands sent and not answered.
    public var inFlight: Int {
        switch self.phase {
        case .preparing(let link), .ready(let link): link.inFlight
        case .idle, .waiting, .lookingUp, .closed: 0
        }
    }

    /// Begins to connect, and goes on until `close()`.
    public func start() {
        self.loop.preconditionOnLoop()
        guard case .idle = self.phase else { return }
        self.enter(.connecting)
        self.attempt()
    }

    /// Ends the connection. What is under way fails as unanswered; what comes later as unavailable.
    public func close() {
        self.loop.preconditionOnLoop()
        let phase = self.phase
        self.phase = .closed
        self.retryTimer?.disarm()
        self.lookupTimer?.disarm()
        self.enter(.closed)
        switch phase {
        case .preparing(let link), .ready(let link): link.end("the client was closed")
        case .idle, .waiting, .lookingUp, .closed: return
        }
    }

    // MARK: Commands

    /// Sends one command. An error that Redis answers is a failure.
    public func send(_ arguments: [RedisArgument], completion: @escaping RedisCompletion) {
        self.loop.preconditionOnLoop()
        self.usableLink(completion)?.send(arguments, completion: completion)
    }

    /// Runs one of the scripts that the client was made with, by its digest.
    public func eval(
        _ script: RedisScript,
        keys: [String],
        arguments: [String],
        completion: @escaping RedisCompletion
    ) {
        self.loop.preconditionOnLoop()
        guard let link = self.usableLink(completion) else { return }
        guard let digest = self.digests[script.name] else {
            preconditionFailure("script \(script.name) was not given to the client when it was made")
        }
        var words: [RedisArgument] = [.text("EVALSHA"), .text(digest), .integer(Int64(keys.count))]
        words.reserveCapacity(3 + keys.count + arguments.count)
        for key in keys { words.append(.text(key)) }
        for argument in arguments { words.append(.text(argument)) }
        link.send(words) { [weak self, weak link] result in
            guard case .failure(.refused("NOSCRIPT", _)) = result, let self, let link, !link.isDown else {
                return completion(result)
            }
            self.reload(script, on: link)
            link.send(words, completion: completion)
        }
    }

    /// Goes ahead of the calls that are sent again; once, however many were under way.
    private func reload(_ script: RedisScript, on link: RedisLink) {
        guard self.reloading.insert(script.name).inserted else { return }
        self.counters.scriptReloads += 1
        link.send(["SCRIPT", "LOAD", .bytes(script.source)]) { [weak self] _ in self?.reloading.remove(script.name) }
    }

    private func usableLink(_ completion: @escaping RedisCompletion) -> RedisLink? {
        guard case .ready(let link) = self.phase else {
            self.counters.unavailable += 1
            self.fail(completion, .unavailable(self.state.description))
            return nil
        }
        guard link.inFlight < self.options.maxInFlight else {
            self.counters.overloaded += 1
            self.fail(completion, .overloaded("\(self.options.maxInFlight) are under way"))
            return nil
        }
        guard link.pendingBytes < self.options.maxPendingBytes else {
            self.counters.overloaded += 1
            self.fail(completion, .overloaded("\(self.options.maxPendingBytes) bytes wait to be sent"))
            return nil
        }
        return link
    }

    private func fail(_ completion: @escaping RedisCompletion, _ error: RedisError) {
        self.loop.onNextTurn { completion(.failure(error)) }
    }

    // MARK: Connecting

    private func attempt() {
        self.counters.attempts += 1
        switch self.endpoint.place {
        case .address(let address): self.connect(to: address, name: address.host)
        case .name(let name, let port): self.lookUp(name, port: port)
        }
    }

    private func lookUp(_ name: String, port: UInt16) {
        guard !self.lookupIsUnderWay else { return self.retry("lookup of \(name): no answer yet") }
        self.phase = .lookingUp
        self.lookupIsUnderWay = true
        self.lookups += 1
        let lookup = self.lookups
        NameLookup.find(name, port: port, on: self.loop) { [weak self] result in
            guard let self else { return }
            self.lookupIsUnderWay = false
            guard case .lookingUp = self.phase, self.lookups == lookup else { return }
            self.lookupTimer?.disarm()
            switch result {
            case .success(let addresses): self.connect(to: addresses[self.failures % addresses.count], name: name)
            case .failure(let failure): self.retry(failure.reason)
            }
        }
        self.lookupTimer = self.loop.after(nanoseconds: self.options.connectTimeoutNanoseconds) { [weak self] in
            guard let self, case .lookingUp = self.phase, self.lookups == lookup else { return }
            self.retry("lookup of \(name) took too long")
        }
    }

    private func connect(to address: SocketAddress, name: String) {
        let link = RedisLink(client: self, options: self.options)
        self.phase = .preparing(link)
        do {
            if self.endpoint.usesTLS, self.tls == nil { self.tls = try TLSContext() }
            let timeout = self.options.connectTimeoutNanoseconds
            try link.open(
                address,
                timeoutNanoseconds: timeout,
                tls: self.endpoint.usesTLS ? self.tls : nil,
                serverName: name
            )
        } catch {
            self.retry("\(error)")
        }
    }

    /// Makes the connection ready with one round trip: who we are, which database, the scripts, and whether Redis
    /// answers at all, which a stopped one or one that is still loading its data does not.
    func linkOpened(_ link: RedisLink) {
        guard case .preparing(let current) = self.phase, current === link else { return link.end("not wanted") }
        self.digests.removeAll(keepingCapacity: true)
        self.reloading.removeAll()
        if let password = self.endpoint.password {
            let user = self.endpoint.user.map { [RedisArgument.text($0)] } ?? []
            let words = [.text("AUTH")] + user + [RedisArgument.bytes(password.bytes)]
            link.send(words) { [weak link] in Self.require($0, "AUTH", link) }
        }
        if self.endpoint.database != 0 {
            link.send(["SELECT", .integer(Int64(self.endpoint.database))]) { [weak link] in
                Self.require($0, "SELECT", link)
            }
        }
        for script in self.scripts {
            link.send(["SCRIPT", "LOAD", .bytes(script.source)]) { [weak self, weak link] result in
                Self.require(result, "SCRIPT LOAD of \(script.name)", link)
                guard case .success(let value) = result else { return }
                self?.digests[script.name] = value.text
                if value.text == nil { link?.end("SCRIPT LOAD of \(script.name): the answer is no digest") }
            }
        }
        link.send(["PING"]) { [weak self, weak link] result in
            Self.require(result, "PING", link)
            if let link, !link.isDown { self?.linkIsReady(link) }
        }
    }

    /// Every answer while a connection is made ready must be good.
    private static func require(_ result: RedisResult, _ action: String, _ link: RedisLink?) {
        guard case .failure(.refused(_, let message)) = result else { return }
        link?.end("\(action): \(message)")
    }

    private func linkIsReady(_ link: RedisLink) {
        guard case .preparing(let current) = self.phase, current === link else { return }
        self.phase = .ready(link)
        self.backoff.reset()
        self.failures = 0
        self.counters.connects += 1
        self.enter(.connected)
    }

    func linkEnded(_ link: RedisLink, reason: String) {
        switch self.phase {
        case .preparing(let current) where current === link: self.retry(reason)
        case .ready(let current) where current === link: self.retry(reason)
        case .idle, .waiting, .lookingUp, .closed, .preparing, .ready: return
        }
    }

    private func retry(_ reason: String) {
        self.phase = .waiting
        self.failures += 1
        self.retryTimer = self.loop.after(nanoseconds: self.backoff.next()) { [weak self] in
            guard let self, case .waiting = self.phase else { return }
            self.attempt()
        }
        self.enter(.disconnected(reason: "\(self.endpoint): \(reason)"))
    }

    /// The same state twice is told once: a Redis that stays away does not fill a log.
    private func enter(_ state: RedisState) {
        guard self.state != state else { return }
        self.state = state
        self.onStateChange?(state)
    }
}
