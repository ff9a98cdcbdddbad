/// Why the shared state did not do what it was asked.
public enum StoreError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The shared state is away or has no room for another call. Certainly nothing was done: the same call may be made
    /// again later, or the caller goes on without.
    case unavailable(String)
    /// Redis is there, and for now refuses: it takes no writes, or a slot of the Cluster is moving. As good as away, but
    /// it has answered. Certainly nothing was done.
    case notNow(String)
    /// It was asked and did not answer. What was asked may have been done: exchanges, renewals and releases may be
    /// repeated without harm; a repeated join hands out other numbers and leaves the first ones unused.
    case unanswered(String)
    /// The room is not there: `tick` creates or restores it, then ask again.
    case noRoom
    /// All numbers of the line are handed out.
    case lineFull
    /// The call or a stored value is bad; the text says which, and what to do.
    case refused(String)

    public init(_ error: RoomError) {
        switch error {
        case .noRoom: self = .noRoom
        case .lineFull: self = .lineFull
        case .upgrade:
            self = .refused("\(error): a newer Sluice has written this room's record; install that version here, too")
        case .batch, .void, .refused: self = .refused(error.description)
        }
    }

    /// Whether the shared state has said so itself.
    public var isAnswer: Bool {
        switch self {
        case .unavailable, .unanswered: false
        case .notNow, .noRoom, .lineFull, .refused: true
        }
    }

    public var description: String {
        switch self {
        case .unavailable(let reason), .notNow(let reason), .unanswered(let reason), .refused(let reason): reason
        case .noRoom: RoomError.noRoom.description
        case .lineFull: RoomError.lineFull.description
        }
    }
}
