import Primitives

/// Whether a command that was refused, and so not carried out, is sent again.
///
/// Redirections are followed at once, a few times: nodes that point at each other must not keep a command for ever.
/// What is to be tried later is tried until the command's deadline, after waits that double.
struct ResendRule: Equatable {
    static let maxRedirections: UInt8 = 5
    static let shortestWaitNanoseconds = 10 * Nanoseconds.perMillisecond
    static let longestWaitNanoseconds = 160 * Nanoseconds.perMillisecond

    private(set) var redirections: UInt8 = 0
    private(set) var waits: UInt8 = 0

    /// False when it has been redirected often enough.
    mutating func redirect() -> Bool {
        guard self.redirections < Self.maxRedirections else { return false }
        self.redirections += 1
        return true
    }

    /// How long to wait before the next attempt; nil when it would come after the deadline.
    mutating func wait(now: Instant, deadline: Instant) -> Int64? {
        let wait = min(Self.shortestWaitNanoseconds << Int64(min(self.waits, 4)), Self.longestWaitNanoseconds)
        guard now.advanced(byNanoseconds: wait) < deadline else { return nil }
        self.waits = min(self.waits + 1, 100)
        return wait
    }
}
