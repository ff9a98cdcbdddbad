import Primitives
import Testing

@Suite struct BackoffTests {
    @Test(arguments: [1, 2, 0xBEEF] as [UInt64])
    func next_manyFailures_staysWithinDoublingBounds(seed: UInt64) {
        var backoff = Backoff(shortestNanoseconds: 50, longestNanoseconds: 2_000, seed: seed)
        for bound in [100, 200, 400, 800, 1_600, 2_000, 2_000] as [Int64] {
            let wait = backoff.next()
            #expect(wait >= 50 && wait <= bound, "seed \(seed)")
        }
        backoff.reset()
        #expect(backoff.next() <= 100, "seed \(seed)")
    }

    @Test func next_differentSeeds_differ() {
        let waits = (0..<20 as Range<UInt64>).map { seed in
            var backoff = Backoff(shortestNanoseconds: 50_000_000, longestNanoseconds: 2_000_000_000, seed: seed)
            return backoff.next()
        }
        #expect(Set(waits).count > 10)
    }
}
