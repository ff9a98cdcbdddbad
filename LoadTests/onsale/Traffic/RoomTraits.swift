/// What is known beforehand of the room that a crowd is sent to.
struct RoomTraits: Sendable {
    var name = SitePlan.roomName
    /// It has no opening, whatever the crowd believes.
    var isOpenFromStart = false
    /// Tokens that are no good there.
    var probeKinds = ProbeKind.allCases
    /// How long a pass is good without a request; nil: not known, so that none is shown that has run out.
    var sessionNanoseconds: Int64?
}
