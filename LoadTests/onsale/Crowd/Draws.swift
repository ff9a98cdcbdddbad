import Primitives

/// Draws that depend on nothing but the generator: the same seed gives the same crowd with any toolchain, on any machine.
///
/// The standard library's `random(in:using:)` does not promise its algorithm, so it is not used for plans.
extension SplitMix64 {
    mutating func drawUniform(_ range: ClosedRange<Double>) -> Double {
        range.lowerBound + self.nextUnit() * (range.upperBound - range.lowerBound)
    }

    mutating func drawInteger(_ range: ClosedRange<Int>) -> Int {
        let width = Double(range.upperBound - range.lowerBound + 1)
        return range.lowerBound + Int(self.nextUnit() * width)
    }

    /// Standard normal (Marsaglia's polar method, one of the pair).
    mutating func drawNormal() -> Double {
        while true {
            let x = 2 * self.nextUnit() - 1
            let y = 2 * self.nextUnit() - 1
            let square = x * x + y * y
            // Closer to the middle than this the logarithm has no number; that happens never.
            guard square < 1, square > 1e-300 else { continue }
            return x * (-2 * Elementary.log(square) / square).squareRoot()
        }
    }

    /// Log-normal with the given median; `spread` is the standard deviation of the logarithm.
    mutating func drawLogNormal(median: Double, spread: Double) -> Double {
        median * Elementary.exp(min(spread * self.drawNormal(), 700))
    }

    mutating func drawFlag(share: Double) -> Bool { self.nextUnit() < share }
}
