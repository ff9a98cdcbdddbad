import Glibc
import Testing

/// The controller dies in the middle of a sale, and all that it has started with it, as when a machine is lost.
@Suite(.onOwnThread, .underSanitizersWhenLong) struct ControllerLossTests {
    /// Seen before: the rate stayed at its last value, and 637 visitors were let in to a 502.
    @Test func killed_workersGone_nobodyIsLetInUntilThereAreSome() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let redis = try scene.startForgetfulRedis(socket: socket).shell
            var configuration = Configuration()
            configuration.redis = "unix:\(socket)"
            configuration.signingKeys = [(1, Contract.secret)]
            configuration.limits = ["door_timeout": "300ms"]
            configuration.pool = ["min_workers": "2", "max_workers": "2"]
            configuration.room = ["slots": "10000", "inflow": "10/s", "burst": "5", "horizon": "1s"]
            let controller = try scene.start(configuration, command: "controller", name: "controller")
            let gateway = try Contract.start(scene, configuration, name: "gateway", command: "gateway")
            var crowd = Crowd(ports: [gateway.port], count: 60)
            try crowd.round()
            try Patience.wait(for: "the sale to run") {
                try self.round(&crowd, port: gateway.port)
                return crowd.insideCount >= 10
            }
            controller.mayEnd = true
            let deathAt = Patience.nowMilliseconds
            let before = try #require(try redis.field("admitted"))
            controller.process.kill()
            for worker in scene.workerPIDs { kill(worker, SIGKILL) }
            // The gateways see it within a second; what they let in until then is stated, not nobody.
            try Patience.wait(for: "the gateway to see that nobody serves") {
                try self.round(&crowd, port: gateway.port)
                let reports = try redis("HVALS", RedisShell.key("gateways"))
                return try gateway.metric("sluice_room_mode{room=\"sale\",mode=\"held\"}") == 1
                    && reports.allSatisfy { $0.split(separator: ":").dropFirst().first == "0" }
            }
            let admitted = try #require(try redis.field("admitted"))
            let most = 5 + 10 * (Patience.nowMilliseconds - deathAt) / 1_000 + 1
            #expect(admitted - before <= most, "\(admitted - before) in the first second")
            let start = Patience.nowMilliseconds
            try Patience.wait(for: "two seconds") {
                try self.round(&crowd, port: gateway.port)
                return Patience.nowMilliseconds - start >= 2_000
            }
            #expect(try redis.field("admitted") == admitted, "let in where nobody serves them")
            #expect(admitted < crowd.visitors.count, "else nobody was there to be let in")

            try scene.start(configuration, command: "controller", name: "second")
            try crowd.enterAll()
            #expect(crowd.moved.isEmpty, "\(crowd.moved)")
        }
    }

    /// Those who are not inside ask, with newcomers among them wherever fewer than fifty are left: however long the
    /// sale has run, there is somebody to be let in.
    private func round(_ crowd: inout Crowd, port: UInt16) throws {
        let outside = crowd.visitors.count - crowd.insideCount
        if outside < 50 { crowd.add(50 - outside, ports: [port]) }
        try crowd.roundOutside()
    }

    /// Seen before: a leftover `allowed=0` of a controller that is gone held the room for ever.
    @Test func gone_itsLastRateIsNought_roomHeals() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let redis = try scene.startForgetfulRedis(socket: socket).shell
            let configuration = try Contract.configuration(
                scene,
                socket: socket,
                room: ["slots": "1000", "inflow": "1000/s", "burst": "10", "horizon": "1s"]
            )
            let gateway = try Contract.start(scene, configuration, name: "gateway", command: "gateway")
            var crowd = Crowd(ports: [gateway.port], count: 3)
            try crowd.enterAll()
            // What a controller leaves that is killed while it has no workers.
            try redis("HSET", RedisShell.key("state"), "allowed", "0", "fence", "7")
            try Patience.pass(milliseconds: 300)
            crowd.add(20, ports: [gateway.port])
            try Patience.wait(for: "the lease to end: \(crowd.insideCount - 3) of 20 are inside") {
                try crowd.roundOutside()
                return crowd.insideCount == 23
            }
        }
    }
}
