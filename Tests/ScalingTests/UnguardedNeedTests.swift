import Primitives
import Scaling
import Testing

/// What requests that no room holds back are staffed for beyond those that come now. Workers have one slot each here,
/// so that a need shows every busy slot.
@Suite struct UnguardedNeedTests {
    private static func policy() -> ScalingPolicy {
        var limits = Given.limits(1...1_000)
        limits.slotsPerWorker = 1
        return ScalingPolicy(limits: limits)
    }

    /// What each second needs when so many requests arrive in it, all of them past the rooms or none.
    private func needs(_ policy: ScalingPolicy, _ arrivals: [Double], isUnguarded: Bool = true) -> [Int] {
        var policy = policy
        return arrivals.enumerated().map { second, arriving in
            let signals = Given.signals(arrivals: arriving, unguarded: isUnguarded ? arriving : 0)
            let pool = PoolState(ready: 400)
            return policy.decide(signals: signals, pool: pool, now: Given.at(Double(second))).neededWorkers
        }
    }

    /// After 40 seconds 2,080 a second are seen, 90 behind the truth. A worker that is ordered now serves 12 s later,
    /// two for the order and ten for the start: 360 more. With 46 for chance that is 49.7 busy slots, and 10.6 to spare.
    @Test func need_ramp_isThatOfWhenAnOrderedWorkerServes() {
        var policy = Self.policy()
        for _ in 0..<20 { policy.workerStarted(after: 10 * Given.second) }
        let needs = self.needs(policy, (0..<40).map { 1_000 + 30 * Double($0) })
        #expect(needs.last == 61, "without the growth it is 53")
    }

    /// 10,000 a second with a deviation of 1,000: one deviation is 20 busy slots, 22 workers.
    @Test(arguments: [1, 7, 42] as [UInt64])
    func need_noisyLevel_isAboutOneDeviationAboveIt(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let arrivals = (0..<120).map { _ in 10_000 + 1_000 * random.nextNormal() }
        let unguarded = self.needs(Self.policy(), arrivals)
        let guarded = self.needs(Self.policy(), arrivals, isUnguarded: false)
        let more = zip(unguarded, guarded).dropFirst(20).map { $0 - $1 }
        let mean = Double(more.reduce(0, +)) / Double(more.count)
        #expect((15...31).contains(mean), "seed \(seed): \(mean) workers")
    }

    /// A hundred that stand in the gateways are to be served within the second, as if they came in it.
    @Test func need_requestsStandInTheGateways_isThatOfAsManyMore() {
        func need(_ arrivals: Double, queued: Int) -> Int {
            var policy = Self.policy()
            let signals = Given.signals(arrivals: arrivals, unguarded: arrivals, queued: queued)
            return policy.decide(signals: signals, pool: PoolState(ready: 400), now: Given.at(0)).neededWorkers
        }
        #expect(need(1_000, queued: 0) == 28)
        #expect(need(1_000, queued: 100) == 30)
        #expect(need(1_100, queued: 0) == 30)
    }
}
