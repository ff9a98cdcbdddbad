/// Why a room did not answer.
public enum RoomError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The shared state does not hold the room: send a `tick`, which creates or restores it, then ask again.
    case noRoom
    /// All 2^32 - 1 numbers are handed out.
    case lineFull
    /// More than `RoomRules.largestBatch` (or, for a join, less than one) at once.
    case batch
    /// The record was written by a later version than this one may write beside.
    case upgrade(String)
    /// The line that the call is about has been ended by a reset.
    case void(String)
    /// A bad argument, a damaged stored value or an answer of another shape; the text says which.
    case refused(String)

    public var description: String {
        switch self {
        case .noRoom: "the shared state does not hold this room: tick it first, which creates or restores it"
        case .lineFull: "all \(RoomRules.lastNumber) numbers of this line are handed out: open a new room"
        case .batch: "a batch holds 1 to \(RoomRules.largestBatch) places: split it"
        case .upgrade(let text), .void(let text), .refused(let text): text
        }
    }
}
