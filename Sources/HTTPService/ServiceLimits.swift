import HTTPWire
import Primitives

/// Bounds of a service, and what happens at each of them.
public struct ServiceLimits: Sendable {
    /// Larger heads are answered with 414 or 431.
    public var head = HeadLimits()
    /// Larger bodies are answered with 413.
    public var maxBodyBytes = 1024 * 1024
    /// Connections beyond are closed as they come.
    public var maxConnections = 10_000
    /// From the first byte of a head to its last, and from the connection to its first head. Slower clients get 408.
    public var headTimeoutNanoseconds = 10 * Nanoseconds.perSecond
    /// From the end of a head to the end of its body. Slower clients get 408.
    public var bodyTimeoutNanoseconds = 30 * Nanoseconds.perSecond
    /// A connection without a request is closed after this time.
    public var idleTimeoutNanoseconds = 60 * Nanoseconds.perSecond
    /// A client that takes nothing of its response for this time is cut off.
    public var writeTimeoutNanoseconds = 30 * Nanoseconds.perSecond
    /// How long a closing service leaves idle connections open. A request that was on its way when the service began to
    /// close is still answered, as the last one of its connection.
    public var closingGraceNanoseconds = 250 * Nanoseconds.perMillisecond

    public init() {}
}
