import Primitives
import Scaling
import Testing

/// The policy in charge of a simulated pool. Every run is repeated by its seed.
@Suite struct PoolSimulationTests {
    static let seeds: [UInt64] = [1, 42, 0xBEEF]

    private func run(_ scenario: Scenario, _ limits: ScalingLimits, _ seed: UInt64) -> [SimulatedSecond] {
        var simulation = PoolSimulation(scenario, limits: limits, seed: seed)
        let seconds = simulation.run()
        for second in seconds {
            let decision = second.decision
            #expect((limits.minWorkers...limits.maxWorkers).contains(decision.desiredWorkers), "seed \(seed)")
            #expect((decision.admissionRatePerSecond > 0) == (second.ready > 0), "seed \(seed)")
        }
        return seconds
    }

    /// How often the size turned from growing to shrinking or back.
    private func turns(_ seconds: ArraySlice<SimulatedSecond>) -> Int {
        let sizes = seconds.map(\.decision.desiredWorkers)
        let steps = zip(sizes, sizes.dropFirst()).map { $1 - $0 }.filter { $0 != 0 }
        return zip(steps, steps.dropFirst()).filter { ($0 > 0) != ($1 > 0) }.count
    }

    @Test(arguments: Self.seeds)
    func steadyDemand_sizeSettlesWithoutOscillation(seed: UInt64) {
        var scenario = Scenario()
        scenario.seconds = 300
        scenario.joinsPerSecond = { _ in 120 }
        let seconds = self.run(scenario, Given.limits(), seed)
        #expect(self.turns(seconds[0...]) <= 2, "seed \(seed)")
        #expect(self.turns(seconds[150...]) == 0, "seed \(seed)")
        #expect(seconds[150...].allSatisfy { (2...4).contains($0.decision.desiredWorkers) }, "seed \(seed)")
        #expect(seconds[60...].allSatisfy { $0.waiting < 240 }, "no line in a pool that is large enough, seed \(seed)")
    }

    /// 5,000 come within two seconds.
    @Test(arguments: Self.seeds)
    func onSaleBurst_lineGoneWithinDrainGoalAndStartUpThenBackToMinimum(seed: UInt64) {
        var scenario = Scenario()
        scenario.seconds = 200
        scenario.startTimeVaries = true
        scenario.joinsPerSecond = { $0 >= 20 && $0 < 22 ? 2_500 : 20 }
        let seconds = self.run(scenario, Given.limits(), seed)
        let slowestStart = seconds.map(\.decision.startTimeNanoseconds).max()! / Nanoseconds.perSecond
        let gone = seconds.first { $0.second > 25 && $0.waiting < 100 }?.second ?? .max
        #expect(gone <= 22 + 30 + max(8, Int(slowestStart)) + 3, "seed \(seed)")
        #expect(seconds.map(\.decision.desiredWorkers).max()! <= 6, "four workers suffice, seed \(seed)")
        #expect(seconds.last?.decision.desiredWorkers == 1, "seed \(seed)")
    }

    /// Twenty times the visitors for two minutes.
    @Test(arguments: Self.seeds)
    func onSaleStep_recoversWithoutWindUpThenBackToMinimum(seed: UInt64) {
        var scenario = Scenario()
        scenario.seconds = 260
        scenario.joinsPerSecond = { $0 >= 20 && $0 < 140 ? 400 : 20 }
        let seconds = self.run(scenario, Given.limits(), seed)
        let gone = seconds.first { $0.second > 30 && $0.waiting < 800 }?.second ?? .max
        #expect(gone <= 20 + 4 + 8 + 30 + 4, "seed \(seed)")
        // 400 join; some 4,000 stand in line when the workers are ready: 533 a second, 9 workers.
        #expect(seconds.map(\.decision.desiredWorkers).max()! <= 11, "seed \(seed)")
        #expect(seconds.last?.decision.desiredWorkers == 1, "seed \(seed)")
        #expect(self.turns(seconds[0...]) <= 4, "seed \(seed)")
        let tails = seconds.compactMap(\.tailNanoseconds)
        let long = tails.filter { $0 > 250 * Nanoseconds.perMillisecond }.count
        #expect(long == 0, "admission spares the workers all along, seed \(seed)")
    }

