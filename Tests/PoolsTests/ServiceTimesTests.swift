import Primitives
import Testing

@testable import Pools

@Suite struct ServiceTimesTests {
    @Test(arguments: [0, 0.5, 1] as [Double])
    func times_manyDraws_haveTheMeanAndMedianOfALognormal(spread: Double) {
        let mean: Double = 20_000_000
        var times = ServiceTimes(meanNanoseconds: Int64(mean), spread: spread, seed: 7)
        let draws = (0..<50_000).map { _ in Double(times.next()) }.sorted()
        #expect(abs(draws.reduce(0, +) / 50_000 / mean - 1) < 0.03)
        // exp(-sigma^2 / 2), written out to need no library.
        let medians: [Double: Double] = [0: 1, 0.5: 0.8825, 1: 0.6065]
        #expect(abs(draws[25_000] / mean - medians[spread]!) < 0.02)
        #expect(draws.first! > 0)
    }

    @Test func times_ofOneSeed_repeat() {
        var first = ServiceTimes(meanNanoseconds: 1_000, spread: 0.5, seed: 3)
        var second = ServiceTimes(meanNanoseconds: 1_000, spread: 0.5, seed: 3)
        let draws = (0..<100).map { _ in first.next() }
        #expect((0..<100).map { _ in second.next() } == draws)
    }
}
