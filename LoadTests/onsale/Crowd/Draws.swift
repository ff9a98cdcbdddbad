import Foundation
import Primitives

/// Draws that depend on nothing but the generator: the same seed gives the same crowd with any toolchain.
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

    /// Standard normal (Box and Muller's transform, one of the pair).
    mutating func drawNormal() -> Double {
        let radius = (-2 * log(1 - self.nextUnit())).squareRoot()
        return radius * cos(2 * .pi * self.nextUnit())
    }

    /// Log-normal with the given median; `spread` is the standard deviation of the logarithm.
    mutating func drawLogNormal(median: Double, spread: Double) -> Double {
        median * exp(spread * self.drawNormal())
    }

    mutating func drawFlag(share: Double) -> Bool { self.nextUnit() < share }
}
