import Testing

@testable import onsale

/// The whole tool but the sockets, in virtual time.
@Suite struct VirtualRunTests {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func run_throughARoom_servesEveryoneInOrder(seed: UInt64) throws {
        let scenario = Scenario(visitors: 2_000, durationSeconds: 60, seed: seed)
        var run = VirtualRun(try Crowd(scenario), room: VirtualRun.Room(ratePerSecond: 120))
        run.play()
        let verdict = Judge(objectives: scenario.objectives, evidence: run.evidence).verdict()
        let failed = verdict.broken.map { "\($0.title): \($0.measured), \($0.detail)" }
        #expect(failed == [], "seed \(seed)")
        let counts = run.evidence.timeline.total.counts
        #expect(counts.arrivals == 2_000 && counts.left == 2_000)
        #expect(counts.exchanges == run.evidence.journal.exchanges.count)
        #expect(counts.served == counts.exchanges)
        #expect(counts.requests == counts.answered)
        #expect(run.evidence.timeline.samples.reduce(0) { $0 + $1.counts.arrivals } == 2_000)
    }

    @Test func run_sameSeed_isTheSame() throws {
        let scenario = Scenario(visitors: 400, durationSeconds: 20, seed: 9)
        let results = try (0..<2).map { _ in
            var run = VirtualRun(try Crowd(scenario))
            run.play()
            return RunResult(run.evidence)
        }
        #expect(results[0] == results[1])
    }

    @Test func run_straightAtTheWorkers_losesMostOfTheCrowd() throws {
        let scenario = Scenario(visitors: 4_000, durationSeconds: 30, seed: 4)
        var run = VirtualRun(try Crowd(scenario), room: nil)
        run.play()
        let counts = run.evidence.timeline.total.counts
        #expect(counts.failed > counts.served)
        #expect(counts.exchanges == 0 && counts.waitingPages == 0)
        #expect(counts.left == 4_000)
    }

    @Test func result_secondsOfTheJournal_areThoseOfTheRun() throws {
        let scenario = Scenario(visitors: 1_000, durationSeconds: 30, seed: 2)
        var room = VirtualRun.Room(ratePerSecond: 60)
        room.changes = [(seconds: 15, ratePerSecond: 320, burst: 40)]
        var run = VirtualRun(try Crowd(scenario), room: room)
        run.play()
        let result = RunResult(run.evidence)
        #expect(result.inflow.reduce(0, +) == run.evidence.journal.exchanges.count)
        #expect(result.changeSeconds == [15])
        #expect(result.configured.map(\.ratePerSecond) == [60, 320])
        #expect(result.order.allSatisfy { $0.low <= $0.median && $0.median <= $0.high })
    }
}
