/// Waits between attempts: each may be twice as long as the one before, and the whole span is random, so that a
/// thousand clients of a server that came back do not come back at the same moment.
public struct Backoff: Sendable {
    private let shortestNanoseconds: Int64
    private let longestNanoseconds: Int64
    private var boundNanoseconds: Int64
    private var random: SplitMix64

    public init(shortestNanoseconds: Int64, longestNanoseconds: Int64, seed: UInt64) {
        precondition(shortestNanoseconds > 0 && shortestNanoseconds <= longestNanoseconds, "0 < shortest <= longest")
        self.shortestNanoseconds = shortestNanoseconds
        self.longestNanoseconds = longestNanoseconds
        self.boundNanoseconds = min(2 * shortestNanoseconds, longestNanoseconds)
        self.random = SplitMix64(seed: seed)
    }

    /// How long to wait before the next attempt, in nanoseconds: between the shortest wait and the bound reached.
    public mutating func next() -> Int64 {
        let wait = Int64.random(in: self.shortestNanoseconds...self.boundNanoseconds, using: &self.random)
        self.boundNanoseconds = min(2 * self.boundNanoseconds, self.longestNanoseconds)
        return wait
    }

    /// An attempt succeeded: the next wait is short again.
    public mutating func reset() { self.boundNanoseconds = min(2 * self.shortestNanoseconds, self.longestNanoseconds) }
}
