import Primitives
import Transport

/// How a client behaves, and its limits.
public struct RedisOptions: Sendable {
    /// From sending a command to its answer. In a Cluster one that was refused may be sent again as long; so a command takes
    /// twice the time at most. Answers come in order, so when one is overdue the connection is given up,
    /// an eighth later: this process may have stood still itself.
    public var commandTimeoutNanoseconds = Nanoseconds.perSecond
    /// From the start of the name lookup to the TCP connection or the end of the TLS handshake.
    public var connectTimeoutNanoseconds = Nanoseconds.perSecond
    /// Commands sent and not answered; one more is refused as overloaded.
    public var maxInFlight = 4_096
    /// Bytes of commands that the socket has not taken; a command that finds more is refused as overloaded.
    public var maxPendingBytes = 8 * 1024 * 1024
    /// Bytes of one answer, give or take one read. A longer one ends the connection.
    public var maxReplyBytes = 64 * 1024 * 1024
    /// A failed connection is tried again after a random wait from the shortest up to a bound that doubles from twice
    /// the shortest to the longest.
    public var shortestWaitNanoseconds = 50 * Nanoseconds.perMillisecond
    public var longestWaitNanoseconds = 2 * Nanoseconds.perSecond
    /// So often a sentinel is asked whether the master is still the master.
    public var watchNanoseconds = Nanoseconds.perSecond
    /// Who asks the sentinels; the endpoint's user asks the servers. Without a password no `AUTH` is sent.
    public var sentinelUser: String?
    public var sentinelPassword: Secret?
    /// For endpoints with TLS; nil: the peer's certificate is checked against the system's authorities.
    public var tls: TLSContext?

    public init() {}

    /// Waits between two questions to a fleet where things are, while something is amiss: commands fail meanwhile, so
    /// they are shorter than those between attempts at one server.
    func searchBackoff(seed: UInt64) -> Backoff {
        let longest = min(self.longestWaitNanoseconds, Self.longestSearchNanoseconds)
        // An operator's shortest wait may be longer than that.
        let shortest = min(self.shortestWaitNanoseconds, longest)
        return Backoff(shortestNanoseconds: shortest, longestNanoseconds: longest, seed: seed)
    }

    static let longestSearchNanoseconds = 400 * Nanoseconds.perMillisecond
}
