import Testing
import TestKit

/// Rooms and their tokens, where small things went wrong.
@Suite(.onOwnThread) struct RoomFaultTests {
    /// Seen before: 1, because the metric and the limit counted numbers, so that one visitor could park without end.
    @Test func door_oneVisitorSeveralRequests_eachIsCounted() throws {
        try Scene.play { scene in
            let sluice = try DoorScene.start(scene)
            let visitor = try DoorScene.calledVisitor(sluice)
            let peers = try (0..<7).map { _ in try visitor.askFromElsewhere(sluice.port) }
            try Patience.wait(for: "seven requests at the door, not one visitor") { try DoorScene.parked(sluice) == 7 }
            withExtendedLifetime(peers) {}
        }
    }

    /// `waiting_at_door` is a limit of requests. Seen before: of one number any count was parked.
    @Test func door_limit_holdsForRequestsOfOneVisitor() throws {
        try Scene.play { scene in
            var configuration = DoorScene.configuration()
            configuration.limits["waiting_at_door"] = "3"
            let sluice = try DoorScene.start(scene, configuration)
            let visitor = try DoorScene.calledVisitor(sluice)
            let peers = try (0..<7).map { _ in HTTPPeer(try visitor.askFromElsewhere(sluice.port)) }
            try Patience.wait(for: "those beyond the limit to be told") { peers.filter(\.hasInput).count >= 4 }
            try Patience.wait(for: "three at the door") { try DoorScene.parked(sluice) == 3 }
            #expect(peers.filter(\.hasInput).count == 4)
            for peer in peers where peer.hasInput {
                let answer = try peer.readAnswer()
                #expect(answer.status == 200 && answer.field("retry-after") != nil)
            }
        }
    }

    // MARK: Cookies

    enum Planted: CaseIterable { case before, behind, both, ofAnotherVisitor }

