import Primitives
import Scaling
import Testing

/// One test for each reason, and for the rules that need no simulated pool.
@Suite struct ScalingPolicyTests {
    @Test func decide_nothingArrives_staysAtMinimum() {
        var policy = ScalingPolicy(limits: Given.limits(2...20))
        let decision = policy.decide(signals: Given.signals(), pool: PoolState(ready: 2), now: Given.at(0))
        #expect(decision.desiredWorkers == 2)
        #expect(decision.reason == .minimum)
    }

    /// Seen before: who led again went on with the size of its earlier term, and drained what its successor had started.
    @Test func beginTerm_afterAnotherLeader_takesOverWhatThereIs() {
        var policy = ScalingPolicy(limits: Given.limits(1...60))
        _ = policy.settle(Given.signals(arrivals: 300, inFlight: 6), ready: 3, from: 0, seconds: 60)
        policy.beginTerm()
        let blind = policy.decide(signals: nil, pool: PoolState(ready: 40), now: Given.at(100))
        #expect(blind.desiredWorkers == 40)
        let first = policy.decide(
            signals: Given.signals(arrivals: 300, inFlight: 6),
            pool: PoolState(ready: 40),
            now: Given.at(101)
        )
        #expect(first.desiredWorkers >= 30, "no more than a quarter at once")
    }

    @Test func decide_nothingArrivesAndMinimumZero_needsNoWorkerUntilSomebodyWaits() {
        var policy = ScalingPolicy(limits: Given.limits(0...20))
        let idle = policy.decide(signals: Given.signals(), pool: PoolState(ready: 0), now: Given.at(0))
        #expect(idle.desiredWorkers == 0)
        #expect(idle.admissionRateMilli == 0)
        let awaited = policy.decide(signals: Given.signals(waiting: 1), pool: PoolState(ready: 0), now: Given.at(1))
        #expect(awaited.desiredWorkers == 1)
    }

    /// 1,200 requests of 20 ms keep 24 slots busy; at three quarters use that is 32 slots, four workers.
    @Test func decide_requestsArrive_staffsByLittlesLaw() {
        var policy = ScalingPolicy(limits: Given.limits())
        let decision = policy.decide(
            signals: Given.signals(arrivals: 1_200, inFlight: 20),
            pool: PoolState(ready: 4),
            now: Given.at(0)
        )
        #expect(decision.reason == .load)
        #expect(decision.desiredWorkers == 4)
        #expect(abs(decision.offeredLoad - 24) < 1e-9)
    }

    /// 5,000 requests keep 100 slots busy; a pool of that size needs 15 to spare and not a third.
    @Test func decide_largeLoad_staffsBySquareRoot() {
        var policy = ScalingPolicy(limits: Given.limits())
        let decision = policy.decide(
            signals: Given.signals(arrivals: 5_000, inFlight: 100),
            pool: PoolState(ready: 15),
            now: Given.at(0)
        )
        #expect(decision.desiredWorkers == 15, "115 slots")
    }

    /// 3,600 in line over 30 s are 120 visitors a second, 12 busy slots, 16 slots.
    @Test func decide_lineStands_ordersToDrainItWithinTheGoal() {
        var policy = ScalingPolicy(limits: Given.limits())
        let decision = policy.decide(
            signals: Given.signals(waiting: 3_600),
            pool: PoolState(ready: 1),
            now: Given.at(0)
        )
        #expect(decision.reason == .backlog)
        #expect(decision.desiredWorkers == 2)
        #expect(decision.backlogWorkers == 1)
    }

    @Test func decide_inflowLimited_lineAsksForNoMoreThanInflowLetsIn() {
        var policy = ScalingPolicy(limits: Given.limits())
        let line = Given.signals(waiting: 100_000, inflow: 130)
        let decision = policy.decide(signals: line, pool: PoolState(ready: 1), now: Given.at(0))
        #expect(decision.desiredWorkers == 3)
    }

    @Test func decide_lineGrowsFast_panicsAndDoesNotLetGo() {
        var policy = ScalingPolicy(limits: Given.limits())
        var reasons: [ScalingReason] = []
        var highest = 0
        for second in 0..<8 {
            let signals = Given.signals(arrivals: 300, admissions: 60, inFlight: 6, waiting: second * 600)
            let decision = policy.decide(
                signals: signals,
                pool: PoolState(ready: 1),
                now: Given.at(Double(second))
            )
            reasons.append(decision.reason)
            #expect(decision.desiredWorkers >= highest, "no decrease in panic")
            highest = decision.desiredWorkers
        }
        #expect(reasons.contains(.panic))
        #expect(highest >= 11, "660 visitors a second need 11 workers")
    }

