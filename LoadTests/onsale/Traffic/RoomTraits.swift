/// What is known beforehand of the room that a crowd is sent to.
struct RoomTraits: Sendable {
    var name = SitePlan.roomName
    /// It has no opening, whatever the crowd believes.
    var isOpenFromStart = false
    /// Tokens that are no good there.
    var probeKinds = ProbeKind.allCases
}
