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

@Suite struct StaffingTests {
    @Test func workers_neverFewerForMoreLoad() {
        let limits = Given.limits()
        var last = 0
        for step in 0..<10_000 {
            let load = Double(step) / 10
            let workers = Staffing.workers(forLoad: load, limits: limits)
            #expect(workers >= last)
            let slots = Double(workers * limits.slotsPerWorker)
            #expect(
                slots + 0.5 >= load / limits.utilization,
                "the planned share suffices, a twentieth of a worker aside"
            )
            last = workers
        }
        #expect(Staffing.workers(forLoad: .infinity, limits: limits) == Int(Staffing.most))
    }
}