    /// While the ordered workers start up the line grows as foreseen; that must not be ordered again.
    @Test func decide_lineGrowsDuringStartUp_ordersOnce() {
        var policy = ScalingPolicy(limits: Given.limits())
        for _ in 0..<20 { policy.workerStarted(after: 20 * Given.second) }
        var ordered: [Int] = []
        var started: [Instant] = []
        for second in 0..<20 {
            let now = Given.at(Double(second))
            let signals = Given.signals(arrivals: 300, admissions: 60, inFlight: 6, waiting: second * 240)
            let decision = policy.decide(signals: signals, pool: PoolState(ready: 1, pending: started), now: now)
            started += Array(repeating: now, count: max(0, decision.desiredWorkers - 1 - started.count))
            ordered.append(decision.desiredWorkers)
        }
        let settled = ordered[8]
        #expect(ordered.last! <= settled + 1, "ordered over time: \(ordered)")
        #expect(ordered.max()! <= 9, "300 joins and 4,800 in line over 30 s are 460 visitors a second, 8 workers")
    }

    @Test func decide_roomOpensSoon_startsWorkersOneStartUpBefore() {
        var policy = ScalingPolicy(limits: Given.limits())
        for _ in 0..<20 { policy.workerStarted(after: 10 * Given.second) }
        policy.limits.openings = [.init(at: Given.at(60), waiting: 3_600)]
        let line = Given.signals(waiting: 3_600)
        let before = policy.decide(signals: line, pool: PoolState(ready: 1), now: Given.at(47))
        #expect(before.desiredWorkers == 1)
        let warm = policy.decide(signals: line, pool: PoolState(ready: 1), now: Given.at(48))
        #expect(warm.reason == .preWarm)
        #expect(warm.desiredWorkers == 2)
        let open = policy.decide(signals: line, pool: PoolState(ready: 2), now: Given.at(60))
        #expect(open.desiredWorkers == 2)
        #expect(open.joinsPerSecond == 0, "those who stood before the door did not just come")
    }

    @Test func decide_pendingWorkersOverdue_startsOthersBesideThem() {
        var policy = ScalingPolicy(limits: Given.limits())
        for _ in 0..<20 { policy.workerStarted(after: 5 * Given.second) }
        let line = Given.signals(waiting: 14_400)
        let pool = PoolState(ready: 1, pending: Array(repeating: Given.at(0), count: 7))
        let inTime = policy.decide(signals: line, pool: pool, now: Given.at(4))
        #expect(inTime.desiredWorkers == 8)
        let late = policy.decide(signals: line, pool: pool, now: Given.at(60))
        #expect(late.reason == .pendingLate)
        #expect(late.desiredWorkers > 8 && late.desiredWorkers <= 11, "some of the missing seven, not all once more")
    }

    @Test func decide_needAboveMaximum_isCappedAndSaysSo() {
        var policy = ScalingPolicy(limits: Given.limits(1...5))
        let decision = policy.decide(
            signals: Given.signals(waiting: 1_000_000),
            pool: PoolState(ready: 1),
            now: Given.at(0)
        )
        #expect(decision.reason == .maximum)
        #expect(decision.desiredWorkers == 5)
        #expect(decision.neededWorkers > 5)
    }

    @Test func decide_loadGone_holdsThenStepsDownOneByOne() {
        var policy = ScalingPolicy(limits: Given.limits())
        let busy = policy.settle(Given.signals(arrivals: 1_200, inFlight: 20), ready: 4, from: 0, seconds: 5)
        #expect(busy.last?.desiredWorkers == 4)
        let quiet = policy.settle(Given.signals(), ready: 4, from: 5, seconds: 90)
        let sizes = quiet.map(\.desiredWorkers)
        #expect(sizes[..<14].allSatisfy { $0 == 4 }, "held for a quarter of a minute: \(sizes)")
        #expect(quiet[10].reason == .holding)
        #expect(sizes.last == 1)
        #expect(zip(sizes, sizes.dropFirst()).allSatisfy { $0 - $1 <= 1 }, "one step at a time: \(sizes)")
        #expect(quiet.contains { $0.reason == .scaleDown })
    }

