import Addresses
import EventLoop
import Primitives

/// One server at a fixed place.
final class SingleFollower: FleetFollower {
    weak var client: (any FleetClient)?
    private let setup: RedisLinkSetup
    private var node: RedisNode?
    private var backoff: Backoff
    private lazy var retryTimer = LoopTimer(loop: self.setup.loop) { [weak self] in self?.node?.open() }
    private var lastReason: String?
    private var isClosed = false

    init(_ setup: RedisLinkSetup, seed: UInt64) {
        self.setup = setup
        self.backoff = Backoff(
            shortestNanoseconds: setup.options.shortestWaitNanoseconds,
            longestNanoseconds: setup.options.longestWaitNanoseconds,
            seed: seed
        )
    }

    var nodes: [RedisNode] { self.node.map { [$0] } ?? [] }

    func start() {
        let node = RedisNode(self.setup.endpoint.place, .data(.master), self.setup, owner: self)
        self.node = node
        node.open()
    }

    func close(_ reason: String) {
        self.isClosed = true
        self.retryTimer.disarm()
        self.node?.close(reason)
    }

    func route(_ command: RedisCommand) -> FleetRoute {
        if let link = self.node?.readyLink { return .link(link) }
        return .nowhere(self.lastReason.map { "disconnected: \($0)" } ?? "connecting")
    }

    func nodeReady(_ node: RedisNode) {
        self.backoff.reset()
        if self.setup.tally.counters.connects > 0 { self.setup.tally.counters.reconnects += 1 }
        self.setup.tally.counters.connects += 1
        self.client?.fleetChanged(.connected)
        self.client?.fleetGained()
    }

    func nodeEnded(_ node: RedisNode, reason: String) {
        guard !self.isClosed else { return }
        self.retryTimer.arm(afterNanoseconds: self.backoff.next())
        let reason = "\(self.setup.endpoint): \(reason)"
        self.lastReason = reason
        self.client?.fleetChanged(.disconnected(reason: reason))
    }

    func nodeRefused(_ node: RedisNode, _ link: RedisLink, _ command: RedisCommand, code: String, message: String) {
        self.refusedBySingle(node, link, command, code: code, message: message)
    }
}
