import Glibc
import Testing

/// The shared state's clock is not ours.
/// How the rules treat clocks is the differential test's; here it is what gateways make of the room's time.
@Suite(.onOwnThread, .underSanitizersWhenLong) struct ClockTests {
    private static var nowMicros: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }

    @Test(.enabled(if: Patience.slowness == 1 && ShiftedClock.compiler != nil, "needs a C compiler"))
    func setBackByAnHour_sessionsKeepTheirLength() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let clock = try ShiftedClock(scene, seconds: 0)
            _ = try scene.startForgetfulRedis(socket: socket, under: clock.words)
            let room = ["slots": "1", "inflow": "1000/s", "burst": "10", "session_length": "6s"]
            let configuration = try Contract.configuration(scene, socket: socket, room: room)
            let sluice = try Contract.start(scene, configuration)
            let (inside, next) = (Visitor(port: sluice.port), Visitor(port: sluice.port))
            try inside.get()
            try next.get()
            #expect(inside.isIn && next.number == 2)
            try clock.set(-3_600)
            let start = Patience.nowMilliseconds
            try Patience.wait(for: "longer than a session") {
                try inside.get()
                try next.get()
                guard inside.isIn, inside.number == 1 else { throw Disappointment("sent out: \(inside.state)") }
                return Patience.nowMilliseconds - start > 9_000
            }
            #expect(!next.isIn, "there is one slot")
            // The first asks no more: the session ends after its length, not an hour later.
            try Patience.wait(for: "the next to be let in") {
                try next.get()
                return next.isIn
            }
            #expect(next.number == 2)
            try Patience.pass(milliseconds: 500)
            try next.get()
            #expect(next.isIn && next.number == 2, "and the pass is good")
        }
    }

    /// Seen before: a pass's end was Redis's time and was read by the gateway's. With the server's clock ahead, a pass
    /// looked as if it had long to live when its session was over, and number 1 fell to the end of the line; with the
    /// clock behind, passes died early, and whoever came back was let in a second time.
    @Test(
        .enabled(if: Patience.slowness == 1 && ShiftedClock.compiler != nil, "needs a C compiler"),
        arguments: [9, -9]
    )
    func serversClockIsOff_sessionsKeepTheirLength(seconds: Int64) throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let clock = try ShiftedClock(scene, seconds: seconds)
            let redis = try scene.startForgetfulRedis(socket: socket, under: clock.words).shell
            let before = Self.nowMicros / 1_000_000
            let serverTime = try #require(try redis.number("TIME"))
            let after = Self.nowMicros / 1_000_000
            #expect((before + seconds...after + seconds).contains(serverTime), "the server's clock is off")
            let room = ["slots": "1", "inflow": "1000/s", "burst": "10", "session_length": "6s"]
            let configuration = try Contract.configuration(scene, socket: socket, room: room)
            let sluice = try Contract.start(scene, configuration)
            let (inside, next) = (Visitor(port: sluice.port), Visitor(port: sluice.port))
            let start = Patience.nowMilliseconds
            try inside.get()
            try next.get()
            #expect(inside.isIn && next.number == 2)
            let session = try redis("ZRANGE", RedisShell.key("sessions"), "0", "-1").first
            // The first look comes within the session, but later than a server that is behind would allow.
            var askedBefore = start
            for milliseconds in stride(from: 3_000 as Int64, through: 12_000, by: 750) {
                try Patience.wait(for: "the next look") { Patience.nowMilliseconds - start >= milliseconds }
                let asked = Patience.nowMilliseconds
                try inside.get()
                // A session lasts from the last request to within a sixth, and a pass tells whole seconds. Where the
                // machine let more than these four seconds pass between two requests, it may be over, and that shows
                // nothing.
                guard Patience.nowMilliseconds - askedBefore < 4_000 else { return }
                askedBefore = asked
                guard inside.isIn, inside.number == 1 else { throw Disappointment("sent out: \(inside.state)") }
            }
            #expect(try sluice.metric(Contract.admissions) == 1)
            // One who asks no more is gone after the session's length, by anybody's clock: not a clock's error later.
            // In the shared state, by its own clock, there is never more left, however late this machine looks.
            let id = try #require(session, "the session is not in the shared state")
            var mostLeft: Int64 = 0
            try Patience.wait(for: "the next to be let in") {
                let end = try redis.number("ZSCORE", RedisShell.key("sessions"), id) ?? 0
                let time = try redis("TIME").compactMap { Int64($0) }
                guard time.count == 2 else { throw Disappointment("the server does not tell the time: \(time)") }
                mostLeft = max(mostLeft, end - (time[0] * 1_000_000 + time[1]))
                try next.get()
                return next.isIn
            }
            #expect(mostLeft <= 6_000_000, "\(mostLeft) microseconds were left of a session of six seconds")
        }
    }
}
