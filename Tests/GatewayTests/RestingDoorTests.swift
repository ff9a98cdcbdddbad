import Admission
import EventLoop
import Testing

@testable import Gateway

/// A gateway that alone sees no healthy worker, and those who come by it.
@Suite struct RestingDoorTests {
    /// Another gateway sees workers, this one none for longer than a claim lasts: who came by it in time keeps the turn.
    @Test func door_noWorkerHere_claimOutlastsIt() {
        let scene = GateScene(14, slots: 50) {
            $0.claimWindowMicros = 5_000_000
            $0.burst = 1
            $0.inflowMilli = 2_000
        }
        let other = FickleRoomStore(loop: scene.loops[1], rooms: scene.rooms, world: scene.world)
        func run(forSeconds seconds: Int) {
            for _ in 0..<seconds * 2 {
                scene.run(forSeconds: 0.5)
                scene.world.run(on: scene.loops[1]) {
                    let tick = RoomTick(gateway: "other", limits: scene.limits, generation: 1, healthy: 1)
                    other.tick(room: "sale", tick, known: scene.shared.known) { _ in }
                }
            }
        }
        run(forSeconds: 1)
        scene.healthy = 0
        run(forSeconds: 1)
        let visitors = (0..<3).map { _ in scene.park(.join) }
        run(forSeconds: 3)
        // Straight in, or called: by the gateway that sees none nobody goes in.
        let places = visitors.compactMap { $0.pass == nil ? $0.place : nil }
        let waiting = places.map { scene.park(.exchange(key: $0)) }
        run(forSeconds: 8)
        #expect(waiting.allSatisfy { $0.pass == nil })
        scene.healthy = 1
        let areIn = scene.run(withinSeconds: 3) { waiting.allSatisfy { $0.pass != nil } }
        #expect(areIn && !waiting.isEmpty)
    }
}
