import Foundation
import Testing

/// All that the shared state knew is gone.
@Suite(.onOwnThread, .underSanitizersWhenLong) struct LossTests {
    enum Loss: CaseIterable { case flushed, folderGone, memory }

    /// Seen before: 27 of 30 visitors stood "waiting" for ever, and a newcomer became number 1.
    @Test(arguments: Loss.allCases)
    func everything_gatewayStartsAgain_oldPlacesGoBeforeNewcomers(loss: Loss) throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let room = ["slots": "1000", "inflow": "20/s", "burst": "5", "horizon": "1s"]
            var configuration = try Contract.configuration(scene, socket: socket, room: room)
            // Whoever is called stands at the door until there is a token.
            configuration.limits["door_timeout"] = "1m"
            if loss == .folderGone { configuration.redis = "embedded" }
            if loss == .memory { configuration.redis = "memory" }
            let redis = loss == .flushed ? try scene.startForgetfulRedis(socket: socket).shell : nil
            let first = try Contract.start(scene, configuration, name: "before")
            var crowd = Crowd(ports: [first.port], count: 60)
            try crowd.round()
            try Patience.wait(for: "some to be let in") {
                if crowd.insideCount < 5 { try crowd.roundOutside() }
                return crowd.insideCount >= 5
            }
            // More than are called at once: the burst, and those of the next second. However many were let in until
            // now, some have to stand in the line when it is lost.
            try Patience.wait(for: "thirty to wait") {
                if crowd.visitors.count - crowd.insideCount >= 30 { return true }
                crowd.add(crowd.visitors.count, ports: [first.port])
                try crowd.roundOutside()
                return false
            }
            _ = try first.stop()
            try redis?("FLUSHALL")
            if loss == .folderGone { try FileManager.default.removeItem(atPath: "\(scene.folder)/state/redis") }

