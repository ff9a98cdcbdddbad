import Primitives
import TestKit
import Testing

@testable import Controller

/// A cloud whose commands all succeed, and which does something else.
@Suite struct DisobedientCloudTests {
    /// Seen before: all requests failed for minutes while the only worker answered.
    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func whoIsNotEnded_servesAgain(seed: UInt64) throws {
        let rig = DriverRig(.cloud, seed: seed)
        #expect(rig.lead(desired: 1))
        let cloud = try #require(rig.outside as? CloudOutside)
        let before = rig.ready
        rig.onOutside { _ in
            cloud.keepsThoseItEnds = true
            cloud.startsNone = true
        }
        rig.desired = 0
        #expect(rig.wait(seconds: 30) { rig.ready.isEmpty })
        #expect(rig.wait(seconds: 90) { rig.driver.problem?.contains("is still listed as running") == true })
        let problem = rig.driver.problem ?? ""
        #expect(problem.contains("\(before.first ?? "") was told to end at "), "\(problem)")
        rig.desired = 1
        #expect(rig.wait(seconds: 90) { rig.ready == before }, "seed \(seed)")
        #expect(rig.driver.problem == nil && rig.driver.crashes == 0)
    }

    @Test func size_thatIsTaken_andNotReached_isTold() throws {
        let rig = DriverRig(.cloud)
        #expect(rig.lead(desired: 2))
        let cloud = try #require(rig.outside as? CloudOutside)
        let victim = try #require(rig.ready.sorted().first)
        let acts = cloud.acts
        rig.onOutside { _ in
            cloud.startsNone = true
            cloud.kill(victim)
        }
        #expect(rig.wait(seconds: 5) { cloud.acts > acts }, "the size is told again at once")
        #expect(rig.wait(seconds: 40) { rig.driver.problem != nil })
        let problem = rig.driver.problem ?? ""
        #expect(problem.contains("2 instances are wanted since "), "\(problem)")
        #expect(problem.contains("took that, and lists 1"), "\(problem)")
        rig.onOutside { _ in cloud.startsNone = false }
        #expect(rig.wait(seconds: 120) { rig.ready.count == 2 && rig.driver.problem == nil })
    }

    /// Seen before: nobody knew how old the cause was that stood there.
    @Test func list_thatFails_theLatestCauseIsTold_andWhenItIsTriedNext() throws {
        let rig = DriverRig(.cloud)
        #expect(rig.lead(desired: 1))
        rig.onOutside { $0.fail(.refuses) }
        #expect(rig.wait(seconds: 30) { rig.driver.problem?.contains("ExpiredToken. It is tried again at ") == true })
        let since = rig.driver.problem?.firstMatch(of: /to list has failed since (\S+), the last time so/)?.1
        rig.onOutside { $0.fail(.talksNonsense) }
        #expect(rig.wait(seconds: 90) { rig.driver.problem?.contains("is no list of instances") == true })
        let problem = rig.driver.problem ?? ""
        #expect(since != nil && problem.contains(since ?? "?"), "\(problem)")
        #expect(!problem.contains("ExpiredToken"), "\(problem)")
        rig.onOutside { $0.fail(nil) }
        #expect(rig.wait(seconds: 90) { rig.driver.problem == nil })
    }
}
