import Simulation
import Testing

/// Six seconds by hand.
@Suite struct ProvisioningScoreTests {
    private static let demand = [1, 3, 3, 2, 2, 2]

    @Test func score_supplyThatLagsAndOvershoots_isTheMeanOfEachSide() {
        // One too many, one missing, none, two too many, and then as many as are needed; three changes to two.
        let score = ProvisioningScore(demand: Self.demand, supply: [2, 2, 3, 4, 2, 2])
        #expect(abs(score.missingWorkers - 1.0 / 6) < 1e-12 && abs(score.missingShare - 1.0 / 6) < 1e-12)
        #expect(abs(score.surplusWorkers - 3.0 / 6) < 1e-12 && abs(score.surplusShare - 2.0 / 6) < 1e-12)
        #expect(abs(score.jitterPerMinute - 10) < 1e-12)
    }

    @Test func score_supplyThatIsTheDemand_isNothing() {
        #expect(ProvisioningScore(demand: Self.demand, supply: Self.demand) == ProvisioningScore())
        #expect(ProvisioningScore(demand: [], supply: []) == ProvisioningScore())
    }

    /// Two changes in six seconds are missed: twenty a minute.
    @Test func score_fixedSupply_hasNegativeJitter() {
        let score = ProvisioningScore(demand: Self.demand, supply: [2, 2, 2, 2, 2, 2])
        #expect(abs(score.jitterPerMinute + 20) < 1e-12)
        #expect(abs(score.missingWorkers - 2.0 / 6) < 1e-12 && abs(score.surplusWorkers - 1.0 / 6) < 1e-12)
    }
}
