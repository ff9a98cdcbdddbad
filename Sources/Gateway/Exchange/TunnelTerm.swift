import Primitives
import Settings

/// Why a tunnel ended.
enum TunnelEnd: String, CaseIterable, Sendable {
    /// The side that sent its last byte first; the other did so, too, or had nothing more to say.
    case client, worker
    /// Broken off by that side, or too slow in taking what it was sent.
    case clientLost = "client-lost"
    case workerLost = "worker-lost"
    /// Neither side sent anything for too long.
    case idle
    /// It was open for as long as one may be.
    case lifetime
    /// The visitor's session has ended.
    case session
    /// The gateway ends.
    case draining

    var index: Int { Self.allCases.firstIndex(of: self)! }
}

/// How long a tunnel may go on: a value that is told what happens, and says what follows.
struct TunnelTerm: Equatable {
    enum Verdict: Equatable {
        /// Look again then, or when something else happens that is no byte.
        case goOn(until: Instant)
        case end(TunnelEnd)
    }

    /// Once one side has sent its last byte, the other may be silent for so long: it has something to say, or has not
    /// noticed that nobody listens any more.
    static let halfOpenNanoseconds = 30 * Nanoseconds.perSecond

    private struct Notice: Equatable {
        let why: TunnelEnd
        let at: Instant
    }

    private let opened: Instant
    /// When a byte last moved, in either direction.
    private var lastMoved: Instant
    private var notice: Notice?
    /// The side that sent its last byte first; nil while both may send.
    private(set) var firstEnd: TunnelEnd?

    init(opened: Instant) {
        self.opened = opened
        self.lastMoved = opened
    }

    mutating func moved(now: Instant) { self.lastMoved = now }

    mutating func sideEnded(_ side: TunnelEnd, now: Instant) {
        precondition(self.firstEnd == nil, "both sides of a tunnel have ended, and it is still open")
        self.firstEnd = side
        self.lastMoved = now
    }

    /// It has to end by then; of several reasons the earliest counts.
    mutating func mustEnd(_ why: TunnelEnd, by deadline: Instant) {
        if let notice = self.notice, notice.at <= deadline { return }
        self.notice = Notice(why: why, at: deadline)
    }

    func verdict(now: Instant, _ settings: TunnelSettings) -> Verdict {
        if let notice = self.notice, notice.at <= now { return .end(notice.why) }
        let end = settings.lifetimeNanoseconds.map { self.opened.advanced(byNanoseconds: $0) }
        if let end, end <= now { return .end(.lifetime) }
        let patience =
            self.firstEnd == nil
            ? settings.idleTimeoutNanoseconds : min(settings.idleTimeoutNanoseconds, Self.halfOpenNanoseconds)
        let silent = self.lastMoved.advanced(byNanoseconds: patience)
        if silent <= now { return .end(self.firstEnd ?? .idle) }
        return .goOn(until: [end, self.notice?.at].compactMap { $0 }.reduce(silent, min))
    }

    /// How long a tunnel has when its gateway ends. Spread over the second half of the grace, so that clients that come
    /// back at once do not come all together.
    static func drainNanoseconds(graceNanoseconds grace: Int64, random: UInt64) -> Int64 {
        let half = grace / 2
        return grace - half + Int64(random % UInt64(half + 1))
    }
}
