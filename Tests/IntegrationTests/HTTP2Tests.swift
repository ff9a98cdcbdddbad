import Foundation
import Glibc
import TestKit
import Testing

/// Requests by HTTP/2, from a client's first frame to what the worker reads, and back.
@Suite(.onOwnThread) struct HTTP2Tests {
    static func configuration(_ worker: RawWorker, _ limits: [String: String] = [:]) -> Configuration {
        var configuration = RequestTests.open(limits)
        configuration.use([worker])
        return configuration
    }

    @Test func get_priorKnowledge_reachesTheWorkerAsHTTP1() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                while try connection.readRequest() != nil {
                    try connection.send("HTTP/1.1 200 Fine\r\nX-Shop: a\r\nConnection: x-hop\r\nX-Hop: b\r\n")
                    try connection.send("Set-Cookie: c=d\r\nContent-Length: 2\r\n\r\nok")
                }
            }
            var configuration = Self.configuration(worker)
            configuration.otherKeys = ["access_log: {path: access.log}"]
            let sluice = try scene.start(configuration)
            let peer = try HTTP2Peer(port: sluice.port)
            peer.request(1, "GET", "/a?b", [("cookie", "x=1"), ("cookie", "y=2"), ("te", "trailers")])
            let answer = try peer.answer(1)
            #expect(answer.status == 200 && answer.text == "ok" && answer.reset == nil)
            #expect(answer.field("x-shop") == "a" && answer.field("set-cookie") == "c=d")
            #expect(answer.field("content-length") == "2" && answer.field("via") == "1.1 sluice")
            for name in ["connection", "x-hop", "transfer-encoding", "keep-alive"] {
                #expect(answer.field(name) == nil)
            }
            #expect(answer.fields.allSatisfy { $0.name == $0.name.lowercased() })
            let request = worker.receivedText
            #expect(request.hasPrefix("GET /a?b HTTP/1.1\r\n"))
            for line in ["host: localhost", "cookie: x=1; y=2", "te: trailers", "via: 2.0 sluice"] {
                #expect(request.contains("\r\n\(line)\r\n"), "\(line): \(request)")
            }
            #expect(request.contains("X-Forwarded-For: 127.0.0.1\r\n"))
            let log = "\(scene.folder)/access.log"
            try Patience.wait(for: "a line") { RunningProcess.text(log).contains("\n") }
            #expect(RunningProcess.text(log).contains("\"version\":\"HTTP/2.0\""))
            #expect(try sluice.metric("sluice_http2_connections_total") == 1)
        }
    }

    /// A response that takes long is in nobody's way.
    @Test func requests_ofOneConnection_areServedSideBySide() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                while let request = try connection.readRequest() {
                    if request.contains("/slow ") { _ = try connection.read(until: "never") }
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }
            let sluice = try scene.start(Self.configuration(worker))
            let peer = try HTTP2Peer(port: sluice.port)
            peer.request(1, "GET", "/slow")
            try sluice.waitUntilInFlight(1)
            for index in 0..<200 as Range<UInt32> {
                peer.request(3 + 2 * index, "GET", "/\(index)")
                #expect(try peer.answer(3 + 2 * index).status == 200)
            }
            #expect(peer.soFar(1).status == 0)
            // Taken back, and given up at the worker.
            peer.reset(1)
            try sluice.waitUntilIdle()
            #expect(try sluice.metric("sluice_connections_accepted_total") == 1)
        }
    }

    @Test func bodyAndTrailers_passBothWays() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                guard try connection.readHead() != nil, try connection.readChunks() else { return }
                try connection.send(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n"
                )
                try connection.send("5\r\nhello\r\n0\r\ngrpc-status: 5\r\nx-secret: 1\r\ngrpc-message: none\r\n\r\n")
            }
            let sluice = try scene.start(Self.configuration(worker))
            let peer = try HTTP2Peer(port: sluice.port)
            let fields = [("content-type", "application/grpc"), ("te", "trailers"), ("grpc-timeout", "1S")]
            peer.request(1, "POST", "/shop.Tickets/Buy", fields, endsStream: false)
            peer.data(1, Array("abc".utf8))
            peer.data(1, Array("def".utf8))
            peer.head(1, [("grpc-status", "0"), ("x-admin", "1")])
            let answer = try peer.answer(1)
            #expect(answer.status == 200 && answer.text == "hello" && answer.reset == nil)
            #expect(answer.trailer("grpc-status") == "5" && answer.trailer("grpc-message") == "none")
            #expect(answer.trailer("x-secret") == nil)
            let request = worker.receivedText
            for line in ["te: trailers", "grpc-timeout: 1S", "transfer-encoding: chunked"] {
                #expect(request.contains("\r\n\(line)\r\n"), "\(line)")
            }
            #expect(request.hasSuffix("0\r\ngrpc-status: 0\r\n\r\n"))
        }
    }

    @Test func responsesWithoutBody_endWithTheirHead() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                while let request = try connection.readRequest() {
                    let path = request.split(separator: " ")[1]
                    switch path {
                    case "/early":
                        try connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
                        try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    case "/head": try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n")
                    default: try connection.send("HTTP/1.1 \(path.dropFirst()) X\r\nETag: \"e\"\r\n\r\n")
                    }
                }
            }
            let sluice = try scene.start(Self.configuration(worker))
            let peer = try HTTP2Peer(port: sluice.port)
            peer.request(1, "HEAD", "/head")
            let head = try peer.answer(1)
            #expect(head.status == 200 && head.field("content-length") == "77" && head.body.isEmpty)
            for (stream, status) in [(3, 204), (5, 304)] as [(UInt32, Int)] {
                peer.request(stream, "GET", "/\(status)")
                let answer = try peer.answer(stream)
                #expect(answer.status == status && answer.body.isEmpty && answer.field("etag") == "\"e\"")
            }
            peer.request(7, "GET", "/early")
            let early = try peer.answer(7)
            #expect(early.interim == [103] && early.status == 200)
        }
    }

    @Test func body_isAskedFor_withA100() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                guard try connection.readHead() != nil else { return }
                try connection.send("HTTP/1.1 100 Continue\r\n\r\n")
                guard try connection.read(until: "body") else { return }
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
            let sluice = try scene.start(Self.configuration(worker))
            let peer = try HTTP2Peer(port: sluice.port)
            peer.request(1, "PUT", "/", [("expect", "100-continue"), ("content-length", "4")], endsStream: false)
            while peer.soFar(1).interim.isEmpty { _ = try #require(try peer.readFrame()) }
            #expect(peer.soFar(1).interim == [100])
            peer.data(1, Array("body".utf8), endsStream: true)
            #expect(try peer.answer(1).status == 200)
        }
    }

    /// A room's cookies, and its page, as by HTTP/1.
    @Test func visitors_waitAndAreLetIn() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.room = ["slots": "1", "inflow": "1000/s", "burst": "1"]
            let sluice = try scene.start(configuration)
            let peer = try HTTP2Peer(port: sluice.port)
            peer.request(1, "GET", "/")
            let inside = try peer.answer(1)
            #expect(inside.field("sluice-state") == "admitted")
            let cookies = inside.fields.filter { $0.name == "set-cookie" }.compactMap {
                $0.value.split(separator: ";").first
            }
            #expect(cookies.count == 2)
            peer.request(3, "GET", "/")
            let waiting = try peer.answer(3)
            #expect(waiting.status == 200 && waiting.field("sluice-state") != "admitted" && !waiting.body.isEmpty)
            peer.request(5, "GET", "/", cookies.map { ("cookie", String($0)) })
            #expect(try peer.answer(5).field("sluice-state") == "admitted")
        }
    }

    // MARK: TLS

    @Test func tls_agreesOnHTTP2_unlessItIsSwitchedOff() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.room = nil
            configuration.listeners = [("127.0.0.1:0", "self_signed"), ("127.0.0.1:0\n    http2: false", nil)]
            let sluice = try scene.start(configuration)
            func version(_ words: [String]) throws -> String {
                let format = ["-sk", "-o", "/dev/null", "-w", "%{http_version} %{http_code}"]
                return try scene.run("curl", format + words).output
            }
            let url = "https://127.0.0.1:\(sluice.port)/"
            #expect(try version([url]) == "2 200")
            #expect(try version(["--tlsv1.2", "--tls-max", "1.2", url]) == "2 200")
            #expect(try version(["--http1.1", url]) == "1.1 200")
            #expect(try version(["--no-alpn", url]) == "1.1 200")
            configuration.listeners[0].tls = "self_signed\n    http2: false"
            try scene.reload(sluice, with: configuration.text)
            try Patience.wait(for: "HTTP/1 alone") { try version([url]) == "1.1 200" }
            // Where it is switched off, a request line of HTTP/2 is no request.
            let plain = try HTTPPeer(port: sluice.ports[1])
            plain.peer.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            #expect(try plain.readAnswer().status == 505)
            configuration.listeners[1].address = "127.0.0.1:0"
            try scene.reload(sluice, with: configuration.text)
            let plainURL = "http://127.0.0.1:\(sluice.ports[1])/"
            try Patience.wait(for: "HTTP/2") { try version(["--http2-prior-knowledge", plainURL]) == "2 200" }
            #expect(try version(["--http2", plainURL]) == "1.1 200", "an upgrade of a request is not taken")
        }
    }

    /// How it is understood in pieces is shown where the pieces are certain: in virtual time.
    @Test func preface_inTheMiddle_orHalf_isRefused() throws {
        try Scene.play { scene in
            let sluice = try scene.start(RequestTests.open())
            let peer = try HTTPPeer(port: sluice.port)
            #expect(try peer.request("GET", "/").status == 200)
            peer.peer.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            #expect(try peer.readAnswer().status == 505)
            // A beginning that goes on as something else.
            let other = try RawPeer(port: sluice.port)
            other.send("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")
            let said = other.readToEnd() ?? []
            #expect(!String(decoding: said, as: UTF8.self).contains("HTTP/1"))
        }
    }

    // MARK: Ends

    @Test func end_requestUnderWay_isServed_andTheLastOneNamed() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                while let request = try connection.readRequest() {
                    if request.contains("/hold ") {
                        try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha")
                        _ = try connection.read(until: "never")
                    }
                }
            }
            let sluice = try scene.start(Self.configuration(worker))
            let peer = try HTTP2Peer(port: sluice.port)
            let idle = try HTTP2Peer(port: sluice.port)
            try idle.synchronize()
            peer.request(1, "GET", "/hold")
            try sluice.waitUntilInFlight(1)
            sluice.mayEnd = true
            sluice.process.signal(SIGTERM)
            while peer.goAways.count < 2 { _ = try #require(try peer.readFrame()) }
            #expect(peer.goAways.map(\.lastStream) == [0x7FFF_FFFF, 1])
            #expect(peer.goAways.map(\.code) == [HTTP2Peer.Code.noError, HTTP2Peer.Code.noError])
            #expect(try idle.readToEnd() == HTTP2Peer.Code.noError)
            #expect(idle.goAways.map(\.lastStream) == [0x7FFF_FFFF, 0])
            let held = worker.connections.first { String(decoding: $0.received, as: UTF8.self).contains("/hold ") }
            try #require(held).send("ha")
            let answer = try peer.answer(1)
            #expect(answer.text == "haha" && answer.reset == nil)
            #expect(try peer.readFrame() == nil)
            #expect(try sluice.process.waitForEnd() == .exited(0))
        }
    }
}
