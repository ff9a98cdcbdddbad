import Testing
import TestKit

/// Limits smaller than the number of loops: neither lost nor multiplied by being shared out. Connections fall on
/// loops by chance, so each test makes several.
@Suite(.onOwnThread) struct SmallLimitTests {
    private static let holding: RawWorker.Script = { connection in
        while let request = try connection.readRequest() {
            if request.contains("/hold ") { return try connection.readToEnd() }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
    }

    private func start(_ scene: Scene, loops: Int, pool: [String: String]) throws -> (SluiceProcess, RawWorker) {
        let worker = try scene.startWorker(Self.holding)
        var configuration = RequestTests.open()
        configuration.use([worker])
        configuration.loops = "\(loops)"
        configuration.pool.merge(["waiting_timeout": "60s", "response_timeout": "10m"]) { $1 }
        configuration.pool.merge(pool) { $1 }
        return (try scene.start(configuration), worker)
    }

    /// Seen before: one waiting request over four loops was none on each, and nobody could wait at all.
    @Test func waitingRequests_oneForFourLoops_oneWaits() throws {
        try Scene.play { scene in
            let (sluice, _) = try self.start(
                scene,
                loops: 4,
                pool: ["connections_per_worker": "1", "waiting_requests": "1"]
            )
            // More holders than any loop has connections for: whatever the loop, the workers are taken.
            let peers = try (0..<24).map { _ in
                let peer = try HTTPPeer(port: sluice.port)
                try peer.send("GET", "/hold")
                return peer
            }
            try Patience.wait(for: "each to be held, to wait or to be told") {
                let load = try sluice.load()
                return load.inFlight + load.queued + peers.filter(\.hasInput).count == peers.count
            }
            let load = try sluice.load()
            #expect(load.queued == 1, "\(load)")
            #expect(load.inFlight >= 1 && load.inFlight <= 4)
            for peer in peers where peer.hasInput { #expect(try peer.readAnswer().status == 503) }
        }
    }

    /// At most one connection of each loop where fewer are allowed than there are loops, and never more than allowed
    /// where there are enough for all. Seen before: the numbers held, but clients that broke off while the next
    /// connection was being made left it behind.
    @Test(arguments: [(1, 4), (2, 2), (5, 2)])
    func connectionsPerWorker_smallAndSeveralLoops_holdInTotal(limit: Int, loops: Int) throws {
        try Scene.play { scene in
            let (sluice, worker) = try self.start(
                scene,
                loops: loops,
                pool: ["connections_per_worker": "\(limit)", "waiting_requests": "1000"]
            )
            let peers = try (0..<32).map { _ in
                let peer = try HTTPPeer(port: sluice.port)
                try peer.send("GET", "/hold")
                return peer
            }
            try Patience.wait(for: "each to be held or to wait") {
                let load = try sluice.load()
                return load.inFlight + load.queued == peers.count
            }
            #expect(worker.connectionCount <= max(limit, loops))
            for peer in peers { peer.peer.breakOff() }
            try sluice.waitUntilIdle()
        }
    }

    /// Seen before: a connection was closed though half of those allowed were in use, because its loop had used up its
    /// quarter.
    @Test func connections_sixteenOverFourLoops_sixteenAreServed() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(Self.holding)
            var configuration = RequestTests.open(["connections": "16"])
            configuration.use([worker])
            configuration.pool["response_timeout"] = "10m"
            configuration.loops = "4"
            let sluice = try scene.start(configuration)
            let peers = try (0..<16).map { _ in
                let peer = try HTTPPeer(port: sluice.port)
                try peer.send("GET", "/hold")
                return peer
            }
            try sluice.waitUntilInFlight(16)
            #expect(try sluice.metric("sluice_connections_refused_total") == 0)
            #expect(try HTTPPeer(port: sluice.port).isEnded(), "one more is closed")
            withExtendedLifetime(peers) {}
        }
    }

    /// Seen before: each of four loops let one visitor stand there, with any number of requests.
    @Test func waitingAtDoor_twoForFourLoops_twoStand() throws {
        try Scene.play { scene in
            var configuration = DoorScene.configuration()
            configuration.loops = "4"
            configuration.limits["waiting_at_door"] = "2"
            let sluice = try DoorScene.start(scene, configuration)
            let visitor = try DoorScene.calledVisitor(sluice)
            let peers = try (0..<24).map { _ in HTTPPeer(try visitor.askFromElsewhere(sluice.port)) }
            try Patience.wait(for: "those beyond the limit to be told") { peers.filter(\.hasInput).count >= 22 }
            try Patience.wait(for: "two at the door") { try DoorScene.parked(sluice) == 2 }
            #expect(peers.filter(\.hasInput).count == 22)
        }
    }
}
