/// A room as of one `tick`: what a gateway needs to answer any number of position polls until the next one.
public struct RoomSnapshot: Equatable, Sendable {
    /// Time of the tick on the clock of the shared state, microseconds since 1970.
    public var nowMicros: Int64
    public var epoch: Int64
    /// The last number handed out.
    public var issued: Int64
    /// Now serving: every place numbered at or below it may be exchanged.
    public var serving: Int64
    /// Exchanges since the room began.
    public var admitted: Int64
    /// Live sessions.
    public var sessions: Int64
    /// Visitors who were called, asked, and found no token or slot yet.
    public var door: Int64
    /// The rate in force in milli-tokens a second: the lower of the configured inflow and the controller's bound.
    public var rateMilli: Int64
    public var tokensNano: Int64
    public var burst: Int64
    public var slots: Int64
    /// Of a thousand called visitors, how many come in time.
    public var showUpPermille: Int64
    /// Wall time of the opening; 0: open.
    public var opensAtMicros: Int64

    /// Places handed out and not called yet.
    public var waiting: Int64 { self.issued - self.serving }
    public var isOpen: Bool { self.nowMicros >= self.opensAtMicros }

    public init(
        nowMicros: Int64, epoch: Int64, issued: Int64, serving: Int64, admitted: Int64, sessions: Int64, door: Int64,
        rateMilli: Int64, tokensNano: Int64, burst: Int64, slots: Int64, showUpPermille: Int64, opensAtMicros: Int64
    ) {
        self.nowMicros = nowMicros
        self.epoch = epoch
        self.issued = issued
        self.serving = serving
        self.admitted = admitted
        self.sessions = sessions
        self.door = door
        self.rateMilli = rateMilli
        self.tokensNano = tokensNano
        self.burst = burst
        self.slots = slots
        self.showUpPermille = showUpPermille
        self.opensAtMicros = opensAtMicros
    }
}

/// The highest numbers that a gateway has seen of a room: a shared state that lost its last second goes on from them.
public struct KnownMarks: Equatable, Sendable {
    /// 0: the gateway has not seen the room yet, and the other two are not looked at.
    public var epoch: Int64
    public var issued: Int64
    public var serving: Int64

    public init(epoch: Int64, issued: Int64, serving: Int64) {
        self.epoch = epoch
        self.issued = issued
        self.serving = serving
    }

    public static let nothing = KnownMarks(epoch: 0, issued: 0, serving: 0)

    /// Takes in what an answer of the shared state, or a visitor's verified place, tells.
    public mutating func raise(epoch: Int64, issued: Int64, serving: Int64) {
        if epoch > self.epoch { self = KnownMarks(epoch: epoch, issued: 0, serving: 0) }
        guard epoch == self.epoch else { return }
        self.issued = max(self.issued, issued)
        self.serving = max(self.serving, serving)
    }
}

/// Consecutive places handed out by one `join`.
public struct JoinGrant: Equatable, Sendable {
    public var epoch: Int64
    public var first: Int64
    public var count: Int64
    /// The lowest `admitted` places went straight in: they hold sessions and need no exchange.
    public var admitted: Int64
    /// When those sessions expire; 0 when nobody was admitted.
    public var expiresMicros: Int64
    public var serving: Int64

    public init(epoch: Int64, first: Int64, count: Int64, admitted: Int64, expiresMicros: Int64, serving: Int64) {
        self.epoch = epoch
        self.first = first
        self.count = count
        self.admitted = admitted
        self.expiresMicros = expiresMicros
        self.serving = serving
    }
}

/// What became of a place that asked to be exchanged for a pass.
public enum ExchangeOutcome: Equatable, Sendable {
    /// In. Asking again gives the same answer while the session lives, so a lost answer costs nothing.
    case admitted(expiresMicros: Int64)
    /// Not called yet (or never handed out): show the position.
    case notServed
    /// Called, but there is no token or slot for it yet: ask again on the next tick; the right is kept.
    case atDoor
    /// Called, and did not come within the claim window: a new place is needed.
    case lapsed
    /// Was admitted, and that session is over: a new place is needed.
    case ended
}

/// Visitors at the door who were let in by an operation that did not ask for them: requests that this gateway holds
/// can go on at once; other gateways get `admitted` when they ask next.
public struct DoorAdmissions: Equatable, Sendable {
    /// Ascending.
    public var numbers: [Int64]
    /// When the sessions of these expire.
    public var expiresMicros: Int64

    public init(numbers: [Int64], expiresMicros: Int64) {
        self.numbers = numbers
        self.expiresMicros = expiresMicros
    }
}

public struct TickAnswer: Equatable, Sendable {
    public var snapshot: RoomSnapshot
    public var others: DoorAdmissions

    public init(snapshot: RoomSnapshot, others: DoorAdmissions) {
        self.snapshot = snapshot
        self.others = others
    }
}

public struct ExchangeAnswer: Equatable, Sendable {
    /// One for each number asked for, in that order.
    public var outcomes: [ExchangeOutcome]
    public var others: DoorAdmissions

    public init(outcomes: [ExchangeOutcome], others: DoorAdmissions) {
        self.outcomes = outcomes
        self.others = others
    }
}

/// Answer to a controller that sets a room's allowed rate.
public struct AllowedRateAnswer: Equatable, Sendable {
    /// False: a leader with a higher fence has spoken since; nothing changed.
    public var isTaken: Bool
    /// The rate in force afterwards.
    public var rateMilli: Int64

    public init(isTaken: Bool, rateMilli: Int64) {
        self.isTaken = isTaken
        self.rateMilli = rateMilli
    }
}

/// Why a room did not answer.
public enum RoomError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The shared state does not hold the room: send a `tick`, which creates or restores it, then ask again.
    case noRoom
    /// All 2^32 - 1 numbers are handed out.
    case lineFull
    /// More than `RoomRules.largestBatch` (or, for a join, less than one) at once.
    case batch
    /// A bad argument, a damaged stored value or an answer of another shape; the text says which.
    case refused(String)

    public var description: String {
        switch self {
        case .noRoom: "the shared state does not hold this room: tick it first, which creates or restores it"
        case .lineFull: "all \(RoomRules.lastNumber) numbers of this line are handed out: open a new room"
        case .batch: "a batch holds 1 to \(RoomRules.largestBatch) places: split it"
        case .refused(let text): text
        }
    }
}
