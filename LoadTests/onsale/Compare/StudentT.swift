import Foundation

/// Student's t distribution: how far a mean of few values may be off.
struct StudentT {
    /// Need not be whole: Welch's test has fractions.
    let degreesOfFreedom: Double

    /// The share of outcomes at least so far from zero, on both sides.
    func twoSided(_ t: Double) -> Double {
        guard t.isFinite else { return 0 }
        let freedom = self.degreesOfFreedom
        return Self.incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5)
    }

    /// The t that outcomes exceed, on either side, with this share: 0.05 gives the bound of a 95 % interval.
    func quantile(twoSided share: Double) -> Double {
        var low = 0.0
        var high = 1.0
        while self.twoSided(high) > share, high < 1e12 { high *= 2 }
        for _ in 0..<100 {
            let middle = (low + high) / 2
            if self.twoSided(middle) > share { low = middle } else { high = middle }
        }
        return high
    }

    /// The regularised incomplete beta function, by Lentz's continued fraction (Numerical Recipes, 6.4).
    static func incompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
        guard x > 0 else { return 0 }
        guard x < 1 else { return 1 }
        let scale: Double = lgamma(a + b) - lgamma(a) - lgamma(b)
        let front: Double = exp(scale + a * log(x) + b * log(1 - x))
        // The fraction converges fast below the mean only; above it the mirror image does.
        guard x <= (a + 1) / (a + b + 2) else { return 1 - Self.incompleteBeta(1 - x, b, a) }
        let tiny = 1e-300
        var c = 1.0
        var d = 1 / Self.awayFromZero(1 - (a + b) * x / (a + 1), tiny)
        var fraction = d
        for step in 1...500 {
            let m = Double(step)
            let place: Double = a + 2 * m
            let even: Double = m * (b - m) * x / ((place - 1) * place)
            let odd: Double = -(a + m) * (a + b + m) * x / (place * (place + 1))
            var change = 1.0
            for term in [even, odd] {
                d = 1 / Self.awayFromZero(1 + term * d, tiny)
                c = Self.awayFromZero(1 + term / c, tiny)
                change = c * d
                fraction *= change
            }
            if abs(change - 1) < 1e-15 { break }
        }
        return front * fraction / a
    }

    private static func awayFromZero(_ value: Double, _ tiny: Double) -> Double { abs(value) < tiny ? tiny : value }
}
