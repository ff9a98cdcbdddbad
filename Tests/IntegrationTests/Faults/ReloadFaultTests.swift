import Testing
import TestKit

/// Reloads that take away, or put in the way, what requests are waiting for.
@Suite(.onOwnThread) struct ReloadFaultTests {
    private static let holding: RawWorker.Script = { connection in
        while let request = try connection.readRequest() {
            if request.contains("/hold ") { return try connection.readToEnd() }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
    }

    /// Seen before: without a request at one of its workers, the pool was gone at once, and the process aborted when the
    /// timer of its queue came due.
    @Test(arguments: [false, true])
    func pool_removedUnderItsQueue_requestsAreToldAndTheProcessLives(hasWorker: Bool) throws {
        try Scene.play { scene in
            let (kept, removed) = (try scene.startWorker(Self.holding), try scene.startWorker(Self.holding))
            var configuration = RequestTests.open()
            configuration.use([kept])
            let before = configuration.text
            let none = ["driver": "process", "command": "[/bin/false]", "worker": "{slots: 1}"]
            configuration.otherPools = [("other", hasWorker ? Configuration.keys(of: [removed]) : none)]
            configuration.otherPools[0].keys.merge(["connections_per_worker": "1", "waiting_timeout": "2s"]) { $1 }
            configuration.otherRoutes = ["{path: /other, pool: other}"]
            let sluice = try scene.start(configuration)
            let holder = try HTTPPeer(port: sluice.port)
            if hasWorker {
                try holder.send("GET", "/other/hold")
                try Patience.wait(for: "the worker to be taken") { try sluice.load(pool: "other").inFlight == 1 }
            }
            let waiting = try (0..<8).map { _ in
                let peer = try HTTPPeer(port: sluice.port)
                try peer.send("GET", "/other/x")
                return peer
            }
            // The reload comes while they wait; on a slow machine some may have been told before.
            try Patience.wait(for: "requests to wait") {
                try sluice.load(pool: "other").queued > 0 || waiting.contains { $0.hasInput }
            }
            try scene.reload(sluice, with: before)
            for peer in waiting {
                let answer = try peer.readAnswer()
                #expect([200, 404, 503].contains(answer.status), "\(answer.status)")
            }
            // Beyond every deadline of the pool that is gone.
            try Patience.pass(milliseconds: 2_500)
            #expect(sluice.process.endIfEnded == nil)
            try sluice.expectService()
            holder.peer.breakOff()
            try sluice.waitUntilIdle()
        }
    }

    /// Seen before: the request that had been given a worker went into the room with it, and the worker's only
    /// connection was never seen again.
    @Test func room_putOnTheRouteUnderAWaitingRequest_workerComesBack() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(Self.holding)
            var configuration = Configuration()
            configuration.use([worker])
            configuration.pool.merge(["connections_per_worker": "1", "waiting_timeout": "60s"]) { $1 }
            configuration.room = ["slots": "1000", "inflow": "0/s", "burst": "1"]
            configuration.routes = [("/", false), ("/open", false)]
            let sluice = try scene.start(configuration)
            let holder = try HTTPPeer(port: sluice.port)
            try holder.send("GET", "/open/hold")
            try sluice.waitUntilInFlight(1)
            let waiting = try (0..<4).map { _ in
                let peer = try HTTPPeer(port: sluice.port)
                try peer.send("GET", "/x")
                return peer
            }
            try Patience.wait(for: "four to wait") { try sluice.load().queued == 4 }
            configuration.routes = [("/", true), ("/open", false)]
            try scene.reload(sluice, with: configuration.text)
            holder.peer.breakOff()
            for peer in waiting {
                let answer = try peer.readAnswer()
                #expect(answer.status == 200, "the worker's page or the room's")
            }
            try sluice.waitUntilIdle()
            try sluice.expectService("/open/x")
            #expect(try HTTPPeer(port: sluice.port).request("GET", "/x").field("sluice-state") == "waiting")
        }
    }

    /// The room goes while visitors stand at its door and join it: they ask the routes again and reach the worker.
    @Test func room_removedUnderItsDoor_visitorsReachTheWorker() throws {
        try Scene.play { scene in
            var configuration = DoorScene.configuration()
            let sluice = try DoorScene.start(scene, configuration)
            let visitor = try DoorScene.calledVisitor(sluice)
            let peers = try (0..<3).map { _ in HTTPPeer(try visitor.askFromElsewhere(sluice.port)) }
            try Patience.wait(for: "requests at the door") { try DoorScene.parked(sluice) > 0 }
            configuration.room = nil
            try scene.reload(sluice, with: configuration.text)
            for peer in peers {
                let answer = try peer.readAnswer()
                #expect(answer.status == 200 && answer.field("sluice-state") == nil)
            }
            try sluice.waitUntilIdle()
        }
    }
}
