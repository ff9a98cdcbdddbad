import Primitives
import SharedState
import TestKit
import Testing

@testable import Controller

/// What `WorkerDriver` promises, put to the test with every driver.
@Suite struct DriverConformanceTests {
    private func expectNothing(changesIn rig: DriverRig, seconds: Int64 = 60, _ why: String) {
        let (acts, running) = (rig.outside.acts, rig.outside.running)
        rig.run(seconds: seconds)
        #expect(rig.outside.acts == acts, "\(why): it acted")
        #expect(rig.outside.running == running, "\(why): workers came or went")
    }

    @Test(arguments: DriverKind.scaling, 1...5 as ClosedRange<UInt64>)
    func desired_isReached_andToldToGateways(kind: DriverKind, seed: UInt64) {
        let rig = DriverRig(kind, seed: seed)
        #expect(rig.lead(desired: 3))
        #expect(rig.ready == rig.outside.serving && rig.driver.state.ready == 3)
        #expect(rig.events.count { if case .started(let took) = $0 { took > 0 } else { false } } == 3)
        #expect(rig.events.contains(.directoryChanged) && rig.driver.problem == nil && rig.driver.crashes == 0)
        rig.desired = 7
        #expect(rig.wait(seconds: 60) { rig.ready.count == 7 && rig.isSettled })
        let acts = rig.outside.acts
        rig.run(seconds: 120)
        #expect(rig.outside.acts <= acts + 1, "what is as desired is left alone")
        #expect(rig.ready == rig.outside.serving && rig.ready.count == 7)
    }

    @Test(arguments: DriverKind.scaling)
    func nothing_isDesired_andAllGo(kind: DriverKind) {
        let rig = DriverRig(kind)
        #expect(rig.lead(desired: 3))
        rig.desired = 0
        #expect(rig.wait(seconds: 90) { rig.outside.running.isEmpty && rig.ready.isEmpty })
        #expect(rig.driver.crashes == 0)
    }

    /// The idlest go; gateways know for a while before, and who still has something under way is waited for.
    @Test(arguments: DriverKind.choosing, 1...5 as ClosedRange<UInt64>)
    func shrinking_drainsTheIdlestFirst(kind: DriverKind, seed: UInt64) throws {
        let rig = DriverRig(kind, seed: seed)
        #expect(rig.lead(desired: 4))
        let workers = rig.ready.sorted()
        rig.inFlight = [workers[0]: 9, workers[1]: 1, workers[2]: 8, workers[3]: 0]
        var ended: [String] = []
        rig.outside.onEnding = { [unowned rig] id in
            ended.append(id)
            let since = rig.drainingSince[id]
            #expect(since != nil, "\(id) was ended and nobody had been told")
            if let since { #expect(rig.loop.now.nanoseconds(since: since) >= Nanoseconds.perSecond) }
        }
        rig.desired = 2
        #expect(rig.wait(seconds: 15) { ended == [workers[3]] })
        rig.run(seconds: 8)
        #expect(ended == [workers[3]], "the other one still has a request")
        #expect(rig.ready == [workers[0], workers[2]])
        rig.inFlight?[workers[1]] = 0
        #expect(rig.wait(seconds: 10) { ended == [workers[3], workers[1]] })
        #expect(rig.wait(seconds: 20) { rig.outside.running == rig.ready && rig.driver.state.draining == 0 })
        #expect(rig.driver.crashes == 0)
    }

    /// Nobody is taken to be idle when gateways do not tell: then time ends it.
    @Test(arguments: DriverKind.choosing)
    func shrinking_withoutAWordOfGateways_waitsForTheTimeout(kind: DriverKind) {
        let rig = DriverRig(kind)
        #expect(rig.lead(desired: 2))
        rig.inFlight = nil
        rig.desired = 1
        rig.run(seconds: 15)
        #expect(rig.outside.running.count == 2 && rig.ready.count == 1)
        #expect(rig.wait(seconds: 30) { rig.outside.running.count == 1 })
    }

    @Test(arguments: DriverKind.choosing)
    func who_drains_isWantedAgainWhenMoreAreDesired(kind: DriverKind) {
        let rig = DriverRig(kind)
        #expect(rig.lead(desired: 3))
        let before = rig.ready
        rig.inFlight = nil
        rig.desired = 2
        #expect(rig.wait(seconds: 10) { rig.ready.count == 2 })
        rig.desired = 3
        #expect(rig.wait(seconds: 10) { rig.ready == before })
        rig.run(seconds: 60)
        #expect(rig.outside.running == before, "nobody was started and nobody ended")
    }

    @Test(arguments: DriverKind.choosing)
    func retire_takesThatOne_andReplacesIt(kind: DriverKind) throws {
        let rig = DriverRig(kind)
        #expect(rig.lead(desired: 3))
        let victim = try #require(rig.ready.sorted().dropFirst().first)
        let others = rig.ready.subtracting([victim])
        rig.inFlight = [victim: 1]
        #expect(rig.on { $0.retire(victim) } == .drains)
        #expect(rig.on { $0.retire(victim) } == .drainsAlready)
        #expect(rig.wait(seconds: 5) { rig.drainingSince[victim] != nil })
        rig.run(seconds: 5)
        #expect(rig.outside.running.contains(victim), "it still has a request")
        rig.inFlight = [:]
        #expect(
            rig.wait(seconds: 90) { !rig.outside.running.contains(victim) && rig.ready.count == 3 && rig.isSettled }
        )
        #expect(others.isSubset(of: rig.ready) && rig.driver.crashes == 0)
        #expect(rig.on { $0.retire("nobody") } == .unknown(rig.ready.sorted()))
        self.expectNothing(changesIn: rig, seconds: 20, "nobody of that name")
    }

