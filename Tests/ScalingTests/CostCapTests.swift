import Primitives
import Scaling
import Settings
import Simulation
import Testing

/// A pool never costs more than its cap, and the people pay for that by waiting, not by errors.
@Suite struct CostCapTests {
    private static func limits(_ workers: ClosedRange<Int> = 1...20, seconds: Double, window: Int64 = 600)
        -> ScalingLimits
    {
        var limits = Given.limits(workers)
        limits.costCap = CostCap(workerSeconds: seconds, windowNanoseconds: window * Given.second)
        return limits
    }

    /// So many come that eight workers are busy.
    private static func scenario(capMinutes: Int) -> CapacityScenario {
        var pool = PoolSettings(name: "shop")
        pool.worker.slots = 4
        pool.worker.serviceTimeNanoseconds = 40 * Nanoseconds.perMillisecond
        pool.worker.startTimeNanoseconds = 8 * Nanoseconds.perSecond
        pool.maxWorkers = 20
        pool.scaling.costCapMinutes = capMinutes
        pool.scaling.costWindowNanoseconds = 600 * Nanoseconds.perSecond
        var room = RoomSettings(name: "sale", slots: 100_000, inflowMilli: 1_000_000)
        room.burst = 100
        var scenario = CapacityScenario(
            name: "cost",
            visitorsPerSecond: (0..<900).map { _ in 120 },
            pool: pool,
            room: room
        )
        scenario.thinkSeconds = 1
        return scenario
    }

