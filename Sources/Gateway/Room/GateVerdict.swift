import Admission

/// What a room says to a request.
enum GateVerdict {
    /// The visitor is inside; go on.
    case admitted
    /// The session will hear `roomAnswered`.
    case parked
    /// Show this, and the visitor asks again.
    case waiting(WaitingPosition)
    case refused(GatewayError)
}

/// What a request that waited for its room is told when the wait is over.
enum RoomAnswer {
    /// In: the pass, and the place too when it is new.
    case admitted(pass: AdmissionToken, place: AdmissionToken?)
    /// In line with this place, which is new when `isNew`.
    case waiting(place: AdmissionToken, isNew: Bool)
    /// Called, but the wait at the door got too long: ask again in a second, with the right kept.
    case stillAtDoor(number: Int64)
    /// The place is no more good: the visitor joins anew.
    case rejoin
    /// The shared state does not answer: come back, nothing is lost.
    case unavailable
    case refused(GatewayError)
}

/// What a waiting visitor is shown.
struct WaitingPosition {
    enum State { case waiting, atDoor, joining }
    var state: State
    /// Nil while no place could be given out.
    var number: Int64?
    /// Places before this one that have not been called.
    var ahead: Int64 = 0
    /// All who wait.
    var waiting: Int64 = 0
    /// Seconds until this place is called, as measured; nil when nothing is known.
    var estimateSeconds: ClosedRange<Int64>?
    var refreshSeconds: Int64
    var opensInSeconds: Int64 = 0
}
