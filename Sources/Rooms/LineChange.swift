import Admission

/// What became of a room's line between two answers of the shared state: for the log, once a gateway, in words that say
/// what was lost and what it means for visitors.
public enum LineChange: Equatable, Sendable {
    /// The shared state came back with less than gateways know, or was restarted and may have. The line goes on; `skipped`
    /// are the numbers that are called for nobody, nil when there are none.
    case goesOn(skipped: ClosedRange<Int64>?)
    /// A new line has begun that nobody asked for. `countsBefore`: the places of the one before still count.
    case beganAnew(countsBefore: Bool)
    /// An operator has ended the line before.
    case reset

    /// Nil when nothing has happened, and for the first answer: who has known nothing misses nothing.
    public init?(from former: RoomSnapshot?, to snapshot: RoomSnapshot) {
        guard let former else { return nil }
        if former.epoch != snapshot.epoch {
            let isVoid = snapshot.voidBefore > former.voidBefore && former.epoch < snapshot.voidBefore
            let countsBefore = snapshot.older.contains { $0.epoch == former.epoch }
            self = isVoid ? .reset : .beganAnew(countsBefore: countsBefore)
        } else if snapshot.incarnation > former.incarnation {
            let gap = snapshot.gaps.last { $0.upperBound > former.issued }
            self = .goesOn(skipped: gap.map { max($0.lowerBound, former.issued + 1)...$0.upperBound })
        } else {
            return nil
        }
    }

    public var message: String {
        switch self {
        case .goesOn(let skipped):
            let numbers =
                skipped.map { "Numbers from \($0.lowerBound) to \($0.upperBound) are skipped and called for nobody" }
                ?? "No numbers are skipped"
            return "the shared state has lost something of the line, or was restarted and may have. \(numbers). "
                + "Visitors keep their places and passes; for up to 3 s nobody may be called or let in"
        case .beganAnew(countsBefore: true):
            return
                "the shared state has lost the line: a new one began. Places and passes of the one before count, and "
                + "are called first"
        case .beganAnew(countsBefore: false):
            return "the shared state has lost the line: a new one began. Visitors of the one before get a new place as "
                + "they come"
        case .reset:
            return "the line was ended by a reset: a new one began. Places and passes of before are void; visitors get "
                + "a new place as they come"
        }
    }
}
