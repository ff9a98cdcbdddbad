/// How far a room can be served at the moment, as this gateway sees it.
public enum RoomMode: Equatable, Sendable {
    /// The shared state answers, and there are workers to let people in to.
    case normal
    /// The shared state has not answered since then (wall clock of this gateway, microseconds since 1970). Passes work
    /// and are renewed here, positions stand still, newcomers get places out of the block that was leased ahead, and
    /// nobody is let in.
    case degraded(sinceMicros: Int64)
    /// The shared state answers, and no worker is healthy: nobody is called, and no turn is lost.
    case held
}
