import Primitives

/// Waits between attempts: exponential, with the whole span random, so that a thousand clients of a Redis that came
/// back do not come back with one voice.
struct Backoff {
    private let shortestNanoseconds: Int64
    private let longestNanoseconds: Int64
    private var boundNanoseconds: Int64
    private var random: SplitMix64

    init(shortestNanoseconds: Int64, longestNanoseconds: Int64, seed: UInt64) {
        precondition(shortestNanoseconds > 0 && shortestNanoseconds <= longestNanoseconds, "0 < shortest <= longest")
        self.shortestNanoseconds = shortestNanoseconds
        self.longestNanoseconds = longestNanoseconds
        self.boundNanoseconds = min(2 * shortestNanoseconds, longestNanoseconds)
        self.random = SplitMix64(seed: seed)
    }

    mutating func next() -> Int64 {
        let wait = Int64.random(in: self.shortestNanoseconds...self.boundNanoseconds, using: &self.random)
        self.boundNanoseconds = min(2 * self.boundNanoseconds, self.longestNanoseconds)
        return wait
    }

    mutating func reset() { self.boundNanoseconds = min(2 * self.shortestNanoseconds, self.longestNanoseconds) }
}
