import Primitives
import Testing

@Suite struct LatencyHistogramTests {
    /// Log-uniform latencies between a microsecond and about a minute.
    private func latencies(count: Int, _ generator: inout SplitMix64) -> [Int64] {
        (0..<count).map { _ in
            let top = Int64(1) << Int64.random(in: 10..<36, using: &generator)
            return Int64.random(in: top..<top * 2, using: &generator)
        }
    }

    @Test(arguments: [1, 7, 0xBEEF] as [UInt64])
    func quantile_anyLatencies_isAboveTheTrueOneByAnEighthAtMost(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        let values = self.latencies(count: 5_000, &generator)
        var histogram = LatencyHistogram()
        for value in values { histogram.record(nanoseconds: value) }
        let sorted = values.sorted()
        for fraction in [0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0] {
            let rank = max(1, Int((Double(sorted.count) * fraction).rounded(.up)))
            let exact = sorted[rank - 1]
            let found = histogram.quantile(fraction)!
            #expect(found > exact, "seed \(seed) quantile \(fraction)")
            // Under eight microseconds a bucket is a microsecond wide; above it, an eighth of its lower edge. One
            // microsecond more is lost where nanoseconds are cut to microseconds.
            #expect(found <= exact + exact / 8 + 1_000, "seed \(seed) quantile \(fraction)")
        }
    }

    @Test func quantile_empty_isNil() {
        #expect(LatencyHistogram().quantile(0.5) == nil)
        #expect(LatencyHistogram().meanNanoseconds == nil)
    }

    @Test(arguments: [-5, 0, 1, 999, Int64.max])
    func record_outsideOfTheBuckets_countsInTheFirstOrLast(nanoseconds: Int64) {
        var histogram = LatencyHistogram()
        histogram.record(nanoseconds: nanoseconds)
        #expect(histogram.count == 1)
        let isFirst = nanoseconds < 1_000
        #expect(histogram.quantile(1)! == (isFirst ? 1_000 : (1 << 28) * 1_000))
    }

    @Test(arguments: [3, 11] as [UInt64])
    func merge_twoHalves_equalsTheWhole(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        let values = self.latencies(count: 1_000, &generator)
        var whole = LatencyHistogram()
        var halves = [LatencyHistogram(), LatencyHistogram()]
        for (index, value) in values.enumerated() {
            whole.record(nanoseconds: value)
            halves[index % 2].record(nanoseconds: value)
        }
        halves[0].merge(halves[1])
        #expect(halves[0] == whole, "seed \(seed)")
    }

    /// Histograms that count in different buckets, in either order, and into one that was emptied.
    @Test(arguments: [[1_000, 900_000_000], [900_000_000, 1_000]] as [[Int64]])
    func merge_apart_equalsTheWhole(nanoseconds: [Int64]) {
        var whole = LatencyHistogram()
        var sum = LatencyHistogram()
        sum.record(nanoseconds: 30_000_000)
        sum.reset()
        for value in nanoseconds {
            whole.record(nanoseconds: value)
            var other = LatencyHistogram()
            other.record(nanoseconds: value)
            sum.merge(other)
        }
        sum.merge(LatencyHistogram())
        #expect(sum == whole)
        #expect(sum.quantile(0.5) == whole.quantile(0.5))
        #expect(sum.encoded.count == 4)
    }

    @Test(arguments: [5, 13] as [UInt64])
    func encoded_anyHistogram_decodesToTheSame(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        var histogram = LatencyHistogram()
        for value in self.latencies(count: 300, &generator) { histogram.record(nanoseconds: value) }
        let decoded = LatencyHistogram(encoded: histogram.encoded, sumNanoseconds: histogram.sumNanoseconds)
        #expect(decoded == histogram, "seed \(seed)")
    }

    @Test(arguments: [[1], [208, 1], [5, 1, 5, 1], [9, 1, 3, 1], [.max, 1], [1, 1 << 48 + 1]] as [[UInt64]])
    func decode_pairsOfNoHistogram_isNil(pairs: [UInt64]) {
        #expect(LatencyHistogram(encoded: pairs, sumNanoseconds: 0) == nil)
    }

    @Test func cumulative_ascendingBounds_countsWhatLiesBelow() {
        var histogram = LatencyHistogram()
        for milliseconds in [1, 2, 2, 50, 900] as [Int64] { histogram.record(nanoseconds: milliseconds * 1_000_000) }
        let bounds = [500_000, 5_000_000, 100_000_000, 10_000_000_000] as [Int64]
        #expect(histogram.cumulative(boundsNanoseconds: bounds) == [0, 3, 4, 5])
    }

    @Test func reset_filled_equalsFresh() {
        var histogram = LatencyHistogram()
        histogram.record(nanoseconds: 42_000)
        histogram.reset()
        #expect(histogram == LatencyHistogram())
    }

    /// A year of a busy site fits: no count stops at 2^32.
    @Test func merge_manyCounts_areAllCounted() throws {
        var histogram = try #require(LatencyHistogram(encoded: [5, UInt64(UInt32.max), 9, 1], sumNanoseconds: 0))
        histogram.record(nanoseconds: 5_000)
        for _ in 0..<10 { histogram.merge(histogram) }
        #expect(histogram.count == (1 << 32 + 1) << 10)
        #expect(histogram.encoded == [5, 1 << 42, 9, 1 << 10])
        #expect(histogram.quantile(0.5) == 6_000)
    }
}
