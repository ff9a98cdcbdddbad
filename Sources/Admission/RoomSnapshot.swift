/// A room as of one `tick`: what a gateway needs to answer any number of position polls until the next one.
public struct RoomSnapshot: Equatable, Sendable {
    /// Time of the tick on the clock of the shared state, microseconds since 1970.
    public var nowMicros: Int64
    public var epoch: Int64
    /// How often the shared state has lost something of this line: raised, gateways tell it all they know.
    public var incarnation: Int64
    /// The last number handed out.
    public var issued: Int64
    /// Now serving: every place numbered at or below it may be exchanged.
    public var serving: Int64
    /// Exchanges since the room began.
    public var admitted: Int64
    /// Live sessions, with those that were lost with the shared state and have not shown up yet.
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
    /// Over how many called places that was measured: the fewer, the less it says.
    public var showUpPlaces: Int64
    /// The opening, on the room's time, which may lag behind the clock that `limits` goes by; 0: open.
    public var opensAtMicros: Int64

    /// Numbers above now-serving that were skipped: nobody waits there.
    public var gaps: [ClosedRange<Int64>]
    /// Older lines with places that count, oldest first.
    public var older: [OlderLine]
    /// Lines older than this epoch are void.
    public var voidBefore: Int64
    /// No gateway sees a healthy worker: nobody is let in, nobody is called.
    public var isHeld: Bool
    /// The limits in force, and the generation of the settings that they come from.
    public var limits: RoomLimits
    public var generation: Int64
    /// The limits of this tick were of a lower generation.
    public var isGenerationIgnored: Bool
    /// The limits of this tick were others of the same generation: two gateways have different files.
    public var isConflicting: Bool
    /// How often either happened.
    public var ignoredLimits: Int64
    public var conflicts: Int64
    /// The controller's bound; nil: none was ever set.
    public var allowedMilli: Int64?
    /// Until when that bound is leased; once past, the fallback is in force.
    public var allowedUntilMicros: Int64
    /// Of `sessions`, those lost and not shown up yet.
    public var lostSessions: Int64
    /// Entries in the journal, and how many were trimmed from it since the room began.
    public var journalEntries: Int64
    public var journalTrimmed: Int64

    /// Places handed out and not called yet, those of older lines too.
    public var waiting: Int64 {
        self.gaps.reduce(self.issued - self.serving) { $0 - Int64($1.count) }
            + self.older.reduce(0) { $0 + $1.issued - $1.serving }
    }
    public var line: LineMarks {
        LineMarks(
            epoch: self.epoch,
            incarnation: self.incarnation,
            issued: self.issued,
            serving: self.serving,
            nowMicros: self.nowMicros
        )
    }
    /// Sessions that are over.
    public var ended: Int64 { self.admitted - self.sessions }
    /// Rises with each place called, skipped numbers left out; comparable within one incarnation.
    var called: Int64 {
        self.gaps.reduce(self.serving) { $0 + Int64($1.count) } + self.older.reduce(0) { $0 + $1.serving }
    }
    public var isOpen: Bool { self.nowMicros >= self.opensAtMicros }

    public init(
        nowMicros: Int64,
        epoch: Int64,
        incarnation: Int64 = 1,
        issued: Int64,
        serving: Int64,
        admitted: Int64,
        sessions: Int64,
        door: Int64,
        rateMilli: Int64,
        tokensNano: Int64,
        burst: Int64,
        slots: Int64,
        showUpPermille: Int64,
        showUpPlaces: Int64 = 200,
        opensAtMicros: Int64
    ) {
        self.nowMicros = nowMicros
        self.epoch = epoch
        self.incarnation = incarnation
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
        self.showUpPlaces = showUpPlaces
        self.opensAtMicros = opensAtMicros
        self.gaps = []
        self.older = []
        self.voidBefore = 0
        self.isHeld = false
        self.limits = .none
        self.generation = 0
        self.isGenerationIgnored = false
        self.isConflicting = false
        self.ignoredLimits = 0
        self.conflicts = 0
        self.allowedMilli = nil
        self.allowedUntilMicros = 0
        self.lostSessions = 0
        self.journalEntries = 0
        self.journalTrimmed = 0
    }
}
