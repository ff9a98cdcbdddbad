import Foundation
import Testing

@testable import onsale

@Suite struct ComparisonTests {
    // MARK: Student's t

    /// From printed tables: the bound of a two-sided 95 % and 99 % interval.
    @Test(
        arguments: [
            (1, 12.706, 63.657), (2, 4.303, 9.925), (3, 3.182, 5.841), (5, 2.571, 4.032), (10, 2.228, 3.169),
            (30, 2.042, 2.750),
            (120, 1.980, 2.617),
        ] as [(Double, Double, Double)]
    )
    func quantile_isThatOfTheTables(freedom: Double, wide: Double, wider: Double) {
        let t = StudentT(degreesOfFreedom: freedom)
        #expect(abs(t.quantile(twoSided: 0.05) - wide) < 6e-4)
        #expect(abs(t.quantile(twoSided: 0.01) - wider) < 6e-4)
        #expect(abs(t.twoSided(wide) - 0.05) < 1e-4 && t.twoSided(0) == 1 && t.twoSided(-wide) == t.twoSided(wide))
        #expect(t.twoSided(.infinity) == 0)
    }

    // MARK: One metric

    static let p99 = Metric(named: "p99")!

    /// scipy.stats.ttest_ind([30.02, 29.99, 30.11, 29.97, 30.01, 29.99], [29.89, 29.93, 29.72, 29.98, 30.02, 29.98],
    /// equal_var=False) gives p = 0.09077, and the 95 % interval of the difference -0.2096 to 0.0196 (7.03 degrees of
    /// freedom).
    @Test func welch_isThatOfTheBooks() throws {
        let difference = MetricDifference(
            Self.p99,
            base: [30.02, 29.99, 30.11, 29.97, 30.01, 29.99],
            other: [29.89, 29.93, 29.72, 29.98, 30.02, 29.98],
            isPaired: false
        )
        #expect(difference.method == .welch)
        #expect(abs(difference.difference + 0.095) < 1e-9)
        #expect(abs(try #require(difference.chance) - 0.09077) < 1e-4)
        let interval = try #require(difference.interval)
        #expect(abs(interval.lowerBound + 0.20957) < 1e-4 && abs(interval.upperBound - 0.01957) < 1e-4)
    }

    /// Seeds differ far more than what was changed: only in pairs it shows.
    @Test func pairs_ofOneSeedEach_showWhatGroupsHide() throws {
        let base: [Double] = [100, 200, 300, 400]
        let other: [Double] = [110, 211, 309, 410]
        let paired = MetricDifference(Self.p99, base: base, other: other, isPaired: true)
        let welch = MetricDifference(Self.p99, base: base, other: other, isPaired: false)
        #expect(paired.method == .paired)
        #expect(try #require(paired.chance) < 0.001)
        #expect(paired.interval?.contains(10) == true && paired.interval?.contains(0) == false)
        #expect(try #require(welch.chance) > 0.8)
        #expect(welch.interval?.contains(0) == true)
    }

    @Test(arguments: [(1, 1), (2, 5), (5, 2)])
    func fewRuns_sayNothingOfChance(base: Int, other: Int) {
        let difference = MetricDifference(
            Self.p99,
            base: Array(repeating: 1, count: base),
            other: Array(repeating: 9, count: other),
            isPaired: false
        )
        #expect(difference.method == .none && difference.interval == nil && difference.chance == nil)
        #expect(MetricDifference.judged([difference])[0].judgement == .unknown)
    }

    @Test func runsWithoutSpread_differForSureOrNotAtAll() {
        let same = MetricDifference(Self.p99, base: [5, 5, 5], other: [5, 5, 5], isPaired: true)
        let other = MetricDifference(Self.p99, base: [5, 5, 5], other: [6, 6, 6], isPaired: false)
        #expect(same.chance == 1 && same.interval == 0...0)
        #expect(other.chance == 0 && other.interval == 1...1)
        #expect(MetricDifference.judged([same, other]).map(\.judgement) == [.same, .worse])
    }

