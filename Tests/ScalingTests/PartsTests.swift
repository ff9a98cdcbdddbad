import Primitives
import Testing

@testable import Scaling

@Suite struct StartTimesTests {
    @Test func quantile_noneMeasured_isPrior() {
        #expect(StartTimes().quantile(0.95, priorNanoseconds: 7) == 7)
    }

    @Test func quantile_oldStarts_areForgotten() {
        var times = StartTimes()
        for _ in 0..<StartTimes.capacity { times.record(nanoseconds: 9_000) }
        for start in 1...Int64(StartTimes.capacity) { times.record(nanoseconds: start) }
        #expect(times.quantile(0.5, priorNanoseconds: 0) == 16)
        #expect(times.quantile(0.95, priorNanoseconds: 0) == 31)
    }

    /// Starts took two seconds. Eight that have taken ten so far say that this is over.
    @Test func quantile_manyPendingForLonger_expectsLongerStarts() {
        var times = StartTimes()
        for _ in 0..<StartTimes.capacity { times.record(nanoseconds: 2) }
        #expect(times.quantile(0.95, priorNanoseconds: 1, ages: Array(repeating: 1, count: 8)) == 2)
        #expect(times.quantile(0.95, priorNanoseconds: 1, ages: Array(repeating: 10, count: 8)) == 15)
        #expect(times.quantile(0.5, priorNanoseconds: 1, ages: Array(repeating: 10, count: 8)) == 2)
        #expect(times.quantile(0.95, priorNanoseconds: 1, ages: [10]) == 2, "one that hangs is no rule")
    }

    @Test func quantile_noneMeasuredAndPendingOverdue_isBeyondThePrior() {
        #expect(StartTimes().quantile(0.95, priorNanoseconds: 4, ages: [6, 5]) == 9)
    }

    @Test func chanceReady_growsWithHorizonAndFallsWithAge() {
        var times = StartTimes()
        for start in 1...20 { times.record(nanoseconds: Int64(start) * 1_000) }
        let chance = { (age: Int64, horizon: Int64) in
            times.chanceReady(ageNanoseconds: age, horizonNanoseconds: horizon, priorNanoseconds: 0)
        }
        #expect(abs(chance(0, 10_000) - 0.5) < 0.02)
        #expect(chance(0, 40_000) > 0.99)
        #expect(chance(15_000, 3_000) > 0.5)
        #expect(chance(50_000, 20_000) < 0.3)
        for age in stride(from: Int64(41_000), to: 200_000, by: 1_000) {
            #expect(chance(age, 20_000) >= chance(age + 1_000, 20_000))
        }
    }
}

@Suite struct NeedHistoryTests {
    /// Against a list that forgets nothing: never less than the true highest, and no more than that of a window 1/32
    /// longer.
    @Test(arguments: [1, 7, 0xBEEF] as [UInt64])
    func highest_randomNeeds_matchesFullRecord(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var history = NeedHistory()
        var all: [(at: Instant, need: Int)] = []
        let window = 64 * Nanoseconds.perSecond
        var now = Given.at(0)
        for _ in 0..<2_000 {
            now = now.advanced(byNanoseconds: Int64(random.nextUnit() * 2e9))
            let need = Int(random.next() % 100)
            all.append((now, need))
            history.record(need, now: now, windowNanoseconds: window)
            let found = history.highest(withinNanoseconds: window, now: now)
            let highest = { (length: Int64) in
                all.suffix(400).filter { now.nanoseconds(since: $0.at) <= length }.map(\.need).max()!
            }
            #expect(found >= highest(window) && found <= highest(window + window / 32), "seed \(seed)")
        }
    }
}

@Suite struct JoinRateTests {
    private func observe(_ line: [Int], admissions: Double = 0, closed: Int = 0) -> JoinRate {
        var rate = JoinRate()
        for (second, waiting) in line.enumerated() {
            rate.observe(
                waiting: waiting,
                closedRooms: closed,
                admissionsPerSecond: admissions,
                now: Given.at(Double(second))
            )
        }
        return rate
    }

