import Glibc
import Testing

/// The shared state comes back older than it was: its last second is lost, or a replica that lagged has taken over.
@Suite(.onOwnThread, .underSanitizersWhenLong) struct StaleReturnTests {
    /// Seen before: `join` said nothing of what its gateway knew and could run before the tick that restores: the same
    /// numbers were given to two people.
    @Test func olderState_joinRunsBeforeTheTick_noNumberTwice() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let redis = try scene.startForgetfulRedis(socket: socket).shell
            var configuration = try Contract.configuration(
                scene,
                socket: socket,
                room: ["slots": "1", "inflow": "1000/s", "burst": "10"]
            )
            configuration.loops = "2"
            let sluice = try Contract.start(scene, configuration)
            var crowd = Crowd(ports: [sluice.port], count: 5)
            try crowd.round()
            for _ in 0..<6 {
                try redis("SAVE")
                crowd.add(5, ports: [sluice.port])
                try crowd.round()
                try redis("DEBUG", "RELOAD", "NOSAVE")
                crowd.add(3, ports: [sluice.port])
                try crowd.round()
            }
            try crowd.round()
            #expect(crowd.places.count == crowd.visitors.count)
            #expect(crowd.doubles.isEmpty, "given twice: \(crowd.doubles)")
            #expect(crowd.moved.isEmpty, "\(crowd.moved)")
            #expect(try redis.journalKinds().contains("regress"))
        }
    }

    /// Nobody who lives knows what was lost: only the server's own identity tells that something may be.
    @Test func olderState_noGatewayKnows_noNumberTwice() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let (server, redis) = try scene.startForgetfulRedis(socket: socket)
            let configuration = try Contract.configuration(
                scene,
                socket: socket,
                room: ["slots": "1", "inflow": "1000/s", "burst": "10"]
            )
            let one = try Contract.start(scene, configuration, name: "one")
            var crowd = Crowd(ports: [one.port], count: 10)
            try crowd.round()
            try redis("SAVE")
            crowd.add(15, ports: [one.port])
            try crowd.round()
            server.kill()
            one.mayEnd = true
            one.process.kill()
            _ = try scene.startForgetfulRedis(socket: socket)
            let two = try Contract.start(scene, configuration, name: "two")
            crowd.move(to: [two.port])
            let known = crowd.visitors.count
            crowd.add(20, ports: [two.port])
            // The newcomers first, while nobody has shown an old place yet.
            for visitor in crowd.visitors[known...] { try visitor.get() }
            try crowd.round()
            #expect(crowd.places.count == crowd.visitors.count)
            #expect(crowd.doubles.isEmpty, "given twice: \(crowd.doubles)")
            #expect(crowd.moved.isEmpty, "\(crowd.moved)")
        }
    }

    /// Two gateways, of which the one knows more than the other, and a server that is killed and comes back older.
    @Test func olderState_twoGateways_noNumberTwiceAndOrderKept() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            var (server, redis) = try scene.startForgetfulRedis(socket: socket)
            let configuration = try Contract.configuration(
                scene,
                socket: socket,
                room: ["slots": "10000", "inflow": "50/s", "burst": "5", "horizon": "1s"]
            )
            let ports = try ["one", "two"].map { try Contract.start(scene, configuration, name: $0).port }
            var crowd = Crowd(ports: ports, count: 40)
            try crowd.round()
            for turn in 0..<2 {
                try redis("SAVE")
                crowd.add(20, ports: [ports[turn]])
                try crowd.round()
                server.kill()
                (server, redis) = try scene.startForgetfulRedis(socket: socket)
                // They ask the gateway that knows less, and from the first moment on.
                crowd.add(20, ports: [ports[1 - turn]])
                try Patience.wait(for: "a place for everybody") {
                    try crowd.roundWithoutPlace()
                    return crowd.places.count == crowd.visitors.count
                }
                try crowd.round()
            }
            try crowd.enterAll()
            #expect(crowd.doubles.isEmpty, "given twice: \(crowd.doubles)")
            #expect(crowd.moved.isEmpty, "\(crowd.moved)")
            #expect(crowd.failures.isEmpty, "\(crowd.failures.prefix(3))")
            #expect(crowd.expelled.isEmpty, "\(crowd.expelled)")
        }
    }

    /// Seen before: the restored bucket was full again, one extra burst.
    @Test func olderState_fullBucketComesBack_startsEmpty() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let redis = try scene.startForgetfulRedis(socket: socket).shell
            let (rate, burst) = (5, 60)
            let configuration = try Contract.configuration(
                scene,
                socket: socket,
                room: ["slots": "1000", "inflow": "\(rate)/s", "burst": "\(burst)", "horizon": "5s"]
            )
            let sluice = try Contract.start(scene, configuration)
            try Patience.wait(for: "the room") { try redis.field("epoch") != nil }
            try redis("SAVE")
            let start = Patience.nowMilliseconds
            var crowd = Crowd(ports: [sluice.port], count: 200)
            try crowd.round()
            // The room ticks, so that the gateway knows that the tokens are spent.
            try Patience.pass(milliseconds: 300)
            try redis("DEBUG", "RELOAD", "NOSAVE")
            try Patience.wait(for: "three seconds, and for the room to go on") {
                try crowd.roundOutside()
                return Patience.nowMilliseconds - start > 3_300 && crowd.insideCount > burst
            }
            let seconds = Double(Patience.nowMilliseconds - start) / 1_000
            let most = burst + Int(Double(rate) * seconds) + 1
            #expect(crowd.insideCount <= most, "\(crowd.insideCount) let in, \(most) by the limits")
        }
    }
}
