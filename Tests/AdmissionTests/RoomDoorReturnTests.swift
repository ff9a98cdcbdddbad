import Testing

@testable import Admission

/// Who is let in, in which order, when several gateways come back to their room after an outage.
@Suite struct RoomDoorReturnTests {
    static let start = RoomModelTests.start
    static let second: Int64 = 1_000_000

    /// Gateways `a` and `b`; one slot, which 1 holds; the others are called.
    struct Scene {
        var room: RoomModel
        var now = RoomDoorReturnTests.start
        var known = KnownMarks.nothing
        let limits: RoomLimits
        private var returned: [String: Int64] = [:]

        init(slots: Int64 = 1, joined: Int = 9) throws {
            self.limits = RoomModelTests.limits(inflowMilli: 100_000, burst: slots, slots: slots)
            self.room = try RoomModelTests.room(self.limits, joined: joined)
            self.room.record.serving = Int64(joined)
            try self.pass(12)
        }

        @discardableResult
        mutating func tick(_ gateway: String) throws -> TickAnswer {
            let tick = RoomTick(
                gateway: gateway,
                limits: self.limits,
                generation: 1_000_000_000_000_000_000,
                healthy: 1,
                eventsSeen: self.room.record.events,
                returnedMicros: self.returned[gateway] ?? 0
            )
            let answer = try self.room.tick(tick, known: self.known, nowMicros: self.now)
            self.returned[gateway] = answer.returnedMicros
            self.known.raise(answer.snapshot)
            return answer
        }

        /// A tenth of a second for each of `count`, with a tick of both.
        mutating func pass(_ count: Int) throws {
            for _ in 0..<count {
                self.now += 100_000
                try self.tick("a")
                try self.tick("b")
            }
        }

        @discardableResult
        mutating func exchange(_ ids: [Int64], by gateway: String) throws -> [ExchangeOutcome] {
            try self.room.exchange(gateway: gateway, ids: ids, known: self.known, nowMicros: self.now).outcomes
        }
    }

    /// Seen before: the one whose gateway came back first went in, past a lower one who came back a moment later.
    @Test(arguments: [2_000_000, 9_000_000] as [Int64])
    func settle_gatewaysComeBackOneByOne_lowestGoesIn(silence: Int64) throws {
        var scene = try Scene()
        try scene.exchange([5], by: "a")
        try scene.exchange([3], by: "b")
        try scene.pass(1)
        _ = try scene.room.release([1], nowMicros: scene.now)
        scene.known.sessions = 0
        scene.now += silence
        #expect(try scene.tick("a").eventsLost)
        #expect(try scene.exchange([5], by: "a") == [.atDoor])
        scene.now += 100_000
        try scene.tick("a")
        scene.now += 300_000
        #expect(try scene.tick("b").eventsLost)
        #expect(try scene.exchange([3], by: "b") == [.atDoor])
        #expect(scene.room.record.admitted == 1)
        try scene.pass(8)
        #expect(scene.room.exchanged.contains(3) && !scene.room.exchanged.contains(5))
    }

    /// The loops of one gateway tell of their doors one after the other, and a newcomer comes in between. Seen before: 5
    /// went in past 3, and the newcomer past both.
    @Test func settle_loopsOfOneGatewayComeBackOneByOne_lowestGoesInAndNobodyNew() throws {
        var scene = try Scene()
        scene.room.gateways = scene.room.gateways.filter { $0.key == "a" }
        try scene.exchange([3, 5], by: "a")
        _ = try scene.room.release([1], nowMicros: scene.now)
        scene.known.sessions = 0
        scene.now += 9_000_000
        #expect(try scene.tick("a").eventsLost)
        #expect(try scene.room.join(count: 1, known: scene.known, nowMicros: scene.now).admitted == 0)
        #expect(try scene.exchange([5], by: "a") == [.atDoor])
        scene.now += 100_000
        try scene.tick("a")
        #expect(try scene.exchange([3], by: "a") == [.atDoor])
        #expect(try scene.room.join(count: 1, known: scene.known, nowMicros: scene.now).admitted == 0)
        for _ in 0..<10 {
            scene.now += 100_000
            try scene.tick("a")
        }
        #expect(scene.room.exchanged.contains(3) && !scene.room.exchanged.contains(5))
        #expect(scene.room.record.admitted == 2)
    }

    /// A room in which nobody waits is called once a second, and late at times: a newcomer goes straight in.
    @Test func join_idleRoom_goesStraightIn() throws {
        var scene = try Scene(slots: 5, joined: 1)
        scene.now += 1_300_000
        #expect(try scene.room.join(count: 1, known: scene.known, nowMicros: scene.now).admitted == 1)
    }

