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
    /// How often a later answer named another number.
    var numberChanges = 0
    /// How often the visitor went from outside to inside.
    var exchanges = 0
    /// Waiting pages after having been inside.
    var returns = 0
    /// The first answer in line with a place.
    var joinedMicros: Int64?
    /// The last request from outside that was answered.
    var lastLookSentMicros: Int64?
    /// By which the visitor got in for the first time.
    var letIn: Span?
    /// When the visitor first stood at the door: the request that has not been followed by a page that says otherwise.
    var doorSinceMicros: Int64?
    /// When the visitor was last sent round from the door: the turn may have come in that pause. nil when a later page
    /// took the visitor for not called.
    var sentRoundMicros: Int64?
    /// The last one inside that was answered.
    var lastInside: Span?
    /// The page that gives the slot back.
    var exit: Span?
    /// That page was asked for, and its answer was lost or none: whether the visitor is still in, nobody knows, and nothing
    /// more is booked.
    var mayHaveLeft = false
}
