import Testing
import TestKit

/// Workers that end their connections without a word, and what clients are told of responses that were cut.
@Suite(.onOwnThread) struct WorkerEndingTests {
    private func start(_ scene: Scene, _ worker: RawWorker, pool: [String: String] = [:]) throws -> SluiceProcess {
        var configuration = RequestTests.open()
        configuration.use([worker])
        configuration.pool.merge(pool) { $1 }
        return try scene.start(configuration)
    }

    // MARK: Connections that are dying

    /// Answers one request and ends the connection with the last byte of it, as servers do that keep none alive but
    /// do not say so.
    private static let oneEach: RawWorker.Script = { connection in
        guard try connection.readRequest() != nil else { return }
        try connection.sendAndEnd("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        try connection.readToEnd()
    }

    /// A guard: an idle connection whose end is known is not used.
    @Test func endsAfterEachResponse_postsOneByOne_noneIsLost() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(Self.oneEach)
            let sluice = try self.start(scene, worker)
            let peer = try HTTPPeer(port: sluice.port)
            var failed = 0
            for _ in 0..<100 where try peer.request("POST", "/buy", body: [0x61]).status != 200 { failed += 1 }
            #expect(failed == 0)
            #expect(worker.connectionCount == 100)
        }
    }

    /// Seen before: the connection that had just been ended was handed to the next in the queue, so that every second
    /// POST got 502.
    @Test func endsAfterEachResponse_postsWaitForTheWorker_noneIsLost() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(Self.oneEach)
            let sluice = try self.start(scene, worker, pool: ["connections_per_worker": "1", "waiting_timeout": "60s"])
            let peers = try (0..<40).map { _ in
                let peer = try HTTPPeer(port: sluice.port)
                try peer.send("POST", "/buy", body: [0x61])
                return peer
            }
            let statuses = try peers.map { try $0.readAnswer().status }
            #expect(statuses.filter { $0 != 200 }.isEmpty, "\(statuses)")
            #expect(worker.connectionCount == 40)
        }
    }

    /// A guard: what may have reached the worker is not sent again.
    @Test func endsInsteadOfTheThirdResponse_post_isNotRepeated() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                // Two responses show that it keeps connections; nobody would send a POST on a kept one otherwise.
                for _ in 0..<2 {
                    _ = try connection.readRequest()
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
                _ = try connection.readRequest()
            }
            let sluice = try self.start(scene, worker)
            let peer = try HTTPPeer(port: sluice.port)
            for _ in 0..<2 { #expect(try peer.request("GET", "/buy").status == 200) }
            #expect(try peer.request("POST", "/buy", body: [0x62]).status == 502)
            #expect(
                worker.received.filter { $0 == 0x62 }.count == worker.receivedText.components(separatedBy: "b").count
                    - 1
            )
            #expect(worker.connectionCount == 1)
        }
    }

    // MARK: Responses without a length

    private static func endless(_ end: @escaping @Sendable (RawWorkerConnection) throws -> Void) -> RawWorker.Script {
        { connection in
            guard try connection.readRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\n\r\nto the end")
            try end(connection)
        }
    }

    /// Seen before: the response came without chunks and with `connection: close`, so that nobody could tell a whole
    /// one from one that was cut.
    @Test func untilClose_ended_comesInChunksAndTheConnectionStays() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(Self.endless { _ in })
            let sluice = try self.start(scene, worker)
            let peer = try HTTPPeer(port: sluice.port)
            for _ in 0..<3 {
                let answer = try peer.request("GET", "/")
                #expect(answer.field("transfer-encoding") == "chunked")
                #expect(answer.field("connection") == nil)
                #expect(answer.text == "to the end")
            }
        }
    }

    enum Cut: CaseIterable { case reset, timeout }

    private func cutScene(_ cut: Cut, _ body: (SluiceProcess) throws -> Void) throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(
                Self.endless { connection in
                    if cut == .timeout { return try connection.readToEnd() }
                    // Whether or not the gateway has read the part by then.
                    connection.reset()
                }
            )
            let sluice = try self.start(scene, worker, pool: ["response_timeout": "5s"])
            try body(sluice)
            try sluice.waitUntilIdle()
        }
    }

    /// Seen before: the connection was closed in order, like one whose response is whole.
    @Test(arguments: Cut.allCases)
    func untilClose_cut_newClientSeesNoLastChunk(cut: Cut) throws {
        try self.cutScene(cut) { sluice in
            let peer = try RawPeer(port: sluice.port)
            peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            let text = String(decoding: peer.readAll().bytes, as: UTF8.self)
            if text.hasPrefix("HTTP/1.1 200 ") {
                #expect(text.lowercased().contains("transfer-encoding: chunked\r\n"))
                #expect(!text.hasSuffix("0\r\n\r\n"))
            } else {
                #expect(text.isEmpty || text.hasPrefix("HTTP/1.1 502 "))
            }
        }
    }

    /// A client of HTTP/1.0 knows no chunks: only a reset tells it.
    @Test(arguments: Cut.allCases)
    func untilClose_cut_oldClientSeesAReset(cut: Cut) throws {
        try self.cutScene(cut) { sluice in
            let peer = try RawPeer(port: sluice.port)
            peer.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
            let (bytes, ending) = peer.readAll()
            if bytes.starts(with: "HTTP/1.1 200 ".utf8) || bytes.starts(with: "HTTP/1.0 200 ".utf8) {
                #expect(ending == .reset)
            } else {
                #expect(bytes.isEmpty || String(decoding: bytes, as: UTF8.self).contains(" 502 "))
            }
        }
    }

    /// The same for chunks that are taken apart for a client of HTTP/1.0. Seen before: it ended in order.
    @Test func chunked_cut_oldClientSeesAReset() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                _ = try connection.readRequest()
                try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
            }
            let sluice = try self.start(scene, worker)
            let peer = try RawPeer(port: sluice.port)
            peer.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
            let (bytes, ending) = peer.readAll()
            #expect(ending == .reset, "\(String(decoding: bytes, as: UTF8.self))")
        }
    }
}
