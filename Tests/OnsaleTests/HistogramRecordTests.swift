import Foundation
import Primitives
import Testing

@testable import onsale

@Suite struct HistogramRecordTests {
    static func recorder(_ values: [Int64]) -> LatencyRecorder {
        var recorder = LatencyRecorder()
        for value in values { recorder.record(correctedNanoseconds: value, rawNanoseconds: value) }
        return recorder
    }

    static func record(_ values: [Int64]) throws -> HistogramRecord {
        try #require(HistogramRecord(latencies: Self.recorder(values).corrected))
    }

    /// From a nanosecond to two minutes, thirty to every power of ten.
    static let spread: [Int64] = (0...332).map { Int64(pow(10, Double($0) / 30)) }

    @Test func percentiles_areThoseOfTheHistogram() throws {
        let histogram = Self.recorder(Self.spread).corrected
        let record = try #require(HistogramRecord(latencies: histogram))
        for percent in [0.001, 1, 25, 50, 75, 90, 95, 99, 99.9, 99.999, 100] {
            let expected = Int64(histogram.valueAtPercentile(percent))
            let value = record.value(atPercentile: percent)
            // The library may name the highest value itself; a counter names its end.
            #expect(record.shape.index(of: value) == record.shape.index(of: expected), "p\(percent)")
        }
        #expect(record.count == 333)
        #expect(abs(record.mean - histogram.mean) <= histogram.mean * 1e-6)
    }

    /// Seen before: ten million people in virtual time, and the process ended when they were added up: their waits are
    /// more nanoseconds together than 64 bits hold.
    @Test func sum_ofMoreThanSixtyFourBits_isTold() throws {
        var waits = LatencyRecorder.makeWaitHistogram()
        let day = LatencyRecorder.longestWaitNanoseconds
        #expect(waits.record(day, count: 10_000_000) && waits.record(day / 2, count: 10_000_000))
        let record = try #require(HistogramRecord(waits: waits))
        #expect(record.count == 20_000_000)
        #expect(abs(record.mean / Double(day) - 0.75) < 0.001)
        #expect(SpectrumPoint.spectrum(of: record).last?.share == 1)
        var writer = PieceWriter()
        waits.write(to: &writer)
        #expect(!writer.bytes.isEmpty)
    }

    /// Values that are counted, and their counts, are those that the library tells one by one.
    @Test(arguments: 1...5 as ClosedRange<UInt64>) func counters_ofAnyValues_areAllThereIs(seed: UInt64) throws {
        var draw = SplitMix64(seed: seed)
        let values = (0..<2_000).map { _ in Int64(draw.drawLogNormal(median: 1e6, spread: 4)) }
        let histogram = Self.recorder(values + [0, 1, 120_000_000_000]).corrected
        let told = histogram.recordedValues().map { (Int64($0.value), Int64($0.count)) }
        #expect(histogram.counters == told.map { HistogramRecord.Counter(value: $0.0, count: $0.1) }, "seed \(seed)")
    }

    @Test func index_andValue_areInverse() throws {
        let shape = try Self.record([1]).shape
        for value in Self.spread {
            let index = shape.index(of: value)
            let highest = shape.value(atIndex: index)
            #expect(highest >= value && highest - value < shape.width(of: value))
            #expect(shape.index(of: highest) == index && shape.index(of: highest + 1) == index + 1)
            // Three digits from a microsecond on.
            #expect(Double(highest - value) <= max(Double(value) / 1_000, 1_000))
        }
    }

    @Test func counters_encodedAndDecoded_areTheSame() throws {
        for values in [[1], [120_000_000_000], Self.spread, Array(repeating: 5_000_000, count: 70_000) + Self.spread] {
            let record = try Self.record(values)
            #expect(HistogramRecord(encoded: record.encoded()) == record)
            let json = try JSONEncoder().encode(record)
            #expect(try JSONDecoder().decode(HistogramRecord.self, from: json) == record)
        }
        // Longer than one stored block.
        let shape = try Self.record([1]).shape
        let many = (0..<30_000).map {
            HistogramRecord.Counter(value: shape.value(atIndex: $0), count: Int64($0 % 3 + 1) << 40)
        }
        let large = HistogramRecord(
            shape: HistogramRecord.Shape(lowestDiscernible: 1_000, highestTrackable: 1 << 50, significantDigits: 3),
            counters: many
        )
        #expect(large.encoded().count > 200_000)
        #expect(HistogramRecord(encoded: large.encoded()) == large)
    }

    /// Read by HdrHistogram for Python 0.10.8: `HdrHistogram.decode(text)` gives 4 values, p50 1,000,447 ns, highest
    /// 120,057,757,695 ns.
    @Test func encoding_isTheStandardOne() throws {
        let record = try Self.record([500, 1_000_000, 1_000_000, 120_000_000_000])
        #expect(Data(record.encoded()).base64EncodedString() == Self.known)
    }

    static let known =
        "HISTFAAAADt4AQEwAM//HISTEwAAAAgAAAAAAAAAAwAAAAAAAAPoAAAAG/COsAA/8AAAAAAAAAK/HgSzjQICnHkH3A=="

    /// Damage anywhere is seen, and nothing is read beyond the end.
    @Test func bytes_damagedOrCut_areRefused() throws {
        let bytes = try Self.record(Self.spread).encoded()
        for length in 0..<bytes.count { #expect(HistogramRecord(encoded: Array(bytes.prefix(length))) == nil) }
        for position in bytes.indices {
            var damaged = bytes
            damaged[position] ^= 0x10
            #expect(HistogramRecord(encoded: damaged) == nil, "byte \(position)")
        }
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(HistogramRecord.self, from: Data(#"{"data":"no base 64"}"#.utf8))
        }
    }
}
