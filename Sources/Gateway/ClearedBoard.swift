import EventLoop
import Logging
import Pools
import Primitives
import Scaling
import Settings
import SharedState

/// Which processes a gateway sees from where it runs.
public struct ProcessSight: Sendable {
    /// The gateway's own.
    public var own: ProcessIdentity?
    /// Whether that one has ended, as far as can be seen.
    public var isGone: @Sendable (ProcessIdentity) -> Bool

    public init(own: ProcessIdentity?, isGone: @escaping @Sendable (ProcessIdentity) -> Bool) {
        self.own = own
        self.isGone = isGone
    }

    public static let system = ProcessSight(own: ProcessTable.own, isGone: ProcessTable.hasEnded)
}

/// Takes gateways that were killed off the pools' boards, where the controller is on another host and cannot see that they
/// are gone: a gateway that has been started in the place of one does so, some time after its start.
///
/// Not at once: until the visitors of the one that was killed are back, its pool must not shrink.
struct ClearedBoard {
    /// Whoever was killed before this gateway began has been silent for longer than it is held.
    static let delayNanoseconds = GatewayRoster.heldMicros * Nanoseconds.perMicrosecond + 5 * Nanoseconds.perSecond
    /// Where the shared state does not answer. Then the reports grow old there.
    static let mostTries = 3

    let board: any PoolBoard
    let processes: ProcessSight
    let log: Logger

    func clearLater(_ settings: Settings) {
        // Who does not know its own process can tell nobody's.
        guard self.processes.own != nil else { return }
        for pool in settings.pools { self.clearLater(pool: pool.name, tries: Self.mostTries) }
    }

    private func clearLater(pool: String, tries: Int) {
        guard tries > 0 else { return }
        self.board.loop.after(nanoseconds: Self.delayNanoseconds) {
            self.board.signals(pool: pool, maxAgeMicros: GatewayRoster.askedMicros) { result in
                guard case .success(let reports) = result else { return self.clearLater(pool: pool, tries: tries - 1) }
                for report in reports where self.isOver(report) {
                    self.log.notice(
                        "a gateway that was killed is taken off the board",
                        metadata: ["pool": "\(pool)", "gateway": "\(report.gateway)"]
                    )
                    self.board.withdraw(pool: pool, gateway: report.gateway) { _ in }
                }
            }
        }
    }

    private func isOver(_ report: GatewaySignals) -> Bool {
        guard report.ageMicros > GatewayRoster.heldMicros, let process = report.process else { return false }
        return self.processes.isGone(process)
    }
}
