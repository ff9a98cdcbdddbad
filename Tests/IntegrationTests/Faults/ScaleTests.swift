import Testing
import TestKit

/// What grows with routes, workers, rooms and those who wait, and how: as ratios and counts.
@Suite(.onOwnThread) struct ScaleTests {
    // MARK: Routes

    /// Processor time of so many polls of a waiting visitor, in nanoseconds.
    private func cost(_ scene: Scene, routes: Int, name: String) throws -> Int64 {
        var configuration = Configuration()
        configuration.room = ["slots": "10", "inflow": "0/s", "burst": "1"]
        configuration.routes = [("/", false)]
        configuration.otherRoutes = (0..<routes).map { "{path: /part/r\($0)/x, pool: workers}" }
        configuration.otherRoutes.append("{path: /part/last/x, pool: workers, room: sale}")
        let sluice = try scene.start(configuration, name: name)
        let visitor = Visitor(port: sluice.port)
        for _ in 0..<200 { try visitor.get("/part/last/x") }
        let before = sluice.processorNanoseconds
        for _ in 0..<1_500 { try visitor.get("/part/last/x") }
        let cost = sluice.processorNanoseconds - before
        _ = try sluice.stop()
        return cost
    }

    /// Seen before: each route was compared; a thousand cost 4 us more for each request (optimised).
    @Test(.enabled(if: Patience.slowness == 1)) func routes_hundreds_costNoMoreThanThree() throws {
        try Scene.play { scene in
            try self.expect(atMost: 1.5) { attempt in
                let few = try self.cost(scene, routes: 3, name: "few\(attempt)")
                return (few, try self.cost(scene, routes: 900, name: "many\(attempt)"))
            }
        }
    }

    // MARK: Workers

    /// What is many costs at most so many times what is few. Beside other work such a ratio only errs upwards now and
    /// then, so one pair of three has to show it.
    private func expect(
        atMost ratio: Double,
        _ costs: (_ attempt: Int) throws -> (few: Int64, many: Int64)
    ) throws {
        var seen: [String] = []
        for attempt in 1...3 {
            let (few, many) = try costs(attempt)
            if Double(many) <= ratio * Double(few) { return }
            seen.append("\(many) ns against \(few) ns")
        }
        Issue.record("more than \(ratio) times as much: \(seen)")
    }

    /// Processor time of four reloads that change a pool's workers, in nanoseconds.
    private func reloadCost(_ scene: Scene, workers: Int, name: String) throws -> Int64 {
        var configuration = RequestTests.open()
        func addresses(_ port: Int) -> String {
            "[" + (0..<workers).map { "127.1.\($0 / 250).\($0 % 250 + 1):\(port)" }.joined(separator: ", ") + "]"
        }
        configuration.pool = ["driver": "static", "worker": "{slots: 1}", "workers": addresses(9)]
        configuration.logLevel = "error"
        let sluice = try scene.start(configuration, name: name)
        let before = sluice.processorNanoseconds
        for port in 10...13 {
            configuration.pool["workers"] = addresses(port)
            try scene.reload(sluice, with: configuration.text)
        }
        let cost = sluice.processorNanoseconds - before
        _ = try sluice.stop()
        return cost
    }

    /// Seen before: every worker was looked for among all others, five times a second for a pool whose controller
    /// starts them and at each reload for a fixed list.
    @Test(.enabled(if: Patience.slowness == 1)) func workers_fourTimesAsMany_costFourTimesAsMuch() throws {
        try Scene.play { scene in
            try self.expect(atMost: 7) { attempt in
                let few = try self.reloadCost(scene, workers: 250, name: "few\(attempt)")
                return (few, try self.reloadCost(scene, workers: 1_000, name: "many\(attempt)"))
            }
        }
    }

    // MARK: Rooms

    /// Seen before: ten commands a second for each of them.
    @Test func rooms_idle_tickOnceASecond() throws {
        try Scene.play { scene in
            let rooms = 100
            var configuration = Configuration()
            configuration.redis = "embedded"
            configuration.otherRooms = (1..<rooms).map { ("room\($0)", "/room\($0)") }
            let sluice = try scene.start(configuration)
            let name = "sluice_redis_commands_total"
            // The beginning has its own commands, scripts and limits among them, and takes its time on a slow machine.
            try Patience.wait(for: "each room to tick once a second, or little more") {
                let (before, start) = (try sluice.metric(name), Patience.nowMilliseconds)
                try Patience.pass(milliseconds: 3_000)
                let commands = try sluice.metric(name) - before
                let seconds = Double(Patience.nowMilliseconds - start) / 1_000 + 1
                return commands >= Double(rooms) && commands <= 1.6 * Double(rooms) * seconds
            }
            // A visitor wakes a room at once.
            let visitor = Visitor(port: sluice.port)
            #expect(try visitor.get("/room50").field("sluice-state") == "admitted")
        }
    }

    // MARK: Queues

    /// Processor time for `count` clients who wait for a worker and leave, in nanoseconds.
    private func leaveCost(_ scene: Scene, count: Int, name: String) throws -> Int64 {
        let worker = try scene.startWorker { try $0.readToEnd() }
        var configuration = RequestTests.open(["connections": "10000"])
        configuration.use([worker])
        configuration.pool.merge([
            "connections_per_worker": "1", "waiting_requests": "10000", "waiting_timeout": "60s",
        ]) { $1 }
        configuration.logLevel = "error"
        let sluice = try scene.start(configuration, name: name)
        let peers = try (0...count).map { _ in
            let peer = try RawPeer(port: sluice.port)
            peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            return peer
        }
        try Patience.wait(for: "\(count) to wait") { try sluice.load().queued == count }
        let before = sluice.processorNanoseconds
        // From behind: whoever is looked for from the front is found last.
        for peer in peers.reversed() { peer.breakOff() }
        try Patience.wait(for: "all to be forgotten") { try sluice.metric("sluice_connections_open") == 0 }
        let cost = sluice.processorNanoseconds - before
        try sluice.waitUntilIdle()
        _ = try sluice.stop()
        return cost
    }

    /// Seen before: everybody in the queue was looked at whenever one left it.
    @Test(.enabled(if: Patience.slowness == 1)) func queue_eightTimesAsManyLeave_costEightTimesAsMuch() throws {
        try Scene.play { scene in
            try self.expect(atMost: 16) { attempt in
                let few = try self.leaveCost(scene, count: 250, name: "few\(attempt)")
                return (few, try self.leaveCost(scene, count: 2_000, name: "many\(attempt)"))
            }
        }
    }
}
