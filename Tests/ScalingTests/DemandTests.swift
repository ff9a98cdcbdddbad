import Primitives
import Testing

@testable import Scaling

/// Which people and which plans ask for workers.
@Suite struct DemandTests {
    // MARK: Those who come

    /// Seen before: a line of which six in ten never came had workers for all of it.
    @Test func decide_manyOfTheLineWillNotCome_ordersForThoseWhoDo() {
        func desired(waiting: Int, absent: Int = 0) -> Int {
            var policy = ScalingPolicy(limits: Given.limits())
            let signals = Given.signals(waiting: waiting, absent: absent)
            return policy.decide(signals: signals, pool: PoolState(ready: 1), now: Given.at(0)).desiredWorkers
        }
        #expect(desired(waiting: 18_000) > 7)
        #expect(desired(waiting: 18_000, absent: 14_400) == desired(waiting: 3_600))
        #expect(desired(waiting: 18_000, absent: 18_000) == 1, "they stand there all the same")
    }

    /// Of a hundred who join a second forty come: workers are ordered for those, also by the growth of the line.
    @Test func decide_lineOfWhichFewComeGrows_isForecastByThoseWhoDo() {
        func needed(_ waiting: (Int) -> Int, absent: (Int) -> Int) -> Int {
            var policy = ScalingPolicy(limits: Given.limits(1...100))
            var needed = 0
            for second in 0..<12 {
                let signals = Given.signals(waiting: waiting(second), absent: absent(second))
                let decision = policy.decide(
                    signals: signals,
                    pool: PoolState(ready: 1),
                    now: Given.at(Double(second))
                )
                needed = decision.neededWorkers
            }
            return needed
        }
        let few = needed({ 2_000 * $0 }, absent: { 1_200 * $0 })
        #expect(few == needed({ 800 * $0 }, absent: { _ in 0 }))
        #expect(2 * few < needed({ 2_000 * $0 }, absent: { _ in 0 }))
    }

    /// Seen before: with 14,000 in line and the whole inflow in use the policy let the fourth of four workers go, since
    /// three would have drained the line within the goal, and the rate fell below the inflow.
    @Test(arguments: [(300.0, 5), (130, 3), (0, 1)])
    func decide_lineUsesTheRate_workersThatCarryItStayUntilItIsGone(inflow: Double, kept: Int) {
        var limits = Given.limits(1...20)
        limits.scaleDownAfterNanoseconds = 4 * Given.second
        limits.drainGoalNanoseconds = 60 * Given.second
        var policy = ScalingPolicy(limits: limits)
        var ready = 5
        var second = 0
        func decide(waiting: Int) {
            let admissions = waiting > 0 ? 60.0 : 0
            let uses = waiting > 0 ? inflow : 0
            let signals = Given.signals(admissions: admissions, waiting: waiting, lineInflow: uses)
            ready =
                policy.decide(signals: signals, pool: PoolState(ready: ready), now: Given.at(Double(second)))
                .desiredWorkers
            second += 1
        }
        for waiting in stride(from: 6_000, to: 2_000, by: -60) { decide(waiting: waiting) }
        #expect(ready == kept, "a worker lets in 60 a second, and one would drain this line within the goal")
        for _ in 0..<90 { decide(waiting: 0) }
        #expect(ready == 1)
    }

    // MARK: What is planned

    /// Seen before: the workers of a pool that was about to get its requests went the second its least was lowered.
    @Test func decide_leastIsLowered_workersGoAsSlowlyAsEver() {
        var policy = ScalingPolicy(limits: Given.limits(8...20))
        for second in 0..<30 {
            let decision = policy.decide(
                signals: Given.signals(),
                pool: PoolState(ready: 8),
                now: Given.at(Double(second))
            )
            #expect(decision.desiredWorkers == 8)
        }
        policy.limits = Given.limits(1...20)
        for second in 30..<44 {
            let decision = policy.decide(
                signals: Given.signals(),
                pool: PoolState(ready: 8),
                now: Given.at(Double(second))
            )
            #expect(decision.desiredWorkers == 8, "after \(second - 30) s")
        }
    }

    @Test(arguments: [true, false])
    func decide_workersArePlanned_areReadyFromThenOnAndGoAfterwards(hasSignals: Bool) {
        var policy = ScalingPolicy(limits: Given.limits(1...7))
        for _ in 0..<20 { policy.workerStarted(after: 10 * Given.second) }
        policy.limits.prewarm = [
            .init(workers: 5, fromMicros: 1_000_000_000, lengthMicros: 60_000_000),
            .init(workers: 3, fromMicros: 1_000_000_000, lengthMicros: 90_000_000),
            .init(workers: 9, fromMicros: .min, lengthMicros: .max),
        ]
        func desired(_ second: Int64, ready: Int) -> ScalingDecision {
            policy.decide(
                signals: hasSignals ? Given.signals() : nil,
                pool: PoolState(ready: ready),
                now: Given.at(Double(second)),
                wallMicros: 1_000_000_000 + (second - 100) * 1_000_000
            )
        }
        #expect(desired(87, ready: 1).desiredWorkers == 1)
        let warm = desired(88, ready: 1)
        #expect(warm.desiredWorkers == 5 && warm.neededWorkers == 5)
        #expect(warm.reason == (hasSignals ? .preWarm : .signalsLost))
        #expect(warm.prewarm(in: policy.limits, wallMicros: 999_000_000)?.workers == 5)
        for second in 89..<160 as Range<Int64> { #expect(desired(second, ready: 5).desiredWorkers == 5) }
        var later = 5
        for second in 160..<400 as Range<Int64> { later = desired(second, ready: later).desiredWorkers }
        #expect(later == (hasSignals ? 1 : 5), "without signals nobody goes")
    }

    @Test func decide_workersArePlanned_moreThanAllowed_areCapped() {
        var policy = ScalingPolicy(limits: Given.limits(1...4))
        policy.limits.prewarm = [.init(workers: 9, fromMicros: 0, lengthMicros: 1)]
        let capped = policy.decide(signals: Given.signals(), pool: PoolState(ready: 1), now: Given.at(0))
        #expect(capped.desiredWorkers == 4 && capped.reason == .maximum)
    }
}
