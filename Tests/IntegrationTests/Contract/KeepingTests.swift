import Testing

/// How long what is kept is kept.
@Suite(.onOwnThread) struct KeepingTests {
    /// Seen before: a room's keys stayed for ever.
    @Test func keys_ofARoom_endWhenNobodyTicksIt() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let redis = try scene.startForgetfulRedis(socket: socket).shell
            let room = ["slots": "5", "inflow": "1000/s", "burst": "100"]
            let configuration = try Contract.configuration(scene, socket: socket, room: room)
            let sluice = try Contract.start(scene, configuration)
            var crowd = Crowd(ports: [sluice.port], count: 10)
            try crowd.round()
            try Patience.pass(milliseconds: 1_500)
            let keys = try redis("KEYS", RedisShell.key("*"))
            #expect(keys.count >= 5)
            for key in keys {
                let left = try #require(try redis.number("PTTL", key))
                #expect(left > 60_000, "\(key) lives for \(left) ms")
            }
        }
    }
}
