import Foundation
import Primitives
import Testing

@testable import onsale

@Suite struct MeasureTests {
    @Test func latency_sentLate_isCountedFromDueAndFromSent() throws {
        var recorder = LatencyRecorder()
        recorder.record(correctedNanoseconds: 50_000_000, rawNanoseconds: 10_000_000)
        let summary = try #require(LatencySummary(recorder))
        #expect(abs(summary.corrected.p99 - 50_000_000) < 50_000)
        #expect(abs(summary.raw.p99 - 10_000_000) < 10_000)
    }

    @Test func latency_outOfRange_isKeptAtTheEnds() throws {
        var recorder = LatencyRecorder()
        recorder.record(correctedNanoseconds: -5, rawNanoseconds: .max)
        #expect(recorder.count == 1)
        let raw = try #require(Percentiles(recorder.raw))
        #expect(Double(raw.highest) >= 0.99 * Double(LatencyRecorder.longestNanoseconds))
    }

    /// A wait of an hour is not one of two minutes.
    @Test func wait_ofHours_isKept() throws {
        var tally = Tally()
        let start = Instant(nanoseconds: 0)
        var machine = VisitorMachine(VisitorMachineTests.visitor(patienceSeconds: 86_400), startedAt: start)
        let scenario = Scenario(visitors: 1, durationSeconds: 90, seed: 1)
        let rules = VisitorRules(scenario, startedAt: start)
        _ = machine.arrive()
        _ = machine.connected()
        let joined = machine.due
        guard case .wait(let until) = machine.answered(VisitorMachineTests.waiting(), now: joined, rules: rules).action
        else {
            Issue.record("did not wait")
            return
        }
        _ = machine.timerFired(now: until)
        let later = joined.advanced(byNanoseconds: 3_600 * Nanoseconds.perSecond)
        _ = machine.answered(VisitorMachineTests.admitted, now: later, rules: rules)
        tally.left(.unfinished, machine: machine, keepsPlace: true)
        let wait = try #require(Percentiles(tally.wait))
        #expect(abs(Double(wait.p50) / 1e9 - 3_600) < 5)
    }

