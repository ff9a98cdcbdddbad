import Addresses
import EventLoop
import Primitives

/// The masters of a Cluster, each with a connection, and the map of who holds which slot.
///
/// The map is asked for at the start, after every redirection and lost connection, and while a slot has no master that
/// can be reached. Every server's own redirections go before it.
final class ClusterFollower: FleetFollower {
    weak var client: (any FleetClient)?
    private let setup: RedisLinkSetup
    private let seed: UInt64
    private var map: ClusterMap

    /// One node, and when it is tried again.
    private final class Member {
        let node: RedisNode
        var backoff: Backoff
        /// Its own, so that no two attempts are ever set.
        let retryTimer: LoopTimer
        /// Why it cannot be reached; nil while it never failed since it was last ready.
        var failure: String?
        var wasReady = false

        init(_ node: RedisNode, _ backoff: Backoff, _ retryTimer: LoopTimer) {
            self.node = node
            self.backoff = backoff
            self.retryTimer = retryTimer
        }
    }
    private var members: [RedisEndpoint.Place: Member] = [:]
    private var need = MapNeed()
    private lazy var refreshTimer = LoopTimer(loop: self.setup.loop) { [weak self] in self?.refresh() }
    private var refreshBackoff: Backoff
    /// Whom to ask for the map: a redirection's target knows better than others.
    private var informed: RedisEndpoint.Place?
    private var lastReason = "no node has answered yet"
    private var isClosed = false

    init(_ setup: RedisLinkSetup, seed: UInt64) {
        self.setup = setup
        self.seed = seed
        self.map = ClusterMap(seeds: setup.endpoint.places)
        self.refreshBackoff = setup.options.searchBackoff(seed: seed)
    }

    var nodes: [RedisNode] { self.members.values.map(\.node) }

    func start() { self.refresh() }

    func close(_ reason: String) {
        self.isClosed = true
        self.refreshTimer.disarm()
        for member in self.members.values {
            member.retryTimer.disarm()
            member.node.close(reason)
        }
    }

    func route(_ command: RedisCommand) -> FleetRoute {
        if let place = command.askedAt { return self.route(to: place) }
        guard let slot = command.request.slot else {
            let ready = self.map.masters.lazy.compactMap { self.members[$0]?.node.readyLink }.first
            return ready.map { .link($0) } ?? .nowhere("disconnected: \(self.lastReason)")
        }
        guard let owner = self.map.owner(of: slot) else {
            return .nowhere(
                self.map.isKnown
                    ? "disconnected: \(self.setup.endpoint): slot \(slot) has no master"
                    : "disconnected: \(self.lastReason)"
            )
        }
        return self.route(to: owner)
    }

    private func route(to place: RedisEndpoint.Place) -> FleetRoute {
        let member = self.member(place)
        if let link = member.node.readyLink { return .link(link) }
        guard let failure = member.failure else {
            member.node.open()
            return .soon
        }
        return .nowhere("disconnected: \(self.setup.endpoint): node \(place): \(failure)")
    }

    private func member(_ place: RedisEndpoint.Place) -> Member {
        if let member = self.members[place] { return member }
        let node = RedisNode(place, .data(.clusterNode), self.setup, owner: self)
        let member = Member(
            node,
            Backoff(
                shortestNanoseconds: self.setup.options.shortestWaitNanoseconds,
                longestNanoseconds: self.setup.options.longestWaitNanoseconds,
                seed: self.seed &+ UInt64(self.members.count)
            ),
            LoopTimer(loop: self.setup.loop) { [weak self] in self?.tryAgain(place) }
        )
        self.members[place] = member
        return member
    }

    // MARK: The map

    private func refresh() {
        guard !self.isClosed, self.need.asksNow else { return }
        guard let node = self.whomToAsk(), let link = node.readyLink else {
            let contact = self.member(self.map.nextContact())
            if !contact.retryTimer.isArmed { contact.node.open() }
            return self.refreshLater()
        }
        self.need.asked()
        self.informed = nil
        link.send(["CLUSTER", "SLOTS"]) { [weak self] result in
            guard let self, !self.isClosed else { return }
            self.mapAnswered(result, by: node)
        }
    }

    private func whomToAsk() -> RedisNode? {
        if let node = self.informed.flatMap({ self.members[$0]?.node }), node.readyLink != nil { return node }
        let ready = self.members.values.filter { $0.node.readyLink != nil }
        // One after the other: a node that was cut off from the rest tells of a world that is gone.
        let turn = Int(self.setup.tally.counters.commands % UInt64(max(1, ready.count)))
        return ready.isEmpty ? nil : ready[turn].node
    }

    private func refreshLater() {
        guard !self.refreshTimer.isArmed else { return }
        self.refreshTimer.arm(afterNanoseconds: self.refreshBackoff.next())
    }

