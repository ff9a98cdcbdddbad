import Foundation
import Glibc
import TestKit
import Testing

/// Tunnels and the rooms before them: who may have one, and for how long.
@Suite(.onOwnThread) struct TunnelRoomTests {
    private func play(
        room: [String: String],
        tunnels: String = "{grace: 100ms}",
        configure: (inout Configuration) -> Void = { _ in },
        _ body: (Scene, SluiceProcess, RawWorker) throws -> Void
    ) throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawTunnel.echoing)
            var configuration = Configuration()
            configuration.use([worker])
            configuration.pool["tunnels"] = tunnels
            configuration.room = ["inflow": "1000/s", "burst": "100"].merging(room) { $1 }
            configure(&configuration)
            let sluice = try scene.start(configuration)
            try body(scene, sluice, worker)
            if !sluice.mayEnd { try sluice.waitUntilNoTunnel() }
        }
    }

    // MARK: Before the switch

    /// Seen before: the waiting page, with 200.
    @Test func upgrade_ofWhoWaits_gets429_andKeepsThePlace() throws {
        try self.play(room: ["slots": "1"]) { _, sluice, worker in
            let inside = Visitor(port: sluice.port)
            try inside.get()
            #expect(inside.isIn)
            // A newcomer gets a place with it, as with any request.
            let newcomer = try RawTunnel.refusal(sluice.port)
            #expect(newcomer.status == 429 && newcomer.field("sluice-state") == "waiting")
            #expect(newcomer.field("retry-after") != nil && newcomer.cookie("sluice-place-sale") != nil)
            let waiting = Visitor(port: sluice.port)
            try waiting.get()
            let number = waiting.number
            let refused = try RawTunnel.refusal(sluice.port, as: waiting)
            #expect(refused.status == 429 && refused.field("sluice-state") == "waiting")
            #expect(refused.cookie("sluice-place-sale") == nil, "no other place")
            try waiting.get()
            #expect(waiting.number == number)
            #expect(!worker.receivedText.lowercased().contains("upgrade"))
            // A forged pass is none.
            let forger = Visitor(port: sluice.port)
            forger.setCookie("sluice-pass-sale", waiting.cookies["sluice-place-sale"])
            #expect(try RawTunnel.refusal(sluice.port, as: forger).status == 429)
            try RawTunnel.expectEcho(try RawTunnel.open(sluice.port, as: inside))
        }
    }

    /// A tunnel is one of the requests that a visitor may have under way.
    @Test func tunnels_ofOneVisitor_areBounded() throws {
        try self.play(room: ["slots": "5", "per_visitor": "{requests: 2}"]) { _, sluice, _ in
            let visitor = Visitor(port: sluice.port)
            try visitor.get()
            let open = try (0..<2).map { _ in try RawTunnel.open(sluice.port, as: visitor) }
            let answer = try RawTunnel.refusal(sluice.port, as: visitor)
            #expect(answer.status == 429 && answer.field("sluice-error") == "downstream; visitor-limit")
            withExtendedLifetime(open) {}
        }
    }

    // MARK: The session

    /// Seen before: the session lapsed while the tunnel was open, and the slot was given to somebody else.
    @Test func visitor_withATunnel_staysInside_andLeavesWithIt() throws {
        let room = ["slots": "1", "session_length": "4s"]
        try self.play(room: room, configure: { $0.limits["door_timeout"] = "100ms" }) { _, sluice, _ in
            let inside = Visitor(port: sluice.port)
            try inside.get()
            var tunnel: RawPeer? = try RawTunnel.open(sluice.port, as: inside)
            let next = Visitor(port: sluice.port)
            let start = Patience.nowMilliseconds
            while Patience.nowMilliseconds < start + 10_000 {
                try next.get()
                try #require(!next.isIn, "two are inside where one may be")
                try Patience.pass(milliseconds: 100)
            }
            if let tunnel { try RawTunnel.expectEcho(tunnel) }
            // The pass of the browser has run out meanwhile, and the visitor is inside all the same.
            try inside.get()
            #expect(inside.isIn)
            tunnel = nil
            try Patience.wait(for: "the slot to come free") { try next.get().field("sluice-state") == "admitted" }
        }
    }

    @Test func session_isReleasedByTheOrigin_theTunnelEnds() throws {
        try self.play(room: ["slots": "5"]) { _, sluice, _ in
            let visitor = Visitor(port: sluice.port)
            try visitor.get()
            let tunnel = try RawTunnel.open(sluice.port, as: visitor)
            try RawTunnel.expectEcho(tunnel)
            let other = Visitor(port: sluice.port)
            try other.get()
            let otherTunnel = try RawTunnel.open(sluice.port, as: other)
            try visitor.get("/leave")
            #expect(tunnel.readToEnd() == [])
            try RawTunnel.expectEcho(otherTunnel)
            #expect(try sluice.endedTunnels("session") == 1)
        }
    }

    @Test func room_isReset_tunnelsOfTheOldLineEnd() throws {
        try self.play(room: ["slots": "5"], configure: { $0.redis = "embedded" }) { scene, sluice, _ in
            let visitor = Visitor(port: sluice.port)
            try visitor.get()
            let tunnel = try RawTunnel.open(sluice.port, as: visitor)
            let done = try Operator.command(scene, sluice, ["room", "reset", "sale", "--yes"])
            #expect(done.end == .exited(0))
            #expect(tunnel.readToEnd() == [])
            #expect(try sluice.endedTunnels("session") == 1)
        }
    }

    /// Reloading settings closes nothing, with or without the room.
    @Test func room_isTakenOut_tunnelsGoOn() throws {
        try self.play(room: ["slots": "5"]) { scene, sluice, worker in
            let visitor = Visitor(port: sluice.port)
            try visitor.get()
            let tunnel = try RawTunnel.open(sluice.port, as: visitor)
            var configuration = Configuration()
            configuration.use([worker])
            configuration.pool["tunnels"] = "{grace: 100ms}"
            configuration.room = nil
            try scene.reload(sluice, with: configuration.text)
            try RawTunnel.expectEcho(tunnel)
            try RawTunnel.expectEcho(try RawTunnel.open(sluice.port))
        }
    }

    // MARK: The end of the gateway

    /// During its grace a tunnel is as good as before, and when the last is over nobody waits for the rest of it, nor until
    /// the gateway breaks off whatever is left, 20 seconds after it was told to end.
    @Test func drain_tunnelsGoOnForTheirGrace() throws {
        try self.play(room: ["slots": "5"], tunnels: "{grace: 1h}") { _, sluice, _ in
            let visitor = Visitor(port: sluice.port)
            try visitor.get()
            let tunnel = try RawTunnel.open(sluice.port, as: visitor)
            sluice.mayEnd = true
            sluice.process.signal(SIGTERM)
            try sluice.waitForLog("ending: requests under way")
            try RawTunnel.expectEcho(tunnel)
            tunnel.finishWriting()
            #expect(tunnel.readToEnd() == [])
            let ended = Patience.nowMilliseconds
            #expect(try sluice.process.waitForEnd() == .exited(0))
            // A sanitizer's build may take as long for something else.
            if Patience.slowness == 1 { #expect(Patience.nowMilliseconds - ended < 15_000) }
        }
    }

    // MARK: The access log

    @Test func tunnel_hasItsLineAtItsEnd() throws {
        let log = "access_log: {path: access.log}"
        try self.play(room: ["slots": "5"], configure: { $0.otherKeys = [log] }) { scene, sluice, _ in
            let visitor = Visitor(port: sluice.port)
            try visitor.get()
            let tunnel = try RawTunnel.open(sluice.port, as: visitor)
            try RawTunnel.expectEcho(tunnel)
            tunnel.finishWriting()
            #expect(tunnel.readToEnd() == [])
            let line = try Patience.value(of: "the tunnel's line") { () -> [String: Any]? in
                let lines = RunningProcess.text("\(scene.folder)/access.log").split(separator: "\n")
                guard let line = lines.first(where: { $0.contains("\"status\":101") }) else { return nil }
                return try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            }
            #expect(line["tunnel_end"] as? String == "client" && line["outcome"] as? String == "inside")
            #expect(line["request_bytes"] as? Int == 5 && line["response_bytes"] as? Int == 5)
            #expect(line["room"] as? String == "sale" && line["pool"] as? String == "workers")
            #expect(line["target"] as? String == "/chat" && line["total_us"] as? Int ?? 0 > 0)
        }
    }
}
