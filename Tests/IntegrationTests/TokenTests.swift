import Testing

/// Cookies that are not what they claim to be are treated as none, and counted.
@Suite(.onOwnThread) struct TokenTests {
    /// One is inside, everybody else stands in line.
    private func start(_ scene: Scene, keys: [(id: Int, secret: String)] = []) throws -> SluiceProcess {
        var configuration = Configuration()
        configuration.room = ["slots": "1", "inflow": "1000/s", "burst": "10"]
        configuration.otherRooms = [("vip", "/vip")]
        configuration.signingKeys = keys
        let sluice = try scene.start(configuration)
        let inside = Visitor(port: sluice.port)
        try inside.get()
        #expect(inside.isIn)
        return sluice
    }

    private static func refused(_ sluice: SluiceProcess, room: String = "sale") throws -> [String: Double] {
        let metrics = try sluice.metrics()
        var counts: [String: Double] = [:]
        for reason in ["forged", "foreign", "expired", "revoked"] {
            counts[reason] = metrics["sluice_room_tokens_refused_total{room=\"\(room)\",reason=\"\(reason)\"}"]
        }
        return counts
    }

    @Test func forged_anyByteChanged_isNoPass() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene)
            let inside = Visitor(port: sluice.port)
            try inside.get("/vip")
            let genuine = try #require(inside.cookies["sluice-pass-vip"].flatMap(TokenText.init))
            for index in genuine.bytes.indices {
                var forged = genuine
                forged.bytes[index] ^= 1 << (index % 8)
                let visitor = Visitor(port: sluice.port)
                visitor.setCookie("sluice-pass-vip", forged.text)
                #expect(try visitor.get("/vip").field("sluice-state") == "waiting", "byte \(index)")
            }
            #expect(try Self.refused(sluice, room: "vip")["forged"] == Double(genuine.bytes.count))
        }
    }

    @Test(arguments: [
        "", "x", "AQIBAK9j70yGAgzV", String(repeating: "A", count: 64), String(repeating: "%", count: 64),
    ])
    func truncated_orNonsense_isNoPass(text: String) throws {
        try Scene.play { scene in
            let sluice = try self.start(scene)
            let visitor = Visitor(port: sluice.port)
            visitor.setCookie("sluice-pass-sale", text)
            visitor.setCookie("sluice-place-sale", text)
            #expect(try visitor.get().field("sluice-state") == "waiting")
            #expect(visitor.number == 2)
            #expect(try Self.refused(sluice)["forged"] == 2)
        }
    }

    @Test func foreign_tokenOfAnotherRoomOrKind_isNoPass() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene)
            let vip = Visitor(port: sluice.port)
            try vip.get("/vip")
            #expect(vip.isIn)
            let visitor = Visitor(port: sluice.port)
            visitor.setCookie("sluice-pass-sale", vip.cookies["sluice-pass-vip"])
            #expect(try visitor.get().field("sluice-state") == "waiting")
            // A place of this very room is no pass.
            visitor.setCookie("sluice-pass-sale", visitor.cookies["sluice-place-sale"])
            #expect(try visitor.get().field("sluice-state") != "admitted")
            #expect(try Self.refused(sluice)["foreign"] == 2)
        }
    }

    @Test func foreign_signedByAnotherGateway_isNoPass() throws {
        try Scene.play { scene in
            let secret = String(repeating: "s", count: 32)
            let other = String(repeating: "o", count: 32)
            let one = try self.start(scene, keys: [(1, secret)])
            var configuration = Configuration()
            configuration.signingKeys = [(1, other)]
            let two = try scene.start(configuration, name: "other")
            let visitor = Visitor(port: two.port)
            try visitor.get()
            #expect(visitor.isIn)
            let same = Visitor(port: one.port)
            for (name, value) in visitor.cookies { same.setCookie(name, value) }
            #expect(try same.get().field("sluice-state") == "waiting")
            #expect(try Self.refused(one)["forged"] == 2)
        }
    }

    @Test func expired_pass_isCountedAndTheVisitorJoinsAnew() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.room = ["slots": "10", "inflow": "1000/s", "burst": "10", "session_length": "1s"]
            let sluice = try scene.start(configuration)
            let visitor = Visitor(port: sluice.port)
            try visitor.get()
            let pass = try #require(visitor.cookies["sluice-pass-sale"])
            let start = Patience.nowMilliseconds
            try Patience.wait(for: "the session to end") { Patience.nowMilliseconds - start > 2_000 }
            let same = Visitor(port: sluice.port)
            same.setCookie("sluice-pass-sale", pass)
            try same.get()
            #expect(same.isIn && same.number == 2)
            #expect(try Self.refused(sluice)["expired"] == 1)
        }
    }

    @Test func rotation_newKeyFirst_oldPlacesAndPassesStayGood() throws {
        try Scene.play { scene in
            let (old, new) = (String(repeating: "a", count: 32), String(repeating: "b", count: 32))
            var configuration = Configuration()
            configuration.room = ["slots": "1", "inflow": "1000/s", "burst": "10"]
            configuration.signingKeys = [(1, old)]
            let sluice = try scene.start(configuration)
            let inside = Visitor(port: sluice.port)
            let waiting = Visitor(port: sluice.port)
            try inside.get()
            try waiting.get()
            #expect(inside.isIn && waiting.number == 2)

            configuration.signingKeys = [(2, new), (1, old)]
            try scene.reload(sluice, with: configuration.text)
            #expect(try inside.get().field("sluice-state") == "admitted")
            #expect(try waiting.get().position().number == 2)
            let later = Visitor(port: sluice.port)
            try later.get()
            #expect(later.cookies["sluice-place-sale"].flatMap(TokenText.init)?.keyID == 2)
            #expect(try Self.refused(sluice).values.allSatisfy { $0 == 0 })

            // The old key is taken out: what it signed is worth nothing now.
            configuration.signingKeys = [(2, new)]
            try scene.reload(sluice, with: configuration.text)
            #expect(try inside.get().field("sluice-state") == "waiting")
            #expect(try later.get().position().number == 3)
        }
    }

    /// The key that a gateway makes for itself outlives it: a restart sends nobody to the end of the line.
    @Test func generatedKey_afterARestart_isTheSame() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.redis = "embedded"
            configuration.room = ["slots": "1", "inflow": "1000/s", "burst": "10"]
            let first = try scene.start(configuration)
            let (inside, waiting) = (Visitor(port: first.port), Visitor(port: first.port))
            try inside.get()
            try waiting.get()
            #expect(inside.isIn && waiting.number == 2)
            #expect(try first.stop() == .exited(0))
            let second = try scene.start(configuration, name: "again")
            let (same, stillWaiting) = (Visitor(port: second.port), Visitor(port: second.port))
            for (name, value) in inside.cookies { same.setCookie(name, value) }
            for (name, value) in waiting.cookies { stillWaiting.setCookie(name, value) }
            #expect(try same.get().field("sluice-state") == "admitted")
            #expect(try stillWaiting.get().position().number == 2)
        }
    }
}
