/// Whose writes wait in a loop's gathering scratch, to leave as one.
public protocol Gatherer: AnyObject {
    /// Sends what was gathered: somebody else needs the memory.
    func sendGathered()
}
