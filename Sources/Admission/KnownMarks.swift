/// What a gateway has seen of a room. It goes with every call: a shared state that knows less has lost something, and
/// goes on from there.
public struct KnownMarks: Equatable, Sendable {
    /// Which line; 0: the gateway has not seen the room yet, and the others are not looked at.
    public var epoch: Int64
    /// How often the shared state had lost something of that line.
    public var incarnation: Int64
    public var issued: Int64
    /// The last number handed out as the shared state itself has answered; `issued` is also raised by numbers that
    /// gateways hand out while it is away.
    public var stated: Int64
    public var serving: Int64
    /// Live sessions as of the last tick: how many are inside should the shared state have forgotten them.
    public var sessions: Int64
    /// Lines older than this epoch are void since a reset.
    public var voidBefore: Int64
    /// Numbers that the line has skipped and not yet passed, ascending: a state that lost them would call them one by
    /// one. At most as many as a record holds.
    public var gaps: [ClosedRange<Int64>]
    /// The room's time as the gateway reckons it by a clock that nobody sets: that of the latest tick's answer, and what
    /// has passed since that tick was sent; by it the room goes on where another server, with another clock, took over.
    /// 0: no tick was answered yet.
    public var reckonedMicros: Int64

    public init(
        epoch: Int64,
        incarnation: Int64 = 0,
        issued: Int64,
        serving: Int64,
        sessions: Int64 = 0,
        voidBefore: Int64 = 0,
        stated: Int64 = 0,
        gaps: [ClosedRange<Int64>] = [],
        reckonedMicros: Int64 = 0
    ) {
        self.epoch = epoch
        self.incarnation = incarnation
        self.issued = issued
        self.serving = serving
        self.sessions = sessions
        self.voidBefore = voidBefore
        self.stated = stated
        self.gaps = gaps
        self.reckonedMicros = reckonedMicros
    }

    public static let nothing = KnownMarks(epoch: 0, issued: 0, serving: 0)

    /// Takes in what an answer of the shared state, or a visitor's verified place, tells.
    public mutating func raise(epoch: Int64, incarnation: Int64 = 0, issued: Int64, serving: Int64) {
        if epoch > self.epoch {
            self = KnownMarks(epoch: epoch, issued: 0, serving: 0, voidBefore: self.voidBefore)
        }
        guard epoch == self.epoch else { return }
        self.incarnation = max(self.incarnation, incarnation)
        self.issued = max(self.issued, issued)
        self.serving = max(self.serving, serving)
    }

    public mutating func raise(_ line: LineMarks) {
        self.raise(epoch: line.epoch, incarnation: line.incarnation, issued: line.issued, serving: line.serving)
        if line.epoch == self.epoch { self.stated = max(self.stated, line.issued) }
    }

    public mutating func raise(_ snapshot: RoomSnapshot) {
        self.raise(snapshot.line)
        if snapshot.epoch == self.epoch {
            self.sessions = snapshot.sessions
            // The call that brought this answer has told of the gaps known before.
            self.gaps = snapshot.gaps
        }
        self.voidBefore = max(self.voidBefore, snapshot.voidBefore)
    }
}

/// How the line stood when the shared state answered.
public struct LineMarks: Equatable, Sendable {
    public var epoch: Int64
    public var incarnation: Int64
    /// The last number handed out.
    public var issued: Int64
    /// Every place numbered at or below it may be exchanged.
    public var serving: Int64
    /// The room's time, microseconds since 1970: never goes back.
    public var nowMicros: Int64

    public init(epoch: Int64, incarnation: Int64, issued: Int64, serving: Int64, nowMicros: Int64) {
        self.epoch = epoch
        self.incarnation = incarnation
        self.issued = issued
        self.serving = serving
        self.nowMicros = nowMicros
    }
}