    /// Admission fills the planned share of the workers there are; those requests must not order the next worker.
    @Test(arguments: Self.seeds)
    func lineBoundByAdmission_doesNotFeedOnItsOwnRequests(seed: UInt64) {
        var scenario = Scenario()
        scenario.seconds = 100
        scenario.joinsPerSecond = { $0 < 2 ? 2_000 : 60 }
        var limits = Given.limits()
        limits.utilization = 0.9
        limits.drainGoalNanoseconds = 60 * Nanoseconds.perSecond
        let sizes = self.run(scenario, limits, seed).map(\.decision.desiredWorkers)
        #expect(sizes.max()! <= 3, "60 and 4,000 over a minute are 127 a second, 2 workers and a bit, seed \(seed)")
    }

    @Test(arguments: Self.seeds)
    func demandBeyondMaximum_neverExceedsItAndWorkersStayWithinObjective(seed: UInt64) {
        var scenario = Scenario()
        scenario.seconds = 200
        scenario.joinsPerSecond = { $0 >= 10 && $0 < 60 ? 300 : 5 }
        let seconds = self.run(scenario, Given.limits(1...3), seed)
        #expect(seconds.contains { $0.decision.reason == .maximum }, "seed \(seed)")
        #expect(seconds.map(\.ready).max() == 3, "seed \(seed)")
        let late = seconds.compactMap(\.tailNanoseconds).filter { $0 > 250 * Nanoseconds.perMillisecond }
        #expect(late.isEmpty, "people wait in line, not at the workers, seed \(seed)")
    }

    @Test(arguments: Self.seeds)
    func roomOpensOnTime_workersAreReadyForIt(seed: UInt64) {
        var scenario = Scenario()
        scenario.seconds = 120
        scenario.opensAtSeconds = 60
        scenario.startTimeSeconds = 5
        scenario.joinsPerSecond = { $0 < 60 ? 100 : 10 }
        let seconds = self.run(scenario, Given.limits(), seed)
        #expect(seconds[45].decision.desiredWorkers == 1, "not earlier than needed, seed \(seed)")
        #expect(seconds[60].ready >= 3, "6,000 over 30 s are 200 a second, seed \(seed)")
        #expect(seconds.first { $0.second > 60 && $0.waiting < 50 }?.second ?? .max <= 94, "seed \(seed)")
    }

    /// The backend takes three times as long from one second to the next.
    @Test(arguments: Self.seeds)
    func backendSlows_poolGrowsAndLatencyComesBack(seed: UInt64) {
        var scenario = Scenario()
        scenario.seconds = 240
        scenario.joinsPerSecond = { _ in 120 }
        scenario.serviceTimeSeconds = { $0 < 100 ? 0.02 : 0.06 }
        let seconds = self.run(scenario, Given.limits(), seed)
        #expect(seconds[99].ready <= 4, "seed \(seed)")
        #expect(seconds[180...].allSatisfy { $0.ready >= 6 }, "120 x 5 x 60 ms is 36 slots, seed \(seed)")
        let late = seconds[130...].compactMap(\.tailNanoseconds).filter { $0 > 250 * Nanoseconds.perMillisecond }
        #expect(late.isEmpty, "seed \(seed)")
        #expect(seconds.last!.waiting < 240, "seed \(seed)")
        #expect(abs(seconds.last!.decision.serviceTimeNanoseconds - 60_000_000) < 5_000_000, "seed \(seed)")
    }

    /// Visitors make more than twice the requests that were believed.
    @Test(arguments: Self.seeds)
    func priorTooLow_isLearnedAndPoolSettles(seed: UInt64) {
        var scenario = Scenario()
        scenario.seconds = 200
        scenario.joinsPerSecond = { _ in 120 }
        scenario.requestsPerVisitor = 12
        let seconds = self.run(scenario, Given.limits(), seed)
        #expect(seconds.last!.decision.requestsPerVisitor > 10, "seed \(seed)")
        #expect(seconds.map(\.decision.desiredWorkers).max()! <= 10, "29 busy slots are 5 workers, seed \(seed)")
        let late = seconds[80...].compactMap(\.tailNanoseconds).filter { $0 > 250 * Nanoseconds.perMillisecond }
        #expect(late.isEmpty, "seed \(seed)")
    }

