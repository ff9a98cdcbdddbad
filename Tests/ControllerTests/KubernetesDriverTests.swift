import Foundation
import Primitives
import SharedState
import TestKit
import Testing
import Yams

@testable import Controller

/// The kubernetes driver against a cluster that follows the documented API, in virtual time.
@Suite struct KubernetesDriverTests {
    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func desired_isReached_andStartsAreMeasured(seed: UInt64) {
        let rig = ClusterRig(seed: seed)
        let member = rig.add()
        #expect(rig.lead(member, desired: 4))
        #expect(rig.wait(seconds: 20) { rig.ready(member).count == 4 && member.driver.state.pending.isEmpty })
        #expect(rig.cluster.replicas("shop") == 4 && rig.ready(member) == Set(rig.cluster.pods))
        let starts = member.events.compactMap { event -> Int64? in
            if case .started(let took) = event { took / Nanoseconds.perMillisecond } else { nil }
        }
        #expect(starts.count == 3 && starts.allSatisfy { (2_000...4_500).contains($0) }, "\(starts)")
        #expect(member.driver.problem == nil && member.driver.crashes == 0)
        rig.cluster.forgetLog()
        rig.run(seconds: 60)
        #expect(rig.scalings.isEmpty, "what is as desired is left alone")
    }

    /// The idlest is marked before the number sinks, and is the one that the cluster takes.
    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func shrinking_takesTheIdlest_onceItIsIdle(seed: UInt64) throws {
        let rig = ClusterRig(seed: seed, replicas: 4)
        let member = rig.add()
        #expect(rig.lead(member, desired: 4))
        #expect(rig.wait(seconds: 20) { rig.ready(member).count == 4 })
        let pods = rig.ready(member).sorted()
        member.inFlight = [pods[0]: 5, pods[1]: 1, pods[2]: 5, pods[3]: 5]
        member.desired = 3
        rig.run(seconds: 10)
        #expect(rig.ready(member) == [pods[0], pods[2], pods[3]])
        #expect(rig.cluster.replicas("shop") == 4, "it still has a request")
        rig.cluster.forgetLog()
        member.inFlight?[pods[1]] = 0
        #expect(rig.wait(seconds: 10) { rig.cluster.pods.count == 3 })
        #expect(Set(rig.cluster.pods) == [pods[0], pods[2], pods[3]])
        let writes = rig.writes.filter { $0.rule.resource != "leases" }
        #expect(writes.map(\.rule.resource) == ["pods", "deployments/scale"] && writes[0].name == pods[1])
        #expect(rig.wait(seconds: 5) { member.driver.directory.count == 3 } && member.driver.crashes == 0)
    }

    @Test func pod_thatDies_isToldAndCounted() throws {
        let rig = ClusterRig(replicas: 3)
        let member = rig.add()
        #expect(rig.lead(member, desired: 3))
        #expect(rig.wait(seconds: 20) { rig.ready(member).count == 3 })
        let victim = try #require(rig.ready(member).sorted().first)
        rig.world.run(on: member.loop) { rig.cluster.kill(victim) }
        #expect(rig.wait(seconds: 2) { rig.ready(member).count == 2 })
        #expect(rig.wait(seconds: 20) { rig.ready(member).count == 3 } && member.driver.crashes == 1)
    }

    @Test func write_refusedBecauseSomebodyWasFaster_isDecidedAnew() {
        let rig = ClusterRig()
        let member = rig.add()
        #expect(rig.lead(member, desired: 1))
        rig.cluster.fail([rig.cluster.refusal(409, reason: "Conflict")]) {
            $0.resource == "deployments/scale" && $0.verb == "update"
        }
        member.desired = 3
        #expect(rig.wait(seconds: 3) { rig.cluster.replicas("shop") == 3 })
        #expect(member.driver.problem == nil)
    }

    /// An answer that was lost is no word of somebody else's.
    @Test func write_doneButUnanswered_isNotTakenForSomebodyElses() {
        let rig = ClusterRig()
        let member = rig.add()
        #expect(rig.lead(member, desired: 1))
        rig.run(seconds: 2)
        rig.cluster.fail(Array(repeating: .broken, count: 100)) {
            $0.resource == "deployments/scale" && $0.verb == "update"
        }
        member.desired = 3
        rig.run(seconds: 2)
        #expect(rig.cluster.replicas("shop") == 1, "no answer has come so far")
        rig.cluster.change("/apis/apps/v1/namespaces/sale/deployments/shop") { $0["spec"]["replicas"] = 3 }
        // Until it has given up asking, and has looked again.
        rig.run(seconds: 15)
        #expect(rig.ready(member).count == 3 && rig.on(member) { $0.problem } == nil)
        #expect(member.driver.trouble.others.isEmpty)
    }

