import Histogram

/// Latencies of one kind of answer, counted twice: from the moment the request was due (what a person feels) and from
/// the moment it was sent (what most tools show). The gap between the two is the load tool waiting for the server.
struct LatencyRecorder: Sendable {
    /// Latencies beyond this count as this: no response is waited for that long.
    static let longestNanoseconds: UInt64 = 120_000_000_000

    private(set) var corrected = Self.makeHistogram()
    private(set) var raw = Self.makeHistogram()

    /// Three digits from a microsecond up: 80 kB each.
    static func makeHistogram() -> Histogram<UInt32> {
        Histogram(
            lowestDiscernibleValue: 1_000,
            highestTrackableValue: Self.longestNanoseconds,
            numberOfSignificantValueDigits: .three
        )
    }

    var count: Int { Int(self.corrected.totalCount) }

    mutating func record(correctedNanoseconds: Int64, rawNanoseconds: Int64) {
        self.corrected.record(Self.bounded(correctedNanoseconds))
        self.raw.record(Self.bounded(rawNanoseconds))
    }

    mutating func merge(_ other: LatencyRecorder) {
        self.corrected.add(other.corrected)
        self.raw.add(other.raw)
    }

    mutating func reset() {
        self.corrected.reset()
        self.raw.reset()
    }

    static func bounded(_ nanoseconds: Int64) -> UInt64 {
        min(UInt64(max(nanoseconds, 0)), Self.longestNanoseconds)
    }
}
