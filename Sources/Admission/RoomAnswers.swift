/// Consecutive places handed out by one `join`.
public struct JoinGrant: Equatable, Sendable {
    public var line: LineMarks
    public var first: Int64
    public var count: Int64
    /// The lowest `admitted` places went straight in: they hold sessions and need no exchange.
    public var admitted: Int64
    /// When those sessions expire; 0 when nobody was admitted.
    public var expiresMicros: Int64

    public var epoch: Int64 { self.line.epoch }
    public var serving: Int64 { self.line.serving }

    public init(line: LineMarks, first: Int64, count: Int64, admitted: Int64, expiresMicros: Int64) {
        self.line = line
        self.first = first
        self.count = count
        self.admitted = admitted
        self.expiresMicros = expiresMicros
    }
}

/// What became of a place that asked to be exchanged for a pass.
public enum ExchangeOutcome: Equatable, Sendable {
    /// In. Asking again gives the same answer while the session lives, so a lost answer costs nothing.
    case admitted(expiresMicros: Int64)
    /// Not called yet (or never handed out): show the position.
    case notServed
    /// Called, but there is no token or slot for it yet: it stands at the door, and a tick will tell. Whoever stands
    /// there need not ask again.
    case atDoor
    /// Called, and did not come within the claim window: a new place is needed.
    case lapsed
    /// Was admitted, and that session is over: a new place is needed.
    case ended
    /// Of a line that a reset has ended, or that is too old: a new place is needed.
    case void
}

/// A visitor at the door who was let in.
public struct DoorGrant: Equatable, Sendable {
    public var id: Int64
    /// When the session expires; 0: it is over already.
    public var expiresMicros: Int64

    public init(id: Int64, expiresMicros: Int64) {
        self.id = id
        self.expiresMicros = expiresMicros
    }
}

public struct TickAnswer: Equatable, Sendable {
    public var snapshot: RoomSnapshot
    /// Let in from the door since `RoomTick.eventsSeen`, by whichever operation of whichever gateway.
    public var granted: [DoorGrant]
    /// Released since then: passes of these are no more good.
    public var released: [Int64]
    /// To be sent with the next tick.
    public var events: Int64
    /// Older events than are kept were missed, or the gateway was silent: ask again for everybody at its door.
    public var eventsLost: Bool
    /// Since when this gateway is back from its latest silence: to be sent with the next tick. Until it is, `eventsLost`
    /// is told again, should this answer get lost.
    public var returnedMicros: Int64
    /// The numbers that this gateway may hand out while the shared state is away.
    public var block: ClosedRange<Int64>?

    public init(
        snapshot: RoomSnapshot,
        granted: [DoorGrant] = [],
        released: [Int64] = [],
        events: Int64 = 0,
        eventsLost: Bool = false,
        returnedMicros: Int64 = 0,
        block: ClosedRange<Int64>? = nil
    ) {
        self.snapshot = snapshot
        self.granted = granted
        self.released = released
        self.events = events
        self.eventsLost = eventsLost
        self.returnedMicros = returnedMicros
        self.block = block
    }
}

public struct ExchangeAnswer: Equatable, Sendable {
    public var line: LineMarks
    /// One for each id asked for, in that order. Others who were let in are told by the next tick.
    public var outcomes: [ExchangeOutcome]

    public init(line: LineMarks, outcomes: [ExchangeOutcome]) {
        self.line = line
        self.outcomes = outcomes
    }
}

public struct RenewAnswer: Equatable, Sendable {
    public var line: LineMarks
    /// The new expiry of each session in the order asked for; nil when it was released or has expired.
    public var expiries: [Int64?]

    public init(line: LineMarks, expiries: [Int64?]) {
        self.line = line
        self.expiries = expiries
    }
}

/// Answer to a release (how many slots became free) and to a leave (how many stood at the door).
public struct CountAnswer: Equatable, Sendable {
    public var line: LineMarks
    public var count: Int

    public init(line: LineMarks, count: Int) {
        self.line = line
        self.count = count
    }
}

/// Answer to a controller that sets a room's allowed rate.
public struct AllowedRateAnswer: Equatable, Sendable {
    public var line: LineMarks
    /// False: a leader with a higher fence has spoken since; nothing changed.
    public var isTaken: Bool
    /// The rate in force afterwards.
    public var rateMilli: Int64

    public init(line: LineMarks, isTaken: Bool, rateMilli: Int64) {
        self.line = line
        self.isTaken = isTaken
        self.rateMilli = rateMilli
    }
}
