import Testing

@testable import Admission

/// The shared state's clock is another one. Gateways tell with each call what the room's time is by their own reckoning.
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

    /// Seen before: by a step of more than a session everybody inside was thrown out, and others had the slots. To the room
    /// it looks like a silence: whose session ran out in it keeps the slot, and gets in for one session more.
    @Test(arguments: [20_000_000, 3_600_000_000] as [Int64], [false, true])
    func clock_setForward_throwsNobodyOut(step: Int64, isControllerFirst: Bool) throws {
        var scene = try Scene()
        for _ in 0..<10 { try scene.tick() }
        var known = scene.known
        known.epoch = scene.room.record.epoch
        known.sessions = 2
        scene.ahead = step
        if isControllerFirst { _ = try scene.room.setAllowedRate(1_000, fence: 1, nowMicros: scene.clock) }
        _ = try scene.room.renew([], known: known, nowMicros: scene.clock)
        let snapshot = try scene.tick().snapshot
        #expect(snapshot.sessions == 2 && snapshot.lostSessions == 2)
        #expect(try scene.room.exchange([3, 4], nowMicros: scene.clock).outcomes == [.atDoor, .atDoor])
        let back = try scene.room.exchange([1, 2], nowMicros: scene.clock).outcomes
        #expect(back.allSatisfy { if case .admitted = $0 { true } else { false } })
        #expect(try scene.tick().snapshot.lostSessions == 0)
        // Set right again, the room's time stands still at no time.
        scene.ahead = 0
        let later = try scene.tick().snapshot
        let last = try scene.tick().snapshot
        #expect(later.nowMicros >= snapshot.nowMicros && last.nowMicros >= later.nowMicros)
    }

    /// An outage is none: the gateway knows how long it was.
    @Test func clock_nobodyCalledForLong_goesOn() throws {
        var scene = try Scene()
        let snapshot = try scene.tick(after: 60_000_000).snapshot
        #expect(snapshot.nowMicros == scene.clock && scene.room.record.skew == 0)
    }

    /// Another server with the time of day right took over after a minute, another one with a clock that is an hour ahead.
    /// Seen before: in both the room's time went on by 3 seconds, so that passes, which the gateways had renewed
    /// meanwhile, outlived their sessions, and twice the slots were inside.
    @Test(arguments: [0, 3_600_000_000] as [Int64])
    func server_another_timeGoesOnAsTheGatewayReckons(ahead: Int64) throws {
        var scene = try Scene()
        _ = try scene.room.renew([], known: .nothing, run: 7, nowMicros: scene.clock)
        try scene.tick()
        scene.ahead = ahead
        var known = scene.known
        scene.passed += 60_000_000
        known.reckonedMicros += 60_000_000
        _ = try scene.room.setAllowedRate(1_000, fence: 1, nowMicros: scene.clock)
        _ = try scene.room.renew([], known: known, run: 8, nowMicros: scene.clock)
        let gained = scene.room.now - (Self.start + scene.passed)
        #expect((0...1_000_000).contains(gained), "\(gained)")
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
