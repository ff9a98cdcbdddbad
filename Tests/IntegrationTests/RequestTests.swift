import Foundation
import Testing
import TestKit

/// What clients send, well and badly: no room is in the way.
@Suite(.onOwnThread) struct RequestTests {
    static func open(_ limits: [String: String] = [:]) -> Configuration {
        var configuration = Configuration()
        configuration.room = nil
        configuration.limits = limits
        return configuration
    }

    // MARK: Bad requests

    @Test func malformed_anyKind_getsItsStatusAndTheEnd() throws {
        let cases: [(request: String, status: Int)] = [
            ("GET / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\nHost: a\n\n", 400),
            ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nx: \u{1}\r\n\r\n", 400),
            ("GET relative HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
            ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
            ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", 400),
            ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
            ("\u{16}\u{3}\u{1}\u{2}", 400),
        ]
        try Scene.play { scene in
            let sluice = try scene.start(Self.open())
            for (request, status) in cases {
                let peer = try HTTPPeer(port: sluice.port)
                peer.peer.send(request)
                let answer = try peer.readAnswer()
                #expect(answer.status == status, "\(request.debugDescription)")
                #expect(answer.field("sluice-error")?.hasPrefix("downstream; ") == true)
                #expect(answer.field("connection") == "close")
                #expect(peer.isEnded(), "\(request.debugDescription)")
            }
            let metrics = try sluice.metrics()
            #expect(metrics["sluice_gateway_errors_total{cause=\"bad-request\"}"] == Double(cases.count - 1))
            #expect(metrics["sluice_gateway_errors_total{cause=\"not-implemented\"}"] == 1)
            #expect(try HTTPPeer(port: sluice.port).request("GET", "/").status == 200)
        }
    }

    /// Random damage to a good request: an answer or a close, never a hang or a crash.
    @Test(arguments: [3, 20_261_123] as [UInt64])
    func malformed_randomBytes_neverHarms(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let good = Array(
            "POST /echo?x=1 HTTP/1.1\r\nHost: a\r\nCookie: a=b; c=d\r\nContent-Length: 5\r\n\r\nhello".utf8
        )
        try Scene.play { scene in
            let sluice = try scene.start(
                Self.open(["head_timeout": "100ms", "body_timeout": "100ms", "idle_timeout": "100ms"])
            )
            for _ in 0..<150 {
                var bytes = good
                for _ in 0...Int.random(in: 0..<4, using: &random) {
                    let index = Int.random(in: bytes.indices, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: bytes[index] = UInt8.random(in: 0 ... .max, using: &random)
                    case 1: bytes.remove(at: index)
                    default: bytes.insert(UInt8.random(in: 0 ... .max, using: &random), at: index)
                    }
                }
                let peer = try RawPeer(port: sluice.port)
                peer.send(bytes)
                peer.finishWriting()
                let answer = peer.readToEnd() ?? []
                let text = String(decoding: answer.prefix(9), as: UTF8.self)
                #expect(answer.isEmpty || text == "HTTP/1.1 ", "seed \(seed): \(bytes)")
            }
            // Whoever is kept from asking for a tenth of a second has run into these very limits.
            try Patience.wait(for: "service") {
                (try? HTTPPeer(port: sluice.port).request("GET", "/").status) == 200
            }
        }
    }

    // MARK: Too large

    @Test func head_tooLarge_gets431Or414() throws {
        try Scene.play { scene in
            let sluice = try scene.start(Self.open(["head_bytes": "4KiB", "target_bytes": "1KiB", "fields": "20"]))
            let requests: [(path: String, fields: [(String, String)], status: Int)] = [
                ("/", [("X", String(repeating: "x", count: 5_000))], 431),
                ("/", (0..<30).map { ("X\($0)", "y") }, 431),
                ("/" + String(repeating: "p", count: 2_000), [], 414),
                ("/" + String(repeating: "p", count: 900), [], 200),
            ]
            for (path, fields, status) in requests {
                let peer = try HTTPPeer(port: sluice.port)
                let answer = try peer.request("GET", path, fields)
                #expect(answer.status == status, "\(path.count) \(fields.count)")
                if status != 200 { #expect(peer.isEnded()) }
            }
        }
    }

    @Test func body_declaredTooLarge_gets413AndNothingReachesTheWorker() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            var configuration = Self.open(["body_bytes": "1000B"])
            configuration.use([worker])
            let sluice = try scene.start(configuration)
            let body = [UInt8](repeating: 0x61, count: 1_001)
            let answer = try HTTPPeer(port: sluice.port).request("POST", "/up", body: body)
            #expect(answer.status == 413)
            #expect(worker.received.isEmpty)
            #expect(try HTTPPeer(port: sluice.port).request("POST", "/up", body: Array(body.dropLast())).status == 200)
        }
    }

