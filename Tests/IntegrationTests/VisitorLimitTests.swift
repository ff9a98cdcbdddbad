import Testing

/// One person a pass: how much of a gateway one number may use, and to whom its cookies are tied.
@Suite(.onOwnThread) struct VisitorLimitTests {
    private static let holding: RawWorker.Script = { connection in
        while let request = try connection.readRequest() {
            if request.contains("/hold ") { return try connection.readToEnd() }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
    }

    private func start(_ scene: Scene, room: [String: String]) throws -> SluiceProcess {
        let worker = try scene.startWorker(Self.holding)
        var configuration = Configuration()
        configuration.use([worker])
        configuration.pool["response_timeout"] = "10m"
        // The same visitor's connections fall on both loops, on one of them all, should chance have it so; and each
        // has half of a worker's connections.
        configuration.loops = "2"
        configuration.pool["connections_per_worker"] = "100"
        configuration.room?.merge(room) { $1 }
        return try scene.start(configuration)
    }

    private func cookies(_ visitor: Visitor) -> [(String, String)] {
        [("Cookie", visitor.cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; "))]
    }

    /// Seen before: one pass in fifty browsers, and all of them were served at once.
    @Test func onePass_fiftyClients_neverMoreUnderWayThanOneMayHave() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene, room: ["per_visitor": "{requests: 5}"])
            let visitor = Visitor(port: sluice.port)
            try visitor.get()
            #expect(visitor.isIn)
            let peers = try (0..<50).map { _ in
                let peer = try HTTPPeer(port: sluice.port)
                try peer.send("GET", "/hold", self.cookies(visitor))
                return peer
            }
            try Patience.wait(for: "each to be held or told") {
                try sluice.load().inFlight + peers.filter(\.hasInput).count == peers.count
            }
            #expect(try sluice.load().inFlight == 5)
            for peer in peers where peer.hasInput {
                let answer = try peer.readAnswer()
                #expect(answer.status == 429 && answer.field("sluice-error") == "downstream; visitor-limit")
                #expect(answer.field("retry-after") == "1")
            }
            #expect(try sluice.metric("sluice_room_visitors_limited_total{room=\"sale\"}") == 45)
            // Somebody else is not concerned, and those who leave make room.
            let other = Visitor(port: sluice.port)
            #expect(try other.get().status == 200)
            for peer in peers where !peer.hasInput { peer.peer.breakOff() }
            try sluice.waitUntilIdle()
            #expect(try visitor.get().status == 200)
        }
    }

