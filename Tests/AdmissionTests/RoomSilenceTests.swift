import Testing

@testable import Admission

/// Gateways that could not call for a while. The controller, which calls once a second and knows nothing of the line,
/// ends no silence.
@Suite struct RoomSilenceTests {
    static let start = RoomModelTests.start
    static let second: Int64 = 1_000_000

    /// Called at second 2, away until 62 with the controller calling: the claim of 5 seconds has stood still.
    @Test(arguments: [false, true])
    func exchange_gatewaysAwayControllerNot_hasTheRestOfItsClaim(isControllerThere: Bool) throws {
        let limits = RoomModelTests.limits()
        var room = try RoomModelTests.room(joined: 4)
        try RoomOutageTests.tick(&room, seconds: 1...2, limits)
        #expect(room.record.serving == 4)
        for second in 3...61 as ClosedRange<Int64> where isControllerThere {
            _ = try room.setAllowedRate(1_000, fence: 1, nowMicros: Self.start + second * Self.second)
        }
        try RoomOutageTests.tick(&room, seconds: 62...62, limits)
        #expect(room.record.pauses == [.init(until: Self.start + 62 * Self.second, micros: 60 * Self.second)])
        guard case .admitted = try room.exchange([3], nowMicros: Self.start + 63 * Self.second).outcomes[0] else {
            Issue.record("place 3 lost its claim in an outage")
            return
        }
    }

    /// Five are inside, and the state stands still for longer than their sessions. Whoever is answered first, their
    /// slots are theirs: the gateway has renewed their passes meanwhile.
    @Test(arguments: ["gateway", "controller", "fresh gateway"])
    func tick_stalledForASession_keepsTheSlotsOfThoseInside(first: String) throws {
        let limited = RoomModelTests.limits(inflowMilli: 5_000, burst: 5, slots: 5)
        var room = RoomModel()
        var known = KnownMarks.nothing
        known.raise(try room.tick(limited, nowMicros: Self.start).snapshot)
        #expect(try room.join(count: 15, known: known, nowMicros: Self.start).admitted == 5)
        known.raise(try room.tick(limited, known: known, nowMicros: Self.start + Self.second).snapshot)
        let back = Self.start + 14 * Self.second
        switch first {
        case "controller": _ = try room.setAllowedRate(5_000, fence: 1, nowMicros: back)
        case "fresh gateway":
            // Its second call knows the line, and nothing of who was inside.
            var fresh = KnownMarks.nothing
            for later in [0, 100] as [Int64] {
                fresh.raise(try room.tick(limited, known: fresh, nowMicros: back + later).snapshot)
            }
        default: break
        }
        let snapshot = try room.tick(limited, known: known, nowMicros: back + 1_000).snapshot
        #expect(snapshot.lostSessions == 5)
        let newcomers = try room.exchange(
            gateway: "g",
            ids: Array(6...10),
            known: known,
            nowMicros: back + 2_000
        ).outcomes
        #expect(newcomers.allSatisfy { if case .admitted = $0 { false } else { true } }, "\(first): \(newcomers)")
        let passes = (1...5).map { Renewal(id: $0, expiresMicros: back + 6 * Self.second) }
        let renewed = try room.renew(passes, known: known, nowMicros: back + 3_000).expiries
        #expect(renewed.allSatisfy { $0 != nil })
        let after = try room.tick(limited, known: known, nowMicros: back + 4_000).snapshot
        #expect(after.sessions == 5 && after.lostSessions == 0)
    }

    /// What the controller finds on another server says nothing of a loss: it has no mark to go on from.
    @Test func setAllowedRate_otherServer_leavesTheLineAlone() throws {
        var room = RoomModel()
        let tick = RoomTick(gateway: "g", limits: RoomModelTests.limits())
        let answer = try room.tick(tick, known: .nothing, run: 5, nowMicros: Self.start)
        let bound = try room.setAllowedRate(900, fence: 1, run: 6, nowMicros: Self.start + 1)
        #expect(bound.isTaken && bound.line.incarnation == answer.snapshot.incarnation)
        #expect(room.record.run == 5 && room.record.gaps.isEmpty)
        // The gateway sees to it, with what it knows.
        let later = try room.tick(tick, known: .nothing, run: 6, nowMicros: Self.start + 2).snapshot
        #expect(later.incarnation == answer.snapshot.incarnation + 1)
    }
}
