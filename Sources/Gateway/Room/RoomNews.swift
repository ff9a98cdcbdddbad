import Admission

/// What a gateway's home loop tells all its loops of a room after a tick, or when it does not come.
struct RoomNews: Sendable {
    /// Nil: the shared state did not answer.
    var answer: TickAnswer?
    /// How far the room's time is ahead of this machine's clock.
    var offsetMicros: Int64
    var mode: RoomMode
    /// The last number that the shared state itself has handed out: what follows was set aside.
    var lastOfState: Int64 = 0
    /// This gateway sees a healthy worker, or does not know of any.
    var seesWorkers: Bool
    /// The shared state has heard that it sees none.
    var isRestTold = false
}
