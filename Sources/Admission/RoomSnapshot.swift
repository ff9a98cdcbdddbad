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
    /// Over how many called places that was measured: the fewer, the less it says.
    public var showUpPlaces: Int64
    /// Wall time of the opening; 0: open.
    public var opensAtMicros: Int64

    /// Places handed out and not called yet.
    public var waiting: Int64 { self.issued - self.serving }
    /// Sessions that are over.
    public var ended: Int64 { self.admitted - self.sessions }
    public var isOpen: Bool { self.nowMicros >= self.opensAtMicros }

    public init(
        nowMicros: Int64,
        epoch: Int64,
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
    }
}
