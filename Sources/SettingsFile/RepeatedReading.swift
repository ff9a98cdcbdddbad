import Primitives

/// When files that could not be used are read again although nothing about them has changed: what was in the way may
/// pass by itself, as with a process that has too many files open. A value.
public struct RepeatedReading: Equatable, Sendable {
    /// Between two readings that fail for nothing new.
    public static let intervalNanoseconds = 30 * Nanoseconds.perSecond

    /// Why the latest reading failed; nil when it did not.
    public private(set) var problem: String?
    private var failed = Instant(nanoseconds: 0)

    public init() {}

    /// The latest reading has failed, long enough ago.
    public func isDue(now: Instant) -> Bool {
        self.problem != nil && now.nanoseconds(since: self.failed) >= Self.intervalNanoseconds
    }

    public mutating func succeed() { self.problem = nil }

    /// True when the operator has to be told: not of the same thing every 30 seconds. `isRepeated` says that nobody has
    /// asked for this reading, and that the files are those of the one before.
    public mutating func fail(_ problem: String, now: Instant, isRepeated: Bool) -> Bool {
        let isKnown = isRepeated && problem == self.problem
        self.problem = problem
        self.failed = now
        return !isKnown
    }
}
