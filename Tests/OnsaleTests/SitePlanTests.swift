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
        for limits in [plan.before, plan.after] {
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

    /// The journal tells the new limits from the old ones by the burst, and the reload lies within the drain.
    @Test(arguments: Self.sizes)
    func limits_change_inTheMiddleOfTheDrain(visitors: Int, seconds: Double) {
        let scenario = Scenario(visitors: visitors, durationSeconds: seconds, seed: 1)
        let plan = SitePlan(scenario)
        #expect(plan.after.inflowPerSecond > plan.before.inflowPerSecond && plan.after.burst != plan.before.burst)
        #expect(plan.reloadSeconds > scenario.curve.openingSeconds && plan.reloadSeconds < seconds * 0.74)
    }

    /// What is let in can be served, with a worker to spare, and everybody is in before the run's last quarter.
    @Test(arguments: Self.sizes)
    func plan_fitsItsCrowd(visitors: Int, seconds: Double) {
        let scenario = Scenario(visitors: visitors, durationSeconds: seconds, seed: 1)
        let plan = SitePlan(scenario)
        let requestsPerSecond = Double(plan.after.inflowPerSecond * plan.requestsPerVisitor)
        let busySlots = requestsPerSecond * Double(plan.serviceMilliseconds) / 1000
        #expect(busySlots <= Double((plan.mostWorkers - 1) * plan.slotsPerWorker) * plan.utilization)
        let drained =
            (plan.reloadSeconds - scenario.curve.openingSeconds) * Double(plan.before.inflowPerSecond)
            + (seconds * 0.74 - plan.reloadSeconds) * Double(plan.after.inflowPerSecond)
        #expect(drained >= Double(visitors) * 0.9)
    }
}
