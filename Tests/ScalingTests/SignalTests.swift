import Primitives
import Testing

@testable import Scaling

/// What is special about a second's signals: a gateway that is not heard, workers of other settings, rooms to open.
@Suite struct SignalTests {
    /// Seen before: of two gateways one fell silent, half the workers were let go, and its visitors failed.
    @Test func silentGateway_keepsThePoolFromShrinking_andFromNothingElse() {
        var policy = ScalingPolicy(limits: Given.limits())
        let busy = Given.signals(arrivals: 800, inFlight: 16, latency: Given.latency(milliseconds: 20, count: 800))
        let many = policy.settle(busy, ready: 1, from: 0, seconds: 30).last?.desiredWorkers ?? 0
        #expect(many >= 3)
        var half = Given.signals(arrivals: 80, inFlight: 2, latency: Given.latency(milliseconds: 20, count: 80))
        half.gatewaysSilent = 1
        let silent = policy.settle(half, ready: many, from: 30, seconds: 200)
        #expect(silent.allSatisfy { $0.desiredWorkers == many })
        #expect(silent.last?.reason == .gatewaySilent)
        var more = Given.signals(arrivals: 4_000, inFlight: 80, latency: Given.latency(milliseconds: 20, count: 4_000))
        more.gatewaysSilent = 1
        let grown = policy.settle(more, ready: many, from: 230, seconds: 20).last?.desiredWorkers ?? 0
        #expect(grown > many, "it still grows")
        policy.limits.maxWorkers = 2
        let bounded = policy.decide(signals: half, pool: PoolState(ready: grown), now: Given.at(251))
        #expect(bounded.desiredWorkers == 2, "and new limits hold")
        policy.limits.maxWorkers = 20
        half.gatewaysSilent = 0
        let back = policy.settle(half, ready: many, from: 260, seconds: 200).last
        #expect(back?.desiredWorkers == 1 && back?.reason != .gatewaySilent, "who is heard again may have less to do")
    }

    /// Seen before: 8 slots became 32 in the settings, and four times the visitors were let in to the same workers.
    @Test func rate_followsTheSlotsThatReadyWorkersHave() {
        var policy = ScalingPolicy(limits: Given.limits())
        let quiet = Given.signals(arrivals: 10)
        func rate(_ ready: Int, _ slots: Int?, at second: Double) -> Double {
            policy.decide(signals: quiet, pool: PoolState(ready: ready, slots: slots), now: Given.at(second))
                .admissionRatePerSecond
        }
        let before = rate(2, 16, at: 0)
        #expect(abs(before - 120) < 1e-6 && rate(2, nil, at: 1) == before)
        policy.limits.slotsPerWorker = 32
        #expect(rate(2, 16, at: 2) == before)
        var others = Given.limits()
        others.slotsPerWorker = 16
        var other = ScalingPolicy(limits: others)
        let grown = other.decide(signals: quiet, pool: PoolState(ready: 3), now: Given.at(3)).admissionRatePerSecond
        #expect(grown > 2.9 * before, "three times the slots")
        #expect(abs(rate(3, 48, at: 3) - grown) < 1e-6, "and one that was started since counts with its own")
        let frozen = policy.decide(signals: nil, pool: PoolState(ready: 2, slots: 40), now: Given.at(4))
        #expect(
            abs(frozen.admissionRatePerSecond - grown * 40 / 48) < 1e-6,
            "a worker that is lost takes its slots along"
        )
        #expect(rate(2, 0, at: 5) == 0)
    }

    /// Old workers are let go for what they have, and new ones ordered for what they will have.
    @Test(arguments: [(8, 32), (32, 8), (8, 8)])
    func size_countsWhatEachWorkerHas(old: Int, new: Int) {
        var limits = Given.limits(1...200)
        limits.slotsPerWorker = new
        limits.standing = .init(workers: 4, slots: 4 * old)
        var last = 0.0
        for slots in 1...400 {
            let workers = limits.workers(forSlots: Double(slots))
            #expect(workers > last, "more slots never take fewer workers")
            last = workers
            let has = workers <= 4 ? workers * Double(old) : Double(4 * old) + (workers - 4) * Double(new)
            #expect(abs(has - Double(slots)) < 1e-9, "\(slots) slots")
        }
    }

    /// A pool of small workers is not shrunk because the next ones are large.
    @Test func newSettings_withLargerWorkers_takeNoneAway() {
        var policy = ScalingPolicy(limits: Given.limits())
        let busy = Given.signals(arrivals: 1_000, inFlight: 20, latency: Given.latency(milliseconds: 20, count: 1_000))
        let many = policy.settle(busy, ready: 1, from: 0, seconds: 60).last?.desiredWorkers ?? 0
        #expect(many == 4)
        policy.limits.slotsPerWorker = 32
        for second in 60..<260 {
            let pool = PoolState(ready: many, slots: 8 * many)
            let decision = policy.decide(signals: busy, pool: pool, now: Given.at(Double(second)))
            #expect(decision.desiredWorkers == many, "second \(second)")
        }
    }

    /// Seen before: the inflow of a room that opens tomorrow counted as if the open rooms' line could use it.
    @Test func roomToOpen_asksForItself_andNotForTheOpenLine() {
        var limits = Given.limits(1...100)
        limits.openings = [.init(at: Given.at(86_400), waiting: 0, inflowPerSecond: 5_000)]
        var policy = ScalingPolicy(limits: limits)
        let line = Given.signals(waiting: 3_000, inflow: 10)
        let now = policy.decide(signals: line, pool: PoolState(ready: 1), now: Given.at(0))
        #expect(now.neededWorkers == 1, "the open room lets in ten a second")
        limits.openings = [.init(at: Given.at(4), waiting: 3_000, inflowPerSecond: 100)]
        policy = ScalingPolicy(limits: limits)
        let both = Given.signals(waiting: 6_000, inflow: 10)
        let soon = policy.decide(signals: both, pool: PoolState(ready: 1), now: Given.at(0))
        // 110 visitors a second with 5 requests of 20 ms each: 11 slots are busy.
        #expect(soon.reason == .preWarm && soon.neededWorkers == 2)
    }
}