    @Test func observe_burstOfTwoSeconds_isNoRate() {
        #expect(self.observe([0, 2_500, 5_000, 5_000, 5_000, 5_000, 5_000]).sustainedPerSecond == 0)
    }

    @Test func observe_lineGrowsOn_isRateWithinFourSeconds() {
        #expect(self.observe([0, 0, 0, 0, 300, 600, 900, 1_200], admissions: 60).sustainedPerSecond == 360)
    }

    @Test func observe_lineShrinks_joinsAreNotNegative() {
        #expect(self.observe([900, 600, 300, 0, 0, 0], admissions: 10).sustainedPerSecond >= 0)
    }

    @Test func observe_roomOpens_itsLineIsNotTakenForArrivals() {
        var rate = self.observe([0, 0, 0], closed: 1)
        for second in 3..<12 {
            rate.observe(waiting: 9_000, closedRooms: 0, admissionsPerSecond: 0, now: Given.at(Double(second)))
        }
        #expect(rate.sustainedPerSecond == 0)
    }
}

@Suite struct ArrivalTrendTests {
    private func trend(_ seconds: Int, seed: UInt64 = 1, _ level: (Int) -> Double) -> ArrivalTrend {
        var random = SplitMix64(seed: seed)
        var trend = ArrivalTrend()
        for second in 0..<seconds {
            let mean = level(second)
            trend.add(max(0, mean + mean.squareRoot() * random.nextNormal()))
        }
        return trend
    }

    @Test func add_growth_isSeenAsSlope() {
        let slope = self.trend(40) { 100 + 10 * Double($0) }.slopePerSecond
        #expect(abs(slope - 10) < 4)
    }

    /// What has jumped up stays where it is: taken for growth it would be ordered many times over.
    @Test func add_jump_isLevelAtOnceAndNoSlope() {
        for seconds in 31...60 {
            let trend = self.trend(seconds) { $0 < 30 ? 100 : 1_000 }
            #expect(trend.slopePerSecond <= 20, "second \(seconds)")
            if seconds >= 33 { #expect((trend.level ?? 0) > 900, "second \(seconds)") }
        }
    }

    @Test func add_noise_isHardlyEverTakenForGrowth() {
        var found = 0
        for seed in 1...200 as ClosedRange<UInt64> where self.trend(40, seed: seed, { _ in 400 }).slopePerSecond > 0 {
            found += 1
        }
        #expect(found <= 4, "\(found) of 200")
    }

    @Test func add_fallingLoad_hasNoSlope() {
        #expect(self.trend(60) { 1_000 - 10 * Double($0) }.slopePerSecond == 0)
    }
}

@Suite struct StaffingTests {
    /// A rate that is granted on slots never asks for more slots than there are.
    @Test func load_forSlots_isTheSameLawTurnedRound() {
        let limits = Given.limits()
        for workers in 1...400 {
            let load = Staffing.load(forSlots: Double(workers * limits.slotsPerWorker), limits: limits)
            #expect(Staffing.workers(forLoad: load, limits: limits) == workers, "\(workers) workers")
        }
    }

    @Test func workers_neverFewerForMoreLoad() {
        let limits = Given.limits()
        var last = 0
        for step in 0..<10_000 {
            let load = Double(step) / 10
            let workers = Staffing.workers(forLoad: load, limits: limits)
            #expect(workers >= last)
            let slots = Double(workers * limits.slotsPerWorker)
            #expect(slots + 0.5 >= load / Staffing.fullest, "a tenth to spare, a twentieth of a worker aside")
            if load < 20 { #expect(slots + 0.5 >= load / limits.utilization, "a small pool has the planned share") }
            last = workers
        }
        #expect(Staffing.workers(forLoad: .infinity, limits: limits) == Int(Staffing.most))
    }
}
