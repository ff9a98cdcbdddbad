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

    @Test(arguments: Self.sizes)
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
            #expect(room.opensAtMicros == 1_795_000_000_250_000 && room.slots == Int64(plan.slots))
            let pool = try #require(settings.pools.first)
            #expect(pool.minWorkers == plan.fewestWorkers && pool.maxWorkers == plan.mostWorkers)
            #expect(pool.worker.slots == plan.slotsPerWorker)
        }
    }

    /// Raised, and lowered again, within the drain, and far enough apart for each to show.
    @Test(arguments: Self.sizes)
    func limits_change_inTheMiddleOfTheDrain(visitors: Int, seconds: Double) {
        let scenario = Scenario(visitors: visitors, durationSeconds: seconds, seed: 1)
        let plan = SitePlan(scenario)
        #expect(plan.changes.count == 2)
        #expect(plan.changes[0].limits.inflowPerSecond > plan.before.inflowPerSecond)
        #expect(plan.changes[1].limits.inflowPerSecond < plan.changes[0].limits.inflowPerSecond)
        let moments = [scenario.curve.openingSeconds] + plan.changes.map(\.seconds) + [seconds * 0.74]
        #expect(zip(moments, moments.dropFirst()).allSatisfy { $0 < $1 })
        #expect(plan.probeSeconds.allSatisfy { $0 > moments[0] && $0 < moments[3] })
    }

    /// Few people in a long run are served by the fewest workers, and a crowd is not.
    @Test func workers_mustGrow_whereTheCrowdIsMoreThanTheFewestCanServe() {
        func plan(_ visitors: Int, _ seconds: Double) -> SitePlan {
            SitePlan(Scenario(visitors: visitors, durationSeconds: seconds, seed: 1))
        }
        #expect(plan(20_000, 90).needsMoreWorkers && plan(2_000, 45).needsMoreWorkers)
        #expect(!plan(500, 900).needsMoreWorkers)
    }

    /// Rounded up so little that the line is still there when the last change is to be felt.
    @Test(arguments: [800, 2_000, 9_000, 40_000])
    func inflow_isRoundedByATwentiethAtMost(visitors: Int) {
        let scenario = Scenario(visitors: visitors, durationSeconds: 45, seed: 1)
        let plan = SitePlan(scenario)
        let drain = 45 * 0.74 - scenario.curve.openingSeconds
        let exact = Double(visitors) * 0.94 * 0.97 / drain / (1 + 0.4 * 0.35)
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
        let raised = plan.changes[0].limits.inflowPerSecond
        let requestsPerSecond = Double(raised * plan.requestsPerVisitor)
        let busySlots = requestsPerSecond * Double(plan.serviceMilliseconds) / 1000
        #expect(busySlots <= Double((plan.mostWorkers - 1) * plan.slotsPerWorker) * plan.utilization)
        let drained =
            (plan.changes[0].seconds - scenario.curve.openingSeconds) * Double(plan.before.inflowPerSecond)
            + (plan.changes[1].seconds - plan.changes[0].seconds) * Double(plan.changes[0].limits.inflowPerSecond)
            + (seconds * 0.74 - plan.changes[1].seconds) * Double(plan.changes[1].limits.inflowPerSecond)
        #expect(drained >= Double(visitors) * 0.9)
    }
}
