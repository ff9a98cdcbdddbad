import Admission
import EventLoop
import Primitives
import Rooms
import Settings
import Testing
import Tokens

@testable import Gateway

@Suite struct RoomGateTests {
    /// Seen before: a gateway whose file is not in force promised its own claim window.
    @Test func page_promisesTheClaimWindowInForce_notTheOneOfThisFile() {
        let scene = GateScene(1) { $0.claimWindowMicros = 300_000_000 }
        let gate = scene.gates[0]
        var settings = RoomSettings(name: "sale", slots: 1, inflowMilli: 0)
        for seconds in [7_200, 3_600] as [Int64] {
            settings.claimWindowMicros = seconds * 1_000_000
            scene.world.run(on: scene.loops[0]) { gate.apply(settings) }
            // Before the first tick nothing else is known; then the shared state goes by the other file.
            #expect(gate.page.claimMicros == (gate.snapshot == nil ? seconds * 1_000_000 : 300_000_000))
            scene.run(forSeconds: 0.3)
            #expect(gate.page.claimMicros == 300_000_000)
        }
        #expect(gate.snapshot != nil)
    }

    /// A join that finds no room waits for the tick that makes it; nobody is sent away.
    @Test func join_roomIsMissing_isAskedAgainAfterTheTick() {
        let scene = GateScene(1)
        let visitors = (0..<3).map { _ in scene.park(.join) }
        scene.world.run(forNanoseconds: 50 * Nanoseconds.perMillisecond)
        #expect(visitors.allSatisfy { $0.answer == nil })
        scene.run(forSeconds: 0.3)
        #expect(visitors.map { $0.place?.number } == [1, 2, 3])
        #expect(scene.count("join") == 2)
    }

    /// While the shared state is away, newcomers of both loops get real places, in the order of their coming, and
    /// nobody else gets them when it is back.
    @Test func join_stateIsAway_placesOfTheBlock_inOrderOverTheLoops() {
        for seed in 0..<40 as Range<UInt64> {
            let scene = GateScene(seed)
            scene.run(forSeconds: 0.3)
            let before = (0..<5).map { _ in scene.park(.join) }
            scene.run(forSeconds: 0.2)
            scene.rooms.goAway(forNanoseconds: 5 * Nanoseconds.perSecond)
            scene.run(forSeconds: 1.5)
            var during: [GateScene.Visitor] = []
            for index in 0..<60 {
                during.append(scene.park(.join, on: index % 2))
                if index % 7 == 0 { scene.run(forSeconds: 0.1) }
            }
            let numbers = during.compactMap { $0.place?.number }
            #expect(numbers.count == 60, "seed \(seed): all have a place while it is away")
            #expect(numbers == numbers.sorted(), "seed \(seed): \(numbers)")
            let isBack = scene.run(withinSeconds: 9) { scene.report.toldMode == .normal }
            #expect(isBack)
            scene.run(forSeconds: 0.5)
            let after = (0..<5).map { _ in scene.park(.join) }
            scene.run(forSeconds: 0.3)
            let all = (before + during + after).compactMap { $0.place }
            #expect(all.count == 70 && Set(all).count == 70, "seed \(seed): a number was given twice")
            #expect(all == all.sorted(), "seed \(seed): \(all.map(\.number))")
        }
    }

    /// What is set aside comes to an end; then newcomers are told to come back, each at another time.
    @Test func join_blockIsUsedUp_comeBack_notInStep() {
        let scene = GateScene(3)
        scene.run(forSeconds: 0.3)
        scene.rooms.goAway(forNanoseconds: 60 * Nanoseconds.perSecond)
        scene.run(forSeconds: 1.5)
        let visitors = (0..<Int(RoomRules.largestBlock) + 50).map { _ in scene.park(.join) }
        scene.run(forSeconds: 0.2)
        let refused = visitors.filter { if case .unavailable? = $0.answer { true } else { false } }
        #expect(refused.count == 50)
        #expect(Set(visitors.compactMap(\.place)).count == Int(RoomRules.largestBlock))
        let waits = scene.world.run(on: scene.loops[0]) {
            Set((0..<50).map { _ in scene.gates[0].joiningPosition.refreshSeconds })
        }
        #expect(waits == [3, 4, 5])
    }