            let second = try Contract.start(scene, configuration, name: "after")
            crowd.move(to: [second.port])
            try crowd.round()
            let old = crowd.visitors.count
            crowd.add(4, ports: [second.port])
            // Newcomers ask first: where one of them is let in, everybody before has been called, and stands at the door
            // by the end of the round.
            try crowd.enterAll(latestFirst: true)
            #expect(crowd.moved.isEmpty, "visitors who lost their places: \(crowd.moved)")
            #expect(crowd.failures.isEmpty, "\(crowd.failures.prefix(3))")
            let lastOld = (0..<old).compactMap { crowd.entries[$0] }.max() ?? 0
            let firstNew = (old..<crowd.visitors.count).compactMap { crowd.entries[$0] }.min() ?? 0
            #expect(firstNew >= lastOld, "a newcomer entered in round \(firstNew), the last old one in \(lastOld)")
        }
    }

    /// Seen before: 132 inside at 60 slots. Stated bound: not one more, as long as a gateway lives that knew them.
    @Test func flushed_peopleInside_neverMoreThanSlots() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let redis = try scene.startForgetfulRedis(socket: socket).shell
            let slots = 60
            let configuration = try Contract.configuration(
                scene,
                socket: socket,
                room: ["slots": "\(slots)", "inflow": "1000/s", "burst": "1000", "horizon": "1s"]
            )
            let sluice = try Contract.start(scene, configuration)
            var crowd = Crowd(ports: [sluice.port], count: 140)
            try crowd.round()
            try Patience.wait(for: "the slots to fill") {
                try crowd.roundOutside()
                return crowd.insideCount == slots
            }
            try Patience.pass(milliseconds: 1_200)
            try redis("FLUSHALL")
            let start = Patience.nowMilliseconds
            try Patience.wait(for: "two seconds") {
                try crowd.round()
                return Patience.nowMilliseconds - start > 2_000
            }
            #expect(crowd.insideCount == slots)
            #expect(crowd.moved.isEmpty && crowd.expelled.isEmpty, "\(crowd.moved) \(crowd.expelled)")
            // Whoever came back counts, so a slot that becomes free is given to the next.
            let leaving = try #require(crowd.visitors.first { $0.isIn })
            try leaving.get("/leave")
            // Whoever left is not asked again, and counts as inside by the last answer.
            try Patience.wait(for: "the slot to be taken") {
                try crowd.roundOutside()
                return crowd.insideCount > slots
            }
            try crowd.roundOutside()
            #expect(crowd.insideCount == slots + 1)
        }
    }

    /// Seen before: until the first tick, up to a second after the start, people got "joining" and no place.
    @Test func nothing_firstVisitorOfAll_hasAPlaceAtOnce() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let redis = try scene.startForgetfulRedis(socket: socket).shell
            let room = ["slots": "10", "inflow": "1000/s", "burst": "10"]
            let configuration = try Contract.configuration(scene, socket: socket, room: room)
            let sluice = try Contract.start(scene, configuration)
            for _ in 0..<3 {
                // Nobody waits, so the room's next tick may be a second away.
                try redis("FLUSHALL")
                let visitor = Visitor(port: sluice.port)
                try visitor.get()
                #expect(visitor.place != nil, "\(visitor.state)")
            }
        }
    }

    /// Live passes rebuild the set of sessions. Seen before: a session that was lost was gone, and whoever was inside was
    /// let in a second time, at the cost of those who wait.
    @Test func flushed_genuinePasses_haveTheirSessionsAgain() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let redis = try scene.startForgetfulRedis(socket: socket).shell
            let configuration = try Contract.configuration(
                scene,
                socket: socket,
                room: ["slots": "100", "inflow": "1000/s", "burst": "100", "session_length": "8s"]
            )
            let sluice = try Contract.start(scene, configuration)
            var crowd = Crowd(ports: [sluice.port], count: 10)
            try crowd.enterAll()
            #expect(try redis.sessions() == 10)
            let admitted = try sluice.metric(Contract.admissions)
            try redis("FLUSHALL")
            // Longer than the passes that they hold now: whoever was not known again would be outside by then.
            let start = Patience.nowMilliseconds
            try Patience.wait(for: "the rest of their sessions") {
                try crowd.round()
                return Patience.nowMilliseconds - start > 10_000
            }
            #expect(crowd.expelled.isEmpty, "\(crowd.expelled)")
            #expect(crowd.moved.isEmpty, "\(crowd.moved)")
            #expect(try redis.sessions() == 10)
            #expect(try sluice.metric(Contract.admissions) == admitted, "nobody is let in a second time")
        }
    }

    /// The state is lost and no gateway lives that knew it: a genuine pass is good all the same, and its session is known
    /// again. Stated bound: what the bucket lets in before those inside have asked.
    @Test func everything_peopleInside_staySo() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let redis = try scene.startForgetfulRedis(socket: socket).shell
            let (slots, burst) = (20, 5)
            let room = ["slots": "\(slots)", "inflow": "100/s", "burst": "\(burst)", "session_length": "15s"]
            var configuration = try Contract.configuration(scene, socket: socket, room: room)
            let first = try Contract.start(scene, configuration, name: "before")
            var crowd = Crowd(ports: [first.port], count: 30)
            try Patience.wait(for: "the slots to fill") {
                try crowd.round()
                return crowd.insideCount == slots
            }
            _ = try first.stop()
            try redis("FLUSHALL")
            // Nothing but the bucket: no tokens come while those inside ask, however long that takes.
            configuration.room?["inflow"] = "0.001/s"
            let second = try Contract.start(scene, configuration, name: "after")
            crowd.move(to: [second.port])
            let start = Patience.nowMilliseconds
            var most = 0
            try Patience.wait(for: "longer than a session") {
                try crowd.round()
                most = max(most, crowd.insideCount)
                return Patience.nowMilliseconds - start > 18_000
            }
            #expect(crowd.entries.count <= slots + burst, "\(crowd.entries.count) have been inside")
            #expect(most <= slots + burst, "\(most) inside")
            #expect(crowd.moved.isEmpty && crowd.expelled.isEmpty, "\(crowd.moved) \(crowd.expelled)")
        }
    }
}