    /// Seen before: the number had been let in, the answer was lost in the outage, the session ran out in it, and the
    /// visitor was sent to the end of the line.
    @Test func exchange_grantedJustBeforeALongOutage_isLetIn() throws {
        var scene = try Scene()
        try scene.exchange([3], by: "a")
        _ = try scene.room.release([1], nowMicros: scene.now)
        _ = try scene.exchange([], by: "b")
        #expect(scene.room.sessions.expiry(of: 3) != nil)
        scene.known.sessions = 1
        scene.now += 14 * Self.second
        let answer = try scene.tick("a")
        #expect(answer.snapshot.lostSessions == 1 && answer.snapshot.sessions == 1)
        let admitted = ExchangeOutcome.admitted(expiresMicros: scene.now + 10 * Self.second)
        #expect(try scene.exchange([3, 3], by: "a") == [admitted, admitted])
        #expect(scene.room.record.lost == 0 && scene.room.sessions.count == 1 && scene.room.record.admitted == 2)
    }

    /// No gateway knows that the slot is taken: it goes to the visitor as one that is free.
    @Test func exchange_grantedJustBeforeALongOutage_noSlotKept_takesAFreeOne() throws {
        var scene = try Scene()
        try scene.exchange([3], by: "a")
        _ = try scene.room.release([1], nowMicros: scene.now)
        _ = try scene.exchange([], by: "b")
        scene.known.sessions = 0
        scene.now += 14 * Self.second
        try scene.tick("a")
        #expect(try scene.exchange([3], by: "a") == [.atDoor])
        try scene.pass(11)
        #expect(scene.room.sessions.expiry(of: 3) != nil && scene.room.record.admitted == 3)
        #expect(try scene.exchange([3], by: "a") != [.ended])
    }

    /// For as long as a session lasts; and who gave the pass back has left.
    @Test(arguments: [false, true])
    func exchange_pardonIsOver_isEnded(isReleased: Bool) throws {
        var scene = try Scene()
        try scene.exchange([3], by: "a")
        _ = try scene.room.release([1], nowMicros: scene.now)
        _ = try scene.exchange([], by: "b")
        scene.now += 14 * Self.second
        try scene.tick("a")
        if isReleased {
            _ = try scene.room.release([3], nowMicros: scene.now)
        } else {
            try scene.pass(100)
        }
        #expect(try scene.exchange([3], by: "a") == [.ended])
    }

    /// Seen before: more stood at the door than one call looks at, and those behind who had hung up in the outage were let
    /// in by another gateway's tick.
    @Test func settle_moreThanOneLookAtTheDoor_nobodyWhoHungUpIsLetIn() throws {
        var scene = try Scene(slots: 10_000, joined: 1)
        _ = try scene.room.release([1], nowMicros: scene.now)
        scene.room.record.settled = RoomModelTests.limits(inflowMilli: 0, burst: 10_000, slots: 10_000)
        try scene.pass(1)
        for first in stride(from: Int64(2), to: 5_002, by: 500) {
            _ = try scene.room.join(count: 500, known: scene.known, nowMicros: scene.now)
            scene.room.record.serving = first + 499
            try scene.exchange(Array(first..<first + 500), by: "a")
        }
        #expect(scene.room.door.count == 5_000)
        scene.now += 2 * Self.second
        try scene.tick("b")
        try scene.tick("a")
        #expect(scene.room.door.count > 0)
        // All of `a` but these hung up.
        try scene.exchange([2, 4_900], by: "a")
        let fast = RoomModelTests.limits(inflowMilli: 1_000_000, burst: 10_000, slots: 10_000)
        scene.room.record.settled = fast
        try scene.pass(30)
        #expect(scene.room.exchanged.contains(2) && scene.room.exchanged.contains(4_900))
        #expect(scene.room.record.admitted == 3, "\(scene.room.record.admitted)")
    }

    // MARK: Older lines

    /// The called of an older line have a horizon to ask before a newcomer goes straight in.
    @Test func join_olderLineJustCalled_leavesTheirTurns() throws {
        var scene = try Scene(slots: 5, joined: 1)
        let older = OlderLine(epoch: scene.room.record.epoch - 10, issued: 5, serving: 0)
        scene.room.note(older)
        scene.room.record.olderCalled = scene.now
        try scene.pass(3)
        #expect(scene.room.record.older.map(\.serving) == [5], "called")
        scene.room.record.tokens = 5 * RoomRules.nanoTokens
        #expect(try scene.room.join(count: 1, known: scene.known, nowMicros: scene.now).admitted == 0)
    }
}
