/// What one visitor's way came to, as that visitor saw it. Times are microseconds from the start of the run, nil where
/// the thing did not happen.
struct Visit: Equatable, Sendable {
    /// A request and its answer.
    struct Span: Equatable, Sendable {
        var sentMicros: Int64
        var answeredMicros: Int64
    }

    /// On the place, as of the last answer in line; 0: none was told.
    var number: UInt32 = 0
    /// When that was told, and when it was for the first time: tabs that came at once may have been told others before.
    var numberToldMicros: Int64 = 0
    var numberSinceMicros: Int64 = 0
    /// How often an answer in line named another number than was told before it was asked for.
    var numberChanges = 0
    /// How often the visitor went from outside to inside.
    var exchanges = 0
    /// Waiting pages after having been inside.
    var returns = 0
    /// The shortest time from an answer inside to the one that told the visitor to be outside again: a session may have
    /// ended meanwhile.
    var shortestReturnMicros: Int64?
    /// The longest time from an answer inside to the next request that was answered.
    var longestGapMicros: Int64 = 0
    /// Answers that let one of several tabs in while another already was, one of them with another place or none: the room
    /// may have let both in.
    var doubleEntries = 0
    /// As told by the class: keeps the place that is given, and waits with it.
    var keepsRules = true
    /// The first answer in line with a place.
    var joinedMicros: Int64?
    /// The last request from outside that was answered.
    var lastLookSentMicros: Int64?
    /// By which the visitor got in for the first time.
    var letIn: Span?
    /// On the place at that time.
    var letInNumber: UInt32 = 0
    /// When the visitor first stood at the door: the request that has not been followed by a page that says otherwise.
    var doorSinceMicros: Int64?
    /// A request with which the network went away, and after which nothing was heard yet.
    var vanishedMicros: Int64?
    /// When the visitor was last sent round from the door, or had sent a request whose answer was lost: the turn may have
    /// come since then. nil when a later page took the visitor for not called. As of the moment at which the visitor
    /// was let in.
    var sentRoundMicros: Int64?
    /// The last one inside that was answered.
    var lastInside: Span?
    /// The page that gives the slot back.
    var exit: Span?
    /// That page was asked for, and its answer was lost or none: whether the visitor is still in, nobody knows, and nothing
    /// more is booked.
    var mayHaveLeft = false
}
