import Addresses
import EventLoop
import Primitives
import Transport

/// What a node tells the fleet that it belongs to.
protocol RedisNodeOwner: AnyObject {
    func nodeReady(_ node: RedisNode)
    func nodeEnded(_ node: RedisNode, reason: String)
    func nodeRefused(_ node: RedisNode, _ link: RedisLink, _ command: RedisCommand, code: String, message: String)
    func nodeNotice(_ text: String)
    /// A script's digest, as Redis told it.
    func nodeLoaded(_ script: RedisScript, digest: String)
}

/// Everything that connections of a client have in common.
final class RedisLinkSetup {
    let loop: EventLoop
    let endpoint: RedisEndpoint
    let options: RedisOptions
    let scripts: [RedisScript]
    let tally = RedisTally()
    private var tls: TLSContext?

    init(loop: EventLoop, endpoint: RedisEndpoint, options: RedisOptions, scripts: [RedisScript]) {
        self.loop = loop
        self.endpoint = endpoint
        self.options = options
        self.scripts = scripts
        self.tls = options.tls
    }

    /// Made once, when it is first needed; nil without TLS.
    func context() throws -> TLSContext? {
        guard self.endpoint.usesTLS else { return nil }
        let context = try self.tls ?? TLSContext()
        self.tls = context
        return context
    }
}

/// One server, and at most one connection to it. `open` makes one attempt; its owner decides about the next.
final class RedisNode: RedisLinkOwner {
    enum Purpose: Equatable {
        case data(ServerGreeting.Expected)
        case sentinel
    }

    let place: RedisEndpoint.Place
    let purpose: Purpose
    private let setup: RedisLinkSetup
    private weak var owner: (any RedisNodeOwner)?

    private enum Phase {
        case idle, lookingUp
        /// A connection is being made, or made ready.
        case preparing(RedisLink)
        case ready(RedisLink)
    }
    private var phase = Phase.idle
    /// Scripts that are being loaded again on this connection.
    private var reloading: Set<String> = []
    private var lookupTimer: LoopTimer?
    /// Tells the answer of the current lookup from one that came too late.
    private var lookups = 0
    /// A lookup cannot be cancelled: while one hangs no second one is begun.
    private var lookupIsUnderWay = false
    /// Attempts that failed since the last connection: each takes the next of a name's addresses.
    private var failures = 0
    /// It has made a connection ready once: whatever ends a later one, it speaks as we do.
    private var hasAnswered = false

    init(_ place: RedisEndpoint.Place, _ purpose: Purpose, _ setup: RedisLinkSetup, owner: any RedisNodeOwner) {
        self.place = place
        self.purpose = purpose
        self.setup = setup
        self.owner = owner
    }

    /// The connection, once commands may be sent over it.
    var readyLink: RedisLink? { if case .ready(let link) = self.phase { link } else { nil } }
    /// The connection, ready or not.
    var link: RedisLink? {
        switch self.phase {
        case .preparing(let link), .ready(let link): link
        case .idle, .lookingUp: nil
        }
    }
    var isOpening: Bool {
        switch self.phase {
        case .preparing, .lookingUp: true
        case .idle, .ready: false
        }
    }

    /// Begins an attempt, which ends with `nodeReady` or `nodeEnded`. Nothing happens while there is a connection.
    func open() {
        guard case .idle = self.phase else { return }
        self.setup.tally.counters.attempts += 1
        switch self.place {
        case .address(let address): self.connect(to: address, name: address.host)
        case .name(let name, let port): self.lookUp(name, port: port)
        }
    }

    /// Ends what there is, telling the owner nothing.
    func close(_ reason: String) {
        let link = self.link
        self.phase = .idle
        self.lookupTimer?.disarm()
        link?.end(reason)
    }

    private func lookUp(_ name: String, port: UInt16) {
        guard !self.lookupIsUnderWay else { return self.fail("lookup of \(name): no answer yet") }
        self.phase = .lookingUp
        self.lookupIsUnderWay = true
        self.lookups += 1
        let lookup = self.lookups
        NameLookup.find(name, on: self.setup.loop) { [weak self] result in
            guard let self else { return }
            self.lookupIsUnderWay = false
            guard case .lookingUp = self.phase, self.lookups == lookup else { return }
            self.lookupTimer?.disarm()
            switch result {
            case .success(let addresses):
                let address = addresses[self.failures % addresses.count]
                self.connect(to: SocketAddress(address, port: port), name: name)
            case .failure(let failure): self.fail("lookup of \(name): \(failure.reason)")
            }
        }
        let timeout = self.setup.options.connectTimeoutNanoseconds
        self.lookupTimer?.disarm()
        self.lookupTimer = self.setup.loop.after(nanoseconds: timeout) { [weak self] in
            guard let self, case .lookingUp = self.phase, self.lookups == lookup else { return }
            self.fail("lookup of \(name) took too long")
        }
    }

    private func connect(to address: SocketAddress, name: String) {
        let setup = self.setup
        let link = RedisLink(
            loop: setup.loop,
            options: setup.options,
            tally: setup.tally,
            owner: self,
            hasAnswered: self.hasAnswered
        )
        self.phase = .preparing(link)
        do {
            let timeout = setup.options.connectTimeoutNanoseconds
            try link.open(address, timeoutNanoseconds: timeout, tls: try setup.context(), serverName: name)
        } catch {
            self.fail("\(error)")
        }
    }

