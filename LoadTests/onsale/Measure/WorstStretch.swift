import Histogram

/// Finds the stretch of a run with the highest 99th percentile, of those with enough values to have one: a second where
/// it has enough by itself, and else several in a row, up to the first that makes it enough. What is left over at the
/// end is looked at together with the last stretch, so that every value is in one.
///
/// Keeps two histograms, whatever the length of the run.
struct WorstStretch: Sendable {
    /// Fewer have no 99th percentile.
    static let fewestValues = 100

    struct Found: Equatable, Sendable {
        /// The first and the last second.
        var seconds: ClosedRange<Int>
        var count: Int
        /// In nanoseconds.
        var p99: Int64
    }

    private typealias Stretch = (seconds: ClosedRange<Int>, values: Histogram<UInt32>)

    private var worst: Found?
    /// Not enough yet.
    private var open: Stretch?
    private var last: Stretch?

    /// The next second that counts, in order; one without values changes nothing.
    mutating func add(_ values: Histogram<UInt32>, second: Int) {
        guard values.totalCount > 0 else { return }
        if Self.isEnough(values) {
            self.close((second...second, values))
            // The open one ends with this second: it is longer than need be, but not lost.
            guard self.open != nil else { return }
        }
        var stretch = self.open ?? (second...second, LatencyRecorder.makeHistogram())
        stretch.values.take(values)
        stretch.seconds = stretch.seconds.lowerBound...second
        guard Self.isEnough(stretch.values) else { return self.open = stretch }
        self.open = nil
        self.close(stretch)
    }

    /// Takes those of other seconds, earlier ones or later, that are not enough by themselves.
    mutating func take(_ few: WorstStretch) {
        guard let other = few.open else { return }
        let stretch = self.open.map { Self.joined($0, other) } ?? other
        guard Self.isEnough(stretch.values) else { return self.open = stretch }
        self.open = nil
        self.close(stretch)
    }

    /// nil: there were too few values in all.
    var found: Found? {
        guard let last = self.last, let open = self.open else { return self.worst }
        return Self.worse(self.worst, Self.joined(last, open))
    }

    private static func joined(_ one: Stretch, _ other: Stretch) -> Stretch {
        var values = one.values
        values.take(other.values)
        let first = min(one.seconds.lowerBound, other.seconds.lowerBound)
        return (first...max(one.seconds.upperBound, other.seconds.upperBound), values)
    }

    private mutating func close(_ stretch: Stretch) {
        self.worst = Self.worse(self.worst, stretch)
        self.last = stretch
    }

    private static func isEnough(_ values: Histogram<UInt32>) -> Bool { values.totalCount >= Self.fewestValues }

    private static func worse(_ one: Found?, _ stretch: Stretch) -> Found {
        let other = Found(
            seconds: stretch.seconds,
            count: Int(stretch.values.totalCount),
            p99: Int64(stretch.values.valueAtPercentile(99))
        )
        return one.map { $0.p99 >= other.p99 ? $0 : other } ?? other
    }
}
