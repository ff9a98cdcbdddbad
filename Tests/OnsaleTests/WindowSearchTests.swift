import Primitives
import Testing

@testable import onsale

@Suite struct WindowSearchTests {
    static func limits(_ micros: Int64, _ rateMilli: Int64, _ burst: Int64) -> LimitStep {
        LimitStep(micros: micros, rateMilli: rateMilli, burst: burst, slots: 100)
    }

    static func passages(_ moments: [Int64]) -> Passages {
        Passages(moments.map { Passage(earliestMicros: $0, latestMicros: $0) })
    }

    /// The share used of every window on the grid of microseconds, allowances summed up one by one.
    static func worstByTrying(_ passages: [Passage], _ limits: [LimitStep], length: Int64) -> Double {
        var worst = 0.0
        for start in -49...Int64(460) {
            let count = passages.count { $0.earliestMicros >= start && $0.latestMicros <= start + length }
            var allowed = 0.0
            var burst = limits.last { $0.micros <= start }?.burst ?? 0
            for micro in start..<(start + length) {
                allowed += Double(limits.last { $0.micros <= micro }?.rateMilli ?? 0) / 1e9
            }
            for change in limits where change.micros > start && change.micros <= start + length {
                burst = max(burst, change.burst)
            }
            worst = max(worst, Double(count) / (allowed + Double(burst)))
        }
        return worst
    }

    @Test(arguments: 1...100 as ClosedRange<UInt64>)
    func worst_randomHistories_isWhatTryingAllFinds(seed: UInt64) throws {
        var draw = SplitMix64(seed: seed)
        let passages = (0..<25).map { _ in
            let latest = Int64(draw.drawInteger(0...400))
            return Passage(earliestMicros: latest - Int64(draw.drawInteger(0...50)), latestMicros: latest)
        }
        // Rates high enough to matter within microseconds, changes closer than a window, bursts that grow and shrink.
        let near = 130 + Int64(draw.drawInteger(1...60))
        let limits = [-60, 130, near, 290].map { micros in
            Self.limits(micros, Int64(draw.drawInteger(1...60)) * 1_000_000, Int64(draw.drawInteger(1...9)))
        }
        let search = WindowSearch(Passages(passages), limits: limits)
        let window = try #require(search.worst(lengthMicros: 50))
        let worst = Self.worstByTrying(passages, limits, length: 50)
        #expect(abs(window.used - worst) < 1e-9, "seed \(seed): \(window) against \(worst)")
    }

    /// Every window between two moments.
    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func worstOfAnyLength_randomHistories_isWhatTryingAllFinds(seed: UInt64) throws {
        var draw = SplitMix64(seed: seed)
        let moments = (0..<60).map { _ in Int64(draw.drawInteger(0...400)) }
        let limits = [-60, 130, 290].map { Self.limits($0, Int64(draw.drawInteger(1...300)) * 1_000_000, 5) }
        let search = WindowSearch(Self.passages(moments), limits: limits)
        let all = moments.flatMap { start in
            moments.filter { $0 >= start }.map { search.window(startMicros: start, lengthMicros: $0 - start) }
        }
        let found = try #require(search.worstOfAnyLength())
        #expect(found.excessNano == all.map(\.excessNano).max(), "seed \(seed)")
        #expect(WindowSearch(Self.passages([]), limits: limits).worstOfAnyLength() == nil)
    }

    /// A bucket that is always asked gives exactly what is allowed, and one more is one too many; an answer that is on its
    /// way for a while changes nothing.
    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func worst_ofAnExactBucket_isWithinTheLimitAndOneMoreIsNot(seed: UInt64) throws {
        var draw = SplitMix64(seed: seed)
        let rateMilli: Int64 = 100_000
        var tokensNano: Int64 = 20_000_000_000
        var micros: Int64 = 0
        var turns: [Int64] = []
        while turns.count < 3_000 {
            let step = Int64(draw.drawInteger(1...20_000))
            micros += step
            tokensNano = min(tokensNano + step * rateMilli, 20_000_000_000)
            if tokensNano >= 1_000_000_000 {
                tokensNano -= 1_000_000_000
                turns.append(micros)
            }
        }
        let limits = [Self.limits(0, rateMilli, 20)]
        let seen = turns.map { turn in
            Passage(
                earliestMicros: turn - Int64(draw.drawInteger(0...250_000)),
                latestMicros: turn + Int64(draw.drawInteger(0...250_000))
            )
        }
        for passages in [Self.passages(turns), Passages(seen)] {
            for seconds in [1, 5, 30] as [Int64] {
                let search = WindowSearch(passages, limits: limits)
                let worst = try #require(search.worst(lengthMicros: seconds * 1_000_000))
                #expect(worst.excessNano <= 0, "seed \(seed), \(seconds) s")
            }
        }
        let middle = turns[1_500]
        turns.insert(contentsOf: Array(repeating: middle, count: 21), at: 1_500)
        let worst = try #require(WindowSearch(Self.passages(turns), limits: limits).worst(lengthMicros: 1_000))
        #expect(worst.excessNano > 0)
        #expect(worst.startMicros <= middle && worst.startMicros + 1_000 >= middle)
    }

    @Test func window_acrossAReload_addsBothRates() {
        let search = WindowSearch(
            Self.passages([5_000_000]),
            limits: [Self.limits(0, 100_000, 10), Self.limits(5_000_000, 200_000, 30)]
        )
        let window = search.window(startMicros: 4_000_000, lengthMicros: 2_000_000)
        #expect(window.allowed == 100 + 200 + 30)
        #expect(window.exchanges == 1)
    }

    @Test func worst_beforeAnyLimits_allowsNothing() throws {
        let window = try #require(WindowSearch(Self.passages([10]), limits: []).worst(lengthMicros: 5))
        #expect(window.excessNano == 1_000_000_000)
        #expect(WindowSearch(Self.passages([]), limits: []).worst(lengthMicros: 5) == nil)
    }

    @Test func lastExceeded_isTheLastAndWithinItsBounds() throws {
        let search = WindowSearch(Self.passages([100, 101, 102, 900, 901, 902]), limits: [Self.limits(0, 0, 2)])
        #expect(try #require(search.lastExceeded(lengthMicros: 10, from: 0, to: 2_000)).startMicros == 900)
        #expect(try #require(search.lastExceeded(lengthMicros: 10, from: 0, to: 800)).startMicros == 100)
        #expect(search.lastExceeded(lengthMicros: 10, from: 901, to: 2_000) == nil)
    }
}