    /// The door travels as changes: who stands there is told once, however many ticks come, and is let in by their
    /// answers.
    @Test func door_whoStands_isToldOnce_andLetInByATick() {
        let scene = GateScene(4, slots: 5) {
            $0.inflowMilli = 2_000; $0.burst = 1
        }
        scene.run(forSeconds: 0.2)
        let visitors = (0..<9).map { _ in scene.park(.join) }
        let areCalled = scene.run(withinSeconds: 5) { scene.shared.known.serving >= 4 }
        #expect(areCalled)
        let called = visitors.compactMap(\.place).filter { $0.number > 1 && $0.number <= 4 }
        #expect(called.count == 3)
        let atDoor = called.enumerated().map { scene.park(.exchange(key: $1), on: $0 % 2) }
        scene.run(forSeconds: 0.1)
        let exchanges = scene.count("exchange")
        let areIn = scene.run(withinSeconds: 5) { atDoor.allSatisfy { $0.pass != nil } }
        #expect(areIn)
        #expect(scene.count("exchange") == exchanges, "nobody was asked about twice")
        #expect(scene.count("leave") == 0)
    }

    /// Who has waited for as long as a request may, and was told to ask again in a second, does not lose the turn that
    /// comes in that second to a newcomer.
    @Test func door_sentRound_turnComesMeanwhile_isKept() {
        let scene = GateScene(8, slots: 1)
        scene.run(forSeconds: 0.2)
        let inside = scene.park(.join)
        scene.run(forSeconds: 0.2)
        let second = scene.park(.join)
        let isCalled = scene.run(withinSeconds: 90) { scene.shared.known.serving >= 2 }
        guard let pass = inside.pass, let place = second.place, isCalled else {
            Issue.record("nobody came in, or nobody was called")
            return
        }
        // The slot was expected to come free, and does not.
        let gate = scene.gates[0]
        scene.world.run(on: scene.loops[0]) { _ = gate.renew(LineKey(pass), nowMicros: gate.nowMicros) }
        let atDoor = scene.park(.exchange(key: place))
        let isSentRound = scene.run(withinSeconds: 30) { atDoor.answer != nil }
        #expect(isSentRound)
        guard case .stillAtDoor? = atDoor.answer else {
            Issue.record("not sent round: \(String(describing: atDoor.answer))")
            return
        }
        scene.world.run(on: scene.loops[0]) { scene.gates[0].release(LineKey(pass)) }
        scene.run(forSeconds: 0.3)
        let newcomer = scene.park(.join, on: 1)
        scene.run(forSeconds: 0.3)
        #expect(newcomer.pass == nil)
        let again = scene.park(.exchange(key: place), on: 1)
        scene.run(forSeconds: 0.3)
        #expect(again.pass != nil)
        // Seen before: counted as one who had heard, so that the policy took the rate for one that was not used up.
        #expect(again.isFirst == true && scene.gates.map(\.counts.admitted) == [1, 1])
        let lost = scene.park(.exchange(key: place))
        scene.run(forSeconds: 0.3)
        #expect(lost.pass != nil && lost.isFirst == false)
    }

    /// Whose client hangs up while the answer is on its way is told, and counted, when it asks again.
    @Test func door_hangsUpWhileBeingLetIn_isFirstWhenItComesAgain() {
        let scene = GateScene(11, slots: 1)
        scene.run(forSeconds: 0.2)
        let inside = scene.park(.join)
        scene.run(forSeconds: 0.2)
        let second = scene.park(.join)
        let isCalled = scene.run(withinSeconds: 90) { scene.shared.known.serving >= 2 }
        guard let pass = inside.pass, let place = second.place, isCalled else {
            Issue.record("nobody came in, or nobody was called")
            return
        }
        scene.world.run(on: scene.loops[0]) { scene.gates[0].release(LineKey(pass)) }
        scene.run(forSeconds: 0.3)
        let gate = scene.gates[0]
        scene.world.run(on: scene.loops[0]) {
            guard case .parked(let ticket) = gate.park(GateScene.Visitor(index: 0), .exchange(key: place)) else {
                return
            }
            gate.sendExchange()
            gate.leave(ticket)
        }
        scene.run(forSeconds: 0.3)
        #expect(scene.gates.map(\.counts.admitted) == [1, 0])
        let again = scene.park(.exchange(key: place), on: 1)
        scene.run(forSeconds: 0.3)
        #expect(again.isFirst == true && scene.gates.map(\.counts.admitted) == [1, 1])
    }

