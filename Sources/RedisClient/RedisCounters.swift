import Primitives

/// What a client has seen since it was made. Counts only grow.
public struct RedisCounters: Sendable, Equatable {
    /// Commands sent, including those that make a connection ready.
    public var commands: UInt64 = 0
    /// Answers received, errors included.
    public var replies: UInt64 = 0
    /// Answers that were errors.
    public var errors: UInt64 = 0
    /// Commands that were sent and whose answer never came.
    public var unanswered: UInt64 = 0
    /// Connections given up because an answer was overdue.
    public var timeouts: UInt64 = 0
    /// Commands not sent because there was no connection.
    public var unavailable: UInt64 = 0
    /// Commands not sent because too many were under way.
    public var overloaded: UInt64 = 0
    /// Attempts to connect.
    public var attempts: UInt64 = 0
    /// Connections that became ready.
    public var connects: UInt64 = 0
    /// Those of them that took the place of an earlier one: to the same server, or to another master.
    public var reconnects: UInt64 = 0
    /// Times that a script had to be loaded again because Redis had forgotten it.
    public var scriptReloads: UInt64 = 0
    /// Commands that a node of a Cluster sent to another one.
    public var redirections: UInt64 = 0
    /// Times that a command had to wait because its slot could not be written to.
    public var postponed: UInt64 = 0
    /// From sending to the answer, to the accuracy of a loop's turn.
    public var roundTrips = LatencyHistogram()

    public init() {}
}
