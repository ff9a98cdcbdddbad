import Simulation
import Testing

@testable import onsale

/// What the comparison of scalers says of its goals.
@Suite struct ScalingTableTests {
    private typealias Score = CapacityComparison.Score

    private static func score(
        violating: Int = 0,
        failed: Int = 0,
        workerSeconds: Double = 100,
        actions: Int = 0,
        served: Double = 60
    ) -> Score {
        var score = Score()
        score.violatingSeconds = violating
        score.failedRequests = failed
        score.workerSeconds = workerSeconds
        score.scaleActions = actions
        score.servedSeconds = served
        return score
    }

    /// One case, in which neither baseline holds the objective unless another is given.
    private static func table(
        _ sluice: Score,
        knative: Score = Self.score(violating: 20, failed: 1, workerSeconds: 120, actions: 5),
        hasRoom: Bool = true
    ) -> ScalingTable {
        let of = CapacityComparison.Case(
            trace: DemandTrace.invented[0],
            startSeconds: 15,
            hasRoom: hasRoom,
            seed: 1
        )
        let horizontal = Self.score(violating: 40, failed: 10, workerSeconds: 200, actions: 2)
        let scores: [CapacityComparison.Row: Score] = [
            .sluice: sluice, .horizontal: horizontal, .knative: knative, .fixed: horizontal, .oracle: Self.score(),
        ]
        return ScalingTable([CapacityComparison(of: of, scores: scores)])
    }

    private func missed(_ table: ScalingTable) -> [String] { table.lines.filter { $0.contains("MISSED") } }

    /// One in twenty of the better one's violating seconds, 1.35 times the oracle's cost, the actions of kpa.
    private static let good = Self.score(violating: 1, workerSeconds: 130, actions: 5)

    @Test func goals_allMet_sayNothingElse() {
        let table = Self.table(Self.good)
        #expect(table.isMet && self.missed(table).isEmpty)
        #expect(table.lines.filter { $0.contains("  met  ") }.count == 6)
    }

    @Test func goals_eachMissedByItself_areNamed() {
        var failed = Self.good
        failed.failedRequests = 1
        var violating = Self.good
        violating.violatingSeconds = 2
        var dear = Self.good
        dear.workerSeconds = 140
        var restless = Self.good
        restless.scaleActions = 6
        var slow = Self.good
        slow.servedSeconds = 67
        let rows = [
            (failed, "1 failed requests"), (violating, "violating seconds 0.10 x"), (dear, "worker-seconds 1.40 x"),
            (restless, "6 scale actions; kpa 5"), (slow, "99 % served after 1.12 x"),
        ]
        for (score, words) in rows {
            let table = Self.table(score)
            let missed = self.missed(table)
            #expect(!table.isMet && missed.count == 1 && missed[0].contains(words), "\(words): \(missed)")
        }
    }

    /// Six seconds of which one has a worker too few, and two have three too many together.
    @Test func provisioning_ofEachButTheOracle_isInItsLine() {
        var sluice = Self.good
        sluice.provisioning = ProvisioningScore(demand: [1, 3, 3, 2, 2, 2], supply: [2, 2, 3, 4, 2, 2])
        var knative = Self.score(violating: 20, failed: 1, actions: 5)
        knative.provisioning.jitterPerMinute = -0.26
        let lines = Self.table(sluice, knative: knative).lines
        let words = lines.map { $0.split(separator: " ").joined(separator: " ") }
        #expect(words.contains("sluice 0.17 / 0.17 17 / 17 0.50 / 0.50 33 / 33 10.0 / 10.0"), "\(words)")
        #expect(words.contains("kpa 0.00 / 0.00 0 / 0 0.00 / 0.00 0 / 0 -0.3 / -0.3"), "\(words)")
        #expect(words.filter { $0.hasPrefix("oracle") }.count == 1, "its own workers are what is needed")
    }

    /// Four seconds in 480 are less than one in a hundred: the baseline holds, and is cheaper.
    @Test func goals_dearerThanABaselineThatHolds_areMissed() {
        var sluice = Self.good
        sluice.violatingSeconds = 0
        let table = Self.table(sluice, knative: Self.score(violating: 4, workerSeconds: 120, actions: 5))
        let missed = self.missed(table)
        #expect(missed.count == 1 && missed[0].contains("1 times dearer"), "\(missed)")
    }

    @Test func goals_withoutARoom_namePoorTraces() {
        var sluice = Self.good
        sluice.violatingSeconds = 14
        #expect(Self.table(sluice, hasRoom: false).isMet)
        sluice.violatingSeconds = 21
        let missed = self.missed(Self.table(sluice, hasRoom: false))
        #expect(missed.count == 2 && missed[0].contains("violating seconds 1.05 x"), "\(missed)")
        #expect(missed.last?.contains("1 traces worse") == true, "\(missed)")
    }
}
