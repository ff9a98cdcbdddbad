import Histogram

/// Latencies of one kind of answer, counted twice: from the moment the request was due (what a person feels) and from
/// the moment it was sent (what most tools show). Between the two a connection is opened, where none was kept, and the
/// load tool may be late.
struct LatencyRecorder: Sendable {
    /// Latencies beyond this count as this: no response is waited for that long.
    static let longestNanoseconds: UInt64 = 120_000_000_000

    /// What is faster counts as this.
    static let finestNanoseconds: UInt64 = 1_000
    static let finestWaitNanoseconds: UInt64 = 1_000_000

    private(set) var corrected = Self.makeHistogram()
    private(set) var raw = Self.makeHistogram()

    /// Three digits from a microsecond up: 80 kB each.
    static func makeHistogram() -> Histogram<UInt32> {
        Histogram(
            lowestDiscernibleValue: Self.finestNanoseconds,
            highestTrackableValue: Self.longestNanoseconds,
            numberOfSignificantValueDigits: .three
        )
    }

    /// Nobody waits in line for longer than the longest run.
    static let longestWaitNanoseconds: UInt64 = 86_400_000_000_000

    /// Three digits from a millisecond up to a day.
    static func makeWaitHistogram() -> Histogram<UInt32> {
        Histogram(
            lowestDiscernibleValue: Self.finestWaitNanoseconds,
            highestTrackableValue: Self.longestWaitNanoseconds,
            numberOfSignificantValueDigits: .three
        )
    }

    var count: Int { Int(self.corrected.totalCount) }

    mutating func record(correctedNanoseconds: Int64, rawNanoseconds: Int64) {
        self.corrected.record(Self.bounded(correctedNanoseconds))
        self.raw.record(Self.bounded(rawNanoseconds))
    }

    mutating func merge(_ other: LatencyRecorder) {
        self.corrected.take(other.corrected)
        self.raw.take(other.raw)
    }

    static func boundedWait(_ nanoseconds: Int64) -> UInt64 {
        min(UInt64(max(nanoseconds, 0)), Self.longestWaitNanoseconds)
    }

    static func bounded(_ nanoseconds: Int64) -> UInt64 {
        min(UInt64(max(nanoseconds, 0)), Self.longestNanoseconds)
    }
}

/// A histogram has tens of thousands of counters, and most seconds of a run leave most histograms empty.
extension Histogram<UInt32> {
    /// Beyond four billion, more than a counter holds, nothing is added.
    mutating func take(_ other: Histogram<UInt32>) {
        guard other.totalCount > 0, self.totalCount + other.totalCount <= UInt64(UInt32.max) else { return }
        self.add(other)
    }
}
