import Glibc
import Testing

/// Sessions live from the last request on, whatever happens to the shared state meanwhile.
@Suite(.onOwnThread, .underSanitizersWhenLong) struct SessionTests {
    private func start(
        _ scene: Scene,
        session: String
    ) throws -> (server: RunningProcess, redis: RedisShell, sluice: SluiceProcess) {
        let socket = "\(scene.folder)/r.sock"
        let (server, redis) = try scene.startForgetfulRedis(socket: socket)
        let room = ["slots": "100", "inflow": "1000/s", "burst": "100", "session_length": session]
        let configuration = try Contract.configuration(scene, socket: socket, room: room)
        return (server, redis, try Contract.start(scene, configuration))
    }

    /// Seen before: only a request in the second half of a pass's life renewed it. With ten seconds and the last request
    /// 6.6 s ago, number 1 became 5002.
    @Test(.enabled(if: Patience.slowness == 1))
    func lastRequest_inTheFirstHalf_countsAsWell() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene, session: "12s").sluice
            let visitor = Visitor(port: sluice.port)
            try visitor.get()
            #expect(visitor.isIn && visitor.number == 1)
            let start = Patience.nowMilliseconds
            for (milliseconds, what) in [(5_400 as Int64, "the first half"), (12_400, "the rest")] {
                try Patience.wait(for: what) { Patience.nowMilliseconds - start >= milliseconds }
                try visitor.get()
                #expect(visitor.isIn && visitor.number == 1, "after \(milliseconds) ms: \(visitor.state)")
            }
        }
    }

    /// Seen before: nothing renews a pass while Redis is away, and it ended under way.
    @Test func redisAway_longerThanTheRestOfASession_visitorStaysInside() throws {
        try Scene.play { scene in
            let (server, redis, sluice) = try self.start(scene, session: "6s")
            var crowd = Crowd(ports: [sluice.port], count: 5)
            try crowd.enterAll()
            try redis("SAVE")
            server.kill()
            let start = Patience.nowMilliseconds
            func pass(_ milliseconds: Int64) throws {
                try Patience.wait(for: "\(milliseconds) ms") {
                    try crowd.round()
                    return Patience.nowMilliseconds - start > milliseconds
                }
            }
            try pass(9_000)
            #expect(crowd.expelled.isEmpty, "while it was away: \(crowd.expelled.prefix(3))")
            let back = try scene.startForgetfulRedis(socket: redis.socket).shell
            try pass(15_000)
            #expect(crowd.expelled.isEmpty && crowd.moved.isEmpty, "\(crowd.expelled) \(crowd.moved)")
            #expect(try back.sessions() == 5)
        }
    }

    /// The same with a server that stands still: its clock has gone on, and every session in it is over.
    @Test func redisStopped_longerThanASession_visitorStaysInside() throws {
        try Scene.play { scene in
            let (server, redis, sluice) = try self.start(scene, session: "5s")
            var crowd = Crowd(ports: [sluice.port], count: 5)
            try crowd.enterAll()
            server.signal(SIGSTOP)
            defer { server.signal(SIGCONT) }
            let start = Patience.nowMilliseconds
            try Patience.wait(for: "longer than a session") {
                try crowd.round()
                return Patience.nowMilliseconds - start > 8_000
            }
            server.signal(SIGCONT)
            try Patience.wait(for: "the sessions to be known again") {
                try crowd.round()
                return try redis.sessions() == 5 && Patience.nowMilliseconds - start > 12_000
            }
            #expect(crowd.expelled.isEmpty && crowd.moved.isEmpty, "\(crowd.expelled) \(crowd.moved)")
        }
    }

    /// Seen before: the gateway that had last renewed an older pass told of it when it had expired, took the session for
    /// a released one, and refused the newer pass of the other gateway for good.
    @Test func redisStopped_olderPassAtOneGatewayNewerAtAnother_visitorStaysInside() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let (server, redis) = try scene.startForgetfulRedis(socket: socket)
            let room = ["slots": "5", "inflow": "1000/s", "burst": "100", "session_length": "5s"]
            var configuration = try Contract.configuration(scene, socket: socket, room: room)
            configuration.loops = "2"
            let ports = try ["one", "two"].map { try Contract.start(scene, configuration, name: $0).port }
            var crowd = Crowd(ports: [ports[1]], count: 5)
            try crowd.enterAll()
            let start = Patience.nowMilliseconds
            func pass(_ milliseconds: Int64, _ what: String) throws {
                try Patience.wait(for: what) {
                    try crowd.round()
                    return Patience.nowMilliseconds - start > milliseconds
                }
            }
            server.signal(SIGSTOP)
            defer { server.signal(SIGCONT) }
            try pass(2_500, "passes that the second gateway renews")
            crowd.move(to: [ports[0]])
            try pass(9_000, "longer than a session")
            server.signal(SIGCONT)
            try pass(11_000, "the sessions to be known again")
            crowd.move(to: [ports[1]])
            try pass(13_000, "the second gateway's word on them")
            #expect(crowd.expelled.isEmpty && crowd.moved.isEmpty, "\(crowd.expelled) \(crowd.moved)")
            #expect(try redis.sessions() == 5)
        }
    }
}
