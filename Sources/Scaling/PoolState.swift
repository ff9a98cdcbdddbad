import Primitives

/// The workers of one pool as the driver knows them.
public struct PoolState: Codable, Sendable, Equatable {
    /// Workers that answer their readiness check and get requests; at most a million.
    public var ready: Int
    /// Requests that the ready workers serve at once, all together, by what each of them was started with. Nil: not known;
    /// each has as many as the limits say.
    public var slots: Int?
    /// When each worker that is not ready yet was started.
    public var pending: [Instant]
    /// Workers that finish what they have and get nothing new.
    public var draining: Int

    public init(ready: Int, pending: [Instant] = [], draining: Int = 0, slots: Int? = nil) {
        self.ready = min(1_000_000, max(0, ready))
        self.pending = pending
        self.draining = max(0, draining)
        // As many as so many workers may have.
        self.slots = slots.map { min(1_000_000_000_000, max(0, $0)) }
    }
}