    /// Seen before: at the door nobody counted them. Fifty requests of one place filled it, and those who had been called
    /// before were not let in.
    @Test func onePlace_manyAtTheDoor_neverMoreThanOneMayHave() throws {
        try Scene.play { scene in
            var configuration = DoorScene.configuration()
            configuration.room?["per_visitor"] = "{requests: 5}"
            let sluice = try DoorScene.start(scene, configuration)
            let visitor = try DoorScene.calledVisitor(sluice)
            let peers = try (0..<24).map { _ in HTTPPeer(try visitor.askFromElsewhere(sluice.port)) }
            try Patience.wait(for: "those beyond the limit to be told") { peers.filter(\.hasInput).count >= 19 }
            try Patience.wait(for: "five at the door") { try DoorScene.parked(sluice) == 5 }
            let told = peers.filter(\.hasInput)
            #expect(told.count == 19)
            for peer in told { #expect(try peer.readAnswer().field("sluice-error") == "downstream; visitor-limit") }
        }
    }

    /// Requests one after the other are never too many, and no limit is none.
    @Test func noLimit_fiftyClients_allUnderWay() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene, room: ["per_visitor": "{requests: 0}"])
            let visitor = Visitor(port: sluice.port)
            try visitor.get()
            let peers = try (0..<50).map { _ in
                let peer = try HTTPPeer(port: sluice.port)
                try peer.send("GET", "/hold", self.cookies(visitor))
                return peer
            }
            try sluice.waitUntilInFlight(50)
            withExtendedLifetime(peers) {}
        }
    }

    @Test func connections_thatCarryThePass_areLimited_andGivenBack() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene, room: ["per_visitor": "{connections: 3}"])
            let visitor = Visitor(port: sluice.port)
            try visitor.get()
            let fields = self.cookies(visitor)
            visitor.disconnect()
            var peers: [HTTPPeer] = []
            try Patience.wait(for: "the first connection to be forgotten") {
                peers = try (0..<3).map { _ in try HTTPPeer(port: sluice.port) }
                return try peers.allSatisfy { try $0.request("GET", "/", fields).status == 200 }
            }
            // Each goes on as often as it likes; a fourth one does not begin.
            for peer in peers { #expect(try peer.request("GET", "/", fields).status == 200) }
            let fourth = try HTTPPeer(port: sluice.port)
            #expect(try fourth.request("GET", "/", fields).status == 429)
            peers.removeLast().peer.breakOff()
            try Patience.wait(for: "the seat of the connection that ended") {
                try fourth.request("GET", "/", fields).status == 200
            }
        }
    }

    // MARK: To whom cookies are tied

    private static func elsewhere(_ sluice: SluiceProcess) throws -> Double {
        try sluice.metric("sluice_room_tokens_refused_total{room=\"sale\",reason=\"elsewhere\"}")
    }

    /// Seen before: whoever had the cookie was inside.
    @Test(arguments: ["header/x-account", "cookie/account"])
    func bound_shownWithAnotherClaim_getsANewPlace(bind: String) throws {
        try Scene.play { scene in
            let sluice = try self.start(scene, room: ["bind": bind])
            let field = { (account: String?, cookies: String) -> [(String, String)] in
                let jar = [cookies, bind.hasPrefix("cookie") ? account.map { "account=\($0)" } ?? "" : ""]
                let cookie = ("Cookie", jar.filter { !$0.isEmpty }.joined(separator: "; "))
                return bind.hasPrefix("cookie") || account == nil ? [cookie] : [cookie, ("X-Account", account!)]
            }
            let peer = try HTTPPeer(port: sluice.port)
            let first = try peer.request("GET", "/", field("ann", ""))
            let jar = first.cookies.compactMap { $0.split(separator: ";").first.map(String.init) }.joined(
                separator: "; "
            )
            #expect(first.status == 200 && first.cookies.count == 2)
            // Ann comes again and keeps her place; Bob, and whoever claims nothing, gets a place of his own.
            #expect(try peer.request("GET", "/", field("ann", jar)).cookie("sluice-place-sale") == nil)
            #expect(try Self.elsewhere(sluice) == 0)
            if bind.hasPrefix("cookie") {
                // What another host below the domain has planted locks her out neither before her own nor behind it.
                for accounts in ["account=planted; account=ann", "account=ann; account=planted"] {
                    let answer = try peer.request("GET", "/", [("Cookie", "\(accounts); \(jar)")])
                    #expect(answer.status == 200 && answer.cookie("sluice-place-sale") == nil, "\(accounts)")
                }
                #expect(try Self.elsewhere(sluice) == 0)
            }
            for account in ["bob", nil] {
                let answer = try peer.request("GET", "/", field(account, jar))
                #expect(answer.status == 200 && answer.cookie("sluice-place-sale") != nil)
            }
            #expect(try Self.elsewhere(sluice) == 4)
            try Patience.wait(for: "three places") { try sluice.status().room?.issued == 3 }
        }
    }

    /// All of a room can be changed while people wait in it: nobody loses a place by a new rule, nor by none.
    @Test func rule_changedWhilePeopleAreInside_takesNothingAway() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.room?["bind"] = "header/x-account"
            let sluice = try scene.start(configuration)
            let peer = try HTTPPeer(port: sluice.port)
            let first = try peer.request("GET", "/", [("X-Account", "ann")])
            let jar = first.cookies.compactMap { $0.split(separator: ";").first.map(String.init) }.joined(
                separator: "; "
            )
            for (count, bind) in ["none", "address/32/64", "header/x-account"].enumerated() {
                configuration.room?["bind"] = bind
                try scene.write(configuration.text, to: sluice.configurationFile)
                try Patience.wait(for: "the reload") { try sluice.status().reloads_applied == count + 1 }
                let answer = try peer.request("GET", "/", [("Cookie", jar), ("X-Account", "ann")])
                #expect(answer.status == 200 && answer.cookie("sluice-place-sale") == nil, "\(bind)")
            }
            #expect(try sluice.status().room?.issued == 1)
            #expect(try Self.elsewhere(sluice) == 0)
        }
    }
}