    /// Never before `open` has returned.
    private func fail(_ reason: String) {
        self.failures += 1
        self.phase = .lookingUp
        self.lookups += 1
        let attempt = self.lookups
        self.setup.loop.onNextTurn { [weak self] in
            guard let self, case .lookingUp = self.phase, self.lookups == attempt else { return }
            self.phase = .idle
            self.owner?.nodeEnded(self, reason: reason)
        }
    }

    // MARK: Making ready

    /// Makes the connection ready with one round trip: who we are, which database, the scripts, who the server is, and
    /// whether it answers at all, which a stopped one or one that is still loading its data does not.
    func linkOpened(_ link: RedisLink) {
        guard case .preparing(let current) = self.phase, current === link else { return link.end("not wanted") }
        self.reloading.removeAll()
        self.authenticate(link)
        switch self.purpose {
        case .sentinel:
            link.send(["PING"]) { [weak self, weak link, purpose = self.purpose] result in
                purpose.require(result, "PING", link)
                if let link, !link.isDown { self?.linkIsReady(link) }
            }
        case .data(let expected): self.greet(link, expected)
        }
    }

    private func authenticate(_ link: RedisLink) {
        let (user, password) =
            switch self.purpose {
            case .sentinel: (self.setup.options.sentinelUser, self.setup.options.sentinelPassword)
            case .data: (self.setup.endpoint.user, self.setup.endpoint.password)
            }
        guard let password else { return }
        let words = [.text("AUTH")] + (user.map { [RedisArgument.text($0)] } ?? []) + [.bytes(password.bytes)]
        link.send(words) { [weak link, purpose = self.purpose] in purpose.require($0, "AUTH", link) }
    }

    private func greet(_ link: RedisLink, _ expected: ServerGreeting.Expected) {
        let purpose = self.purpose
        let greeting = GreetingBox()
        let judge = { [weak link] (wrong: String?) in
            guard let wrong = wrong ?? greeting.value.objection(expected: expected) else { return }
            link?.end(wrong)
        }
        link.send(["INFO", "server"]) { judge(greeting.value.info($0)) }
        if expected == .master { link.send(["ROLE"]) { judge(greeting.value.role($0)) } }
        if self.setup.endpoint.database != 0 {
            link.send(["SELECT", .integer(Int64(self.setup.endpoint.database))]) { [weak link] in
                purpose.require($0, "SELECT", link)
            }
        }
        for script in self.setup.scripts { self.load(script, link) }
        link.send(["PING"]) { [weak self, weak link] result in
            purpose.require(result, "PING", link)
            guard let self, let link, !link.isDown else { return }
            for notice in greeting.value.notices { self.owner?.nodeNotice("\(self.place): \(notice)") }
            link.serverRun = greeting.value.run
            self.linkIsReady(link)
        }
    }

    private func load(_ script: RedisScript, _ link: RedisLink) {
        let action = "SCRIPT LOAD of \(script.name)"
        link.send(["SCRIPT", "LOAD", .bytes(script.source)]) { [weak self, weak link, purpose = self.purpose] result in
            purpose.require(result, action, link)
            guard case .success(let value) = result else { return }
            guard let digest = value.text else {
                link?.end("\(action): the answer is no digest")
                return
            }
            self?.owner?.nodeLoaded(script, digest: digest)
        }
    }

    /// Shared by the answers of one greeting.
    private final class GreetingBox {
        var value = ServerGreeting()
    }

    private func linkIsReady(_ link: RedisLink) {
        guard case .preparing(let current) = self.phase, current === link else { return }
        self.phase = .ready(link)
        self.hasAnswered = true
        self.failures = 0
        self.owner?.nodeReady(self)
    }

    func linkEnded(_ link: RedisLink, reason: String) {
        guard self.link === link else { return }
        self.failures += 1
        self.phase = .idle
        self.owner?.nodeEnded(self, reason: reason)
    }

    func linkRefused(_ link: RedisLink, _ command: RedisCommand, code: String, message: String) {
        guard let owner = self.owner else {
            return command.completion(.failure(.refused(code: code, message: message)))
        }
        owner.nodeRefused(self, link, command, code: code, message: message)
    }

    /// Loads a script that this server has forgotten, ahead of the calls that are sent again; once, however many were
    /// under way.
    func reload(_ script: RedisScript, on link: RedisLink) {
        guard self.reloading.insert(script.name).inserted else { return }
        self.setup.tally.counters.scriptReloads += 1
        link.send(["SCRIPT", "LOAD", .bytes(script.source)]) { [weak self] _ in self?.reloading.remove(script.name) }
    }
}

extension RedisNode.Purpose {
    /// Every answer while a connection is made ready must be good. One that is not ends the link, and says what to do.
    fileprivate func require(_ result: RedisResult, _ action: String, _ link: RedisLink?) {
        guard case .failure(.refused(let code, let message)) = result else { return }
        var reason = "\(action): \(message)"
        switch (code, self) {
        case ("WRONGPASS", .sentinel), ("NOAUTH", .sentinel):
            reason += "; set sentinel_user and sentinel_password under redis_access"
        case ("NOPERM", .sentinel): reason += "; its user of the sentinels needs: +ping +sentinel"
        case (_, .data): reason += RedisRights.advice(code: code).map { "; \($0)" } ?? ""
        default: break
        }
        link?.end(reason)
    }
}
