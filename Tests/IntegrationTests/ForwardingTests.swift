import Foundation
import Testing
import TestKit

/// Requests and answers on their way through the gateway.
@Suite(.onOwnThread) struct ForwardingTests {
    private func start(
        _ scene: Scene,
        worker: RawWorker? = nil,
        limits: [String: String] = [:],
        pool: [String: String] = [:]
    ) throws -> SluiceProcess {
        var configuration = RequestTests.open(limits)
        if let worker { configuration.use([worker]) }
        configuration.pool.merge(pool) { $1 }
        return try scene.start(configuration)
    }

    /// However long a test keeps a client from reading, nobody gives that client up.
    private static let patient = ["min_rate": "0B/s", "write_timeout": "10m"]

    /// What `/bytes` of the sample worker is documented to answer.
    private static func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &+ $0 >> 8) }
    }

    // MARK: Bodies

    @Test(arguments: [11, 77] as [UInt64])
    func bodies_randomSizesAndPieces_arriveUnchangedBothWays(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        try Scene.play { scene in
            let sluice = try self.start(scene)
            let peer = try HTTPPeer(port: sluice.port)
            for round in 0..<25 {
                let size = [0, 1, 100, 5_000, 70_000, 400_000].randomElement(using: &random)!
                let body = (0..<size).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
                if Bool.random(using: &random) {
                    try peer.send("POST", "/echo", body: body)
                } else {
                    peer.peer.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                    var rest = body[...]
                    while !rest.isEmpty {
                        let piece = rest.prefix(Int.random(in: 1...40_000, using: &random))
                        rest = rest.dropFirst(piece.count)
                        peer.peer.send(Array("\(String(piece.count, radix: 16));x=y\r\n".utf8) + piece + [13, 10])
                    }
                    peer.peer.send("0\r\nTrailer: t\r\n\r\n")
                }
                #expect(try peer.readAnswer().body == body, "seed \(seed), round \(round), \(size) bytes")
                let wanted = Int.random(in: 0...300_000, using: &random)
                let query = Bool.random(using: &random) ? "&chunked" : ""
                let answer = try peer.request("GET", "/bytes?n=\(wanted)\(query)")
                #expect(answer.body == Self.bytes(wanted), "seed \(seed), round \(round), \(wanted) bytes \(query)")
            }
        }
    }

    /// curl asks for permission by itself before it sends a megabyte.
    @Test func expect_curlUploadsAMegabyte_isToldToContinue() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene)
            let (sent, received) = ("\(scene.folder)/sent", "\(scene.folder)/received")
            let bytes = Data(Self.bytes(1_500_000))
            try bytes.write(to: URL(fileURLWithPath: sent))
            let page = try scene.run(
                "curl",
                [
                    "-sv", "--expect100-timeout", "30", "--data-binary", "@\(sent)", "-o", received,
                    "http://127.0.0.1:\(sluice.port)/echo",
                ]
            )
            #expect(page.end == .exited(0))
            #expect(page.errors.contains("Expect: 100-continue") && page.errors.contains("HTTP/1.1 100 Continue"))
            #expect(RunningProcess.bytes(received).elementsEqual(bytes))
        }
    }

    /// A refused upload is refused before it is sent.
    @Test func expect_bodyTooLarge_isRefusedWithoutAskingForIt() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene, limits: ["body_bytes": "1KiB"])
            let peer = try HTTPPeer(port: sluice.port)
            peer.peer.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n")
            let answer = try peer.readAnswer()
            #expect(answer.status == 413)
            #expect(answer.interimCount == 0)
        }
    }

    @Test func responses_ofAnyFraming_keepTheConnectionOpen() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                while let request = try connection.readRequest() {
                    if request.hasPrefix("GET /empty ") { try connection.send("HTTP/1.1 204 No Content\r\n\r\n") }
                    if request.hasPrefix("GET /same ") {
                        try connection.send("HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n")
                    }
                    if request.hasPrefix("GET /early ") {
                        try connection.send(
                            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                        )
                    }
                    if request.hasPrefix("GET /endless ") {
                        return try connection.send("HTTP/1.1 200 OK\r\n\r\nto the end")
                    }
                }
            }
            let sluice = try self.start(scene, worker: worker)
            let peer = try HTTPPeer(port: sluice.port)
            #expect(try peer.request("GET", "/empty").status == 204)
            #expect(try peer.request("GET", "/same").field("etag") == "x")
            #expect(try peer.request("GET", "/early").text == "ok")
            let endless = try peer.request("GET", "/endless")
            #expect(endless.text == "to the end")
            // Re-framed, so that a cut one can be told from a whole one, and the connection serves on.
            #expect(endless.field("transfer-encoding") == "chunked" && endless.field("connection") == nil)
            #expect(try peer.request("GET", "/empty").status == 204)
        }
    }

    // MARK: Fields

    @Test func fields_hopByHopAndOwn_stayBetweenTheirTwoEnds() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                while try connection.readRequest() != nil {
                    try connection.send(
                        "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
                            + "X-End: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n"
                    )
                }
            }
            let sluice = try self.start(scene, worker: worker)
            let answer = try HTTPPeer(port: sluice.port).request(
                "GET",
                "/p?q=%20",
                [
                    ("Connection", "keep-alive, X-Mine"), ("X-Mine", "secret"), ("X-Forwarded-For", "6.6.6.6"),
                    ("Upgrade", "websocket"), ("X-Other", "kept"), ("Cookie", "a=b; sluice-pass-sale=x; c=d"),
                ]
            )
            let request = worker.receivedText.lowercased()
            #expect(request.hasPrefix("get /p?q=%20 http/1.1\r\n"))
            #expect(request.contains("\r\nhost: localhost\r\n"))
            #expect(request.contains("\r\nx-forwarded-for: 127.0.0.1\r\n"))
            #expect(request.contains("\r\nx-forwarded-proto: http\r\n"))
            #expect(request.contains("\r\nx-other: kept\r\n"))
            #expect(request.contains("a=b") && request.contains("c=d"))
            for word in ["secret", "6.6.6.6", "websocket", "sluice-pass"] {
                #expect(!request.contains(word), "\(word)")
            }
            #expect(answer.field("x-hop") == nil && answer.field("keep-alive") == nil)
            #expect(answer.field("x-end") == "2")
            #expect(answer.cookies == ["a=1", "b=2"])
        }
    }

    // MARK: Connections

    @Test func pipelining_requestsInOneWrite_areAnsweredInOrder() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene)
            let peer = try HTTPPeer(port: sluice.port)
            var text = ""
            for size in 1...20 {
                text += "GET /bytes?n=\(size) HTTP/1.1\r\nHost: a\r\n\r\n"
                text += "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n\(100 + size)"
            }
            peer.peer.send(text)
            for size in 1...20 {
                #expect(try peer.readAnswer().body == Self.bytes(size))
                #expect(try peer.readAnswer().text == "\(100 + size)")
            }
        }
    }

    @Test func keepAlive_requestsOneAfterTheOther_useOneConnectionToTheWorker() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            let sluice = try self.start(scene, worker: worker)
            let peer = try HTTPPeer(port: sluice.port)
            for _ in 0..<50 { #expect(try peer.request("GET", "/").text == "ok") }
            for _ in 0..<10 { #expect(try HTTPPeer(port: sluice.port).request("GET", "/").text == "ok") }
            #expect(worker.connectionCount == 1)
        }
    }

    @Test func halfClose_afterTheRequest_stillGetsTheAnswer() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene)
            for path in ["/", "/bytes?n=2000000", "/bytes?n=300000&chunked"] {
                let peer = try RawPeer(port: sluice.port)
                peer.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                peer.finishWriting()
                let all = try #require(peer.readToEnd())
                #expect(all.starts(with: "HTTP/1.1 200 OK\r\n".utf8))
                if path.hasSuffix("2000000") { #expect(all.count > 2_000_000) }
            }
            // Several at once, the last of them unfinished business of the worker.
            let peer = try RawPeer(port: sluice.port)
            let request = "GET /bytes?n=10 HTTP/1.1\r\nHost: a\r\n\r\n"
            peer.send(request + request + request)
            peer.finishWriting()
            let text = String(decoding: try #require(peer.readToEnd()), as: UTF8.self)
            #expect(text.components(separatedBy: "HTTP/1.1 200 OK").count == 4)
        }
    }

    /// The answer has left the worker, but not yet the gateway, when the client says that it has nothing more to ask.
    @Test func halfClose_whileTheAnswerIsPending_getsAllOfIt() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene)
            let peer = try RawPeer(port: sluice.port)
            let count = 12_000_000
            peer.send("GET /bytes?n=\(count) HTTP/1.1\r\nHost: a\r\n\r\n")
            var received = 0
            // So much is read that the worker is through, and no more: the rest waits in the gateway.
            try Patience.wait(for: "the worker to be through") {
                received += peer.read(count: 50_000)?.count ?? 0
                return try sluice.metric("sluice_pool_in_flight{pool=\"workers\"}") == 0
            }
            peer.finishWriting()
            received += try #require(peer.readToEnd()).count
            #expect(received > count)
        }
    }

    @Test func earlyClose_clientLeaves_workerIsLetGo() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                _ = try connection.readRequest()
                try connection.readToEnd()
            }
            let sluice = try self.start(scene, worker: worker)
            var peer: HTTPPeer? = try HTTPPeer(port: sluice.port)
            try peer?.send("GET", "/slow")
            try Patience.wait(for: "the request at the worker") { worker.receivedText.contains("/slow") }
            peer?.peer.reset()
            peer = nil
            try Patience.wait(for: "the end at the worker") { worker.connections.allSatisfy(\.isEnded) }
            #expect(try sluice.metric("sluice_pool_in_flight{pool=\"workers\"}") == 0)
            #expect(try sluice.metric("sluice_connections_open") == 0)
        }
    }

    /// A client that takes nothing slows the worker down; the gateway keeps no more than its marks.
    @Test func backPressure_clientDoesNotRead_memoryStaysBounded() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene, limits: Self.patient)
            let before = sluice.memoryBytes
            let count = 200_000_000
            let peers = try (0..<4).map { _ in
                let peer = try RawPeer(port: sluice.port)
                peer.send("GET /bytes?n=\(count) HTTP/1.1\r\nHost: a\r\n\r\n")
                return peer
            }
            try Patience.wait(for: "the requests to be under way") {
                try sluice.metric("sluice_pool_in_flight{pool=\"workers\"}") == 4
            }
            // Other clients go on; their turns are the time in which the flood would grow.
            for _ in 0..<300 { #expect(try HTTPPeer(port: sluice.port).request("GET", "/bytes?n=100").status == 200) }
            #expect(sluice.memoryBytes - before < 32_000_000 * Int(Patience.slowness))
            #expect(peers[0].read(count: 3_000_000)?.count == 3_000_000, "it goes on when the client reads")
        }
    }

    /// A slow client is no fault of the worker's: neither's time runs while the other one is waited for.
    @Test func backPressure_clientPausesLongerThanTheWorkerMay_stillGetsAll() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene, limits: Self.patient, pool: ["response_timeout": "10s"])
            let peer = try RawPeer(port: sluice.port)
            let count = 30_000_000
            peer.send("GET /bytes?n=\(count) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            try Patience.pass(milliseconds: 12_000)
            #expect((peer.readToEnd()?.count ?? 0) > count)
        }
    }

    @Test func backPressure_clientTakesNothing_isGivenUp() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene, limits: ["write_timeout": "300ms"])
            let peer = try RawPeer(port: sluice.port)
            peer.send("GET /bytes?n=100000000 HTTP/1.1\r\nHost: a\r\n\r\n")
            try Patience.wait(for: "the gateway's patience to end") {
                try sluice.metric("sluice_requests_total") == 1 && sluice.metric("sluice_connections_open") == 0
            }
            #expect(try sluice.metric("sluice_pool_in_flight{pool=\"workers\"}") == 0)
        }
    }

    /// The end of an answer that the worker has long finished is the client's to take, in its own time.
    @Test func backPressure_clientReadsSlowly_isNotGivenUpWhileItReads() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene, limits: ["write_timeout": "6s", "idle_timeout": "6s"])
            let peer = try RawPeer(port: sluice.port)
            let count = 12_000_000
            peer.send("GET /bytes?n=\(count) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            var received = 0
            let pieces = 60
            for _ in 0..<pieces {
                received += peer.read(count: count / pieces)?.count ?? 0
                try Patience.pass(milliseconds: 150)
            }
            received += peer.readToEnd()?.count ?? 0
            #expect(received > count)
        }
    }

    @Test func backPressure_clientPipelinesAndDoesNotRead_workerIsAskedNoFurther() throws {
        try Scene.play { scene in
            let (count, size) = (5_000, 20_000)
            let worker = try scene.startWorker(RawWorker.answering(String(repeating: "y", count: size)))
            let sluice = try self.start(scene, worker: worker, limits: Self.patient)
            let before = sluice.memoryBytes
            let peer = try RawPeer(port: sluice.port)
            #expect(peer.send(String(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: count)))
            peer.finishWriting()
            try sluice.waitForStandstill(of: "sluice_requests_total")
            #expect(try sluice.metric("sluice_requests_total") < Double(count / 2))
            #expect(sluice.memoryBytes - before < 16_000_000 * Int(Patience.slowness))
            #expect((peer.readToEnd()?.count ?? 0) > count * size, "and in the end every one of them is answered")
        }
    }

    @Test func backPressure_workerDoesNotRead_memoryStaysBounded() throws {
        try Scene.play { scene in
            let gate = DispatchSemaphore(value: 0)
            let worker = try scene.startWorker { connection in
                gate.wait()
                while let request = try connection.readRequest() {
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    if request.isEmpty { return }
                }
            }
            defer { gate.signal() }
            let sluice = try self.start(scene, worker: worker, limits: ["body_bytes": "1GiB", "body_timeout": "60s"])
            let before = sluice.memoryBytes
            let peer = try RawPeer(port: sluice.port)
            _ = fcntl(peer.fd, F_SETFL, O_NONBLOCK)
            peer.send("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 500000000\r\n\r\n")
            let piece = [UInt8](repeating: 0x62, count: 100_000)
            // Full: the socket takes nothing more for a quarter of a second.
            try Patience.wait(for: "the connection to be full") {
                while peer.send(piece) {}
                var entry = pollfd(fd: peer.fd, events: Int16(POLLOUT), revents: 0)
                return poll(&entry, 1, 250) == 0
            }
            #expect(sluice.memoryBytes - before < 16_000_000 * Int(Patience.slowness))
        }
    }

    // MARK: Old clients

    @Test func http10_withoutKeepAlive_isAnsweredAndClosed() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene)
            let peer = try HTTPPeer(port: sluice.port)
            peer.peer.send("GET /bytes?n=1000&chunked HTTP/1.0\r\n\r\n")
            let answer = try peer.readAnswer()
            #expect(answer.field("transfer-encoding") == nil)
            #expect(answer.body == Self.bytes(1_000))
            #expect(peer.isEnded())
        }
    }

    @Test func http10_withKeepAlive_goesOn() throws {
        try Scene.play { scene in
            let sluice = try self.start(scene)
            let peer = try HTTPPeer(port: sluice.port)
            for size in [10, 20] {
                peer.peer.send("GET /bytes?n=\(size) HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
                let answer = try peer.readAnswer()
                #expect(answer.field("connection")?.lowercased() == "keep-alive")
                #expect(answer.body == Self.bytes(size))
            }
            // Chunks are not for this client: what has no length ends with the connection.
            peer.peer.send("GET /bytes?n=70000&chunked HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
            let answer = try peer.readAnswer()
            #expect(answer.field("connection") == "close")
            #expect(answer.body == Self.bytes(70_000))
            #expect(peer.isEnded())
        }
    }
}
