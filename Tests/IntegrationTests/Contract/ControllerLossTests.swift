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
            var crowd = Crowd(ports: [gateway.port], count: 150)
            try crowd.round()
            try Patience.wait(for: "the sale to run") {
                try crowd.roundOutside()
                return crowd.insideCount >= 10
            }
            controller.mayEnd = true
            let start = Patience.nowMilliseconds
            let before = try #require(try redis.field("admitted"))
            controller.process.kill()
            for worker in scene.workerPIDs { kill(worker, SIGKILL) }
            // The gateways see it within a second; what they let in until then is stated, not nobody.
            try Patience.wait(for: "the gateway to see that nobody serves") {
                try crowd.roundOutside()
                let reports = try redis("HVALS", RedisShell.key("gateways"))
                return try gateway.metric("sluice_room_mode{room=\"sale\",mode=\"held\"}") == 1
                    && reports.allSatisfy { $0.split(separator: ":").dropFirst().first == "0" }
            }
            let admitted = try #require(try redis.field("admitted"))
            let most = 5 + 10 * (Patience.nowMilliseconds - start) / 1_000 + 1
            #expect(admitted - before <= most, "\(admitted - before) in the first second")
            try self.poll(&crowd, milliseconds: 2_000)
            #expect(try redis.field("admitted") == admitted, "let in where nobody serves them")
            #expect(admitted < 150, "else nobody is left to be let in")

            try scene.start(configuration, command: "controller", name: "second")
            try crowd.enterAll()
            #expect(crowd.moved.isEmpty, "\(crowd.moved)")
        }
    }

    private func poll(_ crowd: inout Crowd, milliseconds: Int64) throws {
        let end = Patience.nowMilliseconds + milliseconds
        try Patience.wait(for: "\(milliseconds) ms") {
            try crowd.roundOutside()
            return Patience.nowMilliseconds >= end
        }
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
