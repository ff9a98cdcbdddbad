import Testing

/// A visitor of TLS who comes back to another gateway, or later, resumes the session.
@Suite(.onOwnThread) struct TicketTests {
    private static let versions = ["-tls1_2", "-tls1_3"]

    /// A gateway that shares `redis` with others, each with a state folder and so a certificate of its own.
    private func configuration(
        redis: String,
        name: String,
        tls: String = "self_signed",
        otherKeys: [String] = []
    ) -> Configuration {
        var configuration = Configuration()
        configuration.listeners = [("127.0.0.1:0", tls)]
        configuration.stateFolder = "state-\(name)"
        configuration.redis = "unix:\(redis)"
        configuration.signingKeys = [(1, "0123456789abcdef0123456789abcdef")]
        configuration.otherKeys = otherKeys
        return configuration
    }

    private func start(_ scene: Scene, _ configuration: Configuration, _ name: String) throws -> SluiceProcess {
        var configuration = configuration
        configuration.use([try scene.startWorker(RawWorker.answering())])
        let sluice = try scene.start(configuration, command: "gateway", name: name)
        try Patience.wait(for: "keys that all gateways have") {
            try sluice.metric("sluice_tls_ticket_keys_shared") == 1
        }
        return sluice
    }

    /// Connects and says `New` or `Reused`. `options` say whether a ticket is kept in a file or shown.
    private func connect(_ scene: Scene, _ port: UInt16, _ options: String) throws -> String {
        let script = """
            printf 'GET /open HTTP/1.0\\r\\n\\r\\n' |
                openssl s_client -ign_eof -connect 127.0.0.1:\(port) \(options) 2>&1 | grep -aE '^(New|Reused), '
            """
        let shown = try scene.run("sh", ["-c", script])
        return shown.output.split(separator: ",").first.map(String.init) ?? "nothing: \(shown.errors)"
    }

    private func take(_ scene: Scene, _ sluice: SluiceProcess, _ version: String) throws -> String {
        let file = "\(scene.folder)/ticket\(version)"
        #expect(try self.connect(scene, sluice.port, "\(version) -sess_out \(file)") == "New")
        return "\(version) -sess_in \(file)"
    }

    @Test func session_ofOneGateway_isResumedAtTheOther_andAfterARestart() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            _ = try scene.startRedis(socket: socket)
            let one = try self.start(scene, self.configuration(redis: socket, name: "one"), "one")
            let two = try self.start(scene, self.configuration(redis: socket, name: "two"), "two")
            let tickets = try Self.versions.map { try self.take(scene, one, $0) }
            for ticket in tickets { #expect(try self.connect(scene, two.port, ticket) == "Reused", "\(ticket)") }
            #expect(try two.metric("sluice_tls_handshakes_total{kind=\"resumed\"}") == 2)
            #expect(try one.metric("sluice_tls_handshakes_total{kind=\"full\"}") == 2)
            #expect(try one.stop() == .exited(0))
            #expect(try two.stop() == .exited(0))
            let again = try self.start(scene, self.configuration(redis: socket, name: "one"), "again")
            for ticket in tickets { #expect(try self.connect(scene, again.port, ticket) == "Reused", "\(ticket)") }
        }
    }

    /// What was known is good for as long as it lasts, and a gateway that starts meanwhile has keys of its own.
    @Test func redisStopped_sessionsResumeWhereTheKeysAreKnown() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let redis = try scene.startRedis(socket: socket)
            let one = try self.start(scene, self.configuration(redis: socket, name: "one"), "one")
            let two = try self.start(scene, self.configuration(redis: socket, name: "two"), "two")
            redis.kill()
            let ticket = try self.take(scene, one, "-tls1_3")
            #expect(try self.connect(scene, two.port, ticket) == "Reused")
            var configuration = self.configuration(redis: socket, name: "late")
            configuration.use([try scene.startWorker(RawWorker.answering())])
            let late = try scene.start(configuration, command: "gateway", name: "late")
            try late.waitForLog("sessions resume only here")
            #expect(try self.connect(scene, late.port, ticket) == "New")
            let own = try self.take(scene, late, "-tls1_3")
            #expect(try self.connect(scene, late.port, own) == "Reused")
            _ = try scene.startRedis(socket: socket)
            try late.waitForLog("resume at every gateway again")
            #expect(try self.connect(scene, late.port, own) == "Reused", "its own keys stay good")
        }
    }

    /// Seen before: they stood for a day and a half, and no session was resumed at another gateway.
    @Test func keysInRedis_thatNobodyCanRead_areReplaced() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            _ = try scene.startRedis(socket: socket)
            try RedisShell(scene: scene, socket: socket)("SET", "sluice:{tickets}:keys", "garbage")
            let configuration = { self.configuration(redis: socket, name: $0, otherKeys: ["ticket_period: 10s"]) }
            let one = try self.start(scene, configuration("one"), "one")
            try one.waitForLog("in Redis cannot be read")
            try one.waitForLog("that cannot be read here are replaced")
            let two = try self.start(scene, configuration("two"), "two")
            let ticket = try self.take(scene, one, "-tls1_3")
            #expect(try self.connect(scene, two.port, ticket) == "Reused")
        }
    }

    /// Keys of twenty seconds: a ticket under the one before is taken by both gateways.
    @Test func ticket_underTheKeyBefore_isTaken() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            _ = try scene.startRedis(socket: socket)
            let period = ["ticket_period: 20s"]
            let names = ["one", "two"]
            let gateways = try names.map {
                try self.start(scene, self.configuration(redis: socket, name: $0, otherKeys: period), $0)
            }
            let ticket = try self.take(scene, gateways[0], "-tls1_2")
            let changes = "sluice_tls_ticket_key_changes_total"
            let before = try gateways.map { try $0.metric(changes) }
            try Patience.wait(for: "the next key at both") {
                try zip(gateways, before).allSatisfy { try $0.metric(changes) > $1 }
            }
            for gateway in gateways { #expect(try self.connect(scene, gateway.port, ticket) == "Reused") }
        }
    }

    @Test func ticket_ofAnotherListener_isTakenForTheSameNamesOnly() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            _ = try scene.startRedis(socket: socket)
            for name in ["shop", "bank"] {
                let made = try scene.run(
                    "openssl",
                    [
                        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                        "1", "-subj", "/CN=\(name).test", "-addext", "subjectAltName=DNS:\(name).test", "-keyout",
                        "\(scene.folder)/\(name).key", "-out", "\(scene.folder)/\(name).pem",
                    ]
                )
                #expect(made.end == .exited(0), "\(made.errors)")
            }
            var configuration = self.configuration(redis: socket, name: "one")
            let (shop, bank) = ("{certificate: shop.pem, key: shop.key}", "{certificate: bank.pem, key: bank.key}")
            configuration.listeners = [shop, bank, shop, "\(shop)\n    tickets: own", "\(shop)\n    tickets: off"].map {
                ("127.0.0.1:0", $0)
            }
            let sluice = try self.start(scene, configuration, "one")
            for version in Self.versions {
                let ticket = try self.take(scene, sluice, version)
                let taken = try sluice.ports.map { try self.connect(scene, $0, ticket) }
                #expect(taken == ["Reused", "New", "Reused", "New", "New"], "\(version)")
                let file = "\(scene.folder)/own\(version)"
                #expect(try self.connect(scene, sluice.ports[3], "\(version) -sess_out \(file)") == "New")
                #expect(try self.connect(scene, sluice.ports[3], "\(version) -sess_in \(file)") == "Reused")
            }
        }
    }
}