    @Test(arguments: DriverKind.scaling, 1...5 as ClosedRange<UInt64>)
    func who_dies_isReplaced_andCounted(kind: DriverKind, seed: UInt64) throws {
        let rig = DriverRig(kind, seed: seed)
        #expect(rig.lead(desired: 3))
        let victim = try #require(rig.world.pick(rig.ready.sorted()))
        rig.onOutside { $0.kill(victim) }
        #expect(rig.wait(seconds: 10) { !rig.ready.contains(victim) }, "gateways are told")
        #expect(rig.wait(seconds: 120) { rig.ready.count == 3 && rig.ready == rig.outside.serving })
        #expect(rig.driver.crashes == 1)
    }

    @Test(arguments: DriverKind.choosing)
    func who_hangs_isReplaced(kind: DriverKind) throws {
        let rig = DriverRig(kind)
        #expect(rig.lead(desired: 3))
        let victim = try #require(rig.ready.sorted().first)
        rig.onOutside { $0.hang(victim) }
        #expect(rig.wait(seconds: 60) { !rig.ready.contains(victim) })
        #expect(rig.wait(seconds: 120) { rig.ready.count == 3 && rig.ready == rig.outside.serving && rig.isSettled })
        #expect(rig.wait(seconds: 30) { rig.driver.problem == nil })
        #expect(rig.driver.crashes == 1)
    }

    /// A step at a time gateways know nobody whom they may not send to.
    @Test(arguments: DriverKind.scaling, 1...10 as ClosedRange<UInt64>)
    func directory_tellsOnlyThoseWhoServe(kind: DriverKind, seed: UInt64) {
        let rig = DriverRig(kind, seed: seed)
        #expect(rig.lead(desired: 1))
        for _ in 0..<40 {
            rig.desired = rig.world.random(1...8)
            // Longer than gateways and the cloud's list need to tell of what the cloud does by itself.
            for _ in 0..<40 {
                rig.world.run(forNanoseconds: 500 * Nanoseconds.perMillisecond)
                let ready = Set(rig.driver.directory.filter { $0.state == .ready }.map(\.id))
                let late = kind == .cloudOfItsOwnMind ? rig.outside.ended(within: 4, of: rig) : []
                #expect(ready.subtracting(late).isSubset(of: rig.outside.serving), "seed \(seed)")
                #expect(rig.driver.state.ready == ready.count)
            }
        }
    }

    // MARK: Who may act

    @Test(arguments: DriverKind.allCases)
    func before_itLeads_nothingIsDone(kind: DriverKind) {
        let rig = DriverRig(kind)
        rig.on { $0.reconcile(desired: 5, inFlight: [:]) }
        self.expectNothing(changesIn: rig, "it does not lead")
        #expect(rig.driver.term == nil)
    }

