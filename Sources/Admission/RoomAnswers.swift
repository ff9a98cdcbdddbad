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