    @Test func number_setBySomebodyElse_isSetAgainAndTold() {
        let rig = ClusterRig(replicas: 2)
        let member = rig.add()
        #expect(rig.lead(member, desired: 2))
        #expect(rig.wait(seconds: 20) { rig.ready(member).count == 2 })
        for round in 1...3 {
            rig.cluster.change("/apis/apps/v1/namespaces/sale/deployments/shop") { $0["spec"]["replicas"] = 6 }
            #expect(rig.wait(seconds: 5) { rig.cluster.replicas("shop") == 2 })
            let problem = rig.on(member) { $0.problem } ?? ""
            #expect(problem.contains("from 2 to 6"), "\(problem)")
            #expect(problem.contains("HorizontalPodAutoscaler") == (round == 3), "\(problem)")
        }
        rig.run(seconds: 90)
        #expect(rig.on(member) { $0.problem } == nil)
    }

    @Test func server_away_workersStayAsKnownAndNothingIsDone() {
        let rig = ClusterRig(replicas: 3)
        let member = rig.add()
        #expect(rig.lead(member, desired: 3))
        #expect(rig.wait(seconds: 20) { rig.ready(member).count == 3 })
        let before = rig.ready(member)
        member.transport.isAway = true
        member.desired = 1
        rig.run(seconds: 60)
        #expect(rig.ready(member) == before && member.driver.term != nil && member.driver.state.ready == 3)
        let problem = rig.on(member) { $0.problem } ?? ""
        #expect(problem.contains("cannot be reached") && problem.contains("stay as they are known"), "\(problem)")
        #expect(rig.cluster.replicas("shop") == 3)
        member.transport.isAway = false
        #expect(rig.wait(seconds: 60) { rig.cluster.pods.count == 1 && rig.on(member) { $0.problem } == nil })
    }

    /// Somebody gives the port another name while pods serve.
    @Test func port_thatIsThereNoMore_workersStayAndItIsTold() {
        let rig = ClusterRig(replicas: 2)
        let member = rig.add(port: "http")
        #expect(rig.lead(member, desired: 2))
        #expect(rig.wait(seconds: 20) { rig.ready(member).count == 2 })
        let before = rig.ready(member)
        for path in rig.cluster.paths where path.contains("/endpointslices/") {
            rig.cluster.change(path) { $0["ports"] = [["name": "web", "port": 8080]] }
        }
        rig.run(seconds: 5)
        #expect(rig.ready(member) == before)
        let problem = rig.on(member) { $0.problem } ?? ""
        #expect(problem.contains("there is no port http behind the service; there are: web 8080"), "\(problem)")
    }

    /// While nobody can ask the cluster, a new leader goes on with what the last one has told gateways.
    @Test func server_awayDuringAFailover_directoryStays() {
        let rig = ClusterRig(replicas: 2)
        let boards = MemoryBoards()
        let first = rig.add(boards: boards)
        #expect(rig.lead(first, fence: 1, desired: 2))
        #expect(rig.wait(seconds: 20) { rig.ready(first).count == 2 })
        rig.run(seconds: 1)
        let second = rig.add(boards: boards)
        second.transport.isAway = true
        rig.on(first) { $0.standBy() }
        #expect(rig.lead(second, fence: 2, desired: 2))
        #expect(rig.ready(second) == rig.ready(first) && second.driver.state.ready == 2)
        second.transport.isAway = false
        #expect(rig.wait(seconds: 60) { rig.on(second) { $0.problem } == nil && rig.ready(second).count == 2 })
    }

    /// Seen before: a leader that took over while pods started knew of none of them, and called them off.
    @Test func pods_thatStartDuringAFailover_areKnownToTheNext() {
        let rig = ClusterRig(replicas: 2, startMillis: 15_000)
        let boards = MemoryBoards()
        let first = rig.add(boards: boards)
        let second = rig.add(boards: boards)
        #expect(rig.lead(first, fence: 1, desired: 2))
        #expect(rig.wait(seconds: 60) { rig.ready(first).count == 2 })
        first.desired = 6
        #expect(rig.wait(seconds: 10) { rig.cluster.replicas("shop") == 6 })
        rig.on(first) { $0.standBy() }
        var found: (ready: Int, pending: Int)?
        rig.on(second) { driver in
            driver.takeOver(fence: 2) { found = (driver.state.ready, driver.state.pending.count) }
        }
        #expect(rig.wait(seconds: 5) { found != nil })
        #expect(found?.ready == 2 && found?.pending == 4)
        // Who led before says nothing of what starts now.
        rig.run(seconds: 5)
        #expect(first.driver.state.pending.isEmpty && rig.on(first) { $0.problem } == nil)
    }

