/// Where a client stands with its Redis.
public enum RedisState: Equatable, Sendable, CustomStringConvertible {
    /// `start()` has not been called.
    case idle
    /// The first attempt is under way.
    case connecting
    /// Commands are taken.
    case connected
    /// Commands are taken; in a Cluster, those for some of the keys fail at once. Why.
    case partly(reason: String)
    /// Attempts go on; commands fail at once. Why the last connection or attempt ended.
    case disconnected(reason: String)
    /// By `close()`; for good.
    case closed

    public var description: String {
        switch self {
        case .idle: "not started"
        case .connecting: "connecting"
        case .connected: "connected"
        case .partly(let reason): "partly connected: \(reason)"
        case .disconnected(let reason): "disconnected: \(reason)"
        case .closed: "closed"
        }
    }
}
