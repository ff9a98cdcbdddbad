import Admission

/// What a gateway's home loop tells all its loops of a room after a tick, or when it does not come.
public struct RoomNews: Sendable {
    /// Nil: the shared state did not answer.
    public var answer: TickAnswer?
    /// How far the room's time is ahead of this machine's clock.
    public var offsetMicros: Int64
    public var mode: RoomMode
    /// The last number that the shared state itself has handed out: what follows was set aside.
    public var lastOfState: Int64 = 0
    /// This gateway sees a healthy worker, or does not know of any.
    public var seesWorkers: Bool
    /// The shared state has heard that it sees none.
    public var isRestTold = false

    public init(
        answer: TickAnswer?,
        offsetMicros: Int64,
        mode: RoomMode,
        lastOfState: Int64 = 0,
        seesWorkers: Bool,
        isRestTold: Bool = false
    ) {
        self.answer = answer
        self.offsetMicros = offsetMicros
        self.mode = mode
        self.lastOfState = lastOfState
        self.seesWorkers = seesWorkers
        self.isRestTold = isRestTold
    }
}