    /// The scale is being read when another controller turns out to lead.
    @Test(arguments: [true, false])
    func round_underWayWhenTheTermEnds_leavesNothing(isAnswered: Bool) {
        let rig = ClusterRig(replicas: 2, startMillis: 100_000)
        let boards = MemoryBoards()
        let first = rig.add(boards: boards)
        let second = rig.add(boards: boards)
        #expect(rig.lead(first, fence: 1, desired: 2))
        #expect(rig.wait(seconds: 200) { rig.ready(first).count == 2 })
        first.desired = 6
        #expect(rig.wait(seconds: 10) { rig.cluster.replicas("shop") == 6 })
        first.transport.fault = .hangs
        rig.on(second) { $0.takeOver(fence: 2) {} }
        #expect(rig.wait(seconds: 10) { first.driver.term == nil })
        if isAnswered { first.transport.fault = nil }
        rig.run(seconds: 5)
        first.transport.fault = nil
        rig.run(seconds: 60)
        #expect(first.events.contains { if case .deposed = $0 { true } else { false } })
        #expect(rig.on(first) { $0.problem } == nil && first.driver.state.pending.isEmpty)
    }

    /// A connection that has died without a word.
    @Test func watch_thatGoesMute_isNoticedWithinTwentySeconds() throws {
        let rig = ClusterRig(replicas: 3)
        let member = rig.add()
        #expect(rig.lead(member, desired: 3))
        #expect(rig.wait(seconds: 20) { rig.ready(member).count == 3 })
        let victim = try #require(rig.ready(member).sorted().first)
        rig.on(member) { _ in member.transport.muteStreams() }
        rig.world.run(on: member.loop) { rig.cluster.kill(victim) }
        #expect(rig.wait(seconds: 20) { !rig.ready(member).contains(victim) })
        #expect(rig.wait(seconds: 20) { rig.ready(member).count == 3 && rig.on(member) { $0.problem } == nil })
    }

    /// Two that are told by two shared states that they lead: one of them writes.
    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func leaders_two_neverScaleTogether(seed: UInt64) throws {
        let rig = ClusterRig(seed: seed)
        let (first, second) = (rig.add(), rig.add())
        #expect(rig.lead(first, desired: 2))
        #expect(rig.lead(second, desired: 5))
        rig.run(seconds: 30)
        #expect(rig.cluster.replicas("shop") == 2 && Set(rig.scalings.map(\.token)) == ["controller-0"])
        let problem = rig.on(second) { $0.problem } ?? ""
        #expect(problem.contains("the lease is held by controller-0"), "\(problem)")
        #expect(rig.ready(second).count == 2, "it knows the workers all the same")
        // It comes to its end without a word.
        first.transport.isAway = true
        let began = rig.world.now
        #expect(rig.wait(seconds: 10) { rig.cluster.replicas("shop") == 5 })
        let took = rig.world.now.nanoseconds(since: began) / Nanoseconds.perMillisecond
        #expect(took < 4_000, "\(took) ms")
        // And back again, when it is too late.
        rig.cluster.forgetLog()
        first.transport.isAway = false
        rig.run(seconds: 30)
        #expect(rig.writes.allSatisfy { $0.token == "controller-1" }, "\(rig.writes)")
        let lease = rig.cluster.object("/apis/coordination.k8s.io/v1/namespaces/sale/leases/sluice-tickets")
        #expect(lease?["spec"]["leaseTransitions"].integer == 1)
    }

    /// A lease that two pools shared would be held for one of them only.
    @Test func leases_ofAllPools_areNamedDifferently_asKubernetesAllowsIt() {
        #expect(ClusterLink.leaseName(pool: "tickets-2") == "sluice-tickets-2")
        let pools = ["a_b", "a-b", "a--b", "a-_b", "a__b", "ab", "a_", "a-", "a"]
        let names = pools.map { ClusterLink.leaseName(pool: $0) }
        #expect(Set(names).count == pools.count, "\(names)")
        for name in names {
            let label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
            #expect(name.range(of: "^\(label)(\\.\(label))*$", options: .regularExpression) != nil, "\(name)")
        }
    }

