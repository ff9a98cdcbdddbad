import Testing
import TestKit

/// What a crowd at the door costs the shared state, counted.
@Suite(.onOwnThread, .underSanitizersWhenLong) struct DoorCostTests {
    /// A room whose called visitors find no tokens, and so many of them at its door, each with a request.
    private func crowdAtDoor(
        _ scene: Scene,
        count: Int
    ) throws -> (redis: RedisShell, sluice: SluiceProcess, peers: [RawPeer]) {
        let socket = "\(scene.folder)/r.sock"
        let redis = try scene.startForgetfulRedis(socket: socket).shell
        var configuration = try Contract.configuration(
            scene,
            socket: socket,
            room: ["slots": "100000", "inflow": "0/s", "burst": "1", "horizon": "1m", "claim_window": "1h"]
        )
        configuration.limits = ["door_timeout": "1m", "waiting_at_door": "100000"]
        configuration.logLevel = "error"
        let sluice = try Contract.start(scene, configuration)
        let visitors = (0..<count).map { _ in Visitor(port: sluice.port) }
        for visitor in visitors {
            try visitor.get()
            visitor.disconnect()
        }
        // Called as if many tokens were to come, which then do not.
        configuration.room?["inflow"] = "\(count)/s"
        try scene.reload(sluice, with: configuration.text)
        try Patience.wait(for: "all to be called") { (try redis.field("serving") ?? 0) >= Int64(count) }
        configuration.room?["inflow"] = "0.001/s"
        try scene.reload(sluice, with: configuration.text)
        try Patience.wait(for: "the rate to be in force") { try redis.field("rate") == 1 }
        let peers = try visitors.map { try $0.askFromElsewhere(sluice.port) }
        try Patience.wait(for: "all to stand at the door: \((try? redis("ZCARD", RedisShell.key("door"))) ?? [])") {
            (try redis.number("ZCARD", RedisShell.key("door")) ?? 0) >= Int64(count - 5)
        }
        return (redis, sluice, peers)
    }

    /// Seen before: one call for each of them; 4,771 for 4,500.
    @Test(.enabled(if: Patience.slowness == 1)) func hangUps_hundreds_leaveInFewCalls() throws {
        try Scene.play { scene in
            let count = 500
            let (redis, _, peers) = try self.crowdAtDoor(scene, count: count)
            // The seconds enclose both looks at what Redis has counted, however long those take.
            let (start, before) = (Patience.nowMilliseconds, try redis.scriptRuns())
            // One after the other, as people do: not all in one turn of the loop.
            for peer in peers {
                peer.breakOff()
                try Patience.pass(milliseconds: 1)
            }
            try Patience.wait(for: "the door to be empty") { try redis.number("ZCARD", RedisShell.key("door")) == 0 }
            let calls = Double(try redis.scriptRuns() - before)
            let seconds = Double(Patience.nowMilliseconds - start) / 1_000
            #expect(calls <= 100 + 60 * seconds, "\(calls) calls in \(seconds) s for \(count) who hang up")
        }
    }

    /// Seen before: every visitor at the door was named again with every tick: 46 % of a Redis core for 20,000.
    @Test(.enabled(if: Patience.slowness == 1)) func standing_thousand_costNextToNothing() throws {
        try Scene.play { scene in
            let count = 1_200
            let (redis, sluice, peers) = try self.crowdAtDoor(scene, count: count)
            try Patience.pass(milliseconds: 500)
            // The seconds enclose both looks at what Redis has counted, however long those take.
            let start = Patience.nowMilliseconds
            let (bytes, runs) = (try redis.info("stats", "total_net_input_bytes"), try redis.scriptRuns())
            try Patience.pass(milliseconds: 2_000)
            let read = try #require(try redis.info("stats", "total_net_input_bytes")) - #require(bytes)
            let calls = Double(try redis.scriptRuns() - runs)
            let seconds = Double(Patience.nowMilliseconds - start) / 1_000
            // Ticks name the room's keys and limits, well under 2 KB; naming everybody would be 6 KB for a thousand.
            #expect(read / seconds < 40_000, "\(Int(read / seconds)) bytes a second for \(count) at the door")
            #expect(calls / seconds < 60, "\(calls) calls in \(seconds) s")
            let standing = try redis.number("ZCARD", RedisShell.key("door")) ?? 0
            #expect(standing >= Int64(count - 5), "and they still stand")
            #expect(try DoorScene.parked(sluice) >= count - 5)
            withExtendedLifetime(peers) {}
        }
    }
}