    /// Seen before: only the first cookie of a name was looked at, so that a planted one locked its visitor out.
    @Test(arguments: Planted.allCases)
    func cookies_severalOfOneName_anyGenuineOneCounts(planted: Planted) throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.room = ["slots": "2", "inflow": "1000/s", "burst": "100"]
            let sluice = try scene.start(configuration)
            let (visitor, stranger) = (Visitor(port: sluice.port), Visitor(port: sluice.port))
            try visitor.get()
            try stranger.get()
            let pass = try #require(visitor.cookies["sluice-pass-sale"])
            // A genuine place in a pass's cookie is no pass either.
            let strange = planted == .ofAnotherVisitor ? stranger.cookies["sluice-place-sale"]! : "AAAA"
            let values = planted == .behind ? [pass, strange] : planted == .both ? ["x", pass, "y"] : [strange, pass]
            let peer = try HTTPPeer(port: sluice.port)
            let one = values.map { "sluice-pass-sale=\($0)" }.joined(separator: "; ")
            let answer = try peer.request("GET", "/", [("Cookie", one), ("Accept", "application/json")])
            #expect(answer.field("sluice-state") == "admitted")
            // Also over several fields.
            let fields = values.map { ("Cookie", "a=b; sluice-pass-sale=\($0)") }
            let again = try peer.request("GET", "/", fields + [("Accept", "application/json")])
            #expect(again.field("sluice-state") == "admitted")
            #expect(answer.cookies.isEmpty && again.cookies.isEmpty, "nobody joined anew")
        }
    }

    /// The same for places: a planted one costs nobody the turn.
    @Test func cookies_plantedPlace_genuineOneCounts() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.room = ["slots": "10", "inflow": "0/s", "burst": "1"]
            let sluice = try scene.start(configuration)
            let visitor = Visitor(port: sluice.port)
            try visitor.get()
            let place = try #require(visitor.cookies["sluice-place-sale"])
            let cookie = "sluice-place-sale=AAAA; sluice-place-sale=\(place)"
            let peer = try HTTPPeer(port: sluice.port)
            let answer = try peer.request("GET", "/", [("Cookie", cookie), ("Accept", "application/json")])
            #expect(try answer.position().number == 1)
            #expect(answer.cookies.isEmpty, "nobody joined anew")
        }
    }

    // MARK: Several loops

    /// Seen before: the loop that saw the release refused the pass, the others took it on.
    @Test(arguments: ["2", "4"])
    func release_onOneLoop_passIsRefusedOnAll(loops: String) throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.loops = loops
            let sluice = try scene.start(configuration)
            let visitor = Visitor(port: sluice.port)
            try visitor.get()
            let pass = try #require(visitor.cookies["sluice-pass-sale"])
            try visitor.get("/leave")
            func isTaken() throws -> Bool {
                let fields = [("Cookie", "sluice-pass-sale=\(pass)"), ("Accept", "application/json")]
                let answer = try HTTPPeer(port: sluice.port).request("GET", "/", fields)
                // Who comes with a pass that is worth nothing joins, and gets a new one.
                return answer.field("sluice-state") == "admitted" && answer.cookie("sluice-pass-sale") == nil
            }
            // Fresh connections fall on any loop: with four of them, 64 refusals in a row leave none out.
            var refused = 0
            try Patience.wait(for: "every loop to refuse the pass") {
                refused = try isTaken() ? 0 : refused + 1
                return refused >= 64
            }
        }
    }

    // MARK: CORS

    /// A preflight carries no cookies: whoever is inside could not ask anything across origins. Seen before: 429.
    @Test func preflight_ofARoom_reachesTheWorker() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering("worker"))
            var configuration = Configuration()
            configuration.use([worker])
            configuration.room = ["slots": "10", "inflow": "0/s", "burst": "1"]
            let sluice = try scene.start(configuration)
            let peer = try HTTPPeer(port: sluice.port)
            let preflight = [("Origin", "https://shop.test"), ("Access-Control-Request-Method", "PUT")]
            #expect(try peer.request("OPTIONS", "/api", preflight).text == "worker")
            #expect(worker.receivedText.lowercased().contains("access-control-request-method: put"))
            // Anything else that looks like it waits.
            let others: [(String, [(String, String)])] = [
                ("OPTIONS", []), ("OPTIONS", [preflight[0]]), ("OPTIONS", [preflight[1]]), ("GET", preflight),
                ("POST", preflight),
            ]
            for (method, fields) in others {
                let answer = try HTTPPeer(port: sluice.port).request(method, "/api", fields)
                #expect(answer.field("sluice-state") == "waiting", "\(method) \(fields)")
            }
            #expect(try sluice.status().room?.admitted == 0, "a preflight takes no slot")
        }
    }

    /// With a body it could be anything: it waits as all others do.
    @Test func preflight_withABody_isNotLetThrough() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering("worker"))
            var configuration = Configuration()
            configuration.use([worker])
            configuration.room = ["slots": "10", "inflow": "0/s", "burst": "1"]
            let sluice = try scene.start(configuration)
            let preflight = [("Origin", "https://shop.test"), ("Access-Control-Request-Method", "PUT")]
            let answer = try HTTPPeer(port: sluice.port).request("OPTIONS", "/api", preflight, body: [0x61])
            #expect(answer.text != "worker")
            #expect(worker.received.isEmpty)
        }
    }

    // MARK: Hosts

    /// Seen before: 404, because the dot that makes a name absolute was taken for a part of it.
    @Test func host_withATrailingDot_findsItsRoute() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            var configuration = RequestTests.open()
            configuration.use([worker])
            configuration.routes = []
            configuration.otherRoutes = ["{host: tickets.test, path: /, pool: workers}"]
            let sluice = try scene.start(configuration)
            let hosts = [
                ("tickets.test", 200), ("tickets.test.", 200), ("TICKETS.test.", 200), ("tickets.test.:80", 200),
                ("tickets.test:8080", 200), ("other.test.", 404), ("tickets.test..", 404),
            ]
            for (host, status) in hosts {
                let peer = try HTTPPeer(port: sluice.port)
                peer.peer.send("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n")
                let answer = try peer.readAnswer()
                #expect(answer.status == status || host.hasSuffix("..") && answer.status == 400, "\(host)")
            }
            let absolute = try HTTPPeer(port: sluice.port)
            absolute.peer.send("GET http://tickets.test./ HTTP/1.1\r\nHost: tickets.test.\r\n\r\n")
            #expect(try absolute.readAnswer().status == 200)
        }
    }
}
