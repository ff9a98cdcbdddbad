/// Counts of latencies in fixed logarithmic buckets: eight a power of two, so a quantile is off by at most one eighth.
///
/// Fixed shape and integer counts make it cheap to keep on the request path, to send once a second and to add up over
/// gateways. For the load tool's reports HdrHistogram is used instead.
public struct LatencyHistogram: Sendable, Equatable {
    /// Buckets span 1 microsecond to 2^28 microseconds, about 268 seconds; what lies outside is counted in the first or the last one.
    public static let bucketCount = 26 * 8
    /// Each is 64 bits wide: a counter of 32 bits is full after five days at ten thousand a second.
    private var counts: [UInt64]
    /// No bucket outside of these counts anything: answers of one service fill a dozen buckets, and a controller adds up
    /// the histograms of a hundred gateways for each of a thousand pools, every second.
    private var lowest = Self.bucketCount
    private var highest = -1
    public private(set) var count: UInt64 = 0
    public private(set) var sumNanoseconds: UInt64 = 0

    public init() { self.counts = [UInt64](repeating: 0, count: Self.bucketCount) }

    public mutating func record(nanoseconds: Int64) {
        let index = Self.index(nanoseconds: nanoseconds)
        self.counts[index] += 1
        self.widen(to: index)
        self.count += 1
        self.sumNanoseconds &+= UInt64(max(0, nanoseconds))
    }

    private mutating func widen(to index: Int) {
        self.lowest = min(self.lowest, index)
        self.highest = max(self.highest, index)
    }

    public mutating func merge(_ other: LatencyHistogram) {
        self.sumNanoseconds &+= other.sumNanoseconds
        guard other.count > 0 else { return }
        self.widen(to: other.lowest)
        self.widen(to: other.highest)
        for index in other.lowest...other.highest { self.counts[index] += other.counts[index] }
        self.count += other.count
    }

    /// Empties the counts and keeps the memory.
    public mutating func reset() {
        for index in 0..<Self.bucketCount { self.counts[index] = 0 }
        self.lowest = Self.bucketCount
        self.highest = -1
        self.count = 0
        self.sumNanoseconds = 0
    }

    /// The upper edge in nanoseconds of the bucket that holds the `fraction` quantile (`0...1`); nil when empty.
    public func quantile(_ fraction: Double) -> Int64? {
        precondition(fraction >= 0 && fraction <= 1, "a quantile lies in 0...1")
        guard self.count > 0 else { return nil }
        // Rounded up without `ceil`, which would make the pure ring need the system's library of mathematics.
        let exact = Double(self.count) * fraction
        let whole = UInt64(exact)
        let rank = max(1, Double(whole) < exact ? whole + 1 : whole)
        var seen: UInt64 = 0
        for index in 0..<Self.bucketCount {
            seen += self.counts[index]
            if seen >= rank { return Self.upperNanoseconds(of: index) }
        }
        return Self.upperNanoseconds(of: Self.bucketCount - 1)
    }

    public var meanNanoseconds: Double? {
        self.count == 0 ? nil : Double(self.sumNanoseconds) / Double(self.count)
    }

    /// How many were recorded at or below each of `boundsNanoseconds` (ascending), as Prometheus wants them.
    public func cumulative(boundsNanoseconds: [Int64]) -> [UInt64] {
        var result: [UInt64] = []
        var index = 0
        var seen: UInt64 = 0
        for bound in boundsNanoseconds {
            while index < Self.bucketCount, Self.upperNanoseconds(of: index) <= bound {
                seen += self.counts[index]
                index += 1
            }
            result.append(seen)
        }
        return result
    }

    /// The non-empty buckets as `index:count` pairs flattened; what `init?(encoded:sumNanoseconds:)` takes back.
    public var encoded: [UInt64] {
        var pairs: [UInt64] = []
        for (index, count) in self.counts.enumerated() where count > 0 {
            pairs.append(UInt64(index))
            pairs.append(count)
        }
        return pairs
    }

    /// The most that a bucket read from elsewhere may hold, so that sums of histograms never overflow.
    public static let maxDecodedCount: UInt64 = 1 << 48

    /// Nil when the pairs are not those of a histogram of this shape, or a count is above `maxDecodedCount`.
    public init?(encoded pairs: [UInt64], sumNanoseconds: UInt64) {
        guard pairs.count.isMultiple(of: 2) else { return nil }
        self.init()
        var next = 0
        for position in stride(from: 0, to: pairs.count, by: 2) {
            let count = pairs[position + 1]
            // A bucket named twice would be counted twice and kept once.
            guard let index = Int(exactly: pairs[position]), index >= next, index < Self.bucketCount,
                count <= Self.maxDecodedCount
            else { return nil }
            next = index + 1
            self.counts[index] = count
            // A bucket that is told and counts nothing makes no difference to another that is not told.
            if count > 0 { self.widen(to: index) }
            self.count += count
        }
        self.sumNanoseconds = sumNanoseconds
    }

    static func index(nanoseconds: Int64) -> Int {
        let micros = UInt64(max(0, nanoseconds)) / 1_000
        guard micros >= 8 else { return Int(micros) }
        // The top bit names the power of two, the next three bits the eighth of it.
        let exponent = 63 - micros.leadingZeroBitCount
        let eighth = Int((micros >> UInt64(exponent - 3)) & 7)
        return min(Self.bucketCount - 1, (exponent - 2) * 8 + eighth)
    }

    static func upperNanoseconds(of index: Int) -> Int64 {
        guard index >= 8 else { return Int64(index + 1) * 1_000 }
        let exponent = index / 8 + 2
        let eighth = Int64(index % 8)
        return ((8 + eighth + 1) << Int64(exponent - 3)) * 1_000
    }
}

/// The non-empty buckets, and the sum.
extension LatencyHistogram: Codable {
    private enum CodingKeys: String, CodingKey { case buckets, sum }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let sum = try container.decode(UInt64.self, forKey: .sum)
        guard let read = Self(encoded: try container.decode([UInt64].self, forKey: .buckets), sumNanoseconds: sum)
        else {
            let problem = "these are no buckets of a histogram"
            throw DecodingError.dataCorruptedError(forKey: .buckets, in: container, debugDescription: problem)
        }
        self = read
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.encoded, forKey: .buckets)
        try container.encode(self.sumNanoseconds, forKey: .sum)
    }
}
