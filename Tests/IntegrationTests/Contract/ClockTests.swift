import Glibc
import Testing

/// The shared state's clock is not ours.
///
/// A server whose clock is set back sees a record that was written in its future: that is what these tests write. How the
/// rules treat clocks that jump is the differential test's; here it is what gateways make of the room's time.
@Suite(.onOwnThread) struct ClockTests {
    private static let hourMicros: Int64 = 3_600_000_000

    private static var nowMicros: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }

    @Test(.enabled(if: Patience.slowness == 1)) func setBackByAnHour_sessionsKeepTheirLength() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let redis = try scene.startForgetfulRedis(socket: socket).shell
            let room = ["slots": "1", "inflow": "1000/s", "burst": "10", "session_length": "3s"]
            let configuration = try Contract.configuration(scene, socket: socket, room: room)
            let sluice = try Contract.start(scene, configuration)
            let (inside, next) = (Visitor(port: sluice.port), Visitor(port: sluice.port))
            try inside.get()
            try next.get()
            #expect(inside.isIn && next.number == 2)
            let written = Self.nowMicros + Self.hourMicros
            try redis("HSET", RedisShell.key("state"), "refilled", "\(written)", "tokens", "0")

            let start = Patience.nowMilliseconds
            try Patience.wait(for: "longer than a session") {
                try inside.get()
                try next.get()
                guard inside.isIn, inside.number == 1 else { throw Disappointment("sent out: \(inside.state)") }
                return Patience.nowMilliseconds - start > 4_500
            }
            #expect(!next.isIn, "there is one slot")
            // The first asks no more: the session ends after its length, not an hour later.
            let last = Patience.nowMilliseconds
            try Patience.wait(for: "the next to be let in") {
                try next.get()
                return next.isIn || Patience.nowMilliseconds - last > 10_000
            }
            #expect(next.isIn && next.number == 2)
            try Patience.pass(milliseconds: 500)
            try next.get()
            #expect(next.isIn && next.number == 2, "and the pass is good")
        }
    }
}