    /// A worker that goes can be had again within a slow start: for so long the others are kept, a quarter of that
    /// where people can stand before a room meanwhile, never less than 15 s and never longer than the settings say.
    @Test(
        arguments: [(5, 60, 60, 15), (40, 60, 60, 40), (40, 0, 60, 15), (100, 0, 60, 25), (40, 60, 5, 5)]
            as [(Int64, Double, Int64, Int)]
    )
    func decide_lineGone_holdsForASlowStartThenGoesInQuarters(
        slowStart: Int64,
        unguarded: Double,
        scaleDownAfter: Int64,
        hold: Int
    ) {
        var limits = Given.limits()
        limits.scaleDownAfterNanoseconds = scaleDownAfter * Given.second
        var policy = ScalingPolicy(limits: limits)
        // One in ten is slow, so that the 95th percentile is what it takes, and the median is not.
        for start in Array(repeating: 1, count: 18) + [slowStart, slowStart] {
            policy.workerStarted(after: start * Given.second)
        }
        let line = Given.signals(arrivals: 60, unguarded: unguarded, waiting: 28_800)
        let busy = policy.settle(line, ready: 14, from: 0, seconds: 30)
        #expect(busy.allSatisfy { $0.desiredWorkers == 14 }, "960 visitors a second keep 96 slots busy")
        let calm = Given.signals(arrivals: 60, unguarded: unguarded)
        let sizes = policy.settle(calm, ready: 14, from: 30, seconds: hold + 10).map(\.desiredWorkers)
        #expect(sizes == Array(repeating: 14, count: hold) + [11, 9, 7, 6, 5, 4, 3, 2, 1, 1])
    }

    /// Ten workers, of which eight or five are needed from now on: two are not worth a step as early as five are.
    @Test func decide_smallStepDown_waitsLonger() throws {
        func firstStep(load: Double) throws -> Int {
            var policy = ScalingPolicy(limits: Given.limits())
            let busy = policy.settle(Given.signals(arrivals: 3_000, inFlight: 60), ready: 10, from: 0, seconds: 30)
            let size = try #require(busy.last?.desiredWorkers)
            let later = policy.settle(Given.signals(arrivals: load, inFlight: 20), ready: size, from: 30, seconds: 120)
            return try #require(later.firstIndex { $0.desiredWorkers < size })
        }
        let (small, large) = (try firstStep(load: 2_500), try firstStep(load: 1_200))
        #expect((14...25).contains(large), "\(large) s")
        #expect((44...60).contains(small), "\(small) s")
    }

    /// A new leader finds twenty workers, of which this moment needs ten: it does not know yet what they are for.
    @Test func decide_firstTime_keepsTheWorkersThatItFinds() {
        var policy = ScalingPolicy(limits: Given.limits(1...40))
        let sizes = (0..<14).map { second in
            let signals = Given.signals(arrivals: 3_000, inFlight: 60)
            return policy.decide(signals: signals, pool: PoolState(ready: 20), now: Given.at(Double(second)))
                .desiredWorkers
        }
        #expect(sizes.allSatisfy { $0 == 20 }, "sizes: \(sizes)")
    }

    @Test func decide_workerStillDrains_takesNoFurtherStep() {
        var policy = ScalingPolicy(limits: Given.limits())
        _ = policy.settle(Given.signals(arrivals: 1_200, inFlight: 20), ready: 4, from: 0, seconds: 5)
        for second in 5..<200 {
            let decision = policy.decide(
                signals: Given.signals(),
                pool: PoolState(ready: 3, draining: 1),
                now: Given.at(Double(second))
            )
            #expect(decision.desiredWorkers == 4)
        }
        let next = policy.decide(signals: Given.signals(), pool: PoolState(ready: 3), now: Given.at(200))
        #expect(next.desiredWorkers == 3)
        #expect(next.reason == .scaleDown)
    }

    @Test(arguments: [nil, Given.signals(gateways: 0)])
    func decide_signalsLost_holdsSizeAndFreezesRate(lost: PoolSignals?) {
        var policy = ScalingPolicy(limits: Given.limits())
        let known = policy.settle(Given.signals(arrivals: 1_200, inFlight: 20), ready: 4, from: 0, seconds: 5).last!
        for second in 5..<300 {
            let decision = policy.decide(signals: lost, pool: PoolState(ready: 4), now: Given.at(Double(second)))
            #expect(decision.reason == .signalsLost)
            #expect(decision.desiredWorkers == 4)
            #expect(decision.admissionRatePerSecond == known.admissionRatePerSecond)
        }
        let back = policy.decide(signals: Given.signals(), pool: PoolState(ready: 4), now: Given.at(300))
        #expect(back.desiredWorkers == 4, "the quiet before was not seen, so it does not count")
    }

    @Test func decide_signalsLostAndWorkersChange_rateFollowsLossButNotGain() {
        var policy = ScalingPolicy(limits: Given.limits())
        let known = policy.settle(Given.signals(arrivals: 1_200, inFlight: 20), ready: 4, from: 0, seconds: 5).last!
        let rate = { (ready: Int, second: Double) in
            policy.decide(signals: nil, pool: PoolState(ready: ready), now: Given.at(second)).admissionRatePerSecond
        }
        #expect(rate(6, 5) == known.admissionRatePerSecond)
        #expect(rate(2, 6) == known.admissionRatePerSecond / 2)
        #expect(rate(0, 7) == 0)
        #expect(rate(4, 8) == known.admissionRatePerSecond)
    }

