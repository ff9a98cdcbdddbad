/// Functions of mathematics that give the same bits on every machine: the system's library may round otherwise on the
/// next one, and a plan that is drawn from a seed is to be the same everywhere. Made of the operations that IEEE 754
/// defines to the last bit; off by two units in the last place at most.
public enum Elementary {
    private static let ln2High = 0x1.62e42fefa38p-1
    private static let ln2Low = 0x1.ef35793c7673p-45

    /// The natural logarithm of a number above zero; minus infinity for zero.
    public static func log(_ value: Double) -> Double {
        guard value > 0 else { return value == 0 ? -.infinity : .nan }
        guard value.isFinite else { return value }
        var exponent = Double(value.exponent)
        var mantissa = value.significand
        if mantissa > 0x1.6a09e667f3bcdp0 {
            mantissa /= 2
            exponent += 1
        }
        // log m = 2 artanh((m - 1) / (m + 1)), whose argument is below 0.172.
        let part = (mantissa - 1) / (mantissa + 1)
        let square = part * part
        var sum = 1.0 / 25
        sum = 1.0 / 23 + square * sum
        sum = 1.0 / 21 + square * sum
        sum = 1.0 / 19 + square * sum
        sum = 1.0 / 17 + square * sum
        sum = 1.0 / 15 + square * sum
        sum = 1.0 / 13 + square * sum
        sum = 1.0 / 11 + square * sum
        sum = 1.0 / 9 + square * sum
        sum = 1.0 / 7 + square * sum
        sum = 1.0 / 5 + square * sum
        sum = 1.0 / 3 + square * sum
        let rest = 2 * part + 2 * part * square * sum
        return exponent * self.ln2High + (rest + exponent * self.ln2Low)
    }

    /// Saturates at the ends of what a number can be.
    public static func exp(_ value: Double) -> Double {
        guard value > -708 else { return value.isNaN ? value : 0 }
        guard value < 709 else { return .infinity }
        let doublings = (value * 0x1.71547652b82fep0).rounded()
        let rest = value - doublings * self.ln2High - doublings * self.ln2Low
        // The series of Taylor, up to where a term is less than the last bit.
        var sum = 1.0 / 87178291200
        sum = 1.0 / 6227020800 + rest * sum
        sum = 1.0 / 479001600 + rest * sum
        sum = 1.0 / 39916800 + rest * sum
        sum = 1.0 / 3628800 + rest * sum
        sum = 1.0 / 362880 + rest * sum
        sum = 1.0 / 40320 + rest * sum
        sum = 1.0 / 5040 + rest * sum
        sum = 1.0 / 720 + rest * sum
        sum = 1.0 / 120 + rest * sum
        sum = 1.0 / 24 + rest * sum
        sum = 1.0 / 6 + rest * sum
        sum = 1.0 / 2 + rest * sum
        sum = 1 + (rest + rest * rest * sum)
        // As is done below, in one step where the power of two is a number like any other.
        if abs(doublings) < 1_000 { return sum * Double(bitPattern: UInt64(1_023 + Int64(doublings)) << 52) }
        return Double(sign: .plus, exponent: Int(doublings), significand: sum)
    }

    /// The cosine of so many whole turns.
    public static func cosine(turns: Double) -> Double {
        let quarters = (turns * 4).rounded()
        let angle = (turns * 4 - quarters) * 0x1.921fb54442d18p0
        let square = angle * angle
        var cosine = 1.0 / 20922789888000
        var sine = 1.0 / 355687428096000
        cosine = 1.0 / 87178291200 - square * cosine
        sine = 1.0 / 1307674368000 - square * sine
        cosine = 1.0 / 479001600 - square * cosine
        sine = 1.0 / 6227020800 - square * sine
        cosine = 1.0 / 3628800 - square * cosine
        sine = 1.0 / 39916800 - square * sine
        cosine = 1.0 / 40320 - square * cosine
        sine = 1.0 / 362880 - square * sine
        cosine = 1.0 / 720 - square * cosine
        sine = 1.0 / 5040 - square * sine
        cosine = 1.0 / 24 - square * cosine
        sine = 1.0 / 120 - square * sine
        cosine = 1.0 / 2 - square * cosine
        sine = 1.0 / 6 - square * sine
        cosine = 1.0 / 1 - square * cosine
        sine = 1.0 / 1 - square * sine
        sine *= angle
        switch Int(quarters) & 3 {
        case 0: return cosine
        case 1: return -sine
        case 2: return -cosine
        default: return sine
        }
    }
}

extension SplitMix64 {
    /// Standard normal, after Box and Muller (1958), one of the pair.
    public mutating func nextNormal() -> Double {
        // The logarithm wants no zero.
        let radius = (-2 * Elementary.log(1 - self.nextUnit())).squareRoot()
        return radius * Elementary.cosine(turns: self.nextUnit())
    }
}
