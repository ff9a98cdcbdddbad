import Primitives

/// Waits before a server that died is started again: at once when it had run for long, then longer and longer.
struct RestartBackoff {
    private static let shortestNanoseconds = 10 * Nanoseconds.perMillisecond
    private static let longestNanoseconds = 2 * Nanoseconds.perSecond
    /// A server that ran for longer than this did not die of its start.
    private static let soundNanoseconds = 30 * Nanoseconds.perSecond

    private var boundNanoseconds = Self.shortestNanoseconds
    private var startedAt: Instant?
    private var random: SplitMix64

    init(seed: UInt64) { self.random = SplitMix64(seed: seed) }

    mutating func started(now: Instant) { self.startedAt = now }

    mutating func next(now: Instant) -> Int64 {
        if let started = self.startedAt, now.nanoseconds(since: started) >= Self.soundNanoseconds {
            self.boundNanoseconds = Self.shortestNanoseconds
        }
        self.startedAt = nil
        let wait = Int64.random(in: Self.shortestNanoseconds...self.boundNanoseconds, using: &self.random)
        self.boundNanoseconds = min(2 * self.boundNanoseconds, Self.longestNanoseconds)
        return wait
    }
}
