import EventLoop
import Primitives
import Rooms

/// Whose tunnel it is: an exchange.
protocol TunnelOwner: AnyObject {
    /// The client takes less than it is sent, and is watched for that.
    var isClientCongested: Bool { get }
    /// Of what was sent to the worker, what it has not taken, in bytes; see `ByteStream.untakenBytes`.
    var bytesTheWorkerOwes: Int { get }
    func tunnelHasToEnd(_ why: TunnelEnd)
}

/// An open tunnel, for its exchange: sees to it that its visitor stays inside, and says when it has to end.
///
/// A tunnel has no response that could carry a new pass, so the session is renewed in the shared state alone, as often
/// as requests would do it: six times a session. While a tunnel is open its visitor uses a worker, so the slot is not
/// given to somebody else, however quiet it is; who is quiet for too long loses the tunnel, and then the slot.
final class OpenTunnel: RoomGuest {
    private let tools: LoopTools
    private let pool: WorkerPool
    /// Where the visitor is inside; nil on a route without a room, and once the room is configured no more.
    private var stay: (gate: RoomGate, key: LineKey)?
    private var owner: (any TunnelOwner)?
    private var term: TunnelTerm
    private var nextRenewal: Instant?
    private var owedBytes = 0
    private var timer: LoopTimer?

    init(tools: LoopTools, pool: WorkerPool, stay: (gate: RoomGate, key: LineKey)?, owner: any TunnelOwner) {
        self.tools = tools
        self.pool = pool
        self.stay = stay
        self.owner = owner
        self.term = TunnelTerm(opened: tools.now)
        // Each holds the other until `close`, which comes with the exchange's end.
        self.timer = LoopTimer(loop: tools.loop) { self.look() }
        if let stay { stay.gate.enter(self, stay.key) }
        self.planRenewal()
        if tools.isDraining { self.gatewayDrains() } else { self.arm() }
        // While a worker was waited for nobody could be told of that.
        if let stay, !stay.gate.isStaying(stay.key) { self.sessionEnded() }
    }

    /// The exchange is over.
    func close() {
        self.timer?.disarm()
        self.timer = nil
        self.owner = nil
        self.leaveRoom()
    }

    func moved() { self.term.moved(now: self.tools.now) }

    func sideEnded(_ side: TunnelEnd) {
        self.term.sideEnded(side, now: self.tools.now)
        self.arm()
    }

    func gatewayDrains() {
        let grace = TunnelTerm.drainNanoseconds(
            graceNanoseconds: self.pool.settings.tunnels.graceNanoseconds,
            random: self.tools.random.next()
        )
        self.term.mustEnd(.draining, by: self.tools.now.advanced(byNanoseconds: grace))
        self.arm()
    }

    // MARK: The room

    func sessionEnded() {
        self.leaveRoom()
        let grace = self.pool.settings.tunnels.graceNanoseconds
        self.term.mustEnd(.session, by: self.tools.now.advanced(byNanoseconds: grace))
        self.arm()
    }

    func roomDissolved() { self.leaveRoom() }

    private func leaveRoom() {
        self.nextRenewal = nil
        guard let stay = self.stay.take() else { return }
        stay.gate.leave(self, stay.key)
    }

    private func planRenewal() {
        guard let gate = self.stay?.gate else { return }
        self.nextRenewal = self.tools.now.advanced(byNanoseconds: gate.renewalMicros * Nanoseconds.perMicrosecond)
    }

    // MARK: Time

    private func look() {
        guard let owner = self.owner else { return }
        let now = self.tools.now
        // What is taken moves, too: a worker that takes some is not silent, and a client that takes nothing is cut off
        // by `write_timeout`.
        let owed = owner.bytesTheWorkerOwes
        if owed != self.owedBytes || owner.isClientCongested { self.term.moved(now: now) }
        self.owedBytes = owed
        if let due = self.nextRenewal, due <= now, let stay = self.stay {
            self.planRenewal()
            guard stay.gate.renewStay(of: stay.key) else { return self.sessionEnded() }
        }
        if case .end(let why) = self.term.verdict(now: now, self.pool.settings.tunnels) {
            return owner.tunnelHasToEnd(why)
        }
        self.arm()
    }

    /// New limits are in force for open tunnels within that time.
    private static let longestUnseenNanoseconds = 30 * Nanoseconds.perSecond

    /// Bytes that move do not move the timer: it looks when they would have had to.
    private func arm() {
        let now = self.tools.now
        switch self.term.verdict(now: now, self.pool.settings.tunnels) {
        case .goOn(let until):
            let next = min(until, now.advanced(byNanoseconds: Self.longestUnseenNanoseconds))
            self.timer?.arm(at: min(next, self.nextRenewal ?? next))
        // Not within the call of somebody who still uses the tunnel.
        case .end: self.timer?.arm(at: now)
        }
    }
}