    /// What is one in thirty alone is nothing to speak of among twenty.
    @Test func judged_amongMany_asksForMore() {
        let slight = MetricDifference(Self.p99, base: [10, 11, 12, 13], other: [12, 12, 15, 15], isPaired: true)
        let plain = MetricDifference(Self.p99, base: [9, 10, 11], other: [9.1, 9.8, 11.2], isPaired: true)
        #expect(slight.chance.map { (0.002..<0.05).contains($0) } == true)
        #expect(MetricDifference.judged([slight])[0].judgement == .worse)
        let many = MetricDifference.judged([slight] + Array(repeating: plain, count: 25))
        #expect(many.allSatisfy { $0.judgement == .same })
        let served = MetricDifference(Metric(named: "served")!, base: [5, 5, 5], other: [6, 6, 6], isPaired: true)
        let waiting = MetricDifference(
            Metric(named: "waiting.max")!,
            base: [5, 5, 5],
            other: [6, 6, 6],
            isPaired: true
        )
        #expect(MetricDifference.judged([served, waiting]).map(\.judgement) == [.better, .changed])
    }

    // MARK: Reports

    static func report(seed: UInt64, visitors: Int = 300, slower nanoseconds: Int64 = 0) throws
        -> ReportComparison.Named
    {
        var report = try SampleReport.make(
            Scenario(visitors: visitors, durationSeconds: 20, seed: seed),
            withDirect: false
        )
        let summary = report.gateway.inside
        if let summary {
            let counters = summary.correctedHistogram.counters.map {
                HistogramRecord.Counter(value: $0.value + nanoseconds, count: $0.count)
            }
            report.gateway.inside?.correctedHistogram.counters = counters
            report.gateway.inside?.corrected.highest += nanoseconds
        }
        for index in report.verdict.checks.indices { report.verdict.checks[index].outcome = .passed }
        return ReportComparison.Named(name: "seed-\(seed)", report: report)
    }

