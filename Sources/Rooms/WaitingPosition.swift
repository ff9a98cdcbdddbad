/// What a waiting visitor is shown.
public struct WaitingPosition: Sendable {
    public enum State: Sendable { case waiting, atDoor, joining }
    public var state: State
    /// Nil while no place could be given out.
    public var number: Int64?
    /// How far the line has come is known. Else neither position nor estimate is: the shared state has not answered since
    /// this gateway began.
    public var isKnown: Bool
    /// Places before this one that have not been called.
    public var ahead: Int64 = 0
    /// All who wait.
    public var waiting: Int64 = 0
    /// Seconds until this place is called, as measured; nil when nothing is known.
    public var estimateSeconds: ClosedRange<Int64>?
    public var refreshSeconds: Int64
    public var opensInSeconds: Int64 = 0
    /// How far the room can be served now: what the page may promise.
    public var mode = RoomMode.normal

    public init(
        state: State,
        number: Int64? = nil,
        isKnown: Bool = true,
        ahead: Int64 = 0,
        waiting: Int64 = 0,
        estimateSeconds: ClosedRange<Int64>? = nil,
        refreshSeconds: Int64,
        opensInSeconds: Int64 = 0,
        mode: RoomMode = .normal
    ) {
        self.state = state
        self.number = number
        self.isKnown = isKnown
        self.ahead = ahead
        self.waiting = waiting
        self.estimateSeconds = estimateSeconds
        self.refreshSeconds = refreshSeconds
        self.opensInSeconds = opensInSeconds
        self.mode = mode
    }
}