    @Test func percentiles_inJSON_nameTheirUnit() throws {
        var recorder = LatencyRecorder()
        recorder.record(correctedNanoseconds: 5_000_000, rawNanoseconds: 5_000_000)
        let data = try JSONEncoder().encode(try #require(Percentiles(recorder.raw)))
        let names = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any]).keys.sorted()
        #expect(names == ["count", "max_ns", "p50_ns", "p90_ns", "p95_ns", "p99_9_ns", "p99_ns"])
    }

    @Test func percentiles_ofNothing_areNone() { #expect(Percentiles(LatencyRecorder().corrected) == nil) }

    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func percentiles_ofManyValues_areThoseOfTheSortedList(seed: UInt64) throws {
        var draw = SplitMix64(seed: seed)
        let values = (0..<5_000).map { _ in Int64(draw.drawLogNormal(median: 2e7, spread: 1)) }
        var recorder = LatencyRecorder()
        for value in values { recorder.record(correctedNanoseconds: value, rawNanoseconds: value) }
        let percentiles = try #require(Percentiles(recorder.corrected))
        let sorted = values.sorted()
        for (found, rank) in [(percentiles.p50, 0.5), (percentiles.p95, 0.95), (percentiles.p99, 0.99)] {
            let exact = Double(sorted[Int((Double(sorted.count) * rank).rounded(.up)) - 1])
            #expect(abs(Double(found) - exact) <= exact * 0.001 + 1_024, "seed \(seed), rank \(rank)")
        }
        let spectrum = SpectrumPoint.spectrum(of: try #require(HistogramRecord(latencies: recorder.corrected)))
        #expect(spectrum.last?.share == 1)
        #expect(
            zip(spectrum, spectrum.dropFirst()).allSatisfy { $0.share <= $1.share && $0.nanoseconds <= $1.nanoseconds }
        )
    }

    /// One value has all steps in one counter; the first and the last are told.
    @Test func spectrum_hasFourStepsInEachHalfOfWhatIsLeft() throws {
        let record = try HistogramRecordTests.record((1...1_000).map { $0 * 1_000_000 })
        let shares = SpectrumPoint.spectrum(of: record).map(\.share)
        #expect(shares.prefix(9) == [0, 0.125, 0.25, 0.375, 0.5, 0.5625, 0.625, 0.6875, 0.75])
        // Of a thousand values the highest is beyond 99.9 %.
        #expect(shares.dropLast().last.map { (0.999...0.9995).contains($0) } == true, "\(shares.suffix(3))")
        let alike = try HistogramRecordTests.record([5_000_000, 5_000_000])
        #expect(SpectrumPoint.spectrum(of: alike).map(\.share) == [0, 1])
    }

    @Test func tallies_ofTwoLoops_addUp() throws {
        let now = Instant(nanoseconds: 1_000_000_000)
        var tallies = [Tally(), Tally()]
        for index in tallies.indices {
            tallies[index].arrived()
            tallies[index].heard(.exchange, due: now, sentAt: now, now: now)
            tallies[index].heard(.inside, due: now, sentAt: now, now: now.advanced(byNanoseconds: 1_000_000))
            tallies[index].heard(.error(.broken), due: now, sentAt: now, now: now)
        }
        tallies[0].merge(tallies[1])
        var timeline = Timeline()
        timeline.append(tallies[0], Gauges(waiting: 3))
        tallies[0].reset()
        #expect(tallies[0].counts == Counts())
        timeline.append(tallies[0], Gauges())
        let counts = timeline.total.counts
        #expect(counts.arrivals == 2 && counts.exchanges == 2 && counts.insideAnswers == 4)
        #expect(counts.errors[.broken] == 2 && counts.answered == 6)
        #expect(timeline.samples.map(\.second) == [0, 1])
        #expect(timeline.samples[0].gauges.waiting == 3)
        #expect(timeline.samples[0].insideCorrected?.count == 2)
        #expect(timeline.samples[1].insideCorrected == nil)
    }

    @Test func errorCounts_inJSON_areNamedAndReadBack() throws {
        var counts = ErrorCounts()
        for (index, kind) in ErrorKind.allCases.enumerated() { counts[kind] = index }
        let data = try JSONEncoder().encode(counts)
        #expect(try JSONDecoder().decode(ErrorCounts.self, from: data) == counts)
        #expect(String(decoding: data, as: UTF8.self).contains("\"connection broken\":2"))
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(ErrorCounts.self, from: Data(#"{"gremlins":1}"#.utf8))
        }
    }

    @Test func errorKinds_eachHaveTheirOwnCount() {
        for kind in ErrorKind.allCases {
            var counts = ErrorCounts()
            counts[kind] += 1
            #expect(counts.total == 1 && counts.met.map(\.kind) == [kind])
        }
    }
}

@Suite struct FormatTests {
    @Test func figures_readAsPeopleWriteThem() {
        #expect(Format.count(0) == "0" && Format.count(999) == "999" && Format.count(1_234_567) == "1,234,567")
        #expect(Format.count(-20_000) == "−20,000")
        #expect(Format.decimal(12.0) == "12" && Format.decimal(1_234.56) == "1,234.6" && Format.decimal(-0.01) == "0")
        #expect(Format.decimal(.nan) == "–")
        #expect(Format.clock(seconds: 7) == "0:07" && Format.clock(seconds: 3_725) == "1:02:05")
        #expect(Format.perSecond(118.4) == "118/s")
    }

    @Test func durations_haveTheUnitThatFits() {
        func read(_ nanoseconds: Int64) -> String {
            Format.duration(nanoseconds: nanoseconds).replacing("\u{A0}", with: " ")
        }
        #expect(read(0) == "0" && read(840_000) == "840 µs" && read(12_340_000) == "12.3 ms")
        #expect(read(999_600) == "1 ms" && read(1_049_000_000) == "1.05 s" && read(125_000_000_000) == "2 min 5 s")
        #expect(read(180_000_000_000) == "3 min")
    }

    @Test func shares_thatAreNotZero_neverReadAsZero() {
        func read(_ share: Double) -> String { Format.percent(share).replacing("\u{A0}", with: " ") }
        #expect(read(0) == "0 %" && read(0.4127) == "41.3 %" && read(1) == "100 %")
        #expect(read(0.000_2) == "0.02 %" && read(1e-9) == "< 0.001 %")
    }
}

@Suite struct WorstStretchTests {
    /// So many values of each second, in milliseconds.
    static func found(_ seconds: [[Int]]) -> WorstStretch.Found? {
        var search = WorstStretch()
        for (second, millis) in seconds.enumerated() {
            var values = LatencyRecorder.makeHistogram()
            for value in millis { values.record(UInt64(value) * 1_000_000) }
            search.add(values, second: second)
        }
        return search.found
    }

    static func millis(_ found: WorstStretch.Found?) -> Int? { found.map { Int((Double($0.p99) / 1e6).rounded()) } }

    static let fast = Array(repeating: 1, count: 10)
    static let slow = Array(repeating: 500, count: 10)

    @Test func secondsWithEnoughValues_areLookedAtAlone() {
        let full = Array(repeating: 1, count: 100)
        let found = Self.found([full, full.dropLast(2) + [700, 700], full])
        #expect(found?.seconds == 1...1 && found?.count == 100 && Self.millis(found) == 700)
        // Between sparse ones, too.
        #expect(Self.found([Self.fast, full.dropLast(2) + [700, 700], Self.fast])?.seconds == 1...1)
    }

    @Test func sparseSeconds_areLookedAtTogether_andTheRestWithTheLast() {
        let seconds = Array(repeating: Self.fast, count: 40)
        for slowSecond in [0, 9, 10, 25, 39] {
            var some = seconds
            some[slowSecond] = Self.slow
            let found = Self.found(some)
            #expect(found?.seconds.contains(slowSecond) == true && Self.millis(found) == 500)
        }
        let withRest = Self.found(seconds + [Self.fast, Self.slow])
        #expect(withRest?.seconds == 30...41 && withRest?.count == 120 && Self.millis(withRest) == 500)
    }

    @Test func sparseSecond_beforeAFullOne_isNotLost() {
        let found = Self.found([Self.slow, Array(repeating: 1, count: 100)])
        #expect(found?.seconds == 0...1 && Self.millis(found) == 500)
    }

    @Test func tooFewValues_haveNoWorst() {
        #expect(Self.found(Array(repeating: Self.slow, count: 9)) == nil)
        #expect(Self.found([]) == nil)
    }
}
