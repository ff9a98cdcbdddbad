import Primitives
import Settings
import Simulation
import Testing

/// The policy in charge of a pool in virtual time, between the rules of a room and those of the controller's processes.
/// Every run is repeated by its seed.
@Suite struct PoolSimulationTests {
    static let seeds: [UInt64] = [1, 42, 0xBEEF]

    /// Workers of four slots of 40 ms: one carries 15 visitors a second with a quarter of its slots free.
    private static func scenario(seconds: Int, _ visitorsPerSecond: (Int) -> Double) -> CapacityScenario {
        var pool = PoolSettings(name: "shop")
        pool.worker.slots = 4
        pool.worker.serviceTimeNanoseconds = 40 * Nanoseconds.perMillisecond
        pool.worker.startTimeNanoseconds = 8 * Nanoseconds.perSecond
        pool.maxWorkers = 20
        pool.startTimeoutNanoseconds = 120 * Nanoseconds.perSecond
        var room = RoomSettings(name: "sale", slots: 100_000, inflowMilli: 1_000_000)
        room.burst = 100
        var scenario = CapacityScenario(
            name: "test",
            visitorsPerSecond: (0..<seconds).map(visitorsPerSecond),
            pool: pool,
            room: room
        )
        scenario.thinkSeconds = 1
        return scenario
    }

    private func run(_ scenario: CapacityScenario, _ seed: UInt64) -> CapacityOutcome {
        var run = CapacityRun(scenario, seed: seed)
        let outcome = run.run()
        let workers = scenario.pool.minWorkers...scenario.pool.maxWorkers
        for second in outcome.seconds {
            #expect(workers.contains(second.desired), "seed \(seed)")
            let rate = second.decision?.admissionRatePerSecond ?? 0
            #expect((rate > 0) == (second.ready > 0), "second \(second.second), seed \(seed)")
        }
        return outcome
    }

    @Test(arguments: Self.seeds)
    func steadyDemand_sizeSettlesWithoutOscillation(seed: UInt64) {
        let outcome = self.run(Self.scenario(seconds: 240) { _ in 30 }, seed)
        #expect(outcome.turns(in: 0..<240) <= 2, "seed \(seed)")
        #expect(outcome.turns(in: 120..<240) == 0, "seed \(seed)")
        #expect(outcome.seconds[120...].allSatisfy { (2...4).contains($0.desired) }, "seed \(seed)")
        #expect(outcome.seconds[60...].allSatisfy { $0.waiting < 60 }, "no line in a pool that is large, seed \(seed)")
    }

    /// 1,250 come within two seconds.
    @Test(arguments: Self.seeds)
    func onSaleBurst_lineGoneWithinDrainGoalAndStartUpThenBackToMinimum(seed: UInt64) {
        var scenario = Self.scenario(seconds: 200) { $0 >= 20 && $0 < 22 ? 625 : 5 }
        scenario.startTimeVaries = true
        let outcome = self.run(scenario, seed)
        let starts = outcome.seconds.compactMap { $0.decision?.startTimeNanoseconds }
        let slowest = Int((starts.max() ?? 0) / Nanoseconds.perSecond)
        let gone = outcome.seconds.first { $0.second > 25 && $0.waiting < 25 }?.second ?? .max
        #expect(gone <= 22 + 30 + max(8, slowest) + 3, "seed \(seed)")
        #expect(outcome.seconds.map(\.desired).max()! <= 7, "four workers suffice, seed \(seed)")
        #expect(outcome.seconds.last?.desired == 1, "seed \(seed)")
        #expect(outcome.failedRequests == 0, "seed \(seed)")
    }

    /// Seen before: 500 who stay for minutes and 6,000 behind them held ten workers where one serves.
    @Test(arguments: Self.seeds)
    func slotsTaken_lineOrdersNoMoreThanComesOfThem(seed: UInt64) {
        var scenario = Self.scenario(seconds: 240) { $0 < 5 ? 1_300 : 0 }
        scenario.room.slots = 500
        scenario.thinkSeconds = 60
        let outcome = self.run(scenario, seed)
        let late = outcome.seconds[120...]
        #expect(late.allSatisfy { $0.waiting > 4_000 }, "the line is long all along, seed \(seed)")
        #expect(late.map(\.admitted).reduce(0, +) > 100, "for each who goes one comes, seed \(seed)")
        #expect(late.allSatisfy { $0.desired <= 2 }, "500 visitors make ten requests a second, seed \(seed)")
        #expect(outcome.failedRequests == 0, "seed \(seed)")
    }