    private func mapAnswered(_ result: RedisResult, by node: RedisNode) {
        var hasMap = false
        switch result {
        case .failure(let error):
            self.lastReason = "\(self.setup.endpoint): CLUSTER SLOTS at \(node.place): \(error.reason)"
            if error.reason.hasPrefix("NOPERM") { self.lastReason += "; \(RedisRights.advice)" }
        case .success(let value):
            if let ranges = ClusterMap.ranges(value, answerer: node.place) {
                hasMap = true
                self.map.learn(ranges)
                self.openMasters()
            } else {
                self.lastReason = "\(self.setup.endpoint): node \(node.place) has answered CLUSTER SLOTS with no slots"
            }
        }
        self.need.answered(withMap: hasMap)
        self.judge()
        self.client?.fleetGained()
    }

    private func openMasters() {
        let masters = Set(self.map.masters)
        for place in masters {
            let member = self.member(place)
            if !member.retryTimer.isArmed { member.node.open() }
        }
        for (place, member) in self.members where !masters.contains(place) && member.node.link?.inFlight ?? 0 == 0 {
            member.retryTimer.disarm()
            member.node.close("it holds no slots any more")
            self.members[place] = nil
        }
    }

    /// Tells the client how things stand, and asks again while something is amiss.
    private func judge() {
        let masters = self.map.masters.compactMap { place in self.members[place].map { (place, $0) } }
        let ready = masters.filter { $0.1.node.readyLink != nil }.count
        let failed = masters.first { $0.1.failure != nil }
        if let (place, member) = failed, let failure = member.failure {
            self.lastReason = "\(self.setup.endpoint): node \(place): \(failure)"
        } else if self.map.isKnown, !self.map.isWhole {
            self.lastReason = "\(self.setup.endpoint): some slots have no master"
        }
        self.need.isAmiss = !self.map.isKnown || !self.map.isWhole || failed != nil
        if self.need.isWanted { self.refreshLater() } else { self.refreshBackoff.reset() }
        if ready == 0 {
            // While the first connections are being made there is nothing to tell.
            if failed != nil || !self.map.isKnown { self.client?.fleetChanged(.disconnected(reason: self.lastReason)) }
        } else if ready < masters.count || !self.map.isWhole {
            if failed != nil || !self.map.isWhole { self.client?.fleetChanged(.partly(reason: self.lastReason)) }
        } else {
            self.client?.fleetChanged(.connected)
        }
    }

    private func mapIsOld(informed: RedisEndpoint.Place? = nil) {
        self.need.outdated()
        self.informed = informed ?? self.informed
        self.refreshLater()
    }

    // MARK: What nodes tell

    func nodeReady(_ node: RedisNode) {
        guard let member = self.members[node.place] else { return }
        member.failure = nil
        member.backoff.reset()
        if member.wasReady { self.setup.tally.counters.reconnects += 1 }
        member.wasReady = true
        self.setup.tally.counters.connects += 1
        if !self.map.isKnown { return self.refresh() }
        self.judge()
        self.client?.fleetGained()
    }

    func nodeEnded(_ node: RedisNode, reason: String) {
        guard !self.isClosed, let member = self.members[node.place] else { return }
        if !self.map.isKnown { self.lastReason = "\(self.setup.endpoint): node \(node.place): \(reason)" }
        member.failure = reason
        member.retryTimer.arm(afterNanoseconds: member.backoff.next())
        self.mapIsOld()
        self.judge()
        // Who waited for it learns that it did not come.
        self.client?.fleetGained()
    }

    private func tryAgain(_ place: RedisEndpoint.Place) {
        // Who is no master is forgotten, and tried again should somebody name it.
        if self.map.masters.contains(place) { self.members[place]?.node.open() } else { self.members[place] = nil }
    }

    func nodeRefused(_ node: RedisNode, _ link: RedisLink, _ command: RedisCommand, code: String, message: String) {
        if self.reloaded(node, link, command, code: code) { return }
        let error = RedisError.refused(code: code, message: message)
        var again = command
        again.askedAt = nil
        switch ServerRefusal(code: code, message: message, answerer: node.place) {
        case .moved(let slot, let place):
            self.setup.tally.counters.redirections += 1
            guard again.resends.redirect() else { return self.tooMany(command, message) }
            if self.map.move(slot, to: place) { self.mapIsOld(informed: place) }
            self.client?.dispatch(again)
        case .ask(_, let place):
            self.setup.tally.counters.redirections += 1
            guard again.resends.redirect() else { return self.tooMany(command, message) }
            again.askedAt = place
            self.client?.dispatch(again)
        case .tryAgain: self.client?.postpone(again, error)
        case .notNow:
            self.mapIsOld()
            self.client?.postpone(again, error)
        case .noScript, .final: self.client?.finish(command, error)
        }
    }

    private func tooMany(_ command: RedisCommand, _ message: String) {
        self.client?.finish(
            command,
            .unavailable("redirected \(ResendRule.maxRedirections) times, at last by \(message)")
        )
    }
}