    @Test(arguments: Self.seeds)
    func unguardedStep_isStaffedOnceAndNotWoundUp(seed: UInt64) {
        var scenario = Scenario()
        scenario.seconds = 120
        scenario.unguardedPerSecond = { $0 < 30 ? 100 : 1_000 }
        let seconds = self.run(scenario, Given.limits(), seed)
        let highest = seconds.map(\.decision.desiredWorkers).max()!
        #expect((4...6).contains(highest), "20 busy slots and what queued up, seed \(seed)")
        #expect(seconds.last!.inFlight < 60, "seed \(seed)")
    }

    @Test(arguments: Self.seeds)
    func signalsLostDuringSale_capacityHeldAndRateFrozen(seed: UInt64) {
        var scenario = Scenario()
        scenario.seconds = 120
        scenario.joinsPerSecond = { $0 < 30 ? 250 : 0 }
        scenario.signalsLost = 28..<110
        let seconds = self.run(scenario, Given.limits(), seed)
        let held = seconds[28..<110]
        #expect(Set(held.map(\.decision.desiredWorkers)).count == 1, "seed \(seed)")
        #expect(Set(held.map(\.decision.admissionRatePerSecond)).count == 1, "seed \(seed)")
        #expect(held.allSatisfy { $0.decision.reason == .signalsLost })
        #expect(seconds[110...].allSatisfy { $0.decision.desiredWorkers == held.first!.decision.desiredWorkers })
    }

    @Test(arguments: Self.seeds)
    func workersCrash_areReplacedAndTheirShareOfAdmissionIsWithheld(seed: UInt64) {
        var scenario = Scenario()
        scenario.seconds = 120
        scenario.joinsPerSecond = { _ in 200 }
        scenario.crashes = [60, 61]
        let seconds = self.run(scenario, Given.limits(), seed)
        #expect(seconds[61].ready == seconds[59].ready - 2, "seed \(seed)")
        #expect(
            seconds[61].decision.admissionRatePerSecond
                < seconds[59].decision.admissionRatePerSecond * 0.8,
            "seed \(seed)"
        )
        #expect(seconds[80].ready >= seconds[59].ready, "seed \(seed)")
        #expect(seconds.last!.waiting < 400, "seed \(seed)")
    }

    /// Whatever happens, the rate is at most what the ready workers were believed to bear, and the pool calms down.
    @Test(arguments: (1...12).map { UInt64($0) * 7_919 })
    func randomDemand_keepsEveryRule(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let levels = (0..<8).map { _ in random.nextUnit() < 0.3 ? 0 : 300 * random.nextUnit() * random.nextUnit() }
        var scenario = Scenario()
        scenario.seconds = 300
        scenario.startTimeSeconds = 1 + 14 * random.nextUnit()
        scenario.startTimeVaries = true
        scenario.requestsPerVisitor = 3 + Int(random.next() % 5)
        scenario.crashes = [20 + Int(random.next() % 100)]
        let lostFrom = 20 + Int(random.next() % 100)
        scenario.signalsLost = lostFrom..<(lostFrom + 10)
        scenario.joinsPerSecond = { $0 < 160 ? levels[Int($0 / 20)] : 0 }
        let limits = Given.limits(1...8)
        let seconds = self.run(scenario, limits, seed)
        for second in seconds where second.decision.reason != .signalsLost {
            let decision = second.decision
            let busyNanoseconds = Double(decision.serviceTimeNanoseconds) * decision.requestsPerVisitor
            let bearable = Double(second.ready) * 8 * limits.utilization * 1e9 / busyNanoseconds
            // A change within the deadband is not published.
            #expect(decision.admissionRatePerSecond <= bearable * 1.025, "second \(second.second), seed \(seed)")
        }
        #expect(seconds.last!.waiting == 0, "seed \(seed)")
        #expect(seconds.last!.decision.desiredWorkers == 1, "seed \(seed)")
    }

    @Test func sameSeed_repeatsTheRun() {
        var scenario = Scenario()
        scenario.seconds = 40
        scenario.joinsPerSecond = { _ in 100 }
        let first = self.run(scenario, Given.limits(), 5).map(\.decision)
        #expect(first == self.run(scenario, Given.limits(), 5).map(\.decision))
        #expect(first != self.run(scenario, Given.limits(), 6).map(\.decision))
    }
}
