import Primitives

/// Uniform draws from 0 to 1 that come in rising order, one at a time: what sorting as many independent draws would give,
/// without an array to sort.
///
/// Of `n` draws that are left above a point, the lowest lies where an `n`th root of a uniform draw says (Bentley and Saxe,
/// "Generating sorted lists of random numbers", 1980). Kept as a logarithm, so that nothing is lost near 1.
struct SortedDraws: Sendable {
    private(set) var left: Int
    private var draw: SplitMix64
    /// Logarithm of what lies above the last draw.
    private var logAbove = 0.0

    init(count: Int, seed: UInt64) {
        self.left = count
        self.draw = SplitMix64(seed: seed)
    }

    mutating func next() -> Double? {
        guard self.left > 0 else { return nil }
        // Never 0, which has no logarithm.
        let unit = 1 - self.draw.nextUnit()
        self.logAbove += Elementary.log(unit) / Double(self.left)
        self.left -= 1
        return 1 - Elementary.exp(self.logAbove)
    }
}