    /// Thousands who hang up are told of in batches.
    @Test func leave_manyHangUp_fewCalls() {
        let scene = GateScene(5, slots: 1) {
            $0.inflowMilli = 1; $0.burst = 1
        }
        scene.run(forSeconds: 0.2)
        scene.park(.join)
        scene.run(forSeconds: 0.2)
        let epoch = UInt32(scene.shared.known.epoch)
        var tickets: [RoomTicket] = []
        scene.world.run(on: scene.loops[0]) {
            for number in 2...4_500 as ClosedRange<Int64> {
                let key = LineKey(epoch: epoch, number: number)
                let visitor = GateScene.Visitor(index: 0)
                if case .parked(let ticket) = scene.gates[0].park(visitor, .exchange(key: key)) {
                    tickets.append(ticket)
                }
            }
        }
        #expect(tickets.count == 4_499)
        scene.world.run(on: scene.loops[0]) { for ticket in tickets { scene.gates[0].leave(ticket) } }
        scene.run(forSeconds: 2)
        #expect(scene.count("leave") <= 10, "\(scene.count("leave")) calls")
        #expect(scene.gates[0].parked.atDoor == 0 && scene.shared.atDoor.count == 0)
    }

    /// The shared state looks at a part of its door when a gateway comes back: it has to be told who left meanwhile.
    @Test func leave_stateIsAway_isToldWhenItIsBack() {
        let scene = GateScene(10, slots: 1)
        scene.run(forSeconds: 0.2)
        scene.park(.join)
        scene.run(forSeconds: 0.2)
        let key = LineKey(epoch: UInt32(scene.shared.known.epoch), number: 2)
        scene.rooms.goAway(forNanoseconds: 3 * Nanoseconds.perSecond)
        scene.run(forSeconds: 1.5)
        guard case .degraded = scene.gates[0].mode else {
            Issue.record("not degraded, but \(scene.gates[0].mode)")
            return
        }
        scene.world.run(on: scene.loops[0]) {
            let parking = scene.gates[0].park(GateScene.Visitor(index: 0), .exchange(key: key))
            if case .parked(let ticket) = parking { scene.gates[0].leave(ticket) }
        }
        scene.run(forSeconds: 0.5)
        #expect(scene.count("leave") == 0, "nobody would hear it")
        let isTold = scene.run(withinSeconds: 12) { scene.count("leave") > 0 }
        #expect(isTold)
    }

    /// Without a healthy worker nobody asks for an exchange that would let them in to an error; when no gateway has
    /// one, the shared state is told who came, and lets them in when there is one again.
    @Test func door_noWorker_isHeld_andOpensWithTheFirst() {
        let scene = GateScene(6, slots: 50)
        scene.run(forSeconds: 0.2)
        scene.healthy = 0
        scene.run(forSeconds: 0.3)
        let visitors = (0..<4).map { _ in scene.park(.join) }
        scene.run(forSeconds: 1)
        #expect(visitors.allSatisfy { $0.pass == nil && $0.place != nil }, "in line, and nobody inside")
        #expect(scene.gates.allSatisfy { $0.mode == .held })
        #expect(scene.shared.known.serving == 0, "no turn is lost")
        scene.healthy = 1
        let areCalled = scene.run(withinSeconds: 3) { scene.shared.known.serving >= 4 }
        #expect(areCalled)
        let inside = visitors.compactMap(\.place).map { scene.park(.exchange(key: $0)) }
        let areIn = scene.run(withinSeconds: 3) { inside.allSatisfy { $0.pass != nil } }
        #expect(areIn)
    }

