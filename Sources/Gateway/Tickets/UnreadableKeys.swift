import Primitives

/// When keys of session tickets that stand in the shared state and cannot be read here are replaced: somebody else's
/// garbage, or keys that were sealed with a secret that no gateway has any more. A value.
///
/// Gateways with different secrets must not replace each other's keys for ever: each time sessions of the others could
/// not be resumed any more. Hence two waits.
/// - Who has read none since its start, or since it got other signing keys, waits for a minute. That is done with once
///   there are keys that it can read, so that each gateway replaces others' keys in this way once at most.
/// - Who had readable ones knows by the others that somebody has written them, who may be there still. Whoever can read
///   keys renews them once a period. So what has stood as it is for two is nobody's; and a gateway whose keys others
///   have replaced leaves those alone for as long as they are renewed.
struct UnreadableKeys {
    /// Long enough for a gateway that is being upgraded or told its new keys to be heard of.
    static let firstWaitNanoseconds = 60 * Nanoseconds.perSecond
    static let periodsOfStillness: Int64 = 2

    private let periodNanoseconds: Int64
    private var standing: (sealed: [UInt8], since: Instant)?
    private var hadReadable = false

    init(periodNanoseconds: Int64) { self.periodNanoseconds = periodNanoseconds }

    /// What stands there can be read.
    mutating func sawReadable() {
        self.hadReadable = true
        self.standing = nil
    }

    /// Nothing stands there.
    mutating func sawNothing() { self.standing = nil }

    /// From now on other keys open what is sealed.
    mutating func changedSecrets() {
        self.hadReadable = false
        self.standing = nil
    }

    /// `sealed` cannot be read. True when it has stood there for long enough to be replaced.
    mutating func saw(_ sealed: [UInt8], now: Instant) -> Bool {
        guard let standing = self.standing, standing.sealed == sealed else {
            self.standing = (sealed, now)
            return false
        }
        let wait =
            self.hadReadable
            ? Self.periodsOfStillness * self.periodNanoseconds
            : min(Self.firstWaitNanoseconds, self.periodNanoseconds)
        return now.nanoseconds(since: standing.since) >= wait
    }
}
