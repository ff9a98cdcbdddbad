import Admission
import Primitives
import Rooms
import Testing

@testable import Gateway

/// Those inside ask on, now on this loop, now on that, while the shared state is away for longer than a session.
@Suite struct SessionOutageTests {
    private static let session: Int64 = 8_000_000

    /// One who is inside and shows the latest pass, as a browser does.
    private final class Guest {
        let key: LineKey
        var pass: AdmissionToken
        init(_ pass: AdmissionToken) {
            self.key = LineKey(pass)
            self.pass = pass
        }
    }

    /// `count` inside, all the slots there are.
    private func enter(_ scene: GateScene, _ count: Int) throws -> [Guest] {
        scene.run(forSeconds: 0.3)
        let visitors = (0..<count).map { _ in scene.park(.join) }
        scene.run(forSeconds: 0.5)
        return try visitors.map { Guest(try #require($0.pass)) }
    }

    private func scene(_ seed: UInt64, slots: Int) -> GateScene {
        GateScene(seed, slots: Int64(slots)) { $0.sessionMicros = Self.session }
    }

    /// The guest's request on that loop. True when it finds the pass good.
    private func ask(_ scene: GateScene, _ guest: Guest, on index: Int) -> Bool {
        let gate = scene.gates[index]
        return scene.world.run(on: scene.loops[index]) {
            // What other loops have heard is taken in.
            _ = scene.check(gate)
            let now = gate.nowMicros
            guard gate.view.objection(to: guest.pass, as: .pass, nowMicros: now) == nil,
                case .inside(let key, let isDue) = gate.view.standing(pass: guest.pass, place: nil, nowMicros: now)
            else { return false }
            if isDue, let renewed = gate.renew(key, nowMicros: now) { guest.pass = renewed }
            return true
        }
    }

    /// Seen before: a loop that had last renewed an older pass of that number told of it when it had expired, heard that
    /// there was no such session, and took it for a released one: the pass that another loop had given since was
    /// refused for good.
    @Test func away_longerThanASession_olderPassIsToldLate_newerOneStaysGood() throws {
        for seed in 0..<20 as Range<UInt64> {
            let scene = self.scene(seed, slots: 4)
            let guests = try self.enter(scene, 4)
            scene.rooms.goAway(forNanoseconds: 13 * Nanoseconds.perSecond)
            for second in 1...24 {
                scene.run(forSeconds: 1)
                // The first loop sees them at first, the other one until the state has been back for long.
                for guest in guests {
                    let isIn = self.ask(scene, guest, on: second < 4 || second > 17 ? 0 : 1)
                    #expect(isIn, "seed \(seed), second \(second): \(guest.key.number) was thrown out")
                }
            }
            let snapshot = scene.gates[0].snapshot
            #expect(snapshot?.sessions == 4 && snapshot?.lostSessions == 0, "seed \(seed): \(snapshot?.sessions ?? -1)")
        }
    }

    /// A session that was released stays over, however good the pass is that a loop tells of.
    @Test func renewal_ofAReleasedSession_isRevokedOnEveryLoop() throws {
        let scene = self.scene(1, slots: 4)
        let guest = try #require(try self.enter(scene, 1).first)
        let other = FickleRoomStore(loop: scene.loops[1], rooms: scene.rooms, world: scene.world)
        scene.world.run(on: scene.loops[1]) {
            other.release(room: "sale", ids: [guest.key.number], known: scene.shared.known) { _ in }
        }
        scene.world.run(forNanoseconds: 20 * Nanoseconds.perMillisecond)
        // No tick has told of the release yet.
        let gate = scene.gates[0]
        let renewed = scene.world.run(on: scene.loops[0]) { gate.renew(guest.key, nowMicros: gate.nowMicros) }
        guest.pass = try #require(renewed)
        scene.world.run(forNanoseconds: 20 * Nanoseconds.perMillisecond)
        #expect(scene.count("renew") == 1)
        for index in scene.gates.indices { #expect(!self.ask(scene, guest, on: index), "loop \(index)") }
    }

    /// Seen before: a server that came back with its dump went on with its time where it had stood. The passes that
    /// were renewed meanwhile looked as if they came from the future and were not renewed until their sessions had
    /// lapsed; then the line went in, and then they were taken in on top of it: twice as many inside as there are slots.
    @Test func backWithAnEarlierTime_passesAreToldAtOnce_nobodyComesInOnTop() throws {
        for seed in 0..<10 as Range<UInt64> {
            let scene = self.scene(seed, slots: 5)
            let guests = try self.enter(scene, 5)
            let line = (0..<5).map { _ in scene.park(.join) }
            scene.run(forSeconds: 0.5)
            let places = try line.map { try #require($0.place) }
            scene.rooms.goAway(forNanoseconds: 13 * Nanoseconds.perSecond)
            scene.rooms.goBack(byNanoseconds: 0)
            var most: Int64 = 0
            var entered = 0
            for second in 1...36 {
                scene.run(forSeconds: 1)
                for (index, guest) in guests.enumerated() {
                    let isIn = self.ask(scene, guest, on: (second + index) % 2)
                    #expect(isIn, "seed \(seed), second \(second): \(guest.key.number) was thrown out")
                }
                let asking = places.filter { $0.number <= scene.shared.known.serving }
                let waiting = asking.map { scene.park(.exchange(key: $0), on: second % 2) }
                scene.run(forSeconds: 0.2)
                entered += waiting.count { $0.pass != nil }
                most = max(most, scene.gates[0].snapshot?.sessions ?? 0)
            }
            #expect(entered == 0 && most == 5, "seed \(seed): \(entered) let in, \(most) sessions in 5 slots")
        }
    }

    /// Seen before: let in from the door just before an outage that was longer than a session, the visitor was sent to the
    /// end of the line when the state was back.
    @Test func away_longerThanASession_grantedJustBefore_isLetIn() throws {
        for seed in 0..<10 as Range<UInt64> {
            let scene = GateScene(seed, slots: 1) { $0.sessionMicros = 4_000_000 }
            let guest = try #require(try self.enter(scene, 1).first)
            let next = scene.park(.join)
            let isCalled = scene.run(withinSeconds: 3) { next.place != nil && scene.shared.known.serving >= 2 }
            #expect(isCalled)
            let waiting = scene.park(.exchange(key: try #require(next.place)))
            scene.run(forSeconds: 0.2)
            #expect(waiting.answer == nil, "at the door")
            let other = FickleRoomStore(loop: scene.loops[1], rooms: scene.rooms, world: scene.world)
            scene.world.run(on: scene.loops[1]) {
                let known = scene.shared.known
                other.release(room: "sale", ids: [guest.key.number], known: known) { _ in
                    other.exchange(room: "sale", gateway: "other", ids: [], known: known) { _ in }
                }
            }
            scene.world.run(forNanoseconds: 20 * Nanoseconds.perMillisecond)
            scene.rooms.goAway(forNanoseconds: 6 * Nanoseconds.perSecond)
            let isIn = scene.run(withinSeconds: 9) { waiting.answer != nil }
            #expect(isIn && waiting.pass != nil, "seed \(seed): \(String(describing: waiting.answer))")
        }
    }
}
