import Primitives

/// How long workers took to become ready: the last 32, and the prior until there is one. Those that start now are known to
/// take longer than they have, and tell when starts have become slower before the first of them has ended.
struct StartTimes: Codable, Sendable, Equatable {
    static let capacity = 32
    /// A start slower than any yet counts as this much of one measured start.
    private static let slowerWeight = 0.1
    /// And anything else that was never seen, as this much.
    private static let unknownWeight = 0.02
    /// Whoever has taken longer than everybody before is expected to take as much again by half.
    private static let beyond: Int64 = 2

    private var recentNanoseconds: [Int64] = []
    private var next = 0

    mutating func record(nanoseconds: Int64) {
        if self.recentNanoseconds.count < Self.capacity {
            self.recentNanoseconds.append(max(0, nanoseconds))
        } else {
            self.recentNanoseconds[self.next] = max(0, nanoseconds)
            self.next = (self.next + 1) % Self.capacity
        }
    }

    /// The `fraction` quantile in nanoseconds; of fewer than 20 starts the 95th percentile is the slowest.
    ///
    /// - Parameter ages: how long those that start now have taken yet: starts of which only a least length is known. The
    ///   estimate is that of Kaplan and Meier, "Nonparametric estimation from incomplete observations" (1958).
    func quantile(_ fraction: Double, priorNanoseconds: Int64, ages: [Int64] = []) -> Int64 {
        let ended = (self.recentNanoseconds.isEmpty ? [priorNanoseconds] : self.recentNanoseconds).sorted()
        guard let oldest = ages.max(), oldest > ended[0] else {
            return ended[max(0, Int((Double(ended.count) * fraction).rounded(.up)) - 1)]
        }
        var longer = 1.0
        for (index, length) in ended.enumerated() {
            let atRisk = ended.count - index + ages.reduce(0) { $0 + ($1 >= length ? 1 : 0) }
            longer *= 1 - 1 / Double(atRisk)
            // Sums of thirds and tenths miss a round quantile by the last bit.
            if longer <= 1 - fraction + 1e-9 { return length }
        }
        return max(ended[ended.count - 1], oldest + oldest / Self.beyond)
    }

    /// The chance in `0...1` that a worker which is not ready at `ageNanoseconds` will be within `horizonNanoseconds`.
    ///
    /// Of the measured starts that took longer than this age, the share that took no longer than age plus horizon; a
    /// start twice as slow as the slowest known always counts as possible. Past that, a worker is given the chance of
    /// anything that has lasted long already: the longer it has taken, the longer it will.
    func chanceReady(ageNanoseconds: Int64, horizonNanoseconds: Int64, priorNanoseconds: Int64) -> Double {
        let age = max(0, ageNanoseconds)
        let horizon = max(1, horizonNanoseconds)
        let unknown = Double(horizon) / (Double(age) + Double(horizon))
        var later = Self.unknownWeight
        var inTime = Self.unknownWeight * unknown
        func count(_ start: Int64, weight: Double) {
            guard start > age else { return }
            later += weight
            if start - age <= horizon { inTime += weight }
        }
        for start in self.recentNanoseconds { count(start, weight: 1) }
        count(2 * (self.recentNanoseconds.max() ?? priorNanoseconds), weight: Self.slowerWeight)
        return inTime / later
    }
}