    @Test(arguments: DriverKind.allCases)
    func leader_thatStandsBy_doesNothingMore(kind: DriverKind) {
        let rig = DriverRig(kind)
        #expect(rig.lead(desired: kind.isScaling ? 3 : nil))
        // Something is under way.
        rig.desired = 9
        rig.world.run(forNanoseconds: 1_100 * Nanoseconds.perMillisecond)
        rig.on { $0.standBy() }
        #expect(rig.driver.term == nil)
        self.expectNothing(changesIn: rig, "it stands by")
        rig.desired = 3
        rig.on { $0.takeOver(fence: 2) {} }
        #expect(rig.wait(seconds: 200) { rig.driver.term == 2 && (!kind.isScaling || rig.ready.count == 3) })
    }

    /// As after a pause that was longer than its lease: it has not heard yet that it was deposed.
    @Test(arguments: DriverKind.scaling)
    func leader_thatMayNotAct_changesNothing(kind: DriverKind) throws {
        let rig = DriverRig(kind)
        #expect(rig.lead(desired: 3))
        rig.desired = nil
        rig.mayAct = false
        // The controller does not ask it to, either; but time passes, and workers have their own troubles.
        let victim = try #require(rig.ready.sorted().first)
        rig.onOutside { $0.hang(victim) }
        self.expectNothing(changesIn: rig, "it may not act")
    }

    @Test(arguments: DriverKind.scaling + [.keda])
    func laterLeader_onTheBoard_deposesThisOne(kind: DriverKind) {
        let rig = DriverRig(kind)
        #expect(rig.lead(fence: 5, desired: 2))
        rig.publishAsOther(fence: 9)
        rig.desired = 6
        #expect(rig.wait(seconds: 10) { rig.events.contains(.deposed) && rig.driver.term == nil })
        self.expectNothing(changesIn: rig, "it was deposed")
        // Not even with its old number.
        rig.on { $0.takeOver(fence: 5) {} }
        rig.run(seconds: 5)
        #expect(rig.driver.term == nil)
        self.expectNothing(changesIn: rig, "its term is over")
    }

    /// Seen before: who took over decided on those that gateways knew of, and ended the others when they were listed.
    @Test(arguments: [DriverKind.cloud, .cloudOfItsOwnMind, .kubernetes])
    func takingOver_isOverOnlyWhenAllAreKnown(kind: DriverKind) throws {
        let rig = DriverRig(kind)
        #expect(rig.lead(desired: 4))
        rig.desired = nil
        rig.on { $0.standBy() }
        rig.publishAsOther(fence: 2, most: 1)
        var found: Int?
        rig.on { driver in driver.takeOver(fence: 3) { found = driver.state.ready + driver.state.pending.count } }
        #expect(rig.wait(seconds: 20) { found != nil })
        #expect(found == 4)
    }

    /// Seen before: one instance that was still booting held a take-over up for the whole of its longest time.
    @Test(arguments: [DriverKind.cloud, .cloudOfItsOwnMind], 1...5 as ClosedRange<UInt64>)
    func takingOver_doesNotWaitForWhoIsNotWell(kind: DriverKind, seed: UInt64) throws {
        let rig = DriverRig(kind, seed: seed)
        #expect(rig.lead(desired: 4))
        rig.desired = nil
        rig.on { $0.standBy() }
        rig.publishAsOther(fence: 2, most: 1)
        let known = try #require(rig.ready.sorted().first)
        rig.onOutside { outside in for id in outside.serving where id != known { outside.hang(id) } }
        var found: (ready: Int, pending: Int)?
        rig.on { driver in
            driver.takeOver(fence: 3) { found = (driver.state.ready, driver.state.pending.count) }
        }
        #expect(rig.wait(seconds: 2) { found != nil }, "seed \(seed)")
        #expect(found?.ready == 1 && found?.pending == 3, "seed \(seed): and it knows of all")
    }

    @Test(arguments: DriverKind.allCases, [true, false])
    func stop_isTheEnd(kind: DriverKind, inHurry: Bool) {
        let rig = DriverRig(kind)
        #expect(rig.lead(desired: kind.isScaling ? 3 : nil))
        var hasStopped = false
        rig.on { $0.stop(inHurry: inHurry) { hasStopped = true } }
        rig.desired = 8
        #expect(rig.wait(seconds: 60) { hasStopped } && !rig.driver.hasWorkers)
        self.expectNothing(changesIn: rig, "it has stopped")
    }

