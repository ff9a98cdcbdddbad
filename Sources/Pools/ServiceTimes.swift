import Primitives

/// Draws service times from a lognormal distribution: many short ones, a long tail, as web applications have it.
public struct ServiceTimes: Sendable {
    /// The tail is cut here.
    public static let maxNanoseconds = 60 * Nanoseconds.perSecond

    private let meanNanoseconds: Double
    private let spread: Double
    private var generator: SplitMix64

    public init(meanNanoseconds: Int64, spread: Double, seed: UInt64) {
        precondition(meanNanoseconds >= 0 && spread >= 0, "service times are not negative")
        self.meanNanoseconds = Double(meanNanoseconds)
        self.spread = spread
        self.generator = SplitMix64(seed: seed)
    }

    public mutating func next() -> Int64 {
        // exp(mu + sigma N) has the mean exp(mu + sigma^2 / 2).
        let factor = Elementary.exp(self.spread * self.generator.nextNormal() - self.spread * self.spread / 2)
        return Int64(min(self.meanNanoseconds * factor, Double(Self.maxNanoseconds)))
    }
}
