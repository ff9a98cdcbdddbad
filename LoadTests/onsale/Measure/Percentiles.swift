import Histogram

/// The usual percentiles of one histogram, in nanoseconds.
struct Percentiles: Codable, Equatable, Sendable {
    var count = 0
    var p50: Int64 = 0
    var p90: Int64 = 0
    var p95: Int64 = 0
    var p99: Int64 = 0
    var p999: Int64 = 0
    var highest: Int64 = 0

    /// In JSON the unit is part of each name.
    private enum CodingKeys: String, CodingKey {
        case count, p50 = "p50_ns", p90 = "p90_ns", p95 = "p95_ns", p99 = "p99_ns", p999 = "p99_9_ns"
        case highest = "max_ns"
    }

    /// nil when nothing was recorded: no response is not a fast answer.
    init?(_ histogram: Histogram<UInt32>) {
        guard histogram.totalCount > 0 else { return nil }
        func value(_ percentile: Double) -> Int64 { Int64(histogram.valueAtPercentile(percentile)) }
        self.count = Int(histogram.totalCount)
        self.p50 = value(50)
        self.p90 = value(90)
        self.p95 = value(95)
        self.p99 = value(99)
        self.p999 = value(99.9)
        self.highest = value(100)
    }
}

/// One step of a percentile spectrum: so much of all answers came within this time.
struct SpectrumPoint: Codable, Equatable, Sendable {
    /// 0 to 1; the last point of a spectrum is 1.
    var share: Double
    var nanoseconds: Int64

    /// Four steps in each half of what is left to 100 %, as HdrHistogram prints them.
    static func spectrum(of record: HistogramRecord) -> [SpectrumPoint] {
        var points: [SpectrumPoint] = []
        let all = record.count
        var seen: Int64 = 0
        for counter in record.counters {
            seen += counter.count
            var isFirst = true
            while isFirst || seen < all, Double(seen) / Double(all) >= self.share(ofStep: points.count) {
                points.append(SpectrumPoint(share: self.share(ofStep: points.count), nanoseconds: counter.value))
                isFirst = false
            }
        }
        if let last = record.counters.last { points.append(SpectrumPoint(share: 1, nanoseconds: last.value)) }
        return points
    }

    private static func share(ofStep step: Int) -> Double {
        let left = 1 / Double(UInt64(1) << min(step / 4, 62))
        return 1 - left * (1 - Double(step % 4) / 8)
    }
}

/// What the report shows of one kind of answer.
struct LatencySummary: Codable, Equatable, Sendable {
    /// From the moment the request was due.
    var corrected: Percentiles
    /// From the moment it was sent.
    var raw: Percentiles
    var correctedSpectrum: [SpectrumPoint]
    var rawSpectrum: [SpectrumPoint]
    /// Every answer, in both ways of counting.
    var correctedHistogram: HistogramRecord
    var rawHistogram: HistogramRecord

    init?(_ recorder: LatencyRecorder) {
        guard let corrected = Percentiles(recorder.corrected), let raw = Percentiles(recorder.raw),
            let correctedHistogram = HistogramRecord(latencies: recorder.corrected),
            let rawHistogram = HistogramRecord(latencies: recorder.raw)
        else { return nil }
        self.corrected = corrected
        self.raw = raw
        self.correctedSpectrum = SpectrumPoint.spectrum(of: correctedHistogram)
        self.rawSpectrum = SpectrumPoint.spectrum(of: rawHistogram)
        self.correctedHistogram = correctedHistogram
        self.rawHistogram = rawHistogram
    }
}
