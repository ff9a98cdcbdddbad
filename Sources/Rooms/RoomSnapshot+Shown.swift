import Admission

extension RoomSnapshot {
    /// How many wait, as it is shown and reported. When the shared state has lost something twice in a row, a gap may for
    /// a moment hold more numbers than are handed out and not called: then nobody is known to wait, and never fewer.
    public var shownWaiting: Int64 { max(0, self.waiting) }
}
