/// Counts pages to people in line that do not say what such a page must, or say what cannot be.
struct PageSearch: Equatable, Sendable {
    /// So long a room may need to give a place out; after that, a page without a number is not one.
    static let joiningMicros: Int64 = 5_000_000

    /// Pages without a number, long after the visitor had come.
    private(set) var withoutNumber = 0
    /// With a number, and no position.
    private(set) var withoutPosition = 0
    /// Pages of the door to somebody who cannot have been called: before the opening, or with others in front.
    private(set) var atDoorTooEarly = 0

    /// - Parameter strangers: visitors who keep no place: each page is the first to them.
    init(_ looks: [Look], strangers: Set<UInt32> = [], openingMicros: Int64) {
        var joiningSince: [UInt32: Int64] = [:]
        for look in looks {
            switch look.kind {
            case .joining where strangers.contains(look.visitor): break
            case .joining:
                let since = joiningSince[look.visitor] ?? look.sentMicros
                joiningSince[look.visitor] = since
                if look.sentMicros > since + Self.joiningMicros { self.withoutNumber += 1 }
            case .waiting: if look.position == 0 { self.withoutPosition += 1 }
            case .atDoor:
                if look.position == 0 { self.withoutPosition += 1 }
                if look.position > 1 || look.answeredMicros < openingMicros { self.atDoorTooEarly += 1 }
            case .letIn, .error: break
            }
        }
    }

    var count: Int { self.withoutNumber + self.withoutPosition + self.atDoorTooEarly }
}