    @Test(arguments: DriverKind.scaling)
    func leave_leavesTheWorkers(kind: DriverKind) {
        let rig = DriverRig(kind)
        #expect(rig.lead(desired: 3))
        let before = rig.outside.running
        rig.on { $0.leave() }
        #expect(!rig.driver.hasWorkers)
        self.expectNothing(changesIn: rig, "it has left")
        #expect(rig.outside.running == before && rig.ready == before, "gateways go on with them")
    }

    /// Seen before: a start that was put off came due after the controller had left, and nobody knew of that worker.
    @Test func leave_whileAStartIsPutOff_startsNobody() throws {
        let rig = DriverRig(.process)
        #expect(rig.lead(desired: 3))
        let victim = try #require(rig.ready.sorted().first)
        rig.onOutside { $0.kill(victim) }
        #expect(rig.wait(seconds: 1) { rig.driver.crashes == 1 })
        rig.on { $0.leave() }
        self.expectNothing(changesIn: rig, "it has left")
    }

    /// Somebody else scales: nothing is changed, though what was desired last is not what is there.
    @Test(arguments: [DriverKind.cloud, .cloudOfItsOwnMind])
    func hold_changesNothing(kind: DriverKind) throws {
        let rig = DriverRig(kind)
        #expect(rig.lead(desired: 4))
        rig.holds = true
        let cloud = try #require(rig.outside as? CloudOutside)
        rig.onOutside { _ in cloud.scaleByHand(to: 7) }
        #expect(rig.wait(seconds: 60) { rig.ready.count == 7 })
        rig.onOutside { $0.hang(rig.ready.sorted()[0]) }
        self.expectNothing(changesIn: rig, "it holds")
        #expect(rig.ready.count == 6, "gateways know who is well all the same")
        rig.onOutside { _ in cloud.scaleByHand(to: 2) }
        #expect(rig.wait(seconds: 30) { rig.outside.running.count == 2 })
        self.expectNothing(changesIn: rig, "it holds")
        rig.holds = false
        #expect(rig.wait(seconds: 200) { rig.ready.count == 4 })
    }

    // MARK: An outside that fails

