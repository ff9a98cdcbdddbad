/// Why a room did not answer.
public enum RoomError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The shared state does not hold the room: send a `tick`, which creates or restores it, then ask again.
    case noRoom
    /// All 2^32 - 1 numbers are handed out.
    case lineFull
    /// More than `RoomRules.largestBatch` (or, for a join, less than one) at once.
    case batch
    /// A bad argument, a damaged stored value or an answer of another shape; the text says which.
    case refused(String)

    public var description: String {
        switch self {
        case .noRoom: "the shared state does not hold this room: tick it first, which creates or restores it"
        case .lineFull: "all \(RoomRules.lastNumber) numbers of this line are handed out: open a new room"
        case .batch: "a batch holds 1 to \(RoomRules.largestBatch) places: split it"
        case .refused(let text): text
        }
    }
}
