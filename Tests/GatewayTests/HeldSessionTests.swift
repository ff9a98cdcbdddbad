import Admission
import Rooms
import Testing

@testable import Gateway

/// Who is in already, and shows the place alone: the answer with the pass was lost, or the pass has run out before the
/// session has.
@Suite struct HeldSessionTests {
    /// Seen before: who was let in when the gateway was killed, and came back by another, was given what was left of the
    /// session, and was sent back to the line when that was over, between two pages.
    @Test func exchange_findsASession_renewsIt() throws {
        let scene = GateScene(9, slots: 5) { $0.sessionMicros = 6_000_000 }
        scene.run(forSeconds: 0.2)
        let visitor = scene.park(.join)
        scene.run(forSeconds: 0.2)
        let place = try #require(visitor.place)
        for _ in 0..<4 {
            // The answer with the pass was lost each time: the place is all that there is.
            scene.run(forSeconds: 4)
            let again = scene.park(.exchange(key: place), on: 1)
            scene.run(forSeconds: 0.3)
            let pass = try #require(again.pass, "\(String(describing: again.answer))")
            #expect(Int64(pass.expiresSeconds) * 1_000_000 > scene.gates[1].nowMicros + 4_000_000)
        }
        #expect(scene.count("renew") == 4)
        #expect(scene.gates.map(\.counts.admitted).reduce(0, +) == 1, "it is let in once")
        // Who asks again at once has all of it before them.
        let soon = scene.park(.exchange(key: place))
        scene.run(forSeconds: 0.3)
        #expect(soon.pass != nil && scene.count("renew") == 4)
        // A turn that nobody waits for any more is not made longer.
        scene.run(forSeconds: 4)
        scene.world.run(on: scene.loops[0]) {
            let parking = scene.gates[0].park(GateScene.Visitor(index: 0), .exchange(key: place))
            if case .parked(let ticket) = parking { scene.gates[0].leave(ticket) }
        }
        scene.run(forSeconds: 3)
        let late = scene.park(.exchange(key: place))
        scene.run(forSeconds: 0.3)
        guard case .rejoin? = late.answer else {
            Issue.record("still in: \(String(describing: late.answer))")
            return
        }
    }
}
