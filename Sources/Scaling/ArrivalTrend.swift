import Primitives

/// How many requests a second arrive, and where that is going: the level, what chance makes of it, and the slope, as far as
/// twenty seconds prove them.
struct ArrivalTrend: Codable, Sendable, Equatable {
    /// Seconds that are looked at.
    static let window = 20
    /// The latest seconds, which tell of a jump before an average does.
    private static let latest = 3
    private static let weight = 0.25
    /// A mean of the latest seconds this many of its own deviations above the average is not chance.
    private static let jump = 3.0
    /// A slope this many times its own deviation is not chance.
    private static let significant = 3.0

    /// More than any site has; its square is still a number.
    private static let most = 1e12

    private var samples: [Double] = []
    private var smoothed = Smoothed(weight: ArrivalTrend.weight)
    /// Requests a second as of now; nil before the first sample.
    private(set) var level: Double?
    /// The standard deviation of one second about its neighbours.
    private(set) var deviation = 0.0
    /// Requests a second by which each second has more than the one before; 0 when that may be chance, or is over.
    private(set) var slopePerSecond = 0.0

    /// Takes in one second.
    mutating func add(_ requestsPerSecond: Double) {
        let sample = min(Self.most, requestsPerSecond)
        self.samples.append(sample)
        if self.samples.count > Self.window { self.samples.removeFirst() }
        self.smoothed.add(sample)
        let average = self.smoothed.value ?? sample
        // A jump is no chance about its neighbours: half the differences, the small ones, tell what chance is.
        self.deviation = max(self.differences(), average.squareRoot())
        let recent = self.samples.suffix(Self.latest)
        let mean = recent.reduce(0, +) / Double(recent.count)
        let isJump =
            recent.count == Self.latest
            && mean - average > Self.jump * self.deviation / Double(Self.latest).squareRoot()
        if isJump { self.smoothed = Smoothed(weight: Self.weight, initial: mean) }
        self.level = isJump ? mean : average
        self.slopePerSecond = self.slope()
    }

    private func differences() -> Double {
        guard self.samples.count > 2 else { return 0 }
        let squares = zip(self.samples, self.samples.dropFirst()).map { ($1 - $0) * ($1 - $0) / 2 }.sorted()
        // The median of a square of a normal deviate is 0.455 of its mean.
        return (squares[squares.count / 2] / 0.455).squareRoot()
    }

    /// The growth that both halves of the window show: a jump is in one of them only, and does not go on.
    private func slope() -> Double {
        guard self.samples.count == Self.window else { return 0 }
        let half = Self.window / 2
        let whole = Self.fit(self.samples[...])
        let slope = min(whole, Self.fit(self.samples[..<half]), Self.fit(self.samples[half...]))
        // Of a straight line through n seconds, the sum of squares of times about their mean.
        let spread = Double(Self.window * (Self.window * Self.window - 1)) / 12
        let error = self.deviation / spread.squareRoot()
        return slope > 0 && whole > Self.significant * error ? slope : 0
    }

    /// Least squares over seconds.
    private static func fit(_ values: ArraySlice<Double>) -> Double {
        let count = Double(values.count)
        let middle = (count - 1) / 2
        let mean = values.reduce(0, +) / count
        var product = 0.0
        var square = 0.0
        for (second, value) in values.enumerated() {
            let away = Double(second) - middle
            product += away * (value - mean)
            square += away * away
        }
        return product / square
    }
}
