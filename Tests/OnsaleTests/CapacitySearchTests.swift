import Testing

@testable import onsale

@Suite struct CapacitySearchTests {
    static let bounds = CapacitySearch.Bounds(first: 1_000, least: 100, most: 100_000, tolerance: 0.1, mostRuns: 20)

    /// Plays the whole search against a site that holds up to `capacity`.
    static func play(_ bounds: CapacitySearch.Bounds, capacity: Int) -> (
        search: CapacitySearch, end: CapacitySearch.End
    ) {
        var search = CapacitySearch(bounds)
        while true {
            switch search.next {
            case .play(let visitors): search.played(visitors <= capacity ? .holds : .misses)
            case .end(let end): return (search, end)
            }
        }
    }

    struct Table: Sendable {
        var capacity: Int
        var sizes: [Int]
        var end: CapacitySearch.End
    }

    @Test(arguments: [
        Table(
            capacity: 9_500,
            sizes: [1_000, 2_000, 4_000, 8_000, 16_000, 12_000, 10_000, 9_000, 9_500],
            end: .found(holds: 9_500, misses: 10_000)
        ),
        Table(
            capacity: 300,
            sizes: [1_000, 500, 250, 375, 312, 281, 296],
            end: .found(holds: 296, misses: 312)
        ),
        Table(capacity: 99, sizes: [1_000, 500, 250, 125, 100], end: .nothingHolds),
        Table(
            capacity: 1_000_000,
            sizes: [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 100_000],
            end: .everythingHolds
        ),
    ])
    func search_ofASiteThatTurnsOnce_findsWhere(table: Table) {
        let (search, end) = Self.play(Self.bounds, capacity: table.capacity)
        #expect(search.runs.map(\.visitors) == table.sizes)
        #expect(end == table.end)
    }

    @Test func search_ofAnySite_endsWithinItsBounds() {
        for capacity in [0, 1, 99, 100, 101, 999, 1_000, 1_001, 4_567, 99_999, 100_000, 200_000] {
            for tolerance in [0.001, 0.05, 1] {
                var bounds = Self.bounds
                bounds.tolerance = tolerance
                bounds.mostRuns = 40
                let (search, end) = Self.play(bounds, capacity: capacity)
                #expect(search.runs.allSatisfy { (bounds.least...bounds.most).contains($0.visitors) })
                #expect(Set(search.runs.map(\.visitors)).count == search.runs.count, "no crowd is played twice")
                guard case .found(let holds, let misses) = end else { continue }
                #expect(holds <= capacity && capacity < misses)
                #expect(misses - holds == 1 || Double(misses - holds) <= tolerance * Double(holds))
            }
        }
    }

    @Test(arguments: [1, 3, 6])
    func search_withFewRuns_endsAfterThem(mostRuns: Int) {
        var bounds = Self.bounds
        bounds.mostRuns = mostRuns
        let (search, end) = Self.play(bounds, capacity: 9_500)
        #expect(search.runs.count == mostRuns && end == .outOfRuns)
        #expect(search.holds != nil)
    }

    @Test func search_meetingARunThatDoesNotCount_endsWithTheReason() {
        for outcome in [CapacitySearch.Outcome.invalid(reason: "late"), .notPlayed(reason: "no disk")] {
            var search = CapacitySearch(Self.bounds)
            search.played(.holds)
            search.played(outcome)
            #expect(search.holds == 1_000)
            switch outcome {
            case .invalid: #expect(search.next == .end(.invalid(visitors: 2_000, reason: "late")))
            default: #expect(search.next == .end(.notPlayed(visitors: 2_000, reason: "no disk")))
            }
        }
    }

    /// A site that holds again above where it missed: the lowest miss counts, and the search still ends.
    @Test func search_ofASiteThatTurnsBack_endsBelowTheLowestMiss() {
        var search = CapacitySearch(Self.bounds)
        for outcome in [CapacitySearch.Outcome.holds, .holds, .misses, .misses] { search.played(outcome) }
        #expect(search.runs.map(\.visitors) == [1_000, 2_000, 4_000, 3_000])
        #expect(search.holds == 2_000 && search.misses == 3_000)
    }

    @Test(arguments: [
        (CapacitySearch.Bounds(first: 10, least: 0, most: 100, tolerance: 0.1, mostRuns: 5), "least is 0"),
        (CapacitySearch.Bounds(first: 10, least: 10, most: 5, tolerance: 0.1, mostRuns: 5), "most is 5"),
        (
            CapacitySearch.Bounds(first: 10, least: 10, most: 30_000_000, tolerance: 0.1, mostRuns: 5),
            "most is 30000000"
        ),
        (CapacitySearch.Bounds(first: 5, least: 10, most: 50, tolerance: 0.1, mostRuns: 5), "from is 5"),
        (CapacitySearch.Bounds(first: 10, least: 10, most: 50, tolerance: 0, mostRuns: 5), "tolerance is 0"),
        (CapacitySearch.Bounds(first: 10, least: 10, most: 50, tolerance: .nan, mostRuns: 5), "tolerance is nan"),
        (CapacitySearch.Bounds(first: 10, least: 10, most: 50, tolerance: 0.1, mostRuns: 0), "runs is 0"),
    ])
    func bounds_thatCannotBeSearched_sayWhy(bounds: CapacitySearch.Bounds, start: String) {
        #expect(bounds.problem?.hasPrefix(start) == true)
        #expect(bounds.problem?.contains("must be between") == true)
    }

    /// The verdict may blame the gateway as well: a late tool's times say nothing of where objectives hold.
    @Test func report_ofALateTool_isNoMeasure() throws {
        var report = try ReportTests.report(withDirect: false)
        #expect(!report.isToolLate(forPromises: true))
        report.verdict.checks = [.tool, .serverErrors].map {
            Check(name: $0, title: "", outcome: .failed, measured: "600 ms", limit: "100 ms", detail: "why")
        }
        #expect(report.isToolLate(forPromises: false) && report.exitCode == .broken)
        #expect(report.reasonForInvalidity == "the load tool could not keep up: 600 ms late, limit 100 ms; why")
        // A doubt that is of promises alone, where nobody asked for them.
        report.verdict.checks[0].isDoubt = true
        #expect(!report.isToolLate(forPromises: false) && report.isToolLate(forPromises: true))
    }

    @Test func text_saysWhatBecameOfEachRunAndOfAll() {
        let line = SearchText.Line(
            visitors: 16_000,
            outcome: "misses",
            detail: "inside.p99 812 ms",
            brokenPromises: 2,
            reportFolder: "search/1-16000"
        )
        let text = SearchText.line(3, line)
        #expect(text.contains("✗  3.     16,000 visitors  misses; 2 promises broken\n        inside.p99 812 ms"))
        let (search, end) = Self.play(Self.bounds, capacity: 9_500)
        #expect(
            SearchText.end(search, end) == "  Capacity: 9,500 visitors. Missed at 10,000; the gap is within 10\u{A0}%."
        )
        let invalid = SearchText.end(search, .invalid(visitors: 20_000, reason: String(repeating: "late ", count: 30)))
        #expect(invalid.hasPrefix("  INVALID at 20,000 visitors: late"))
        #expect(invalid.split(separator: "\n").allSatisfy { $0.count <= 80 })
    }
}
