import Primitives
import Scaling
import Testing

/// What holds of the policy whatever happens; histories are drawn from seeds.
@Suite struct PolicyPropertyTests {
    static let seeds = (1...20).map { UInt64($0) * 104_729 }

    /// A random history of signals, and the pool as the decisions make it: what is ordered is ready after `start` seconds.
    private struct History {
        var random: SplitMix64
        var policy = ScalingPolicy(limits: Given.limits(1...60))
        var ready = 1
        var pending: [Instant] = []
        /// Ready workers that the last decision was made on.
        var decidedOn = 1
        let start: Int64

        init(seed: UInt64) {
            self.random = SplitMix64(seed: seed)
            self.start = 1 + Int64(self.random.next() % 40)
        }

        mutating func decide(_ signals: PoolSignals, second: Int) -> ScalingDecision {
            let now = Given.at(Double(second))
            let done = self.pending.filter { now.nanoseconds(since: $0) >= self.start * Given.second }
            for started in done { self.policy.workerStarted(after: now.nanoseconds(since: started)) }
            self.pending.removeAll { now.nanoseconds(since: $0) >= self.start * Given.second }
            self.ready += done.count
            self.decidedOn = self.ready
            let pool = PoolState(ready: self.ready, pending: self.pending)
            let decision = self.policy.decide(signals: signals, pool: pool, now: now)
            self.follow(decision, now: now)
            return decision
        }

        private mutating func follow(_ decision: ScalingDecision, now: Instant) {
            while self.ready + self.pending.count < decision.desiredWorkers { self.pending.append(now) }
            while self.ready + self.pending.count > decision.desiredWorkers {
                if self.pending.popLast() == nil { self.ready -= 1 }
            }
        }

        mutating func wild() -> PoolSignals {
            Given.signals(
                arrivals: self.random.nextUnit() * self.random.nextUnit() * 3_000,
                unguarded: self.random.nextUnit() * 200,
                admissions: self.random.nextUnit() * 60,
                inFlight: Int(self.random.nextUnit() * 100),
                queued: Int(self.random.nextUnit() * 50),
                waiting: self.random.nextUnit() < 0.5 ? 0 : Int(self.random.nextUnit() * 5_000),
                latency: Given.latency(milliseconds: 5 + 400 * self.random.nextUnit(), count: 30),
                errors: self.random.nextUnit() < 0.9 ? 0 : 5
            )
        }
    }

    /// Two policies that differ in nothing but that one sees more of everything that asks for workers.
    @Test(arguments: Self.seeds)
    func need_moreLoad_isNeverLower(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let factor = 1 + 2 * random.nextUnit()
        let base = random.nextUnit() * 600
        var less = ScalingPolicy(limits: Given.limits(1...500))
        var more = less
        for second in 0..<60 {
            let sample = base * (0.9 + 0.2 * random.nextUnit())
            let waiting = second * Int(random.nextUnit() * 30)
            let pool = PoolState(ready: 20)
            let now = Given.at(Double(second))
            let first = less.decide(
                signals: Given.signals(arrivals: sample, unguarded: sample, inFlight: 5, waiting: waiting),
                pool: pool,
                now: now
            )
            let other = more.decide(
                signals: Given.signals(
                    arrivals: sample * factor,
                    unguarded: sample * factor,
                    inFlight: 5,
                    waiting: Int(Double(waiting) * factor)
                ),
                pool: pool,
                now: now
            )
            #expect(other.neededWorkers >= first.neededWorkers, "seed \(seed)")
            // Changes within the deadband are not published.
            #expect(other.admissionRatePerSecond <= first.admissionRatePerSecond * 1.045, "seed \(seed)")
        }
    }

    @Test(arguments: Self.seeds)
    func size_wildSignals_goesDownInBoundedSteps(seed: UInt64) {
        var history = History(seed: seed)
        var last: Int?
        for second in 0..<300 {
            let decision = history.decide(history.wild(), second: second)
            if let last { #expect(decision.desiredWorkers >= last - max(1, last / 4), "seed \(seed)") }
            last = decision.desiredWorkers
        }
    }

    /// Upwards the size goes to what the second asks for, and not beyond.
    @Test(arguments: Self.seeds)
    func size_wildSignals_neverGrowsBeyondTheNeed(seed: UInt64) {
        var history = History(seed: seed)
        var last = 1
        for second in 0..<300 {
            let decision = history.decide(history.wild(), second: second)
            let most = max(last, decision.neededWorkers)
            #expect(decision.desiredWorkers <= most, "second \(second), seed \(seed)")
            last = decision.desiredWorkers
        }
    }

    /// What starts is ordered already: for as long as it takes, the same signals ask for nothing on top of it.
    @Test(arguments: Self.seeds)
    func size_sameSignalsWhileWorkersStart_isOrderedOnce(seed: UInt64) {
        var history = History(seed: seed)
        for _ in 0..<20 { history.policy.workerStarted(after: history.start * Given.second) }
        var signals = history.wild()
        signals.waiting += 5_000
        // Nothing is learned that would change the need: nobody is let in, and requests take as long as is believed.
        signals.admissionsPerSecond = 0
        signals.latency = Given.latency(milliseconds: 20, count: 30)
        let first = history.decide(signals, second: 0)
        #expect(!history.pending.isEmpty, "seed \(seed)")
        for second in 1..<120 {
            let decision = history.decide(signals, second: second)
            #expect(decision.desiredWorkers <= first.desiredWorkers, "second \(second), seed \(seed)")
        }
    }

    /// What is let in never keeps more than nine tenths of the ready slots busy, times what was measured to fit besides.
    @Test(arguments: Self.seeds)
    func rate_wildSignals_neverExceedsReadyCapacity(seed: UInt64) {
        var history = History(seed: seed)
        for second in 0..<300 {
            let decision = history.decide(history.wild(), second: second)
            let busy = Double(decision.serviceTimeNanoseconds) / 1e9
            // Nobody makes less than one request.
            let most = Double(history.decidedOn * 8) * 0.9 / busy
            #expect(decision.admissionRatePerSecond <= most * 1.025, "second \(second), seed \(seed)")
        }
    }

    @Test(arguments: Self.seeds)
    func rate_noWorkerReady_isZeroAndElseIsNot(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var history = History(seed: seed)
        for second in 0..<200 {
            let ready = Int(random.next() % 4)
            let decision = history.policy.decide(
                signals: history.wild(),
                pool: PoolState(ready: ready),
                now: Given.at(Double(second))
            )
            #expect((decision.admissionRateMilli > 0) == (ready > 0), "seed \(seed)")
        }
    }

    /// Chance about a steady level: the size finds its place and stays there.
    @Test(arguments: Self.seeds)
    func size_steadyLoadWithNoise_doesNotFlap(seed: UInt64) {
        var history = History(seed: seed)
        let level = 200 + 2_000 * history.random.nextUnit()
        var sizes: [Int] = []
        for second in 0..<600 {
            // Poisson's deviation.
            let arrivals = max(0, level + level.squareRoot() * history.random.nextNormal())
            let signals = Given.signals(arrivals: arrivals, inFlight: Int(arrivals * 0.02))
            sizes.append(history.decide(signals, second: second).desiredWorkers)
        }
        let settled = sizes[120...]
        let changes = zip(settled, settled.dropFirst()).filter { $0 != $1 }.count
        #expect(changes <= 12, "seed \(seed): \(changes) changes in eight minutes")
        #expect(settled.max()! - settled.min()! <= 1 + settled.max()! / 8, "seed \(seed): \(Set(settled))")
    }
}
