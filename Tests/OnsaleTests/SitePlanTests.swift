import Foundation
import Settings
import SettingsFile
import TestKit
import Testing

@testable import onsale

@Suite struct SitePlanTests {
    static let sizes: [(visitors: Int, seconds: Double)] = [
        (1, 5), (50, 8), (400, 20), (20_000, 64.8), (20_000, 300), (250_000, 600), (2_000_000, 3_600),
    ]

    /// Within the limits of a scenario, and at the edge of what settings take.
    static let largest: [(visitors: Int, seconds: Double)] = [
        (1_000, 13_860), (1_000, 86_400), (250_000, 6.6), (10_000_000, 300), (10_000_000, 86_400),
    ]

    @Test(arguments: Self.sizes + Self.largest)
    func configuration_ofAnySize_isGood(visitors: Int, seconds: Double) throws {
        let plan = SitePlan(Scenario(visitors: visitors, durationSeconds: seconds, seed: 1))
        let folder = TestFolder()
        let path = folder.file("socket")
        let opensAt = Date(timeIntervalSince1970: 1_795_000_000.25)
        for limits in [plan.before] + plan.changes.map(\.limits) {
            try Data(plan.yaml(limits, opensAt: opensAt).utf8).write(to: URL(fileURLWithPath: path))
            let settings = try SettingsFile.load(path)
            let room = try #require(settings.rooms.first)
            #expect(room.inflowMilli == Int64(limits.inflowPerSecond) * 1000 && room.burst == Int64(limits.burst))
            #expect(room.opensAtMicros == 1_795_000_000_250_000 && room.slots == Int64(limits.slots ?? plan.slots))
            // The journal holds everybody who is let in, and some of them twice, as far as a room may keep so much.
            #expect(room.journalEntries >= min(2 * visitors, RoomSettings.journalLengths.upperBound))
            let pool = try #require(settings.pools.first)
            #expect(pool.minWorkers == plan.fewestWorkers && pool.maxWorkers == plan.mostWorkers)
            #expect(pool.worker.slots == plan.slotsPerWorker)
        }
    }

    /// A worker has a largest size: where the crowd needs more, there are more of them.
    @Test func workers_areMore_whereTheLargestAreTooSmall() throws {
        var scenario = Scenario(visitors: 10_000_000, durationSeconds: 300, seed: 1)
        (scenario.manners.fewestRequests, scenario.manners.mostRequests) = (200, 200)
        let plan = SitePlan(scenario)
        #expect(plan.mostWorkers > 6)
        let busySlots = Double(plan.highestInflowMilli) / 1e6 * 200 * Double(plan.serviceMilliseconds)
        #expect(busySlots <= Double((plan.mostWorkers - 1) * plan.slotsPerWorker) * plan.utilization)
        let simulated = try SimulationPlan(plan: plan, scenario: scenario, overrides: [])
        #expect(simulated.pool.worker.slots == plan.slotsPerWorker)
    }

    /// No file of the tool's own is blamed for it, and what it says to do helps.
    @Test func crowd_thatNoRoomLetsIn_isRefusedByItsSize() throws {
        let scenario = Scenario(visitors: 1_000_000, durationSeconds: 6.6, seed: 1)
        let problem = try #require(throws: PlayProblem.self) { try SitePlan(scenario).checkInflow(for: scenario) }
        let words = problem.description
        #expect(words.hasPrefix("1,000,000 visitors cannot be in by the end of the run: "), "\(words)")
        #expect(words.contains("a room lets in 100000/s at most") && words.hasSuffix("or more --seconds"), "\(words)")
        let number = try #require(words.firstMatch(of: /use --visitors ([0-9]+) or fewer/)).1
        let fitting = Scenario(visitors: try #require(Int(number)), durationSeconds: 6.6, seed: 1)
        try SitePlan(fitting).checkInflow(for: fitting)
        #expect(throws: PlayProblem.self) {
            _ = try SimulationPlan(plan: SitePlan(scenario), scenario: scenario, overrides: [])
        }
        let override = try #require(SettingsOverride(parsing: "rooms.onsale.inflow=90000/s"))
        _ = try SimulationPlan(plan: SitePlan(scenario), scenario: scenario, overrides: [override])
    }

    /// Raised, and lowered again, within the drain, and far enough apart for each to show.
    @Test(arguments: Self.sizes)
    func limits_change_inTheMiddleOfTheDrain(visitors: Int, seconds: Double) {
        let scenario = Scenario(visitors: visitors, durationSeconds: seconds, seed: 1)
        let plan = SitePlan(scenario)
        let paced = plan.changes.suffix(2).map(\.limits.inflowPerSecond)
        #expect(paced[0] > plan.before.inflowPerSecond && paced[1] < paced[0])
        let moments = [scenario.curve.openingSeconds] + plan.changes.map(\.seconds) + [seconds * 0.74]
        #expect(zip(moments, moments.dropFirst()).allSatisfy { $0 < $1 })
        #expect(plan.probeSeconds.allSatisfy { $0 > moments[0] && $0 < seconds * 0.74 })
    }

