import Testing
import TestKit

/// The times that run while a worker responds: always one, and never the wrong one.
@Suite(.onOwnThread) struct WorkerTimerTests {
    private func start(
        _ scene: Scene,
        limits: [String: String] = [:],
        pool: [String: String] = [:],
        _ script: @escaping RawWorker.Script
    ) throws -> SluiceProcess {
        let worker = try scene.startWorker(script)
        var configuration = RequestTests.open(limits)
        configuration.use([worker])
        configuration.pool.merge(pool) { $1 }
        return try scene.start(configuration)
    }

    /// Answers as soon as it has a head, with a part of the body, and says nothing more.
    private static let early: RawWorker.Script = { connection in
        while let head = try connection.readHead() {
            guard head.hasPrefix("POST") else {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                continue
            }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nearly")
            try connection.readToEnd()
        }
    }

    private func expectPart(_ peer: HTTPPeer) throws {
        // So the response has begun, and is not whole.
        let text = try #require(peer.peer.read(count: 12)).map { Character(Unicode.Scalar($0)) }
        #expect(String(text) == "HTTP/1.1 200")
        #expect(peer.peer.readAll().ending != .silence)
    }

    /// A guard: the client's own time runs on when the response has begun.
    @Test func earlyHead_clientNeverEndsItsBody_isCut() throws {
        try Scene.play { scene in
            let sluice = try self.start(
                scene,
                limits: ["body_timeout": "5s", "buffered_body_bytes": "0B"],
                Self.early
            )
            let peer = try HTTPPeer(port: sluice.port)
            // Larger than what may be gathered before a worker is taken, and a part of it.
            peer.peer.send("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n")
            peer.peer.send([UInt8](repeating: 0x61, count: 500_000))
            try self.expectPart(peer)
            try sluice.waitUntilIdle()
            try sluice.expectService(requests: 3)
        }
    }

    /// Seen before: the worker that had begun its response before the end of the body was waited for without end.
    @Test func earlyHead_workerStalls_isCutAfterTheResponseTimeout() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene, pool: ["response_timeout": "5s"], Self.early)
            let peer = try HTTPPeer(port: sluice.port)
            // Larger than what may be gathered: the worker is there while the body comes.
            peer.peer.send("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n")
            peer.peer.send([UInt8](repeating: 0x61, count: 1_999_999))
            let text = try #require(peer.peer.read(count: 12)).map { Character(Unicode.Scalar($0)) }
            #expect(String(text) == "HTTP/1.1 200")
            peer.peer.send("b")
            #expect(peer.peer.readAll().ending != .silence)
            try sluice.waitUntilIdle()
            try sluice.expectService(requests: 3)
        }
    }

    /// Seen before: the time for the beginning ran on, and cut a response that had begun well within it.
    @Test func response_headLateAndBodyLater_eachHasItsTime() throws {
        try Scene.play { scene in
            let limit: Int64 = 6_000 * Patience.slowness
            let sluice = try self.start(scene, pool: ["response_timeout": "\(limit)ms"]) { connection in
                while try connection.readRequest() != nil {
                    try Patience.pass(milliseconds: limit * 6 / 10)
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
                    try Patience.pass(milliseconds: limit * 6 / 10)
                    try connection.send("body")
                }
            }
            #expect(try HTTPPeer(port: sluice.port).request("GET", "/").text == "body")
        }
    }

    /// A guard: one that stops in the middle is cut, and the client is told.
    @Test func response_stopsInTheMiddle_isCut() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene, pool: ["response_timeout": "5s"]) { connection in
                _ = try connection.readRequest()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
                try connection.readToEnd()
            }
            let peer = try HTTPPeer(port: sluice.port)
            #expect(throws: Disappointment.self) { try peer.request("GET", "/") }
            try sluice.waitUntilIdle()
        }
    }

    /// A response that comes a byte at a time goes on for as long as it comes.
    @Test func response_trickles_isNotCut() throws {
        try Scene.play { scene in
            let limit: Int64 = 3_000 * Patience.slowness
            let sluice = try self.start(scene, pool: ["response_timeout": "\(limit)ms"]) { connection in
                while try connection.readRequest() != nil {
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n")
                    for _ in 0..<12 {
                        try Patience.pass(milliseconds: limit / 6)
                        try connection.send("x")
                    }
                }
            }
            #expect(try HTTPPeer(port: sluice.port).request("GET", "/").text == String(repeating: "x", count: 12))
        }
    }
}
