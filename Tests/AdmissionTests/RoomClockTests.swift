import Testing

@testable import Admission

/// The shared state's clock is set forward. Gateways tell with each call what the room's time is by their own reckoning.
@Suite struct RoomClockTests {
    static let start = RoomModelTests.start

    /// One gateway, `inside` of whose visitors are in, and two more called.
    struct Scene {
        var room: RoomModel
        let limits = RoomModelTests.limits(inflowMilli: 1_000, slots: 2)
        /// What has passed in truth, and how far the state's clock is ahead of that.
        var passed: Int64 = 0
        var ahead: Int64 = 0
        private var told: (room: Int64, passed: Int64) = (0, 0)
        private var returned: Int64 = 0

        init() throws {
            self.room = try RoomModelTests.room(self.limits, joined: 4)
            self.room.record.serving = 4
            try self.tick()
        }

        var clock: Int64 { RoomClockTests.start + self.passed + self.ahead }

        var known: KnownMarks {
            var known = KnownMarks.nothing
            known.reckonedMicros = self.told.room + self.passed - self.told.passed
            return known
        }

        @discardableResult
        mutating func tick(after micros: Int64 = 100_000) throws -> TickAnswer {
            self.passed += micros
            let tick = RoomTick(
                gateway: "g",
                limits: self.limits,
                generation: 1_000_000_000_000_000_000,
                eventsSeen: self.room.record.events,
                returnedMicros: self.returned
            )
            let known = self.told.room > 0 ? self.known : .nothing
            let answer = try self.room.tick(tick, known: known, nowMicros: self.clock)
            self.told = (answer.snapshot.nowMicros, self.passed)
            self.returned = answer.returnedMicros
            return answer
        }
    }

    /// Seen before: by a step of more than a session everybody inside was thrown out, and the bucket was full at once.
    @Test(arguments: [20_000_000, 3_600_000_000] as [Int64], [false, true])
    func clock_setForward_throwsNobodyOut(step: Int64, isControllerFirst: Bool) throws {
        var scene = try Scene()
        for _ in 0..<10 { try scene.tick() }
        scene.room.record.tokens = 0
        scene.ahead = step
        if isControllerFirst { _ = try scene.room.setAllowedRate(1_000, fence: 1, nowMicros: scene.clock) }
        let snapshot = try scene.tick().snapshot
        let gained = snapshot.nowMicros - (Self.start + scene.passed)
        #expect((0...(isControllerFirst ? 4_000_000 : 1_000_000)).contains(gained), "\(gained)")
        #expect(snapshot.sessions == 2 && snapshot.lostSessions == 0)
        // One token a second; a tick that changes nothing leaves the bucket as it was.
        #expect(isControllerFirst || snapshot.tokensNano <= RoomRules.nanoTokens * 3 / 2)
        // Set right again, it goes on, and stands still at no time.
        scene.ahead = 0
        let later = try scene.tick().snapshot
        let last = try scene.tick().snapshot
        #expect(later.nowMicros >= snapshot.nowMicros && last.nowMicros == later.nowMicros + 100_000)
        for _ in 0..<110 { try scene.tick() }
        #expect(scene.room.sessions.count == 0, "sessions end in their time")
    }

    /// What the gateway reckons is late by less than a call may take.
    @Test func clock_callsAreLate_goesOn() throws {
        var scene = try Scene()
        for _ in 0..<20 {
            let known = scene.known
            scene.passed += 900_000
            _ = try scene.room.exchange(gateway: "g", ids: [], known: known, nowMicros: scene.clock)
            #expect(scene.room.record.skew == 0)
            try scene.tick(after: 0)
        }
        #expect(scene.room.record.skew == 0 && scene.room.record.away < Self.start + 1_000_000)
    }

    /// An outage is none: the gateway knows how long it was.
    @Test func clock_nobodyCalledForLong_goesOn() throws {
        var scene = try Scene()
        let snapshot = try scene.tick(after: 60_000_000).snapshot
        #expect(snapshot.nowMicros == scene.clock && scene.room.record.skew == 0)
    }

    /// The state stood still for 8 seconds, with a call in its ears: that is heard first. Time stood still, too; who left
    /// the door meanwhile is not let in.
    @Test func clock_stateStoodStill_doorIsToldAnew() throws {
        var scene = try Scene()
        _ = try scene.room.exchange([3], nowMicros: scene.clock)
        try scene.tick()
        let known = scene.known
        scene.passed += 8_000_000
        _ = try scene.room.renew([Renewal(id: 1, expiresMicros: 1)], known: known, nowMicros: scene.clock)
        _ = try scene.room.release([1, 2], nowMicros: scene.clock)
        let answer = try scene.tick(after: 1_000)
        #expect(answer.eventsLost && answer.snapshot.door == 0 && answer.granted.isEmpty)
        #expect(scene.room.record.admitted == 2)
        #expect(scene.room.record.pauses.isEmpty && scene.room.record.lost == 0)
    }

    /// All is lost while the clock is ahead: time goes on from where the gateway knows it to be, so passes stay good.
    @Test func create_clockIsAhead_goesOnWithTheRoomsTime() throws {
        var scene = try Scene()
        try scene.tick()
        scene.ahead = 3_600_000_000
        try scene.tick()
        let before = scene.room.now
        scene.room = RoomModel()
        let after = try scene.tick().snapshot.nowMicros
        #expect((before...before + 1_100_000).contains(after))
    }
}
