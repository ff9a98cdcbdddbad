import Primitives
import Testing

@testable import Controller

/// How soon another controller leads after one has died.
@Suite struct LeadershipTests {
    /// Who dies just after it has renewed, and another one that has just asked.
    @Test func times_addUpToLessThanThreeSeconds() {
        let longest = Controller.leadershipMillis * Nanoseconds.perMillisecond + Controller.standByNanoseconds
        #expect(longest < 3 * Nanoseconds.perSecond)
        // One renewal may be lost, or a second late.
        #expect(Controller.leadershipMillis * Nanoseconds.perMillisecond > 2 * Controller.intervalNanoseconds)
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func leader_thatIsHeardNoMore_isFollowedWithinThreeSeconds(seed: UInt64) {
        let site = InventedSite(seed: seed)
        let (first, second) = (site.addController(), site.addController())
        #expect(site.wait(seconds: 5) { site.on(first) { $0.isLeading } })
        site.world.run(forNanoseconds: site.world.random(3...5) * Nanoseconds.perSecond)
        #expect(!site.on(second) { $0.isLeading })
        site.controllers[first].board.oneInFailures = 1
        let began = site.world.now
        #expect(site.wait(seconds: 10) { site.on(second) { $0.isLeading } }, "seed \(seed)")
        let took = site.world.now.nanoseconds(since: began) / Nanoseconds.perMillisecond
        #expect(took <= 3_000, "seed \(seed): \(took) ms")
    }
}