    @Test(arguments: DriverKind.scaling, OutsideFault.allCases)
    func outside_thatFails_isTold_andNothingIsLost(kind: DriverKind, fault: OutsideFault) {
        let rig = DriverRig(kind)
        #expect(rig.lead(desired: 3))
        let before = rig.ready
        rig.onOutside { $0.fail(fault) }
        let actsBefore = rig.outside.acts
        rig.run(seconds: 10)
        rig.desired = 5
        #expect(rig.wait(seconds: 90) { rig.driver.problem != nil }, "nobody is told")
        rig.run(seconds: 60)
        #expect(rig.ready == before && before.isSubset(of: rig.outside.running))
        // A cloud that cannot be asked is not told anything, either, where its other commands work.
        if kind != .process { #expect(rig.outside.acts == actsBefore) }
        let problem = rig.driver.problem ?? ""
        #expect(problem.contains("pool tickets") && problem.contains("configuration"), "\(problem)")
        // It is tried again, but not all the time.
        let acts = rig.outside.acts
        rig.run(seconds: 60)
        #expect(rig.outside.acts - acts < 120)
        rig.onOutside { $0.fail(nil) }
        #expect(rig.wait(seconds: 240) { rig.ready.count == 5 && rig.driver.problem == nil })
        #expect(before.isSubset(of: rig.ready))
    }

    /// A new leader knows whom gateways use, though the cloud cannot be asked.
    @Test(arguments: [DriverKind.cloud, .cloudOfItsOwnMind, .kubernetes])
    func takeOver_ofACloudThatCannotBeAsked_goesOnWithWhomGatewaysKnow(kind: DriverKind) {
        let rig = DriverRig(kind)
        #expect(rig.lead(desired: 3))
        let before = rig.ready
        rig.onOutside { $0.fail(.refuses) }
        rig.on { $0.standBy() }
        #expect(rig.lead(fence: 2))
        #expect(rig.driver.state.ready == 3)
        rig.desired = 1
        self.expectNothing(changesIn: rig, "it is blind")
        #expect(rig.ready == before)
    }

    /// Whatever happens for an hour: no more than what is desired runs for long, and commands of one kind come one by one.
    @Test(arguments: DriverKind.scaling, 1...3 as ClosedRange<UInt64>)
    func anything_forAnHour_staysWithinBounds(kind: DriverKind, seed: UInt64) {
        let rig = DriverRig(kind, seed: seed)
        #expect(rig.lead(desired: 2))
        for _ in 0..<120 {
            rig.desired = rig.world.random(1...10)
            let fault = rig.world.oneIn(3) ? rig.world.pick(OutsideFault.allCases) : nil
            rig.onOutside { $0.fail(fault) }
            if rig.world.oneIn(2), let victim = rig.world.pick(rig.outside.serving.sorted()) {
                rig.onOutside { rig.world.oneIn(2) ? $0.kill(victim) : $0.hang(victim) }
            }
            rig.run(seconds: 30)
            let state = rig.driver.state
            #expect(state.ready + state.pending.count + state.draining <= 40, "seed \(seed): \(state)")
            #expect(rig.outside.running.count <= 40, "seed \(seed)")
        }
        rig.onOutside { $0.fail(nil) }
        rig.desired = 4
        // One that hangs and cannot be retired stays, and is passed by.
        let most = kind == .cloudOfItsOwnMind ? 0 : 4
        #expect(rig.wait(seconds: 1_800) { rig.ready.count >= most && rig.ready.isSubset(of: rig.outside.serving) })
        if let cloud = rig.outside as? CloudOutside { #expect(cloud.mostAtOnce == 1) }
    }

    // MARK: A cloud of which one command fails

    /// Seen before: a worker that could not be ended was a reason to start none.
    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func retire_thatNeverWorks_oneThatHangsIsReplaced(seed: UInt64) throws {
        let rig = DriverRig(.cloud, seed: seed)
        #expect(rig.lead(desired: 3))
        let cloud = try #require(rig.outside as? CloudOutside)
        let victim = try #require(rig.ready.sorted().first)
        rig.onOutside { _ in
            cloud.refused = "retire"
            cloud.hang(victim)
        }
        #expect(rig.wait(seconds: 60) { !rig.ready.contains(victim) })
        #expect(rig.wait(seconds: 30) { rig.ready.count == 3 }, "seed \(seed)")
        rig.run(seconds: 120)
        #expect(rig.ready.count == 3 && rig.outside.running.count == 4, "seed \(seed): one more, and not one each time")
        rig.onOutside { _ in cloud.refused = nil }
        #expect(rig.wait(seconds: 120) { rig.outside.running == rig.ready && rig.ready.count == 3 }, "seed \(seed)")
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func scale_thatNeverWorks_whoIsToGoIsEnded(seed: UInt64) throws {
        let rig = DriverRig(.cloud, seed: seed)
        #expect(rig.lead(desired: 3))
        let cloud = try #require(rig.outside as? CloudOutside)
        let victim = try #require(rig.ready.sorted().first)
        rig.onOutside { _ in cloud.refused = "scale" }
        rig.desired = 5
        #expect(rig.wait(seconds: 20) { rig.driver.problem != nil })
        #expect(rig.on { $0.retire(victim) } == .drains)
        #expect(rig.wait(seconds: 30) { !rig.outside.running.contains(victim) }, "seed \(seed)")
        rig.onOutside { _ in cloud.refused = nil }
        #expect(rig.wait(seconds: 180) { rig.ready.count == 5 && rig.isSettled }, "seed \(seed)")
    }

    // MARK: The fixed list

    @Test func fixedList_isLedAtOnce_andTellsNothingThatGatewaysKnow() {
        let rig = DriverRig(.static)
        var isLed = false
        rig.on { $0.takeOver(fence: 3) { isLed = true } }
        #expect(isLed && rig.driver.term == 3 && rig.driver.state.ready == 2)
        rig.run(seconds: 5)
        #expect(rig.told.isEmpty && rig.driver.directory.isEmpty && !rig.driver.hasWorkers)
    }
}