    @Test func groups_ofTheSameSeeds_arePairedWhateverTheirOrder() throws {
        let base = try [3, 1, 2].map { try Self.report(seed: $0) }
        let other = try [1, 2, 3].map { try Self.report(seed: $0, slower: 40_000_000) }
        let comparison = try ReportComparison(base, other)
        #expect(comparison.isPaired && comparison.isWorse)
        let p99 = try #require(comparison.differences.first { $0.metric.name == "inside.p99" })
        #expect(p99.judgement == .worse && p99.difference == 40_000_000)
        #expect(
            comparison.differences.filter { $0.judgement == .worse }.allSatisfy { $0.metric.name.hasPrefix("inside") }
        )
        #expect(try !ReportComparison(base, base).isWorse)
        #expect(try !ReportComparison(other, base).isWorse)
    }

    @Test func groups_ofOtherSeeds_areNotPaired() throws {
        let base = try [1, 2, 3].map { try Self.report(seed: $0) }
        let other = try [4, 5, 6].map { try Self.report(seed: $0) }
        #expect(try !ReportComparison(base, other).isPaired)
        #expect(try !ReportComparison(base, other + [base[0]]).isPaired)
    }

    @Test func scenarios_thatDiffer_areRefusedUnlessForced() throws {
        let base = [try Self.report(seed: 1)]
        let other = [try Self.report(seed: 2, visitors: 400)]
        let problem = #expect(throws: ReportComparison.Problem.self) { try ReportComparison(base, other) }
        #expect(problem?.description.contains("visitors 400 instead of 300") == true)
        #expect(problem?.description.contains("--force") == true && problem?.description.contains("seed 2") == false)
        let forced = try ReportComparison(base, other, isForced: true)
        #expect(forced.remarks.count == 1 && forced.baseCount == 1)
    }

    @Test func runs_thatDoNotCount_areRefused() throws {
        var stopped = try Self.report(seed: 1)
        stopped.report.partial = RunReport.Partial(seconds: 7, reason: "interrupted")
        var late = try Self.report(seed: 1)
        late.report.verdict.checks = [
            Check(name: .tool, title: "", outcome: .failed, measured: "", limit: "", detail: "")
        ]
        for (named, word) in [(stopped, "stopped after 7 s"), (late, "could not keep up")] {
            let problem = #expect(throws: ReportComparison.Problem.self) {
                try ReportComparison([try Self.report(seed: 1)], [named])
            }
            #expect(problem?.description.contains(word) == true)
        }
    }

    @Test func promise_brokenSince_isWorseWhateverTheFigures() throws {
        let base = try Self.report(seed: 1)
        var other = try Self.report(seed: 1)
        other.report.verdict.checks[0].outcome = .failed
        let comparison = try ReportComparison([base], [other])
        #expect(comparison.isWorse && comparison.brokenSince == [other.report.verdict.checks[0].title])
        #expect(try !ReportComparison([other], [base]).isWorse)
        #expect(try ReportComparison([other], [base]).keptSince.count == 1)
    }

    /// What could not be measured is not kept; what is no longer judged is named.
    @Test func promise_notMeasuredSince_isNewlyBroken() throws {
        let base = try Self.report(seed: 1)
        var other = try Self.report(seed: 1)
        let titles = other.report.verdict.checks.map(\.title)
        other.report.verdict.checks[0].outcome = .notMeasured
        other.report.verdict.checks[1].outcome = .notJudged
        let comparison = try ReportComparison([base], [other])
        #expect(comparison.isWorse && comparison.brokenSince == [titles[0]])
        #expect(comparison.lost == ["judged in A, not in B: \(titles[1])"])
        #expect(try ReportComparison([other], [base]).keptSince == [titles[0]])
    }

    @Test func figure_thatSomeRunsLack_isNamedOrRefused() throws {
        let base = try [1, 2].map { try Self.report(seed: $0) }
        var other = try [1, 2].map { try Self.report(seed: $0) }
        other[1].report.gateway.wait = nil
        other[1].report.gateway.waitHistogram = nil
        let comparison = try ReportComparison(base, other)
        let loss = try #require(comparison.lost.first { $0.contains("wait.p50") })
        #expect(loss.contains("1 of 2 runs of B do not have it"), "\(loss)")
        #expect(!comparison.differences.contains { $0.metric.name == "wait.p50" })
        let text = ComparisonText(comparison, base: "a", other: "b", isColoured: false).render()
        #expect(text.contains("! wait.p50"))
        let (wait, served) = (try #require(Metric(named: "wait.p50")), try #require(Metric(named: "served")))
        let problem = #expect(throws: ReportComparison.Problem.self) {
            try ReportComparison(base, other, named: [served, wait])
        }
        #expect(problem?.description.contains("wait.p50 left out") == true)
        #expect(try ReportComparison(base, other, named: [served]).lost == [])
    }

    @Test func text_fitsEightyColumnsAndSaysItsMethod() throws {
        let seeds: [UInt64] = [1, 2, 3]
        let base = try seeds.map { try Self.report(seed: $0) }
        let other = try seeds.map { try Self.report(seed: $0, slower: 90_000_000_000) }
        for (a, b, words) in [
            (base, other, "Paired by seed"), (base, Array(other.dropFirst()), "Too few runs"),
            (Array(base.prefix(1)), Array(other.prefix(1)), "One run each: no confidence"),
        ] {
            let text = ComparisonText(
                try ReportComparison(a, b),
                base: "before",
                other: String(repeating: "after ", count: 30),
                isColoured: false
            ).render()
            for line in text.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
            #expect(text.contains(words))
        }
    }

    @Test func group_isFoundByFileFolderOrFolders() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("onsale-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for seed in [1, 2] as [UInt64] {
            _ = try ReportFiles.write(try Self.report(seed: seed).report, folder: "\(folder)/runs/\(seed)")
        }
        #expect(try ReportGroup.read("\(folder)/runs").map(\.report.scenario.seed) == [1, 2])
        #expect(try ReportGroup.read("\(folder)/runs/2").map(\.report.scenario.seed) == [2])
        let both = "\(folder)/runs/2/report.json,\(folder)/runs/1"
        #expect(try ReportGroup.read(both).map(\.report.scenario.seed) == [2, 1])
        for path in ["", folder, "\(folder)/none"] {
            #expect(throws: ReportFiles.Problem.self) { try ReportGroup.read(path) }
        }
    }
}
