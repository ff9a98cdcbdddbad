/// Logarithm and exponential from additions, multiplications and divisions alone, which IEEE 754 fixes to the last bit.
///
/// The system's own differ in the last bit between libraries and processors, and one bit is another nanosecond in
/// somebody's plan: the same seed must give the same crowd on any machine. Source of both: FreeBSD's msun (fdlibm),
/// `e_log.c` and `e_exp.c`; their error is below one unit in the last place.
enum PortableMath {
    private static let log2High = 6.931_471_803_691_238_164_90e-01
    private static let log2Low = 1.908_214_929_270_587_700_02e-10
    private static let perLog2 = 1.442_695_040_888_963_387_00

    /// Of a normal number above 0.
    static func log(_ value: Double) -> Double {
        precondition(value >= .leastNormalMagnitude && value.isFinite, "no logarithm")
        var exponent = Double(value.exponent)
        var significand = value.significand
        if significand > 1.414_213_562_373_095 {
            significand /= 2
            exponent += 1
        }
        let f = significand - 1
        let s = f / (2 + f)
        let z = s * s
        let w = z * z
        let odd = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
        let even =
            z
            * (6.666666666666735130e-01
                + w
                * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)))
        let half = 0.5 * f * f
        let low = s * (half + (odd + even)) + exponent * Self.log2Low
        return exponent * Self.log2High - ((half - low) - f)
    }

    /// Of a number whose exponential is a normal number; 0 below that.
    static func exp(_ value: Double) -> Double {
        precondition(value <= 709, "no exponential")
        guard value > -708 else { return 0 }
        let power = (value * Self.perLog2).rounded()
        let high = value - power * Self.log2High
        let low = power * Self.log2Low
        let x = high - low
        let t = x * x
        let c =
            x - t
            * (1.66666666666666019037e-01
                + t
                * (-2.77777777770155933842e-03
                    + t
                    * (6.61375632143793436117e-05
                        + t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08))))
        let significand = 1 - ((low - (x * c) / (2 - c)) - high)
        return significand * Double(sign: .plus, exponent: Int(power), significand: 1)
    }
}
