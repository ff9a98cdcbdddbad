import Testing

/// Binaries of two versions on one Redis.
@Suite(.onOwnThread) struct UpgradeTests {
    /// All that the record of the first version holds, but what says which line it is.
    private static let fields = [
        "admitted", "direct", "tokens", "refilled", "rate", "burst", "slots", "inflow", "allowed", "fence", "session",
        "claim", "horizon", "opens", "show_up", "floor", "sampled", "sampled_direct", "mark", "mark_serving",
        "mark_direct", "issued", "serving",
    ]

    /// Seen before: BADROOM, and a room that stood still until somebody deleted its key.
    @Test func record_anyFieldMissing_roomGoesOn() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let redis = try scene.startForgetfulRedis(socket: socket).shell
            let configuration = try Contract.configuration(
                scene,
                socket: socket,
                room: ["slots": "1", "inflow": "1000/s", "burst": "10"]
            )
            let sluice = try Contract.start(scene, configuration)
            var crowd = Crowd(ports: [sluice.port], count: 3)
            try crowd.round()
            for field in Self.fields {
                #expect(try redis.number("HDEL", RedisShell.key("state"), field) == 1, "\(field)")
                let visitor = Visitor(port: sluice.port)
                let state = try visitor.get().field("sluice-state")
                guard visitor.place != nil else { throw Disappointment("without \(field): \(state ?? "nothing")") }
                crowd.add(1, ports: [sluice.port])
            }
            try crowd.round()
            #expect(crowd.doubles.isEmpty && crowd.moved.isEmpty, "\(crowd.doubles) \(crowd.moved)")
        }
    }

    /// What a later version adds is not ours to take away.
    @Test func record_unknownField_isLeftAlone() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let redis = try scene.startForgetfulRedis(socket: socket).shell
            let configuration = try Contract.configuration(
                scene,
                socket: socket,
                room: ["slots": "1", "inflow": "1000/s", "burst": "10"]
            )
            let sluice = try Contract.start(scene, configuration)
            var crowd = Crowd(ports: [sluice.port], count: 3)
            try crowd.round()
            try redis("HSET", RedisShell.key("state"), "lanes", "4711")
            crowd.add(3, ports: [sluice.port])
            try crowd.round()
            #expect(crowd.places.count == 6)
            #expect(try redis.field("lanes") == 4711)
        }
    }
}
