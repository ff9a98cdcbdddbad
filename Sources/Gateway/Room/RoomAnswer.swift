import Admission
import Rooms

/// What a room says to a request at once.
enum GateVerdict {
    /// The visitor is inside with this number of a line; `pass` is the renewed one, to be handed over with the response.
    case inside(key: LineKey, pass: AdmissionToken?)
    /// Show this, and the visitor asks again.
    case mustWait(WaitingPosition)
    /// The room has to be asked: park the request with `RoomGate.park`.
    case mustAsk(RoomQuestion)
    /// A CORS preflight carries no cookies, so that no visitor can be told by it: it goes through.
    case preflight
}

/// Why a request waits for its room.
enum RoomQuestion: Equatable {
    /// A newcomer wants a place.
    case join
    /// A called visitor wants the place exchanged for a pass.
    case exchange(key: LineKey)
    /// Somebody wants to know where that place stands, and this gateway does not know yet how far the line has come.
    case position(key: LineKey)
}

/// What a request that waited for its room is told.
enum RoomAnswer {
    /// In: the pass, and the place too when it is new. Of several requests of one visitor, one `isFirst`.
    case admitted(pass: AdmissionToken, place: AdmissionToken?, isFirst: Bool)
    /// In line, with a place when it is new.
    case waiting(key: LineKey, place: AdmissionToken?)
    /// The turn has come: the place may be exchanged.
    case called(key: LineKey)
    /// Called, but the wait at the door got too long, or the gateway is shutting down: ask again in a second, with the
    /// right kept.
    case stillAtDoor(key: LineKey)
    /// The place is no more good: the visitor joins anew.
    case rejoin
    /// The shared state does not answer: come back, nothing is lost.
    case unavailable
    /// The room is configured no more: the routes have to be asked again.
    case dissolved
}

/// Who waits for a room.
protocol RoomWaiter: AnyObject {
    func roomAnswered(_ answer: RoomAnswer)
}

/// Where a request stands in a room's books, so that it can leave.
struct RoomTicket: Equatable {
    let question: RoomQuestion
    let id: UInt64
}