    @Test func decide_noSignalsEver_keepsWhatItFindsAndAdmitsByPriors() {
        var policy = ScalingPolicy(limits: Given.limits())
        let pool = PoolState(ready: 3, pending: [Given.at(-1)])
        let decision = policy.decide(signals: nil, pool: pool, now: Given.at(0))
        #expect(decision.desiredWorkers == 4)
        #expect(decision.admissionRatePerSecond == 180)
    }

    @Test func decide_admissionRate_followsReadyNotDesired() {
        var policy = ScalingPolicy(limits: Given.limits())
        let line = Given.signals(waiting: 100_000)
        let ordered = policy.decide(signals: line, pool: PoolState(ready: 1), now: Given.at(0))
        #expect(ordered.desiredWorkers == 20)
        #expect(ordered.admissionRateMilli == 60_000)
        let pending = PoolState(ready: 1, pending: Array(repeating: Given.at(0), count: 19))
        #expect(policy.decide(signals: line, pool: pending, now: Given.at(1)).admissionRateMilli == 60_000)
        let half = PoolState(ready: 10, pending: Array(repeating: Given.at(0), count: 10))
        #expect(policy.decide(signals: line, pool: half, now: Given.at(1.01)).admissionRateMilli >= 600_000)
        #expect(policy.decide(signals: line, pool: PoolState(ready: 0), now: Given.at(1.02)).admissionRateMilli == 0)
    }

    @Test func decide_oneMoreWorkerOfMany_raisesTheRateAtOnce() {
        var limits = Given.limits()
        limits.maxWorkers = 500
        var policy = ScalingPolicy(limits: limits)
        let line = Given.signals(waiting: 1_000_000)
        for ready in 200..<210 {
            let decision = policy.decide(
                signals: line,
                pool: PoolState(ready: ready),
                now: Given.at(Double(ready))
            )
            #expect(decision.admissionRateMilli == Int64(ready) * 72_000)
        }
    }

    /// 1,260 a second need a little more than four workers, 1,230 a little less.
    @Test func decide_demandSwingsAboutABoundary_keepsTheLargerSize() {
        var policy = ScalingPolicy(limits: Given.limits())
        var sizes: [Int] = []
        for swing in 0..<8 {
            let signals = Given.signals(arrivals: swing.isMultiple(of: 2) ? 1_260 : 1_230, inFlight: 24)
            let decisions = policy.settle(
                signals,
                ready: sizes.last ?? 4,
                from: Double(swing) * 100,
                seconds: 100
            )
            sizes += decisions.map(\.desiredWorkers)
        }
        #expect(sizes[50...].allSatisfy { $0 == 5 }, "sizes: \(Set(sizes[50...]))")
    }

    @Test func decide_unguardedRequests_areTakenOffTheRate() {
        var policy = ScalingPolicy(limits: Given.limits())
        let signals = Given.signals(arrivals: 150, unguarded: 150)
        let decision = policy.decide(signals: signals, pool: PoolState(ready: 1), now: Given.at(0))
        #expect(decision.admissionRateMilli == 30_000)
        let flooded = Given.signals(arrivals: 10_000, unguarded: 10_000)
        for second in 1..<30 {
            let decision = policy.decide(
                signals: flooded,
                pool: PoolState(ready: 1),
                now: Given.at(Double(second))
            )
            #expect(decision.admissionRateMilli >= 5_900, "a tenth is left for the rooms")
        }
    }

    @Test func decide_hostileSignals_givesFiniteAnswerWithinLimits() {
        let values = [0, -1, 1e300, Double.nan, .infinity, -.infinity]
        var random = SplitMix64(seed: 7)
        var policy = ScalingPolicy(limits: Given.limits(1...7))
        for step in 0..<2_000 {
            let value = { values[Int(random.next() % UInt64(values.count))] }
            let signals = Given.signals(
                arrivals: value(),
                unguarded: value(),
                admissions: value(),
                inFlight: step.isMultiple(of: 3) ? Int.max : -5,
                queued: Int.max,
                waiting: step.isMultiple(of: 2) ? Int.max : -3,
                inflow: value(),
                latency: Given.latency(milliseconds: 1, count: step % 9),
                errors: value()
            )
            let pool = PoolState(ready: step % 9, pending: [Given.at(Double(step) + 50), Given.at(0)])
            let decision = policy.decide(signals: signals, pool: pool, now: Given.at(Double(step)))
            #expect((1...7).contains(decision.desiredWorkers))
            #expect(decision.admissionRatePerSecond.isFinite && decision.admissionRatePerSecond >= 0)
            #expect((decision.admissionRateMilli > 0) == (pool.ready > 0), "step \(step)")
            #expect(decision.admissionRateMilli <= 100_000_000)
        }
    }
}