    /// Passes are renewed while the shared state is away, and it takes them in when it has come back with nothing.
    @Test func renew_stateIsAwayAndForgets_sessionsAreMadeAnew() {
        let scene = GateScene(7, slots: 50)
        scene.run(forSeconds: 0.2)
        let visitors = (0..<5).map { _ in scene.park(.join) }
        let areIn = scene.run(withinSeconds: 2) { visitors.allSatisfy { $0.pass != nil } }
        #expect(areIn)
        scene.rooms.goAway(forNanoseconds: 20 * Nanoseconds.perSecond)
        scene.rooms.startEmpty()
        scene.run(forSeconds: 12)
        for visitor in visitors {
            let renewed = scene.world.run(on: scene.loops[1]) {
                scene.gates[1].renew(LineKey(visitor.pass!), nowMicros: scene.gates[1].nowMicros)
            }
            #expect(renewed != nil && renewed!.expiresSeconds > visitor.pass!.expiresSeconds)
        }
        let isBack = scene.run(withinSeconds: 12) {
            scene.gates[1].snapshot?.lostSessions == 0 && scene.count("renew") > 0
        }
        #expect(isBack)
        scene.run(forSeconds: 1)
        #expect(scene.gates[0].snapshot?.sessions == 5 && scene.gates[0].snapshot?.lostSessions == 0)
    }

    /// The state forgets everything: a gateway that has not heard of the release brings the pass, and finds it over.
    @Test func release_stateForgets_isToldAgain() throws {
        let scene = GateScene(9, slots: 50)
        scene.run(forSeconds: 0.2)
        let visitors = (0..<2).map { _ in scene.park(.join) }
        scene.run(forSeconds: 0.3)
        let passes = try visitors.map { try #require($0.pass) }
        scene.world.run(on: scene.loops[1]) { scene.gates[1].release(LineKey(passes[0])) }
        scene.run(forSeconds: 0.3)
        #expect(scene.count("release") == 1)
        scene.rooms.startEmpty()
        let isSeen = scene.run(withinSeconds: 3) { (scene.gates[0].snapshot?.incarnation ?? 0) > 1 }
        #expect(isSeen)
        scene.run(forSeconds: 0.3)
        #expect(scene.count("release") == 2, "one loop tells it for both")
        let other = FickleRoomStore(loop: scene.loops[1], rooms: scene.rooms, world: scene.world)
        var expiries: [Int64?] = []
        scene.world.run(on: scene.loops[1]) {
            let renewals = passes.map { Renewal(id: $0.number, expiresMicros: Int64($0.expiresSeconds) * 1_000_000) }
            other.renew(room: "sale", renewals, known: scene.shared.known) {
                expiries = (try? $0.get().expiries) ?? []
            }
        }
        let isAnswered = scene.run(withinSeconds: 1) { !expiries.isEmpty }
        #expect(isAnswered && expiries.count == 2)
        #expect(expiries.first == .some(nil) && expiries.last != .some(nil), "\(expiries)")
    }

    /// Seen before: a renewal that no line can be told of any more left its time behind, and nothing renewed that visitor
    /// with the shared state again.
    @Test func renew_lineIsTooOldToBeTold_leavesNothingBehind() throws {
        let scene = GateScene(9, slots: 50)
        scene.run(forSeconds: 0.2)
        let visitor = scene.park(.join)
        scene.run(forSeconds: 0.3)
        let key = LineKey(try #require(visitor.pass))
        let gate = scene.gates[0]
        scene.world.run(on: scene.loops[0]) {
            #expect(gate.renew(key, nowMicros: gate.nowMicros) != nil)
            let later = Int64(key.epoch) + PlaceID.oldestSeconds + 1
            let line = LineMarks(epoch: later, incarnation: 1, issued: 0, serving: 0, nowMicros: gate.nowMicros)
            scene.shared.raise(line)
        }
        scene.world.run(forNanoseconds: 50 * Nanoseconds.perMillisecond)
        #expect(scene.count("renew") == 0 && gate.renewals.count == 0 && gate.renewedUntil.isEmpty)
    }

    /// A pass that was released on another gateway is no good here either, as soon as the next tick has come.
    @Test func release_onAnotherGateway_isKnownWithTheNextTick() throws {
        let scene = GateScene(8, slots: 50)
        scene.run(forSeconds: 0.2)
        let visitor = scene.park(.join)
        scene.run(forSeconds: 0.3)
        let pass = try #require(visitor.pass)
        let other = FickleRoomStore(loop: scene.loops[1], rooms: scene.rooms, world: scene.world)
        scene.world.run(on: scene.loops[1]) {
            other.release(room: "sale", ids: [pass.number], known: scene.shared.known) { _ in }
        }
        let isKnown = scene.run(withinSeconds: 1) {
            scene.gates.allSatisfy { $0.view.isRevoked(LineKey(pass), nowMicros: $0.nowMicros) }
        }
        #expect(isKnown)
    }
}
