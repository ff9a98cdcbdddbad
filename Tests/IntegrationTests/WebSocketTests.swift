import Testing

/// WebSocket as PyPI's `websockets` speaks it, at both ends of a tunnel.
@Suite(.onOwnThread) struct WebSocketTests {
    private func play(
        tunnels: String = "{}",
        configure: (inout Configuration) -> Void = { $0.room = nil },
        _ body: (SluiceProcess, WebSocketWorker, WebSocketClient) throws -> Void
    ) throws {
        try Scene.play { scene in
            let worker = try WebSocketWorker.start(scene)
            var configuration = Configuration()
            configuration.pool = worker.keys(tunnels: tunnels)
            configure(&configuration)
            let sluice = try scene.start(configuration)
            try body(sluice, worker, WebSocketClient(scene: scene, port: sluice.port))
            if !sluice.mayEnd { try sluice.waitUntilNoTunnel() }
        }
    }

    // MARK: Messages

    @Test(arguments: [[], ["--compress"]])
    func messages_ofAllKinds_comeThroughWhole(options: [String]) throws {
        try self.play { sluice, worker, client in
            #expect(try client.talk("pieces", "/echo", options) == "ok")
            #expect(try client.talk("pieces", "/pieces", options) == "ok")
            #expect(try client.talk("large", "/echo", options) == "ok \(16 << 20)")
            #expect(try client.talk("ping", "/echo", options) == "ok")
            #expect(try client.talk("message", "/ping", options) == "ok pong")
            try Patience.wait(for: "the ends at the worker") { worker.ends(of: "/echo").count == 3 }
            #expect(worker.ends(of: "/echo") == ["1000", "1000", "1000"])
            let metrics = try sluice.metrics()
            #expect(metrics["sluice_tunnels_total"] == 5)
            if options.isEmpty {
                let bytes = Double(16 << 20)
                #expect(metrics["sluice_tunnel_bytes_total{from=\"client\"}"] ?? 0 > bytes)
                #expect(metrics["sluice_tunnel_bytes_total{from=\"worker\"}"] ?? 0 > bytes)
            }
        }
    }

    /// How long a tunnel lasts is no answer's time: it is answered when it begins.
    @Test func openTunnel_isCountedApart() throws {
        try self.play { sluice, worker, client in
            let open = try client.stay("/echo")
            let metrics = try sluice.metrics()
            #expect(metrics["sluice_tunnels_open"] == 1)
            #expect(metrics["sluice_pool_tunnels{pool=\"workers\"}"] == 1)
            #expect(metrics["sluice_pool_in_flight{pool=\"workers\"}"] == 0)
            #expect(metrics["sluice_request_duration_seconds_count"] == 1)
            #expect(metrics["sluice_responses_total{class=\"2xx\"}"] == 1)
            #expect(try sluice.status().gatewayPool?.tunnels == 1)
            open.kill()
            _ = try worker.waitForEnd(of: "/echo")
            try sluice.waitUntilNoTunnel()
            #expect(try sluice.metric("sluice_request_duration_seconds_count") == 1)
            #expect(try sluice.status().gatewayPool?.tunnels == 0)
        }
    }

    // MARK: Ends

    @Test func worker_closesInOrder_theClientHearsWhy() throws {
        try self.play { sluice, worker, client in
            let heard = try client.talk("message", "/leave")
            #expect(heard == "closed 4001")
            try Patience.wait(for: "the end at the worker") { worker.ends(of: "/leave") == ["4001"] }
        }
    }

    @Test func worker_breaksOff_soDoesTheGateway() throws {
        try self.play { sluice, _, client in
            #expect(try client.talk("message", "/break") == "closed 1006")
            try sluice.waitUntilNoTunnel()
            #expect(try sluice.endedTunnels("worker-lost") == 1)
            // That is no failed request, and the worker is as good as before.
            #expect(try sluice.metric("sluice_gateway_errors_total{cause=\"connection-lost\"}") == 0)
            #expect(try client.talk("message", "/echo") == "ok hello")
        }
    }

    @Test func client_breaksOff_soDoesTheGateway() throws {
        try self.play { sluice, worker, client in
            #expect(try client.talk("break", "/echo") == "ok")
            #expect(try worker.waitForEnd(of: "/echo") == "1006")
            try sluice.waitUntilNoTunnel()
            #expect(try sluice.endedTunnels("client-lost") == 1)
        }
    }

    @Test func silence_endsIt_forBothSides() throws {
        try self.play(tunnels: "{idle_timeout: 500ms}") { sluice, worker, client in
            let open = try client.stay("/echo")
            #expect(try WebSocketClient.end(of: open) == "closed 1006")
            #expect(try worker.waitForEnd(of: "/echo") == "1006")
            try sluice.waitUntilNoTunnel()
            #expect(try sluice.endedTunnels("idle") == 1)
        }
    }

    /// The gateway ends: tunnels have their grace, and keep nobody for longer. Those that had to be left open when it has
    /// waited long enough for everybody have no line in its log.
    @Test func drain_openTunnels_endWithinTheGrace() throws {
        let log: (inout Configuration) -> Void = { configuration in
            configuration.room = nil
            configuration.otherKeys = ["access_log: {path: access.log}"]
        }
        try self.play(tunnels: "{grace: 1s}", configure: log) { sluice, worker, client in
            let open = try (0..<3).map { _ in try client.stay("/echo") }
            #expect(try sluice.stop() == .exited(0))
            for process in open { #expect(try WebSocketClient.end(of: process) == "closed 1006") }
            try Patience.wait(for: "the ends at the worker") { worker.ends(of: "/echo").count == 3 }
            let lines = RunningProcess.text("\(client.scene.folder)/access.log").split(separator: "\n")
            #expect(lines.count { $0.contains("\"tunnel_end\":\"draining\"") } == 3, "\(lines)")
        }
    }

    // MARK: Rooms

    /// One may be inside; the second waits, and gets no tunnel however it asks.
    @Test func tunnel_needsAPass() throws {
        let room = ["slots": "1", "inflow": "1000/s", "burst": "10"]
        try self.play(configure: { $0.room = room }) { sluice, worker, client in
            // The room lets the first in with the switch itself.
            let first = try client.stay("/echo")
            #expect(first.output.contains("cookie sluice-pass-sale"))
            #expect(try client.talk("message", "/echo") == "refused 429")
            let waiting = Visitor(port: sluice.port)
            // What the worker makes of a plain request is no matter: this one does not get there.
            try waiting.get()
            #expect(waiting.state == "waiting")
            #expect(try client.talk("message", "/echo", as: waiting) == "refused 429")
            // Without a room nobody is asked.
            #expect(try client.talk("message", "/open/echo") == "ok hello")
            #expect(worker.process.output.split(separator: "\n").count { $0 == "begins /echo" } == 1)
            first.kill()
            _ = try worker.waitForEnd(of: "/echo")
        }
    }
}