    /// For a while the slots bind, and all are there again before the inflow is raised: else that could not show.
    @Test(arguments: Self.sizes)
    func slots_bindForAWhile_whereTheyAreManyEnoughToTell(visitors: Int, seconds: Double) throws {
        let plan = SitePlan(Scenario(visitors: visitors, durationSeconds: seconds, seed: 1))
        let changes = plan.changes.dropLast(2)
        guard visitors >= 400 else {
            #expect(changes.isEmpty)
            return
        }
        try #require(changes.count == 2)
        let slots = try #require(changes[0].limits.slots)
        #expect(slots >= 20 && slots * 2 < plan.slots)
        #expect(changes[1].limits == plan.before && plan.before.slots == nil)
        #expect(plan.facts.contains { $0.name == "after the changes" && $0.value.contains("slots \(slots)") })
        let schedule = plan.schedule(
            openingMicros: 0,
            writtenMicros: plan.changes.map { Int64($0.seconds * 1e6) },
            objectives: Objectives()
        )
        #expect(
            schedule.written.map(\.slots) == [plan.slots, slots, plan.slots, plan.slots, plan.slots].map(Int64.init)
        )
    }

    /// Where no worker is kept, one has to start first; and what has no opening opens at no time.
    @Test func schedule_saysByWhenSomebodyIsIn() {
        var plan = SitePlan(Scenario(visitors: 900, durationSeconds: 60, seed: 1))
        func schedule() -> LimitSchedule {
            plan.schedule(openingMicros: 9_000_000, writtenMicros: [], objectives: Objectives())
        }
        #expect(schedule().startMicros == 4_000_000 && schedule().openedMicros == 3_000_000)
        plan.fewestWorkers = 0
        #expect(schedule().openedMicros == 7_000_000 && schedule().openingMicros == 9_000_000)
        plan.hasOpening = false
        #expect(schedule().openedMicros == nil && schedule().openingMicros == 0)
    }

    /// Whoever closes the window early has a pass that has run out by the last time that such passes are tried.
    @Test(arguments: Self.sizes.filter { $0.seconds >= 20 })
    func sessions_runOut_beforeTheLastProbe(visitors: Int, seconds: Double) throws {
        let scenario = Scenario(visitors: visitors, durationSeconds: seconds, seed: 1)
        let plan = SitePlan(scenario)
        let quick = scenario.curve.openingSeconds + scenario.manners.thinkMedianSeconds * 2
        let settled = quick + Double(plan.sessionSeconds) + Double(ProbeStock.settlingNanoseconds) / 1e9
        #expect(try #require(plan.probeSeconds.last) > settled)
    }

    /// Few people in a long run are served by the fewest workers, and a crowd is not.
    @Test func workers_mustGrow_whereTheCrowdIsMoreThanTheFewestCanServe() {
        func plan(_ visitors: Int, _ seconds: Double) -> SitePlan {
            SitePlan(Scenario(visitors: visitors, durationSeconds: seconds, seed: 1))
        }
        #expect(plan(20_000, 90).needsMoreWorkers && plan(2_000, 45).needsMoreWorkers)
        #expect(!plan(500, 900).needsMoreWorkers)
        // 1.2 slots are busy: 1.6 at three quarters, and 2.3 with a square root to spare.
        var site = plan(2_000, 45)
        (site.changes, site.slotsPerWorker, site.requestsPerVisitor) = ([], 2, 5)
        site.before.inflowMilli = 12_000
        #expect(!site.needsMoreWorkers)
        // 1.6 slots: 2.1, and 2.9.
        site.before.inflowMilli = 16_000
        #expect(site.needsMoreWorkers)
    }

    /// Rounded up so little that the line is still there when the last change is to be felt.
    @Test(arguments: [800, 2_000, 9_000, 40_000])
    func inflow_isRoundedByATwentiethAtMost(visitors: Int) {
        let scenario = Scenario(visitors: visitors, durationSeconds: 45, seed: 1)
        let plan = SitePlan(scenario)
        let drain = 45 * 0.74 - scenario.curve.openingSeconds
        let exact = Double(visitors) * 0.94 * 0.97 / drain / (1 + 0.4 * 0.35 - SitePlan.heldUpShare)
        #expect(Double(plan.before.inflowPerSecond) <= exact * 1.05 + 0.001)
        #expect(Double(plan.before.inflowPerSecond) >= exact)
    }

    /// People who are slower stay longer, and a pass outlives the longest pause between two pages.
    @Test(arguments: Self.sizes)
    func sessions_outliveThePauses(visitors: Int, seconds: Double) {
        let scenario = Scenario(visitors: visitors, durationSeconds: seconds, seed: 1)
        #expect(Double(SitePlan(scenario).sessionSeconds) > scenario.manners.longestThinkSeconds)
    }

    /// What is let in can be served, with a worker to spare, and everybody is in before the run's last quarter.
    @Test(arguments: Self.sizes)
    func plan_fitsItsCrowd(visitors: Int, seconds: Double) {
        let scenario = Scenario(visitors: visitors, durationSeconds: seconds, seed: 1)
        let plan = SitePlan(scenario)
        let paced = Array(plan.changes.suffix(2))
        let raised = paced[0].limits.inflowPerSecond
        let requestsPerSecond = Double(raised * plan.requestsPerVisitor)
        let busySlots = requestsPerSecond * Double(plan.serviceMilliseconds) / 1000
        #expect(busySlots <= Double((plan.mostWorkers - 1) * plan.slotsPerWorker) * plan.utilization)
        let drained =
            (paced[0].seconds - scenario.curve.openingSeconds) * Double(plan.before.inflowPerSecond)
            + (paced[1].seconds - paced[0].seconds) * Double(paced[0].limits.inflowPerSecond)
            + (seconds * 0.74 - paced[1].seconds) * Double(paced[1].limits.inflowPerSecond)
        #expect(drained >= Double(visitors) * 0.9)
    }
}
