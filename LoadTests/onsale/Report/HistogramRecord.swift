import Histogram

/// A histogram's counters as data: what a report keeps, so that any percentile can be read and runs can be added up
/// later.
struct HistogramRecord: Equatable, Sendable {
    /// What decides which values are counted together. Two histograms of one shape can be added.
    struct Shape: Equatable, Sendable {
        /// In nanoseconds, as all values.
        var lowestDiscernible: Int64
        var highestTrackable: Int64
        var significantDigits: Int
    }

    /// One counter.
    struct Counter: Equatable, Sendable {
        /// The highest nanoseconds that are counted here.
        var value: Int64
        var count: Int64
    }

    var shape: Shape
    /// Ascending by value; none is zero.
    var counters: [Counter]

    var count: Int64 { self.counters.reduce(0) { $0 + $1.count } }

    init(shape: Shape, counters: [Counter]) {
        self.shape = shape
        self.counters = counters
    }

    /// nil when nothing was recorded.
    init?(_ histogram: Histogram<UInt32>, lowestDiscernible: Int64) {
        guard histogram.totalCount > 0 else { return nil }
        self.shape = Shape(
            lowestDiscernible: lowestDiscernible,
            highestTrackable: Int64(histogram.highestTrackableValue),
            significantDigits: Int(histogram.numberOfSignificantValueDigits.rawValue)
        )
        self.counters = histogram.counters
    }

    /// The value that `percent` of all (0 to 100) do not exceed, in nanoseconds.
    func value(atPercentile percent: Double) -> Int64 {
        // One step less, so that 99 % of 100 is 99 and not 99.000000001.
        let least = max(1, Int64((percent.clamped(to: 0...100).nextDown / 100 * Double(self.count)).rounded(.up)))
        var sum: Int64 = 0
        for counter in self.counters {
            sum += counter.count
            if sum >= least { return counter.value }
        }
        return self.counters.last?.value ?? 0
    }

    /// Sum of all values in nanoseconds, each taken for the middle of its counter.
    var sum: Double {
        self.counters.reduce(0) { sum, counter in
            let width = self.shape.width(of: counter.value)
            return sum + Double(counter.value - width + 1 + width / 2) * Double(counter.count)
        }
    }
    var mean: Double { self.count > 0 ? self.sum / Double(self.count) : 0 }
}

extension HistogramRecord {
    /// Of latencies.
    init?(latencies: Histogram<UInt32>) {
        self.init(latencies, lowestDiscernible: Int64(LatencyRecorder.finestNanoseconds))
    }

    /// Of times in line.
    init?(waits: Histogram<UInt32>) {
        self.init(waits, lowestDiscernible: Int64(LatencyRecorder.finestWaitNanoseconds))
    }
}

extension Histogram<UInt32> {
    /// Those that counted something, ascending by value. The library's own iterators keep a sum of all values in 64
    /// bits as they go, which ends the process once it is more: ten million people need wait half an hour each for that.
    var counters: [HistogramRecord.Counter] {
        var counters: [HistogramRecord.Counter] = []
        var left = self.totalCount
        var value = self.min
        while left > 0 {
            let count = self.countForValue(value)
            if count > 0 {
                let highest = self.highestEquivalentForValue(value)
                counters.append(HistogramRecord.Counter(value: Int64(highest), count: Int64(count)))
                left -= UInt64(count)
            }
            value = self.nextNonEquivalentForValue(value)
        }
        return counters
    }
}

/// Which values share a counter, as every HdrHistogram has it: buckets that double in width, each of as many counters.
extension HistogramRecord.Shape {
    private var unitMagnitude: Int { Self.floorLog2(self.lowestDiscernible) }

    /// Half of a bucket's counters; the lower half is the bucket before.
    private var halfMagnitude: Int {
        var largest: Int64 = 2
        for _ in 0..<self.significantDigits { largest *= 10 }
        let floor = Self.floorLog2(largest)
        return (1 << floor == largest ? floor : floor + 1) - 1
    }

    private static func floorLog2(_ value: Int64) -> Int { 63 - max(value, 1).leadingZeroBitCount }

    /// The number of the bucket that holds the value.
    private func bucket(of value: Int64) -> Int {
        let mask: Int64 = ((1 << (self.halfMagnitude + 1)) - 1) << self.unitMagnitude
        return Self.floorLog2(value | mask) - self.unitMagnitude - self.halfMagnitude
    }

    /// How many values share the counter of this one.
    func width(of value: Int64) -> Int64 { 1 << (self.bucket(of: value) + self.unitMagnitude) }

    /// The place of the value's counter in the list of all.
    func index(of value: Int64) -> Int {
        let bucket = self.bucket(of: value)
        let part = Int(value >> (bucket + self.unitMagnitude))
        return ((bucket + 1) << self.halfMagnitude) + part - (1 << self.halfMagnitude)
    }

    /// The highest value of a counter.
    func value(atIndex index: Int) -> Int64 {
        let half = 1 << self.halfMagnitude
        let bucket = max((index >> self.halfMagnitude) - 1, 0)
        let part = index < half ? index : (index & (half - 1)) + half
        return ((Int64(part) + 1) << (bucket + self.unitMagnitude)) - 1
    }
}
