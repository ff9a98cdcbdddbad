import Primitives

/// How long workers took to become ready: the last 32, and the prior until there is one.
struct StartTimes: Sendable, Equatable {
    static let capacity = 32
    /// What is not known about the distribution counts as this much of one measured start.
    private static let doubt = 0.1

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
    func quantile(_ fraction: Double, priorNanoseconds: Int64) -> Int64 {
        guard !self.recentNanoseconds.isEmpty else { return priorNanoseconds }
        let rank = Int((Double(self.recentNanoseconds.count) * fraction).rounded(.up))
        return self.recentNanoseconds.sorted()[max(0, rank - 1)]
    }

    /// The chance in `0...1` that a worker which is not ready at `ageNanoseconds` will be within `horizonNanoseconds`.
    ///
    /// Of the measured starts that took longer than this age, the share that took no longer than age plus horizon.
    /// Past all of them, a worker is given the chance of anything that has lasted long already: the longer it has
    /// taken, the longer it will.
    func chanceReady(ageNanoseconds: Int64, horizonNanoseconds: Int64, priorNanoseconds: Int64) -> Double {
        let age = max(0, ageNanoseconds)
        let horizon = max(1, horizonNanoseconds)
        let known = self.recentNanoseconds.isEmpty ? [priorNanoseconds] : self.recentNanoseconds
        var later = 0.0
        var inTime = 0.0
        for start in known where start > age {
            later += 1
            if start - age <= horizon { inTime += 1 }
        }
        let unknown = Double(horizon) / (Double(age) + Double(horizon))
        return (inTime + Self.doubt * unknown) / (later + Self.doubt)
    }
}
