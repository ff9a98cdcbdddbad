/// Where a client stands with its Redis.
public enum RedisState: Equatable, Sendable, CustomStringConvertible {
    /// `start()` has not been called.
    case idle
    /// The first attempt is under way.
    case connecting
    /// Commands are taken.
    case connected
    /// Attempts go on; commands fail at once. Why the last connection or attempt ended.
    case disconnected(reason: String)
    /// By `close()`; for good.
    case closed

    public var description: String {
        switch self {
        case .idle: "not started"
        case .connecting: "connecting"
        case .connected: "connected"
        case .disconnected(let reason): "disconnected: \(reason)"
        case .closed: "closed"
        }
    }
}