    @Test(arguments: [1, 42, 0xBEEF] as [UInt64])
    func sale_beyondTheCap_waitsAndNothingFails(seed: UInt64) {
        var free = CapacityRun(Self.scenario(capMinutes: 0), seed: seed)
        let dear = free.run()
        #expect(dear.workerSeconds > 6_000, "the crowd is worth more than the cap, seed \(seed)")
        #expect(dear.seconds.allSatisfy { $0.decision?.cost == nil })

        var run = CapacityRun(Self.scenario(capMinutes: 30), seed: seed)
        let capped = run.run()
        #expect(capped.failedRequests == 0, "seed \(seed)")
        let costs = capped.seconds.map { Double($0.ready + $0.pending) }
        for end in costs.indices {
            let spent = costs[max(0, end - 600)...end].reduce(0, +)
            // What drains counts as ready or not at all here; a worker may be busy with those inside a little longer.
            #expect(spent <= 1_800 * 1.02, "second \(end), seed \(seed)")
        }
        #expect(capped.seconds.contains { $0.decision?.reason == .costCap }, "seed \(seed)")
        // It is used, and people go on coming in by it.
        #expect(costs.prefix(600).reduce(0, +) > 1_800 * 0.8, "seed \(seed)")
        for third in 0..<3 {
            let admitted = capped.seconds[(300 * third)..<(300 * (third + 1))].reduce(0) { $0 + $1.admitted }
            #expect(admitted > 300, "third \(third), seed \(seed)")
        }
        for (before, after) in zip(capped.seconds, capped.seconds.dropFirst()) {
            #expect(
                after.desired >= before.desired - max(1, before.desired / 4),
                "second \(after.second), seed \(seed)"
            )
        }
    }

    /// 5,000 requests a second that no room holds back keep 100 slots busy, whatever they cost.
    @Test func decide_nothingLeftAndRequestsPastTheRoom_keepTheirWorkers() {
        var policy = ScalingPolicy(limits: Self.limits(seconds: 1_200))
        let busy = Given.signals(arrivals: 5_000, unguarded: 5_000, inFlight: 100, waiting: 100_000)
        let decisions = policy.settle(busy, ready: 15, from: 0, seconds: 300)
        #expect(decisions.last?.cost?.affordableWorkers == 1, "the fewest")
        #expect(decisions.allSatisfy { $0.desiredWorkers >= 15 })
        #expect(decisions.last?.reason == .costCap, "the line gets none")
        #expect(decisions.last?.admissionRatePerSecond == 0)
    }

    @Test func decide_capFarAway_changesNothingAndForecastsIt() throws {
        var free = ScalingPolicy(limits: Given.limits())
        var capped = ScalingPolicy(limits: Self.limits(seconds: 36_000, window: 3_600))
        for second in 0..<30 {
            let signals = Given.signals(arrivals: 600, inFlight: 12, waiting: 500 + 100 * second)
            let pool = PoolState(ready: 4)
            var decision = capped.decide(signals: signals, pool: pool, now: Given.at(Double(second)))
            let cost = try #require(decision.cost)
            #expect(abs(cost.spent.all - 4 * Double(second)) < 1e-6)
            // Three beyond the fewest have what the one leaves for themselves, less what 300 seconds of them cost.
            #expect(abs(try #require(cost.bindsInSeconds) - (32_400 - 3 * Double(second)) / 3 + 300) < 1e-6)
            decision.cost = nil
            #expect(decision == free.decide(signals: signals, pool: pool, now: Given.at(Double(second))))
        }
    }

    /// Seen before: with any cap nobody was let in beside busy routes that no room guards.
    @Test func decide_capFarAwayBesideUnguardedRequests_letsInAsMany() {
        var free = ScalingPolicy(limits: Given.limits())
        var capped = ScalingPolicy(limits: Self.limits(seconds: 36_000, window: 3_600))
        for second in 0..<10 {
            let signals = Given.signals(arrivals: 5_000, unguarded: 5_000, inFlight: 16, waiting: 500)
            let (pool, now) = (PoolState(ready: 2), Given.at(Double(second)))
            let rate = free.decide(signals: signals, pool: pool, now: now).admissionRatePerSecond
            #expect(rate > 0)
            #expect(capped.decide(signals: signals, pool: pool, now: now).admissionRatePerSecond == rate)
        }
    }

    /// What a pool spent a window ago comes back to it little by little: seen before, it grew whenever a slice of the past
    /// left the window, and shrank again within the minute.
    @Test func decide_atTheCapForLong_doesNotFlap() {
        var policy = ScalingPolicy(limits: Self.limits(seconds: 6_000))
        var ready = 1
        var turns = 0
        var rose = true
        for second in 0..<2_400 {
            let decision = policy.decide(
                signals: Given.signals(waiting: 100_000),
                pool: PoolState(ready: ready),
                now: Given.at(Double(second))
            )
            let size = decision.desiredWorkers
            if size != ready, (size > ready) != rose {
                rose.toggle()
                turns += 1
            }
            ready = size
        }
        // Up and down once in each window of ten minutes, and a worker to and fro where that turns.
        #expect(turns <= 24, "\(turns) in forty minutes")
    }

    /// What an earlier controller has spent counts, and leaves the window little by little.
    @Test func decide_carriedOver_countsUntilTheWindowHasPassed() throws {
        var limits = Self.limits(seconds: 1_200)
        limits.costCap?.carried = .init(spent: CostSum(all: 1_200, beyondLeast: 600), at: Given.at(-300))
        var policy = ScalingPolicy(limits: limits)
        let line = Given.signals(waiting: 10_000)
        func spent(_ second: Double) throws -> Double {
            let decision = policy.decide(signals: line, pool: PoolState(ready: 0), now: Given.at(second))
            return try #require(decision.cost).spent.all
        }
        #expect(abs(try spent(0) - 600) < 1e-6)
        #expect(abs(try spent(150) - 300) < 1e-6)
        #expect(try spent(301) == 0)
    }

    /// A controller that leads again finds in what was carried over also what it has spent itself.
    @Test func decide_carriedOverByItself_countsOnce() throws {
        var policy = ScalingPolicy(limits: Self.limits(seconds: 36_000, window: 36_000))
        _ = policy.settle(Given.signals(arrivals: 60), ready: 1, from: 0, seconds: 100)
        policy.limits.costCap?.carried = .init(spent: CostSum(all: 50), at: Given.at(100))
        let decision = policy.decide(signals: Given.signals(), pool: PoolState(ready: 1), now: Given.at(100))
        #expect(abs(try #require(decision.cost).spent.all - 50) < 1.5)
    }
}