    @Test func deposed_orNotAllowed_writesNothing() {
        let rig = ClusterRig()
        let member = rig.add()
        #expect(rig.lead(member, desired: 1))
        rig.run(seconds: 5)
        member.permission.mayAct = false
        rig.cluster.forgetLog()
        member.desired = 9
        rig.run(seconds: 20)
        #expect(rig.scalings.isEmpty)
        member.permission.mayAct = true
        rig.on(member) { $0.standBy() }
        rig.run(seconds: 5)
        rig.cluster.forgetLog()
        rig.run(seconds: 20)
        #expect(rig.writes.isEmpty)
    }

    @Test func pool_thatIsHeld_isLeftToOthers() {
        let rig = ClusterRig(replicas: 3)
        let member = rig.add()
        #expect(rig.lead(member, desired: 3))
        #expect(rig.wait(seconds: 20) { rig.ready(member).count == 3 })
        member.inFlight = nil
        member.desired = 2
        #expect(rig.wait(seconds: 5) { rig.ready(member).count == 2 })
        member.holds = true
        #expect(rig.wait(seconds: 5) { rig.ready(member).count == 3 }, "nobody has to go any more")
        rig.cluster.forgetLog()
        rig.cluster.change("/apis/apps/v1/namespaces/sale/deployments/shop") { $0["spec"]["replicas"] = 5 }
        #expect(rig.wait(seconds: 20) { rig.ready(member).count == 5 })
        rig.run(seconds: 60)
        #expect(rig.scalings.isEmpty && rig.on(member) { $0.problem } == nil)
        member.holds = false
        #expect(rig.wait(seconds: 60) { rig.cluster.pods.count == 2 })
    }

    @Test func end_leavesTheWorkloadAlone_andGivesTheLeaseUp() {
        let rig = ClusterRig(replicas: 2)
        let member = rig.add()
        #expect(rig.lead(member, desired: 2))
        #expect(rig.wait(seconds: 20) { rig.ready(member).count == 2 })
        var hasEnded = false
        rig.on(member) { $0.stop(inHurry: false) { hasEnded = true } }
        #expect(rig.wait(seconds: 5) { hasEnded })
        #expect(rig.cluster.replicas("shop") == 2 && rig.cluster.pods.count == 2)
        let lease = rig.cluster.object("/apis/coordination.k8s.io/v1/namespaces/sale/leases/sluice-tickets")
        #expect(lease?["spec"]["holderIdentity"].string == "")
        rig.cluster.forgetLog()
        rig.run(seconds: 20)
        #expect(rig.cluster.log.isEmpty)
    }

    @Test func what_isWrongWithTheCluster_isTold() {
        let rig = ClusterRig(replicas: 1, startMillis: 1_000_000)
        let member = rig.add(service: "another")
        rig.cluster.fail(
            Array(repeating: rig.cluster.refusal(403, reason: "Forbidden"), count: 10),
            where: { $0.resource == "deployments/scale" }
        )
        // No worker is known yet: it does not say that there is none before it knows.
        #expect(rig.lead(member, desired: 1))
        rig.run(seconds: 5)
        let problem = rig.on(member) { $0.problem } ?? ""
        #expect(problem.contains(#"resources ["deployments/scale"], verbs ["get"]"#), "\(problem)")
        #expect(problem.contains("no endpoint slice belongs to the service another"), "\(problem)")
        rig.run(seconds: 60)
        let later = rig.on(member) { $0.problem } ?? ""
        #expect(later.contains("1 pods are not ready"), "\(later)")
    }

    // MARK: Rights

    /// The role of the example allows what the driver does, and nothing else.
    @Test func role_ofTheExample_isWhatTheDriverNeeds() throws {
        let rig = ClusterRig(replicas: 1)
        let member = rig.add()
        #expect(rig.lead(member, desired: 4))
        #expect(rig.wait(seconds: 20) { rig.ready(member).count == 4 })
        member.desired = 1
        #expect(rig.wait(seconds: 20) { rig.cluster.pods.count == 1 })
        let used = Set(rig.cluster.log.map(\.rule))

        let file =
            #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined() + "/Config/kubernetes/rights.yaml"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        struct Object: Decodable {
            struct Rule: Decodable { let apiGroups, resources, verbs: [String] }
            let kind: String
            let rules: [Rule]?
        }
        var allowed: Set<InventedCluster.Rule> = []
        for part in text.components(separatedBy: "\n---\n") {
            let object = try YAMLDecoder().decode(Object.self, from: part)
            for rule in object.rules ?? [] where object.kind == "Role" {
                for group in rule.apiGroups {
                    for resource in rule.resources {
                        for verb in rule.verbs { allowed.insert(.init(group: group, resource: resource, verb: verb)) }
                    }
                }
            }
        }
        #expect(used == allowed, "\(used.symmetricDifference(allowed))")
    }
}