    @Test func body_chunkedTooLarge_gets413AndTheWorkerNeverGetsItsEnd() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { try $0.readToEnd() }
            var configuration = Self.open(["body_bytes": "1000B", "buffered_body_bytes": "0B"])
            configuration.use([worker])
            let sluice = try scene.start(configuration)
            let peer = try HTTPPeer(port: sluice.port)
            peer.peer.send("POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            let chunk = "190\r\n" + String(repeating: "z", count: 400) + "\r\n"
            peer.peer.send(chunk + chunk)
            try Patience.wait(for: "the first chunks at the worker") { worker.receivedText.contains("zzz") }
            peer.peer.send(chunk + "0\r\n\r\n")
            #expect(try peer.readAnswer().status == 413)
            #expect(peer.isEnded())
            #expect(!worker.receivedText.contains("0\r\n\r\n"))
            #expect(worker.received.filter { $0 == 0x7A }.count <= 1_000)
        }
    }

    // MARK: Too slow

    @Test func head_tooSlow_gets408() throws {
        try Scene.play { scene in
            let sluice = try scene.start(Self.open(["head_timeout": "300ms"]))
            let peer = try HTTPPeer(port: sluice.port)
            peer.peer.send("GET / HTTP/1.1\r\nHo")
            #expect(try peer.readAnswer().status == 408)
            #expect(peer.isEnded())
            #expect(try sluice.metric("sluice_gateway_errors_total{cause=\"request-timeout\"}") == 1)
        }
    }

    /// The head as a whole has its time, however busily its bytes trickle in.
    @Test func head_trickles_gets408() throws {
        try Scene.play { scene in
            let sluice = try scene.start(Self.open(["head_timeout": "400ms"]))
            let peer = try HTTPPeer(port: sluice.port)
            peer.peer.send("GET / HTTP/1.1\r\nX: ")
            try Patience.wait(for: "the gateway's patience to end") {
                peer.peer.send("x")
                return peer.hasInput
            }
            #expect(try peer.readAnswer().status == 408)
        }
    }

    @Test func body_tooSlow_gets408AndTheWorkerNeverGetsItsEnd() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { try $0.readToEnd() }
            var configuration = Self.open(["body_timeout": "5s", "buffered_body_bytes": "0B"])
            configuration.use([worker])
            let sluice = try scene.start(configuration)
            let peer = try HTTPPeer(port: sluice.port)
            peer.peer.send("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
            #expect(try peer.readAnswer().status == 408)
            #expect(peer.isEnded())
            try Patience.wait(for: "the end at the worker") { worker.connections.allSatisfy(\.isEnded) }
            #expect(worker.receivedText.hasSuffix("half"))
        }
    }

    /// An upload may last longer than the worker has for its answer: that time begins when the request is complete.
    @Test func body_slowButSteady_isNotTheWorkersFault() throws {
        try Scene.play { scene in
            var configuration = Self.open()
            configuration.pool["response_timeout"] = "8s"
            let sluice = try scene.start(configuration)
            let peer = try HTTPPeer(port: sluice.port)
            peer.peer.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            let start = Patience.nowMilliseconds
            var sent = 0
            try Patience.wait(for: "an upload that takes longer than that") {
                peer.peer.send("1\r\nx\r\n")
                sent += 1
                return Patience.nowMilliseconds - start > 10_000
            }
            peer.peer.send("0\r\n\r\n")
            let answer = try peer.readAnswer()
            #expect(answer.status == 200)
            #expect(answer.body.count == sent)
        }
    }

    @Test func connection_idle_isClosed() throws {
        try Scene.play { scene in
            let sluice = try scene.start(Self.open(["idle_timeout": "5s"]))
            let peer = try HTTPPeer(port: sluice.port)
            #expect(try peer.request("GET", "/").status == 200)
            #expect(peer.isEnded())
            #expect(try HTTPPeer(port: sluice.port).isEnded(), "a connection without any request stays open")
        }
    }

    @Test func connections_allBusy_oneMoreIsClosedAtOnce() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { try $0.readToEnd() }
            var configuration = Self.open(["connections": "16"])
            configuration.use([worker])
            let sluice = try scene.start(configuration)
            let busy = try (0..<16).map { _ in
                let peer = try HTTPPeer(port: sluice.port)
                try peer.send("GET", "/never")
                return peer
            }
            try Patience.wait(for: "all to be busy") {
                try sluice.metric("sluice_pool_in_flight{pool=\"workers\"}") == 16
            }
            #expect(try HTTPPeer(port: sluice.port).isEnded())
            #expect(try sluice.metric("sluice_connections_refused_total") == 1)
            withExtendedLifetime(busy) {}
        }
    }

    @Test func connections_someIdle_makeRoomForOneMore() throws {
        try Scene.play { scene in
            let sluice = try scene.start(Self.open(["connections": "16"]))
            let idle = try (0..<16).map { _ in
                let peer = try HTTPPeer(port: sluice.port)
                #expect(try peer.request("GET", "/").status == 200)
                return peer
            }
            for _ in 0..<5 { #expect(try HTTPPeer(port: sluice.port).request("GET", "/").status == 200) }
            #expect(try sluice.metric("sluice_connections_refused_total") == 0)
            #expect(try sluice.metric("sluice_connections_evicted_total") >= 1)
            withExtendedLifetime(idle) {}
        }
    }
}
