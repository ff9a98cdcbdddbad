import Addresses
import EventLoop
import Primitives

/// The master that sentinels name.
///
/// One sentinel is asked once a second, and at once when the master's connection ends; when it does not help, the next
/// one is. So a master that stands still, or that was cut off and still takes writes, is left as soon as a sentinel
/// names another, and only for a server that says of itself that it is master.
final class SentinelFollower: FleetFollower {
    weak var client: (any FleetClient)?
    private let setup: RedisLinkSetup
    private let name: String
    private var search: SentinelSearch
    private var sentinel: RedisNode?
    private var master: RedisNode?
    private var isAsking = false
    private var backoff: Backoff
    /// The only one: whatever sets the next question replaces the one that was set, so that questions do not multiply.
    private lazy var askTimer = LoopTimer(loop: self.setup.loop) { [weak self] in self?.ask() }
    private var lastReason = "no sentinel has answered yet"
    private var sentinelsAreSilent = false
    private var isClosed = false

    init(_ setup: RedisLinkSetup, name: String, seed: UInt64) {
        self.setup = setup
        self.name = name
        self.search = SentinelSearch(sentinels: setup.endpoint.places)
        self.backoff = setup.options.searchBackoff(seed: seed)
    }

    var nodes: [RedisNode] { [self.master, self.sentinel].compactMap { $0 } }

    func start() { self.ask() }

    func close(_ reason: String) {
        self.isClosed = true
        self.askTimer.disarm()
        self.sentinel?.close(reason)
        self.master?.close(reason)
    }

    func route(_ command: RedisCommand) -> FleetRoute {
        if let link = self.master?.readyLink { return .link(link) }
        return .nowhere("disconnected: \(self.setup.endpoint): \(self.lastReason)")
    }

    // MARK: Asking

    private func ask() {
        guard !self.isClosed, !self.isAsking else { return }
        if let sentinel = self.sentinel, sentinel.place == self.search.current {
            if let link = sentinel.readyLink { return self.question(sentinel, link) }
            sentinel.open()
        } else {
            self.sentinel?.close("another sentinel is asked")
            let sentinel = RedisNode(self.search.current, .sentinel, self.setup, owner: self)
            self.sentinel = sentinel
            sentinel.open()
        }
    }

    private func ask(afterNanoseconds nanoseconds: Int64) {
        guard !self.isClosed else { return }
        self.askTimer.arm(afterNanoseconds: nanoseconds)
    }

    private func question(_ sentinel: RedisNode, _ link: RedisLink) {
        self.isAsking = true
        let place = sentinel.place
        let name = RedisArgument.text(self.name)
        let answer = AnswerBox()
        link.send(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", name]) { result in
            if case .success(let value) = result { answer.value.master = SentinelSearch.master(value, answerer: place) }
        }
        link.send(["SENTINEL", "MASTER", name]) { result in
            if case .success(let value) = result { answer.value.epoch = SentinelSearch.epoch(value) }
        }
        link.send(["SENTINEL", "SENTINELS", name]) { [weak self] result in
            if case .success(let value) = result {
                answer.value.sentinels = SentinelSearch.sentinels(value, answerer: place)
            }
            guard let self, !self.isClosed else { return }
            self.isAsking = false
            // An error is an answer; no answer has ended the connection, which is told apart.
            if case .failure(let error) = result, case .unanswered = error { return }
            self.answered(place, answer.value, result)
        }
    }

    private final class AnswerBox {
        var value = SentinelSearch.Answer()
    }

    private func answered(_ place: RedisEndpoint.Place, _ answer: SentinelSearch.Answer, _ result: RedisResult) {
        switch self.search.judge(answer) {
        case .follow(let master):
            self.sentinelsAreSilent = false
            self.follow(master)
            self.ask(afterNanoseconds: self.setup.options.watchNanoseconds)
        case .outdated: self.next("sentinel \(place) has not heard of the last fail-over")
        case .unknown:
            var reason = "sentinel \(place) knows no master named \(self.name)"
            if case .failure(let error) = result { reason += " (\(error.reason))" }
            self.next(reason)
        }
    }

    /// The current sentinel was of no help.
    private func next(_ reason: String) {
        let allWereAsked = self.search.failed()
        self.lost(reason)
        guard allWereAsked else { return self.ask(afterNanoseconds: Nanoseconds.perMillisecond) }
        if self.master?.readyLink != nil, !self.sentinelsAreSilent {
            self.sentinelsAreSilent = true
            self.client?.fleetNotice("no sentinel answers, the master stays in use; the last said: \(reason)")
        }
        self.ask(afterNanoseconds: self.backoff.next())
    }

    private func follow(_ place: RedisEndpoint.Place) {
        if let master = self.master {
            guard master.place != place else { return self.open(master) }
            self.master = nil
            let hadLink = master.readyLink != nil
            master.close("the sentinels name another master: \(place)")
            if hadLink { self.lost("the sentinels name another master: \(place)") }
        }
        let master = RedisNode(place, .data(.master), self.setup, owner: self)
        self.master = master
        self.open(master)
    }

    private func open(_ master: RedisNode) { if !master.isOpening { master.open() } }

    private func lost(_ reason: String) {
        guard self.master?.readyLink == nil else { return }
        self.lastReason = reason
        self.client?.fleetChanged(.disconnected(reason: "\(self.setup.endpoint): \(reason)"))
    }

    // MARK: What nodes tell

    func nodeReady(_ node: RedisNode) {
        if node === self.sentinel { return self.ask() }
        guard node === self.master else { return }
        self.backoff.reset()
        if self.setup.tally.counters.connects > 0 { self.setup.tally.counters.reconnects += 1 }
        self.setup.tally.counters.connects += 1
        self.client?.fleetChanged(.connected)
        self.client?.fleetGained()
    }

    func nodeEnded(_ node: RedisNode, reason: String) {
        guard !self.isClosed else { return }
        if node === self.sentinel {
            self.isAsking = false
            self.next("sentinel \(node.place): \(reason)")
        } else if node === self.master {
            self.lost("master \(node.place): \(reason)")
            self.ask(afterNanoseconds: self.backoff.next())
        }
    }

    func nodeRefused(_ node: RedisNode, _ link: RedisLink, _ command: RedisCommand, code: String, message: String) {
        self.refusedBySingle(node, link, command, code: code, message: message)
    }
}
