import Primitives
import Scaling

/// Which gateways report to a pool, and which have fallen silent: a value, asked with what stands on the board.
///
/// A gateway that stops in order takes its report off the board. One whose report stands there and grows old has been
/// killed, or is cut off and may be serving as many visitors as ever. Of a process that can be seen from here the two are
/// told apart:
///
/// | age of its report | cut off, as far as is known | seen to be gone |
/// |---|---|---|
/// | up to `freshMicros` | it reports | it reports |
/// | up to `heldMicros` | silent: what came through it last is taken to go on | the pool does not shrink |
/// | up to `rememberedMicros` | silent: nothing is known of it, but the pool does not shrink | nothing |
/// | beyond | forgotten, as if it had stopped | nothing |
///
/// A gateway that is gone serves nobody, and its visitors come back through another one within seconds: to count them in
/// both places would order workers for twice the crowd. Until they are back the pool is as large as they left it.
///
/// The rate that rooms are lent is not frozen meanwhile: it is reckoned from the sums with what is held. It follows the
/// workers that are ready, of which the controller knows by itself, and what comes past the rooms through the silent
/// gateway stays subtracted while it is held. A frozen rate would not fall with a worker that is lost.
public struct GatewayRoster: Sendable {
    public static let freshMicros: Int64 = 3_500_000
    public static let heldMicros: Int64 = 30_000_000
    public static let rememberedMicros: Int64 = 300_000_000
    /// How old a report the board is asked for: a forgotten one is seen once more, so that it can be told.
    public static let askedMicros: Int64 = Self.rememberedMicros + 60_000_000

    public struct Silent: Equatable, Sendable {
        public var gateway: String
        public var silentMicros: Int64
        /// Its process is seen to have ended.
        public var isGone: Bool

        public init(gateway: String, silentMicros: Int64, isGone: Bool = false) {
            self.gateway = gateway
            self.silentMicros = silentMicros
            self.isGone = isGone
        }
    }

    public enum Event: Equatable, Sendable {
        case fellSilent(String)
        /// Its process has ended, and it did not say that it stops.
        case died(String)
        case isBack(String)
        /// It has taken its report off the board after all, or somebody did.
        case withdrew(String)
        case forgotten(String)
    }

    /// What one look at the board shows.
    public struct Look: Equatable, Sendable {
        public var fresh: [GatewaySignals] = []
        /// Last words of those who have not been silent for long.
        public var held: [GatewaySignals] = []
        public var silent: [Silent] = []
        /// Somebody may have requests under way at the workers of whom nobody tells.
        public var hidesRequests: Bool { self.silent.contains { !$0.isGone } }
        public var events: [Event] = []

        public init() {}
    }

    private enum State { case silent, gone, forgotten }
    /// Of gateways that do not report and whose reports stand on the board: at most as many as that takes.
    private var states: [String: State] = [:]
    /// Gateways that were forgotten so far.
    public private(set) var forgotten = 0

    public init() {}

    /// - Parameters:
    ///   - reports: all that are not older than `askedMicros`, at most one of each gateway.
    ///   - isGone: whether a process is seen to have ended. Asked of gateways that do not report.
    public mutating func look(_ reports: [GatewaySignals], isGone: (ProcessIdentity) -> Bool = { _ in false }) -> Look {
        var look = Look()
        // Nearly always everybody reports and has done so before, and to copy each report would take as long as all the
        // rest.
        if self.states.isEmpty, reports.indices.allSatisfy({ reports[$0].ageMicros <= Self.freshMicros }) {
            look.fresh = reports
            return look
        }
        var states: [String: State] = [:]
        for report in reports {
            let before = self.states[report.gateway]
            switch report.ageMicros {
            case ...Self.freshMicros:
                look.fresh.append(report)
                if before != nil { look.events.append(.isBack(report.gateway)) }
            case _ where before == .gone || report.process.map(isGone) ?? false:
                if report.ageMicros <= Self.heldMicros {
                    look.silent.append(
                        Silent(gateway: report.gateway, silentMicros: report.ageMicros, isGone: true)
                    )
                }
                states[report.gateway] = .gone
                if before != .gone { look.events.append(.died(report.gateway)) }
            case ...Self.rememberedMicros:
                if report.ageMicros <= Self.heldMicros { look.held.append(report) }
                look.silent.append(Silent(gateway: report.gateway, silentMicros: report.ageMicros))
                states[report.gateway] = .silent
                if before != .silent { look.events.append(.fellSilent(report.gateway)) }
            default:
                states[report.gateway] = .forgotten
                guard before == .silent else { continue }
                self.forgotten += 1
                look.events.append(.forgotten(report.gateway))
            }
        }
        let here = Set(reports.map(\.gateway))
        for (gateway, state) in self.states.sorted(by: { $0.key < $1.key })
        where state == .silent && !here.contains(gateway) {
            look.events.append(.withdrew(gateway))
        }
        self.states = states
        return look
    }
}
