import Foundation
import Primitives
import Testing

/// Functions of mathematics, against the system's own.
@Suite struct ElementaryTests {
    private func isClose(_ found: Double, _ expected: Double) -> Bool {
        found == expected || abs(found - expected) <= 4 * max(expected.ulp, abs(expected) * 0x1p-52)
    }

    @Test func log_manyMagnitudes_isThatOfTheSystem() {
        var random = SplitMix64(seed: 1)
        for _ in 0..<20_000 {
            let value = Foundation.exp(1_200 * random.nextUnit() - 600)
            #expect(self.isClose(Elementary.log(value), Foundation.log(value)), "\(value)")
        }
        #expect(Elementary.log(1) == 0 && Elementary.log(0) == -.infinity && Elementary.log(-1).isNaN)
        #expect(self.isClose(Elementary.log(.leastNonzeroMagnitude), Foundation.log(.leastNonzeroMagnitude)))
    }

    @Test func exp_manyMagnitudes_isThatOfTheSystem() {
        var random = SplitMix64(seed: 2)
        for _ in 0..<20_000 {
            let value = 1_400 * random.nextUnit() - 700
            #expect(self.isClose(Elementary.exp(value), Foundation.exp(value)), "\(value)")
        }
        #expect(Elementary.exp(0) == 1 && Elementary.exp(-1_000) == 0 && Elementary.exp(1_000) == .infinity)
    }

    @Test func cosine_wholeTurn_isThatOfTheSystem() {
        var random = SplitMix64(seed: 3)
        for _ in 0..<20_000 {
            let turns = random.nextUnit()
            #expect(abs(Elementary.cosine(turns: turns) - cos(2 * .pi * turns)) < 1e-14, "\(turns)")
        }
        #expect(Elementary.cosine(turns: 0) == 1 && Elementary.cosine(turns: 0.5) == -1)
    }

    /// To the last bit, on whatever machine this runs.
    @Test func values_areTheSameEverywhere() {
        var random = SplitMix64(seed: 7)
        var sum: UInt64 = 0
        for _ in 0..<1_000 { sum = sum &* 31 &+ Elementary.exp(random.nextNormal()).bitPattern }
        #expect(sum == 0xCC21_7CBE_D6FE_400A)
    }
}
