import Foundation
import Testing

/// The waiting room as a browser and a program see it. curl is the client where what counts is what it makes of it.
@Suite(.onOwnThread) struct WaitingRoomTests {
    /// Nobody is let in, and everybody stands in line.
    private static let closed = ["slots": "1000", "inflow": "0/s", "burst": "1"]

    private func configuration(room: [String: String]) -> Configuration {
        var configuration = Configuration()
        configuration.room = room
        return configuration
    }

    @Test func get_nobodyWaits_isLetInAtOnce() throws {
        try Scene.play { scene in
            let sluice = try scene.start(Configuration())
            let page = try scene.run("curl", ["-si", "http://127.0.0.1:\(sluice.port)/tickets?a=1"])
            #expect(page.end == .exited(0))
            let answer = try Answer(head: page.output)
            #expect(answer.status == 200)
            #expect(answer.field("sluice-state") == "admitted")
            #expect(page.output.contains("You are in"))
            for name in ["sluice-place-sale", "sluice-pass-sale"] {
                let cookie = try #require(answer.cookie(name))
                #expect(cookie.contains("; Path=/"))
                #expect(cookie.contains("; HttpOnly"))
                #expect(cookie.contains("; SameSite=Lax"))
                #expect(!cookie.contains("Secure"))
            }
        }
    }

    @Test func get_lineStands_pageSaysPositionAndRefreshes() throws {
        try Scene.play { scene in
            let sluice = try scene.start(self.configuration(room: Self.closed))
            let page = try scene.run(
                "curl",
                ["-si", "-H", "Accept: text/html,*/*", "http://127.0.0.1:\(sluice.port)/"]
            )
            let answer = try Answer(head: page.output)
            #expect(answer.status == 200)
            #expect(answer.field("content-type") == "text/html; charset=utf-8")
            #expect(answer.field("cache-control") == "no-store")
            #expect(answer.field("sluice-state") == "waiting")
            let seconds = try #require(answer.field("retry-after").flatMap(Int.init))
            #expect((1...60).contains(seconds))
            #expect(page.output.contains("<meta http-equiv=\"refresh\" content=\"\(seconds)\">"))
            #expect(page.output.contains("<p class=\"position\">1</p>"))
            let cookie = try #require(answer.cookie("sluice-place-sale"))
            #expect(cookie.contains("; Path=/") && cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Lax"))
            #expect(answer.cookie("sluice-pass-sale") == nil)
        }
    }

    @Test func get_lineStands_jsonSaysTheSame() throws {
        try Scene.play { scene in
            let sluice = try scene.start(self.configuration(room: Self.closed))
            for expected in 1...3 {
                let visitor = Visitor(port: sluice.port)
                let answer = try visitor.get()
                #expect(answer.status == 200)
                #expect(answer.field("content-type") == "application/json")
                let position = try answer.position()
                #expect(position.state == "waiting")
                #expect(position.room == "sale")
                #expect(position.position == expected)
                #expect(position.number == expected)
                #expect(position.estimate_seconds == nil)
                #expect(answer.field("retry-after") == "\(position.refresh_seconds)")
                // Asking again is no second place.
                #expect(try visitor.get().position().number == expected)
            }
        }
    }

    @Test func head_lineStands_hasNoBodyAndTheSameLength() throws {
        try Scene.play { scene in
            let sluice = try scene.start(self.configuration(room: Self.closed))
            let peer = try HTTPPeer(port: sluice.port)
            let head = try peer.request("HEAD", "/")
            #expect(head.status == 200)
            #expect(head.field("sluice-state") == "waiting")
            #expect((head.field("content-length").flatMap(Int.init) ?? 0) > 100)
            // Were there a body, the next answer would begin with it.
            #expect(try peer.request("GET", "/").status == 200)
        }
    }

