/// What became of one metric between two groups of runs.
struct MetricDifference: Equatable, Sendable {
    enum Method: Equatable, Sendable {
        /// The differences of runs of one seed.
        case paired
        /// Groups of their own, each with its own spread.
        case welch
        /// Fewer than three runs on a side: nothing is said of chance.
        case none
    }

    enum Judgement: String, Sendable { case better, worse, changed, same, unknown }

    /// With fewer, a spread is a guess.
    static let fewestRuns = 3
    static let significance = 0.05

    let metric: Metric
    let method: Method
    /// Means of the groups.
    let base: Double
    let other: Double
    /// Of the difference, at 95 %; nil without a method.
    let interval: ClosedRange<Double>?
    /// How often chance alone would give such a difference; nil without a method.
    let chance: Double?
    /// Set when all metrics are known: a good or bad change is one that chance would not even give among all of them.
    var judgement = Judgement.unknown

    var difference: Double { self.other - self.base }

    /// - Parameters:
    ///   - base: one value for each run; the runs of `other` in the same order when they are paired.
    init(_ metric: Metric, base: [Double], other: [Double], isPaired: Bool) {
        precondition(!base.isEmpty && !other.isEmpty, "a group without a run has no mean")
        precondition(!isPaired || base.count == other.count, "runs that are paired are as many")
        self.metric = metric
        self.base = Self.mean(base)
        self.other = Self.mean(other)
        guard base.count >= Self.fewestRuns, other.count >= Self.fewestRuns else {
            (self.method, self.interval, self.chance) = (.none, nil, nil)
            return
        }
        let error: Double
        let freedom: Double
        if isPaired {
            self.method = .paired
            error = (Self.variance(zip(other, base).map { $0 - $1 }) / Double(base.count)).squareRoot()
            freedom = Double(base.count - 1)
        } else {
            self.method = .welch
            let parts = [base, other].map { (Self.variance($0) / Double($0.count), Double($0.count - 1)) }
            let sum = parts[0].0 + parts[1].0
            error = sum.squareRoot()
            // Welch and Satterthwaite.
            let spread = parts.reduce(0) { $0 + $1.0 * $1.0 / $1.1 }
            freedom = spread > 0 ? sum * sum / spread : Double(base.count + other.count - 2)
        }
        let difference = Self.mean(other) - Self.mean(base)
        let t = StudentT(degreesOfFreedom: freedom)
        let margin = error * t.quantile(twoSided: Self.significance)
        self.interval = (difference - margin)...(difference + margin)
        // All runs differ by the very same: no chance in it, or no difference.
        self.chance = error > 0 ? t.twoSided(difference / error) : difference == 0 ? 1 : 0
    }

    private static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

    private static func variance(_ values: [Double]) -> Double {
        let mean = Self.mean(values)
        return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)
    }

    /// Holm's correction: of so many metrics one in twenty would look changed by chance.
    static func judged(_ differences: [MetricDifference]) -> [MetricDifference] {
        var judged = differences
        let order = differences.indices.filter { differences[$0].chance != nil }
            .sorted { (differences[$0].chance ?? 1, $0) < (differences[$1].chance ?? 1, $1) }
        var isSignificant = true
        for (rank, index) in order.enumerated() {
            let chance = differences[index].chance ?? 1
            isSignificant = isSignificant && chance * Double(order.count - rank) < Self.significance
            judged[index].judgement = isSignificant ? differences[index].direction : .same
        }
        return judged
    }

    private var direction: Judgement {
        switch self.metric.better {
        case .neither: .changed
        case .lower: self.difference < 0 ? .better : .worse
        case .higher: self.difference > 0 ? .better : .worse
        }
    }
}
