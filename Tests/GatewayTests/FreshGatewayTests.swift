import Admission
import Primitives
import Rooms
import TestKit
import Testing

@testable import Gateway

/// What visitors are told of where they stand by a gateway that cannot know it all: one that has just started, and one
/// whose questions were never answered.
@Suite struct FreshGatewayTests {
    private static func position(_ key: LineKey, _ scene: GateScene, on index: Int = 0) -> WaitingPosition {
        scene.world.run(on: scene.loops[index]) { scene.gates[index].position(of: key) }
    }

    /// Asks where that place stands, as a request does that shows it.
    private static func asks(_ key: LineKey, _ scene: GateScene) -> GateScene.Visitor {
        scene.park(.position(key: key))
    }

    private static func answer(_ visitor: GateScene.Visitor) -> (key: LineKey, isCalled: Bool)? {
        switch visitor.answer {
        case .waiting(let key, _)?: (key, false)
        case .called(let key)?: (key, true)
        default: nil
        }
    }

    /// A line of forty, half of which was let in by another gateway; this one has seen nothing of it.
    private static func started(_ seed: UInt64) throws -> (scene: GateScene, places: [LineKey]) {
        let scene = GateScene(seed, slots: 20)
        let other = FickleRoomStore(loop: scene.loops[1], rooms: scene.rooms, world: scene.world)
        // One thread plays all of it.
        nonisolated(unsafe) var granted: JoinGrant?
        let tick = RoomTick(gateway: "other", limits: scene.limits, generation: 1, healthy: 1)
        scene.world.run(on: scene.loops[1]) {
            other.tick(room: "sale", tick, known: .nothing) { _ in
                other.join(room: "sale", count: 40, known: .nothing) { granted = try? $0.get() }
            }
        }
        scene.world.run(forNanoseconds: 100 * Nanoseconds.perMillisecond)
        let grant = try #require(granted)
        try #require(grant.admitted == 20)
        return (scene, (0..<40).map { LineKey(epoch: UInt32(clamping: grant.epoch), number: grant.first + $0) })
    }

    /// Seen before: until its first tick a gateway told a position as if nobody had been called.
    @Test func position_beforeTheFirstTick_isToldAfterIt() throws {
        let (scene, places) = try Self.started(5)
        let last = try #require(places.last)
        let first = Self.asks(last, scene)
        let called = Self.asks(try #require(places.first), scene)
        scene.world.run(forNanoseconds: 50 * Nanoseconds.perMillisecond)
        #expect(first.answer == nil && called.answer == nil)
        scene.run(forSeconds: 0.3)
        let answer = try #require(Self.answer(first))
        #expect(answer.key == last && !answer.isCalled)
        let serving = try #require(scene.gates[0].snapshot?.serving)
        #expect(serving >= 20)
        #expect(Self.position(last, scene).ahead == last.number - serving - 1)
        #expect(Self.answer(called)?.isCalled == true, "whose turn has come is not told to wait")
        #expect(scene.shared.joining.count == 0)
    }

    /// A shared state that is away is not waited for: then no position is told at all.
    @Test func position_stateIsAwayFromTheStart_isNotTold() throws {
        let (scene, places) = try Self.started(6)
        scene.rooms.goAway(forNanoseconds: 60 * Nanoseconds.perSecond)
        let last = try #require(places.last)
        let visitor = Self.asks(last, scene)
        let isTold = scene.run(withinSeconds: 3) { visitor.answer != nil }
        #expect(isTold && Self.answer(visitor)?.key == last)
        let position = Self.position(last, scene)
        #expect(!position.isKnown && position.number == last.number && position.estimateSeconds == nil)
        #expect(scene.shared.joining.count == 0)
    }

    /// Who hangs up meanwhile leaves nothing behind.
    @Test func position_clientGoes_leavesNothing() throws {
        let (scene, places) = try Self.started(7)
        let gate = scene.gates[0]
        let parking = scene.world.run(on: scene.loops[0]) {
            gate.park(GateScene.Visitor(index: 0), .position(key: places[30]))
        }
        guard case .parked(let ticket) = parking else {
            Issue.record("not parked")
            return
        }
        #expect(scene.shared.joining.count == 1)
        scene.world.run(on: scene.loops[0]) { gate.leave(ticket) }
        #expect(scene.shared.joining.count == 0 && gate.unknowing.isEmpty)
    }

    /// Seen before: calls whose answers were lost had handed out numbers, to nobody. When the shared state was back,
    /// everybody behind the gap stood as many places further back than they had been told.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func position_behindAnOutage_neverRises(seed: UInt64) throws {
        let scene = GateScene(seed)
        scene.run(forSeconds: 0.3)
        for _ in 0..<5 { scene.park(.join) }
        scene.run(forSeconds: 0.2)
        // What is asked for now is done, and nobody hears of it.
        scene.rooms.isMute = true
        for index in 0..<4 { scene.park(.join, on: index % 2) }
        scene.run(forSeconds: 0.2)
        scene.rooms.goAway(forNanoseconds: 4 * Nanoseconds.perSecond)
        scene.run(forSeconds: 1.5)
        let during = (0..<6).map { scene.park(.join, on: $0 % 2) }
        scene.run(forSeconds: 0.2)
        let places = during.compactMap(\.place)
        try #require(places.count == 6)
        let told = (0..<2).map { index in places.map { Self.position($0, scene, on: index).ahead } }
        scene.rooms.isMute = false
        let isBack = scene.run(withinSeconds: 9) { scene.report.toldMode == .normal }
        #expect(isBack)
        scene.run(forSeconds: 0.5)
        for index in 0..<2 {
            let after = places.map { Self.position($0, scene, on: index).ahead }
            #expect(zip(told[index], after).allSatisfy { $0 >= $1 }, "loop \(index): \(told[index]), then \(after)")
        }
    }
}
