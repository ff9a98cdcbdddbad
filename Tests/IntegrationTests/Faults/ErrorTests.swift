import Testing
import TestKit

/// Errors of the gateway's own making. Seen before: each of them ended its connection, so that an overload became a
/// storm of handshakes.
@Suite(.onOwnThread) struct ErrorTests {
    /// The connection serves another request after `status`.
    private func expectStaysOpen(
        _ peer: HTTPPeer,
        _ answer: Answer,
        _ status: Int,
        next: String = "/fine"
    ) throws {
        #expect(answer.status == status)
        #expect(answer.field("connection") != "close", "\(status)")
        #expect(try peer.request("GET", next).text == "ok", "after \(status)")
    }

    private static let script: RawWorker.Script = { connection in
        while let request = try connection.readRequest() {
            if request.contains("/hold ") { return try connection.readToEnd() }
            if request.contains("/break ") { return }
            if request.contains("/nonsense ") { return try connection.send("nonsense\r\n\r\n") }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
    }

    private func start(_ scene: Scene, pool: [String: String] = [:]) throws -> SluiceProcess {
        let worker = try scene.startWorker(Self.script)
        var configuration = RequestTests.open()
        configuration.use([worker])
        configuration.pool.merge(pool) { $1 }
        configuration.routes = [("/fine", false), ("/hold", false), ("/break", false), ("/nonsense", false)]
        return try scene.start(configuration)
    }

    @Test func noRoute_connectionStays() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene)
            let peer = try HTTPPeer(port: sluice.port)
            for _ in 0..<5 { try self.expectStaysOpen(peer, try peer.request("GET", "/nowhere"), 404) }
            let refused = try peer.request("POST", "/nowhere", body: [UInt8](repeating: 0x61, count: 500))
            try self.expectStaysOpen(peer, refused, 404)
        }
    }

    @Test(arguments: ["/break", "/nonsense"])
    func workerFails_connectionStays(path: String) throws {
        try Scene.play { scene in
            let sluice = try self.start(scene)
            let peer = try HTTPPeer(port: sluice.port)
            try self.expectStaysOpen(peer, try peer.request("GET", path), 502)
            try self.expectStaysOpen(peer, try peer.request("POST", path, body: [0x61]), 502)
        }
    }

    @Test func workerUnreachable_connectionStays() throws {
        try Scene.play { scene in
            let (dead, live) = (try scene.makeRefusingWorker(), try scene.startWorker(Self.script))
            var configuration = RequestTests.open()
            configuration.use([live])
            configuration.otherPools = [("dead", Configuration.keys(of: [dead]))]
            configuration.otherRoutes = ["{path: /dead, pool: dead}"]
            let sluice = try scene.start(configuration)
            let peer = try HTTPPeer(port: sluice.port)
            for _ in 0..<3 { try self.expectStaysOpen(peer, try peer.request("GET", "/dead"), 502) }
        }
    }

    @Test func workerSilent_connectionStays() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene, pool: ["response_timeout": "5s"])
            let peer = try HTTPPeer(port: sluice.port)
            try self.expectStaysOpen(peer, try peer.request("GET", "/hold"), 504)
        }
    }

    @Test func workersFull_connectionStays() throws {
        try Scene.play { scene in
            let sluice = try self.start(
                scene,
                pool: ["connections_per_worker": "1", "waiting_requests": "1", "waiting_timeout": "300ms"]
            )
            let holder = try HTTPPeer(port: sluice.port)
            try holder.send("GET", "/hold")
            try sluice.waitUntilInFlight(1)
            let waiting = try HTTPPeer(port: sluice.port)
            try waiting.send("GET", "/fine")
            let peer = try HTTPPeer(port: sluice.port)
            // Full or timed out, as it comes.
            var refused: [Answer] = []
            for _ in 0..<3 { refused.append(try peer.request("GET", "/fine")) }
            let late = try waiting.readAnswer()
            holder.peer.breakOff()
            try sluice.waitUntilIdle()
            #expect(refused.allSatisfy { $0.status == 503 && $0.field("connection") != "close" })
            try self.expectStaysOpen(peer, refused[2], 503)
            try self.expectStaysOpen(waiting, late, 503)
        }
    }

    /// 429 for a waiting write: its small body is read, and the connection goes on.
    @Test func waitingWrite_smallBody_connectionStays() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            var configuration = Configuration()
            configuration.use([worker])
            configuration.room = ["slots": "10", "inflow": "0/s", "burst": "1"]
            let sluice = try scene.start(configuration)
            let peer = try HTTPPeer(port: sluice.port)
            let body = [UInt8](repeating: 0x61, count: 2_000)
            try self.expectStaysOpen(peer, try peer.request("POST", "/buy", body: body), 429, next: "/open")
            peer.peer.send("POST /buy HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
            try self.expectStaysOpen(peer, try peer.readAnswer(), 429, next: "/open")
            #expect(!worker.receivedText.contains("/buy"))
        }
    }

    /// A guard: what cannot be read as a request ends its connection; nothing behind it is read.
    @Test func malformed_connectionEnds() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene)
            for request in ["GET / HTTP/1.1\r\n\r\n", "GET /fine%zz HTTP/1.1\r\nHost: a b\r\n\r\n"] {
                let peer = try HTTPPeer(port: sluice.port)
                peer.peer.send(request + "GET /fine HTTP/1.1\r\nHost: a\r\n\r\n")
                let answer = try peer.readAnswer()
                #expect(answer.status == 400 && answer.field("connection") == "close")
                #expect(peer.isEnded())
            }
        }
    }
}
