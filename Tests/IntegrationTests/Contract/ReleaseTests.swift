import Testing

/// A pass that is given back is worth nothing anywhere, and one that is good costs no question.
@Suite(.onOwnThread, .underSanitizersWhenLong) struct ReleaseTests {
    private static let room = ["slots": "100", "inflow": "1000/s", "burst": "100", "session_length": "10s"]

    /// Seen before: the pass went on working at every other gateway, to its end.
    @Test func release_onOneGateway_isKnownOnTheOther() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            _ = try scene.startForgetfulRedis(socket: socket)
            var room = Self.room
            room["session_length"] = "10m"
            var configuration = try Contract.configuration(scene, socket: socket, room: room)
            configuration.loops = "2"
            let ports = try ["one", "two"].map { try Contract.start(scene, configuration, name: $0).port }
            let visitor = Visitor(port: ports[0])
            try visitor.get()
            let pass = try #require(visitor.cookies["sluice-pass-sale"])
            // It works on both of them first.
            func isTaken(at port: UInt16) throws -> Bool {
                let fields = [("Cookie", "sluice-pass-sale=\(pass)"), ("Accept", "application/json")]
                let answer = try HTTPPeer(port: port).request("GET", "/", fields)
                return answer.field("sluice-state") == "admitted" && answer.cookie("sluice-place-sale") == nil
            }
            for port in ports { #expect(try isTaken(at: port)) }
            let copy = visitor.copy()
            try copy.get("/leave")
            // Fresh connections fall on any loop.
            for port in ports {
                var refused = 0
                try Patience.wait(for: "every loop of every gateway to refuse the pass") {
                    refused = try isTaken(at: port) ? 0 : refused + 1
                    return refused >= 16
                }
            }
        }
    }

    /// Seen before: a lost session was a revoked pass on every loop, and each of them asked Redis anew and counted an
    /// admission: 100 requests, 100 exchanges.
    @Test func sessionLostAndBack_requests_areNoExchanges() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let redis = try scene.startForgetfulRedis(socket: socket).shell
            var configuration = try Contract.configuration(scene, socket: socket, room: Self.room)
            configuration.loops = "2"
            let sluice = try Contract.start(scene, configuration)
            let visitor = Visitor(port: sluice.port)
            try visitor.get()
            #expect(visitor.isIn)
            let admissions = try sluice.metric(Contract.admissions)
            try redis("FLUSHALL")
            let start = Patience.nowMilliseconds
            try Patience.wait(for: "the session to be lost and found") {
                try visitor.get()
                visitor.disconnect()
                return Patience.nowMilliseconds - start > 3_000
            }
            // The time encloses both looks at what Redis has counted, however long those take.
            let (begun, runs) = (Patience.nowMilliseconds, try redis.scriptRuns())
            for _ in 0..<100 {
                try visitor.get()
                visitor.disconnect()
            }
            let scripts = try redis.scriptRuns() - runs
            // A tick now and then, and a renewal.
            let most = Int(Patience.nowMilliseconds - begun) / 20 + 10
            #expect(scripts <= most, "\(scripts) scripts for 100 requests")
            #expect(visitor.isIn && visitor.number == 1)
            #expect(try sluice.metric(Contract.admissions) == admissions)
        }
    }

    /// Seen before: somebody's place that had been given back, planted before the visitor's own, drew a new number with
    /// each request, behind all others.
    @Test func placeGivenBack_plantedBeforeTheVisitorsOwn_drawsNoNewNumber() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            _ = try scene.startForgetfulRedis(socket: socket)
            let room = ["slots": "1", "inflow": "1000/s", "burst": "100", "session_length": "10m"]
            let sluice = try Contract.start(scene, try Contract.configuration(scene, socket: socket, room: room))
            let first = Visitor(port: sluice.port)
            try first.get()
            let spent = try #require(first.cookies["sluice-place-sale"])
            try first.get("/leave")
            let second = Visitor(port: sluice.port)
            try Patience.wait(for: "the slot to be taken") {
                try second.get()
                return second.isIn
            }
            let visitor = Visitor(port: sluice.port)
            try visitor.get()
            let (own, number) = (try #require(visitor.cookies["sluice-place-sale"]), visitor.number)
            visitor.setCookie("sluice-place-sale", "\(spent); sluice-place-sale=\(own)")
            for _ in 0..<3 {
                let answer = try visitor.get()
                #expect(answer.cookie("sluice-place-sale") == nil, "a new place was given out")
                #expect(try answer.position().number.map(Int64.init) == number)
            }
        }
    }
}
