/// What becomes of the wish that one worker goes.
public enum Dismissal: Equatable, Sendable {
    /// It is on its way out from now on.
    case begun
    case already
    /// It has never been ready: there is nothing to drain.
    case notReady
}
