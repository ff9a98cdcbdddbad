import Testing

@testable import Admission

/// A key of the room was deleted, or evicted, while the others stayed.
@Suite struct RoomKeyLossTests {
    static let start = RoomModelTests.start

    /// Two inside, all the slots there are; 3 to 6 called, 3 and 4 at the door of `g`, 5 was there and left.
    struct Scene {
        var room: RoomModel
        var now = RoomKeyLossTests.start
        let limits = RoomModelTests.limits(inflowMilli: 100_000, slots: 2)
        private var seen: Int64 = 0
        private var returned: Int64 = 0

        init() throws {
            self.room = try RoomModelTests.room(self.limits, joined: 6)
            self.room.record.serving = 6
            try self.tick()
            _ = try self.room.exchange([3, 4, 5], nowMicros: self.now)
            _ = try self.room.leave([5], nowMicros: self.now)
            try self.tick()
        }

        @discardableResult
        mutating func tick(_ known: KnownMarks = .nothing) throws -> TickAnswer {
            self.now += 100_000
            let tick = RoomTick(
                gateway: "g",
                limits: self.limits,
                generation: 1_000_000_000_000_000_000,
                eventsSeen: self.seen,
                returnedMicros: self.returned
            )
            let answer = try self.room.tick(tick, known: known, nowMicros: self.now)
            (self.seen, self.returned) = (answer.events, answer.returnedMicros)
            return answer
        }
    }

    /// Seen before: all slots were free at once, and as many again came in.
    @Test func sessions_gone_holdTheirSlots() throws {
        var scene = try Scene()
        let before = scene.room.record
        scene.room.sessions = SessionTable()
        let snapshot = try scene.tick().snapshot
        #expect(snapshot.lostSessions == 2 && snapshot.sessions == 2)
        #expect(snapshot.incarnation == before.incarnation + 1, "all passes are renewed at once")
        #expect(snapshot.issued == before.issued && snapshot.gaps.isEmpty, "no number is skipped")
        let passes = [Renewal(id: 1, expiresMicros: scene.now + 1)]
        #expect(try scene.room.renew(passes, known: .nothing, nowMicros: scene.now).expiries != [nil])
        _ = try scene.room.exchange([3, 4], nowMicros: scene.now)
        for _ in 0..<90 { #expect(try scene.tick().snapshot.sessions == 2) }
        #expect(scene.room.record.admitted == 2)
        // Nobody else showed up for one session's length.
        for _ in 0..<11 {
            _ = try scene.room.renew([1], nowMicros: scene.now)
            try scene.tick()
        }
        #expect(scene.room.record.admitted == 3 && scene.room.sessions.expiry(of: 3) != nil)
    }

    /// Of sessions that end in the ordinary way nothing is missed.
    @Test func sessions_allEnded_areNoLoss() throws {
        var scene = try Scene()
        _ = try scene.room.leave([3, 4], nowMicros: scene.now)
        _ = try scene.room.release([1], nowMicros: scene.now)
        for _ in 0..<110 { try scene.tick() }
        #expect(scene.room.sessions.count == 0 && scene.room.record.incarnation == 1)
    }

    @Test func exchanged_gone_nobodyIsLetInTwice() throws {
        var scene = try Scene()
        _ = try scene.room.release([1, 2], nowMicros: scene.now)
        // The ids of released passes are kept for as long as a pass of them could live.
        for _ in 0..<110 { try scene.tick() }
        scene.room.exchanged = NumberSet()
        #expect(try scene.tick().snapshot.incarnation == 2)
        #expect(try scene.room.exchange([1, 2], nowMicros: scene.now).outcomes == [.ended, .ended])
    }

    /// Whoever stands at the door has arrived and was never let in. Seen before: ended, and at the end of the line.
    @Test func exchanged_gone_thoseAtTheDoorKeepTheirTurn() throws {
        var scene = try Scene()
        scene.room.exchanged = NumberSet()
        try scene.tick()
        #expect(try scene.room.exchange([3, 4, 1], nowMicros: scene.now).outcomes.prefix(2) == [.atDoor, .atDoor])
        #expect(scene.room.door.ids == [3, 4])
    }

    /// Who came is known by who was let in and by who stands at the door, and nobody else is called for them.
    @Test func arrived_gone_isMeasuredAnew() throws {
        var scene = try Scene()
        let showUp = scene.room.record.showUp
        scene.room.arrived = NumberSet()
        try scene.tick()
        #expect([1, 2, 3, 4].allSatisfy(scene.room.arrived.contains) && !scene.room.arrived.contains(5))
        _ = try scene.room.exchange([3, 4], nowMicros: scene.now)
        for _ in 0..<90 { try scene.tick() }
        #expect(scene.room.record.showUp == showUp && scene.room.door.ids == [3, 4])
    }

    @Test func door_gone_isToldAnew() throws {
        var scene = try Scene()
        scene.room.door = Door()
        let answer = try scene.tick()
        #expect(answer.eventsLost && answer.snapshot.incarnation == 2 && answer.snapshot.door == 0)
        #expect(try scene.room.exchange([3, 4], nowMicros: scene.now).outcomes == [.atDoor, .atDoor])
    }

    /// Whoever was let in from the door and not told yet asks again.
    @Test func events_gone_areMissed() throws {
        var scene = try Scene()
        _ = try scene.room.release([1], nowMicros: scene.now)
        _ = try scene.room.exchange(gateway: "h", ids: [], known: .nothing, nowMicros: scene.now)
        #expect(scene.room.sessions.expiry(of: 3) != nil)
        scene.room.events = EventLog()
        #expect(try scene.tick().eventsLost)
        let outcome = try scene.room.exchange([3], nowMicros: scene.now).outcomes[0]
        #expect(outcome == .admitted(expiresMicros: scene.room.sessions.expiry(of: 3)!))
    }

    /// Gateways tell of their releases again when the incarnation rises.
    @Test func released_gone_isSeen() throws {
        var scene = try Scene()
        _ = try scene.room.release([1], nowMicros: scene.now)
        try scene.tick()
        scene.room.released = SessionTable()
        #expect(try scene.tick().snapshot.incarnation == 2)
    }

    /// What an earlier loss skipped stays skipped, whoever has not heard of this one.
    @Test func sessions_goneAfterALoss_skippedStaysSkipped() throws {
        var scene = try Scene()
        var known = KnownMarks.nothing
        known.raise(try scene.tick().snapshot)
        known.incarnation += 1
        known.raise(try scene.tick(known).snapshot)
        let gaps = scene.room.record.gaps
        #expect(gaps.map(\.from) == [7] && gaps[0].to == known.stated)
        scene.room.sessions = SessionTable()
        #expect(try scene.tick().snapshot.incarnation == known.incarnation + 1)
        try scene.tick(known)
        #expect(scene.room.record.gaps == gaps)
    }
}
