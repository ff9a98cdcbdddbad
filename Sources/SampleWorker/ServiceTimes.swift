import Glibc
import Primitives

/// Draws service times from a lognormal distribution: many short ones, a long tail, as web applications have it.
struct ServiceTimes {
    /// The tail is cut here.
    static let maxNanoseconds = 60 * Nanoseconds.perSecond

    private let meanNanoseconds: Double
    private let spread: Double
    private var generator: SplitMix64

    init(meanNanoseconds: Int64, spread: Double, seed: UInt64) {
        precondition(meanNanoseconds >= 0 && spread >= 0, "service times are not negative")
        self.meanNanoseconds = Double(meanNanoseconds)
        self.spread = spread
        self.generator = SplitMix64(seed: seed)
    }

    mutating func next() -> Int64 {
        // exp(mu + sigma N) has the mean exp(mu + sigma^2 / 2).
        let factor = exp(self.spread * self.nextNormal() - self.spread * self.spread / 2)
        return Int64(min(self.meanNanoseconds * factor, Double(Self.maxNanoseconds)))
    }

    /// Standard normal, after Box and Muller (1958).
    private mutating func nextNormal() -> Double {
        // The logarithm wants no zero.
        let radius = (-2 * log(1 - self.generator.nextUnit())).squareRoot()
        return radius * cos(2 * Double.pi * self.generator.nextUnit())
    }
}