    /// Twenty times the visitors for two minutes.
    @Test(arguments: Self.seeds)
    func onSaleStep_recoversWithoutWindUpThenBackToMinimum(seed: UInt64) {
        let outcome = self.run(Self.scenario(seconds: 260) { $0 >= 20 && $0 < 140 ? 100 : 5 }, seed)
        let gone = outcome.seconds.first { $0.second > 30 && $0.waiting < 200 }?.second ?? .max
        #expect(gone <= 20 + 4 + 8 + 30 + 6, "seed \(seed)")
        // 100 join; some 1,000 stand in line when the workers are ready: 133 a second, 9 workers.
        #expect(outcome.seconds.map(\.desired).max()! <= 12, "seed \(seed)")
        #expect(outcome.seconds.last?.desired == 1, "seed \(seed)")
        #expect(outcome.turns(in: 0..<260) <= 4, "seed \(seed)")
        #expect(outcome.failedRequests == 0, "seed \(seed)")
        #expect(20 * outcome.violatingSeconds <= 260, "admission spares the workers all along, seed \(seed)")
    }

    /// Admission fills the planned share of the workers there are; those requests must not order the next worker.
    @Test(arguments: Self.seeds)
    func lineBoundByAdmission_doesNotFeedOnItsOwnRequests(seed: UInt64) {
        var scenario = Self.scenario(seconds: 100) { $0 < 2 ? 500 : 15 }
        scenario.pool.scaling.utilization = 0.9
        scenario.pool.scaling.drainGoalNanoseconds = 60 * Nanoseconds.perSecond
        let highest = self.run(scenario, seed).seconds.map(\.desired).max()!
        #expect(
            highest <= 5,
            "15 and 1,000 over a minute are 32 a second, 2 workers and what chance adds, seed \(seed)"
        )
    }

    @Test(arguments: Self.seeds)
    func demandBeyondMaximum_neverExceedsItAndWorkersStayWithinObjective(seed: UInt64) {
        var scenario = Self.scenario(seconds: 200) { $0 >= 10 && $0 < 60 ? 75 : 2 }
        scenario.pool.maxWorkers = 3
        let outcome = self.run(scenario, seed)
        #expect(outcome.seconds.contains { $0.decision?.reason == .maximum }, "seed \(seed)")
        #expect(outcome.seconds.map(\.ready).max() == 3, "seed \(seed)")
        #expect(20 * outcome.violatingSeconds <= 200, "people wait in line, not at the workers, seed \(seed)")
    }

    @Test(arguments: Self.seeds)
    func roomOpensOnTime_workersAreReadyForIt(seed: UInt64) {
        var scenario = Self.scenario(seconds: 120) { $0 < 60 ? 25 : 3 }
        scenario.opensAtSecond = 60
        scenario.pool.worker.startTimeNanoseconds = 5 * Nanoseconds.perSecond
        let outcome = self.run(scenario, seed)
        #expect(outcome.seconds[45].desired == 1, "not earlier than needed, seed \(seed)")
        #expect(outcome.seconds[60].ready >= 3, "1,500 over 30 s are 50 a second, seed \(seed)")
        let gone = outcome.seconds.first { $0.second > 60 && $0.waiting < 15 }?.second ?? .max
        #expect(gone <= 96, "seed \(seed)")
    }

    /// The backend takes three times as long from one second to the next.
    @Test(arguments: Self.seeds)
    func backendSlows_poolGrowsAndLatencyComesBack(seed: UInt64) {
        var scenario = Self.scenario(seconds: 200) { _ in 30 }
        scenario.slowdowns = [(80, 3)]
        let outcome = self.run(scenario, seed)
        #expect(outcome.seconds[79].ready <= 4, "seed \(seed)")
        #expect(outcome.seconds[150...].allSatisfy { $0.ready >= 5 }, "30 x 5 x 120 ms is 18 slots, seed \(seed)")
        #expect(outcome.seconds.last!.waiting < 60, "seed \(seed)")
        let service = outcome.seconds.last!.decision!.serviceTimeNanoseconds
        #expect(abs(service - 120_000_000) < 12_000_000, "seed \(seed)")
    }

    /// Visitors make more than twice the requests that were believed.
    @Test(arguments: Self.seeds)
    func priorTooLow_isLearnedAndPoolSettles(seed: UInt64) {
        var scenario = Self.scenario(seconds: 200) { _ in 30 }
        scenario.requestsPerVisitor = 12
        let outcome = self.run(scenario, seed)
        #expect(outcome.seconds.last!.decision!.requestsPerVisitor > 10, "seed \(seed)")
        #expect(outcome.seconds.map(\.desired).max()! <= 10, "14 busy slots are 5 workers, seed \(seed)")
        #expect((80..<200).filter { outcome.isViolating($0) }.count <= 3, "seed \(seed)")
    }

    @Test(arguments: Self.seeds)
    func unguardedStep_isStaffedOnceAndNotWoundUp(seed: UInt64) {
        var scenario = Self.scenario(seconds: 120) { _ in 0 }
        scenario.unguardedPerSecond = (0..<120).map { $0 < 30 ? 25 : 250 }
        let outcome = self.run(scenario, seed)
        let highest = outcome.seconds.map(\.desired).max()!
        #expect((4...14).contains(highest), "10 busy slots, and what queued up within a second, seed \(seed)")
        #expect(outcome.seconds.last!.inFlight < 30, "seed \(seed)")
    }

    /// The reports of three seconds ago are still taken; from then on nothing is known.
    @Test(arguments: Self.seeds)
    func signalsLostDuringSale_capacityHeldAndRateFrozen(seed: UInt64) {
        var scenario = Self.scenario(seconds: 120) { $0 < 30 ? 60 : 0 }
        scenario.signalsLost = 28..<110
        let outcome = self.run(scenario, seed)
        let held = outcome.seconds[32..<110]
        #expect(held.allSatisfy { $0.decision?.reason == .signalsLost })
        #expect(Set(held.map(\.desired)).count == 1, "seed \(seed)")
        let full = held.filter { $0.ready == held.last!.ready }
        #expect(full.count > 20, "seed \(seed)")
        #expect(Set(full.map { $0.decision!.admissionRatePerSecond }).count == 1, "seed \(seed)")
    }

    @Test(arguments: Self.seeds)
    func workersCrash_areReplacedAndTheirShareOfAdmissionIsWithheld(seed: UInt64) {
        var scenario = Self.scenario(seconds: 120) { _ in 50 }
        scenario.crashes = [60, 61]
        let outcome = self.run(scenario, seed)
        let before = outcome.seconds[60]
        let after = outcome.seconds[62]
        #expect(after.ready == before.ready - 2, "seed \(seed)")
        let rates = (before.decision!.admissionRatePerSecond, after.decision!.admissionRatePerSecond)
        #expect(rates.1 < rates.0 * 0.8, "seed \(seed)")
        #expect(outcome.seconds[80].ready >= before.ready, "seed \(seed)")
        #expect(outcome.seconds.last!.waiting < 100, "seed \(seed)")
    }

    /// Whatever happens, the rate is at most what the ready workers were believed to bear, and the pool calms down.
    @Test(arguments: (1...12).map { UInt64($0) * 7_919 })
    func randomDemand_keepsEveryRule(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let levels = (0..<8).map { _ in random.nextUnit() < 0.3 ? 0 : 75 * random.nextUnit() * random.nextUnit() }
        var scenario = Self.scenario(seconds: 320) { $0 < 160 ? levels[$0 / 20] : 0 }
        scenario.pool.worker.startTimeNanoseconds = Int64((1 + 14 * random.nextUnit()) * 1e9)
        scenario.startTimeVaries = true
        scenario.requestsPerVisitor = 3 + Int(random.next() % 5)
        scenario.crashes = [20 + Int(random.next() % 100)]
        let lostFrom = 20 + Int(random.next() % 100)
        scenario.signalsLost = lostFrom..<(lostFrom + 10)
        scenario.pool.maxWorkers = 8
        let outcome = self.run(scenario, seed)
        for second in outcome.seconds {
            guard let decision = second.decision, decision.reason != .signalsLost else { continue }
            let busyNanoseconds = Double(decision.serviceTimeNanoseconds) * decision.requestsPerVisitor
            let slots = Double(second.ready * scenario.pool.worker.slots)
            // A change within the deadband is not published.
            let bearable = slots * 0.9 * 1e9 / busyNanoseconds
            #expect(decision.admissionRatePerSecond <= bearable * 1.025, "second \(second.second), seed \(seed)")
        }
        #expect(outcome.seconds.last!.waiting == 0, "seed \(seed)")
        #expect(outcome.seconds.last!.desired == 1, "seed \(seed)")
    }

    /// From one minute to the next workers take a minute instead of two seconds to start, and a crowd comes just then.
    @Test(arguments: Self.seeds)
    func startsBecomeSlow_ordersNoMoreThanServes(seed: UInt64) {
        var scenario = Self.scenario(seconds: 240) { $0 < 90 ? ($0 % 30 < 10 ? 40 : 5) : $0 < 180 ? 90 : 5 }
        scenario.pool.worker.startTimeNanoseconds = 2 * Nanoseconds.perSecond
        scenario.pool.maxWorkers = 100
        scenario.startSlowdown = (88, 30)
        let outcome = self.run(scenario, seed)
        let highest = outcome.seconds.map(\.desired).max()!
        // 90 a second and the 5,400 of a minute over the drain goal are 270 a second.
        #expect(highest <= 24, "seed \(seed): \(highest) workers")
        #expect(outcome.failedRequests == 0, "seed \(seed)")
    }

    /// Most answers are quick and a few are very slow: their mean is seven times their median.
    @Test(arguments: Self.seeds)
    func longTailedService_sizeDoesNotReverse(seed: UInt64) {
        var scenario = Self.scenario(seconds: 300) { _ in 30 }
        scenario.pool.worker.spread = 2
        scenario.pool.maxWorkers = 40
        let outcome = self.run(scenario, seed)
        #expect(outcome.turns(in: 60..<300) <= 6, "seed \(seed)")
        let service = outcome.seconds.last!.decision!.serviceTimeNanoseconds
        #expect(abs(service - 40_000_000) < 15_000_000, "seed \(seed): \(service)")
    }

    /// Visits last minutes: those let in ask for little, and the workers are idle while a line stands.
    @Test(arguments: Self.seeds)
    func longVisits_lineIsLetInAsFastAsTheWorkersAreFree(seed: UInt64) {
        var scenario = Self.scenario(seconds: 160) { $0 < 10 ? 200 : 0 }
        scenario.pool.maxWorkers = 1
        scenario.thinkSeconds = 120
        let outcome = self.run(scenario, seed)
        let gone = outcome.seconds.first { $0.second > 12 && $0.waiting < 20 }?.second ?? .max
        #expect(gone <= 100, "at the rate of the prior it is 2,000 / 15 = 133 s, seed \(seed): \(gone)")
        #expect(20 * outcome.violatingSeconds <= 160, "seed \(seed)")
        #expect(outcome.failedRequests == 0, "seed \(seed)")
    }

    /// Visitors make two requests where five were believed.
    @Test(arguments: Self.seeds)
    func priorTooHigh_lineIsLetInFaster(seed: UInt64) {
        var scenario = Self.scenario(seconds: 160) { $0 < 10 ? 200 : 0 }
        scenario.pool.maxWorkers = 1
        scenario.requestsPerVisitor = 2
        let outcome = self.run(scenario, seed)
        let gone = outcome.seconds.first { $0.second > 12 && $0.waiting < 20 }?.second ?? .max
        #expect(gone <= 100, "at the rate of the prior it is 2,000 / 15 = 133 s, seed \(seed): \(gone)")
        #expect(20 * outcome.violatingSeconds <= 160, "seed \(seed)")
        #expect(outcome.failedRequests == 0, "seed \(seed)")
    }

    @Test func sameSeed_repeatsTheRun() {
        let scenario = Self.scenario(seconds: 40) { _ in 25 }
        let first = self.run(scenario, 5).seconds.map(\.decision)
        #expect(first == self.run(scenario, 5).seconds.map(\.decision))
        #expect(first != self.run(scenario, 6).seconds.map(\.decision))
    }
}