    @Test func head_admitted_hasNoBody() throws {
        try Scene.play { scene in
            let sluice = try scene.start(Configuration())
            let peer = try HTTPPeer(port: sluice.port)
            #expect(try peer.request("HEAD", "/bytes?n=5000").field("content-length") == "5000")
            #expect(try peer.request("GET", "/bytes?n=10").body.count == 10)
        }
    }

    @Test func post_withoutPlace_gets429AndNeverReachesAWorker() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            var configuration = self.configuration(room: Self.closed)
            configuration.use([worker])
            let sluice = try scene.start(configuration)
            let peer = try HTTPPeer(port: sluice.port)
            let answer = try peer.request("POST", "/buy", body: Array("seat=1".utf8))
            #expect(answer.status == 429)
            #expect(answer.field("retry-after") != nil)
            // What was sent of the body is read and thrown away; the connection serves on.
            #expect(answer.field("connection") == nil)
            #expect(try peer.request("GET", "/").status == 200)
            #expect(!worker.receivedText.contains("seat"))
        }
    }

    /// A room that has called everybody, and lets nobody in for now.
    private func startWithAllCalled(
        _ scene: Scene,
        count: Int,
        doorTimeout: String
    ) throws -> (sluice: SluiceProcess, redis: RedisShell, visitors: [Visitor], configuration: Configuration) {
        let socket = "\(scene.folder)/r.sock"
        let redis = try scene.startForgetfulRedis(socket: socket).shell
        var configuration = self.configuration(room: Self.closed.merging(["horizon": "1m"]) { $1 })
        configuration.redis = "unix:\(socket)"
        configuration.limits = ["door_timeout": doorTimeout]
        let sluice = try scene.start(configuration)
        let visitors = (0..<count).map { _ in Visitor(port: sluice.port) }
        for visitor in visitors { try visitor.get() }
        #expect(visitors.map(\.number) == (1...Int64(count)).map { $0 })
        // Tokens come, and call; they are taken away before anybody asks for one.
        configuration.room?["inflow"] = "20/s"
        try scene.reload(sluice, with: configuration.text)
        try Patience.wait(for: "all to be called") { (try sluice.status().room?.serving ?? 0) >= count }
        configuration.room?["inflow"] = "0/s"
        try scene.reload(sluice, with: configuration.text)
        try Patience.wait(for: "the rate to be in force") { try sluice.status().room?.rate_milli == 0 }
        configuration.room?["inflow"] = "20/s"
        return (sluice, redis, visitors, configuration)
    }

    /// Order is promised among those who stand at the door: so all of them do before the first token comes.
    @Test(arguments: [1, 2] as [UInt64])
    func line_allStandAtTheDoor_enterInOrder(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        try Scene.play { scene in
            let count = 12
            let (sluice, redis, visitors, open) = try self.startWithAllCalled(scene, count: count, doorTimeout: "1m")
            for visitor in visitors.shuffled(using: &random) { try visitor.ask() }
            try Patience.wait(for: "all to stand at the door") { try sluice.status().room?.door == count }
            #expect(try sluice.status().room?.admitted == 0)
            try scene.reload(sluice, with: open.text)
            for visitor in visitors {
                try visitor.readAnswer()
                #expect(visitor.isIn && visitor.passNumber == visitor.number, "\(visitor.state)")
            }
            let journal = try Journal(scene, socket: redis.socket)
            #expect(journal.numbers == (1...Int64(count)).map { $0 }, "seed \(seed)")
            // Once inside, one stays inside.
            #expect(try visitors[3].get("/seats").field("sluice-state") == "admitted")
        }
    }

    /// Whoever has stood at the door for as long as a request may last is sent round, and loses nothing by it.
    @Test func line_sentRoundFromTheDoor_keepsPlaceAndEnters() throws {
        try Scene.play { scene in
            let (sluice, redis, visitors, open) = try self.startWithAllCalled(scene, count: 3, doorTimeout: "200ms")
            for round in 1...2 {
                for visitor in visitors { try visitor.ask() }
                for visitor in visitors { #expect(try visitor.readAnswer().field("sluice-state") == "at-door") }
                #expect(visitors.map(\.number) == [1, 2, 3], "round \(round)")
            }
            try scene.reload(sluice, with: open.text)
            try Patience.wait(for: "all to be let in") {
                for visitor in visitors where !visitor.isIn { try visitor.get() }
                return visitors.allSatisfy(\.isIn)
            }
            #expect(visitors.map(\.passNumber) == [1, 2, 3])
            #expect(try Journal(scene, socket: redis.socket).numbers.sorted() == [1, 2, 3])
        }
    }

    @Test func release_visitorLeaves_slotGoesToTheNext() throws {
        try Scene.play { scene in
            let sluice = try scene.start(self.configuration(room: ["slots": "1", "inflow": "1000/s", "burst": "100"]))
            let first = Visitor(port: sluice.port)
            let second = Visitor(port: sluice.port)
            try first.get()
            try second.get()
            #expect(first.isIn && !second.isIn)
            #expect(try first.get("/leave").status == 200)
            #expect(first.cookies.isEmpty)
            try Patience.wait(for: "the second visitor to be let in") {
                try second.get().field("sluice-state") == "admitted"
            }
            #expect(try sluice.metric("sluice_room_visitors_total{room=\"sale\",event=\"released\"}") == 1)
        }
    }

    @Test func release_passUsedAgain_isWorthNothing() throws {
        try Scene.play { scene in
            let sluice = try scene.start(Configuration())
            let visitor = Visitor(port: sluice.port)
            try visitor.get()
            let cookies = visitor.cookies
            try visitor.get("/leave")
            for (name, value) in cookies { visitor.setCookie(name, value) }
            try visitor.get()
            #expect(visitor.passNumber == 2, "the old pass opened the room again")
            #expect(
                try sluice.metric("sluice_room_tokens_refused_total{room=\"sale\",reason=\"revoked\"}") == 2,
                "the pass, and the place that it came from"
            )
        }
    }

    @Test func session_unused_endsAndFreesItsSlot() throws {
        try Scene.play { scene in
            let sluice = try scene.start(
                self.configuration(
                    room: ["slots": "1", "inflow": "1000/s", "burst": "100", "session_length": "6s"])
            )
            let first = Visitor(port: sluice.port)
            let second = Visitor(port: sluice.port)
            try first.get()
            try second.get()
            #expect(first.isIn && !second.isIn)
            try Patience.wait(for: "the second visitor to be let in") {
                try second.get().field("sluice-state") == "admitted"
            }
            // The first has lost the session, and joins anew behind the second.
            try first.get()
            #expect((first.number ?? 0) > (second.number ?? 0))
        }
    }

    @Test func session_inUse_isRenewed() throws {
        try Scene.play { scene in
            let sluice = try scene.start(
                self.configuration(
                    room: ["slots": "1", "inflow": "1000/s", "burst": "100", "session_length": "5s"])
            )
            let visitor = Visitor(port: sluice.port)
            try visitor.get()
            let start = Patience.nowMilliseconds
            try Patience.wait(for: "twice the length of a session") {
                try visitor.get()
                return Patience.nowMilliseconds - start > 10_000
            }
            #expect(visitor.isIn && visitor.number == 1)
        }
    }

    @Test func claimWindow_visitorComesTooLate_joinsAnew() throws {
        try Scene.play { scene in
            let sluice = try scene.start(
                self.configuration(
                    room: [
                        "slots": "1", "inflow": "1000/s", "burst": "100", "claim_window": "1s", "horizon": "500ms",
                    ])
            )
            let inside = Visitor(port: sluice.port)
            let late = Visitor(port: sluice.port)
            try inside.get()
            try late.get()
            let number = try #require(late.number)
            try inside.get("/leave")
            try Patience.wait(for: "the turn of \(number)") { (try sluice.status().room?.serving ?? 0) >= number }
            let called = Patience.nowMilliseconds
            try Patience.wait(for: "the claim window to pass") { Patience.nowMilliseconds - called > 2_000 }
            try late.get()
            #expect((late.number ?? 0) > number)
            #expect(try sluice.metric("sluice_room_visitors_total{room=\"sale\",event=\"lapsed\"}") == 1)
        }
    }

    @Test func opening_inTheFuture_everybodyWaitsUntilThen() throws {
        try Scene.play { scene in
            func text(_ opening: Date) -> String { ISO8601DateFormatter().string(from: opening) }
            var configuration = self.configuration(room: ["slots": "100", "inflow": "1000/s", "burst": "100"])
            // So far away that no machine takes as long to start.
            configuration.room?["opens_at"] = text(Date().addingTimeInterval(3_600))
            let sluice = try scene.start(configuration)
            let visitor = Visitor(port: sluice.port)
            let position = try visitor.get().position()
            #expect(position.state == "waiting")
            #expect((1...3_600).contains(position.opens_in_seconds))
            // Whole seconds, as the configuration has them.
            let opening = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 + 4).rounded(.down))
            configuration.room?["opens_at"] = text(opening)
            try scene.reload(sluice, with: configuration.text)
            try Patience.wait(for: "the opening") { try visitor.get().field("sluice-state") == "admitted" }
            #expect(Date() >= opening, "nobody is let in before")
            #expect(visitor.number == 1)
        }
    }

    @Test func routes_pathAroundTheRoom_isHeldToo() throws {
        try Scene.play { scene in
            let sluice = try scene.start(self.configuration(room: Self.closed))
            #expect(try HTTPPeer(port: sluice.port).request("GET", "/open/page").field("sluice-state") == nil)
            for path in ["/open/../buy", "/open/%2e%2e/buy", "/open/%2E./buy", "/openbuy", "//open/x"] {
                let answer = try HTTPPeer(port: sluice.port).request("GET", path)
                #expect(answer.field("sluice-state") == "waiting", "\(path)")
            }
            let answer = try HTTPPeer(port: sluice.port).request("GET", "/open/../../etc")
            #expect(answer.status == 400)
        }
    }

    @Test func rooms_two_haveLinesOfTheirOwn() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.otherRooms = [("vip", "/vip")]
            let sluice = try scene.start(configuration)
            let visitor = Visitor(port: sluice.port)
            #expect(try visitor.get("/vip").field("sluice-state") == "admitted")
            #expect(try visitor.get("/").field("sluice-state") == "admitted")
            #expect(
                visitor.cookies.keys.sorted() == [
                    "sluice-pass-sale", "sluice-pass-vip", "sluice-place-sale", "sluice-place-vip",
                ]
            )
        }
    }

    /// What Redis has to do grows with gateways and rooms, never with those who wait: however often they ask, the
    /// commands are those of the ticks, the signals and the directory.
    @Test func polls_ofWaitingVisitors_askRedisNothing() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.redis = "embedded"
            // Nobody is called, so that nobody stands at the door however long it takes.
            configuration.room = Self.closed
            let sluice = try scene.start(configuration)
            let waiting = Visitor(port: sluice.port)
            try waiting.get()
            #expect(waiting.state == "waiting")

            let polls = 2_000
            let started = ContinuousClock.now
            let before = try sluice.metrics()
            for _ in 0..<polls { try waiting.get() }
            let after = try sluice.metrics()
            let seconds = Double((ContinuousClock.now - started).components.seconds) + 1
            let name = "sluice_redis_commands_total"
            let commands = try #require(after[name]) - #require(before[name])
            let turns = try #require(after["sluice_requests_total"]) - #require(before["sluice_requests_total"])
            #expect(turns >= Double(polls))
            // About 20 a second whether anybody asks or not. One a poll would be 2,000 in a few seconds.
            #expect(commands <= 60 * seconds + 100, "\(commands) commands for \(polls) polls in \(seconds) s")
        }
    }
}
