import Foundation
import Glibc
import TestKit
import Testing

/// HTTP/2 from clients that mean harm, are slow, or know no better.
@Suite(.onOwnThread) struct HTTP2LimitTests {
    typealias Kind = HTTP2Peer.Kind
    typealias Code = HTTP2Peer.Code

    // MARK: Malformed

    private static func plus(_ fields: (String, String)...) -> [(String, String)] {
        HTTP2Peer.pseudo("GET", "/") + fields
    }

    private static let resets: [[(String, String)]] = [
        plus(("X-Upper", "a")), plus(("connection", "close")), plus(("transfer-encoding", "chunked")),
        plus(("te", "gzip")), plus(("upgrade", "websocket")), plus(("x", "a\r\ny: b")), plus(("x", "a\0")),
        plus(("x y", "a")), plus(("x", "a"), (":path", "/b")), plus((":path", "/b")), plus((":what", "a")),
        HTTP2Peer.pseudo("GET", "relative"), Array(HTTP2Peer.pseudo("GET", "/").dropFirst()),
        plus(("content-length", "3")), plus(("content-length", "x")),
    ]

    private static let refusals: [(fields: [(String, String)], status: Int)] = [
        (plus(("host", "other.test")), 400), (HTTP2Peer.pseudo("GET", "/a#b"), 400),
        (HTTP2Peer.pseudo("GET", "/%5c"), 400), (HTTP2Peer.pseudo("GET", "/", authority: "a@b"), 400),
        (plus(("x", String(repeating: "y", count: 5_000))), 431),
        (HTTP2Peer.pseudo("GET", "/" + String(repeating: "p", count: 2_000)), 414),
    ]

    @Test func malformed_request_isRefused_andTheOthersAreServed() throws {
        let many = HTTP2Peer.pseudo("GET", "/") + (0..<40).map { ("x\($0)", "y") }
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            let limits = ["head_bytes": "4KiB", "target_bytes": "1KiB", "fields": "20"]
            let sluice = try scene.start(HTTP2Tests.configuration(worker, limits))
            let peer = try HTTP2Peer(port: sluice.port)
            var stream: UInt32 = 1
            for fields in Self.resets {
                peer.head(stream, fields)
                let answer = try peer.answer(stream)
                #expect(answer.reset == Code.protocolError && answer.status == 0, "\(fields)")
                stream += 2
            }
            for (fields, status) in Self.refusals + [(many, 431)] {
                peer.head(stream, fields)
                let answer = try peer.answer(stream)
                #expect(answer.status == status, "\(fields)")
                #expect(answer.field("sluice-error")?.hasPrefix("downstream; ") == true, "\(fields)")
                #expect(!answer.body.isEmpty && answer.isComplete, "\(fields)")
                stream += 2
                // The same as HEAD has no body.
                peer.head(stream, [(":method", "HEAD")] + fields.dropFirst())
                let head = try peer.answer(stream)
                #expect(head.status == status && head.body.isEmpty && head.isComplete, "HEAD \(fields)")
                stream += 2
            }
            #expect(worker.received.isEmpty)
            peer.request(stream, "GET", "/")
            #expect(try peer.answer(stream).status == 200)
            #expect(peer.goAways.isEmpty)
        }
    }

    /// Random damage to good frames: an answer or an end, never a hang or a crash.
    @Test(arguments: [5, 20_261_128] as [UInt64])
    func malformed_randomBytes_neverHarm(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let head = HTTP2Peer.block(HTTP2Peer.pseudo("POST", "/echo") + [("cookie", "a=b")])
        let good =
            Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + HTTP2Peer.frame(Kind.settings)
            + HTTP2Peer.frame(Kind.headers, flags: HTTP2Peer.Flag.endHeaders, stream: 1, payload: head)
            + HTTP2Peer.frame(Kind.data, stream: 1, payload: Array("hello".utf8))
            + HTTP2Peer.frame(Kind.ping, payload: [UInt8](repeating: 7, count: 8))
            + HTTP2Peer.frame(Kind.data, flags: HTTP2Peer.Flag.endStream, stream: 1)
        try Scene.play { scene in
            let limits = ["head_timeout": "100ms", "body_timeout": "100ms", "idle_timeout": "100ms"]
            let sluice = try scene.start(RequestTests.open(limits))
            for _ in 0..<150 {
                var bytes = good
                for _ in 0...Int.random(in: 0..<4, using: &random) {
                    let index = Int.random(in: 24..<bytes.count, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: bytes[index] = UInt8.random(in: 0 ... .max, using: &random)
                    case 1: bytes.remove(at: index)
                    default: bytes.insert(UInt8.random(in: 0 ... .max, using: &random), at: index)
                    }
                }
                let peer = try RawPeer(port: sluice.port)
                peer.send(bytes)
                peer.finishWriting()
                _ = peer.readToEnd()
            }
            try Patience.wait(for: "service") {
                (try? HTTPPeer(port: sluice.port).request("GET", "/").status) == 200
            }
            try sluice.waitUntilIdle()
        }
    }

    // MARK: Floods

    /// Sends pieces without reading until the gateway has had enough, or `most` were sent.
    private func flood(_ peer: HTTP2Peer, most: Int = 200_000, _ piece: (Int) -> [UInt8]) throws -> UInt32? {
        for number in 0..<most where !peer.peer.send(piece(number)) { break }
        return try peer.readToEnd()
    }

    private func expectEnd(
        _ kind: String,
        _ scene: Scene,
        _ sluice: SluiceProcess,
        _ flood: (HTTP2Peer) throws -> UInt32?
    ) throws {
        let other = try HTTP2Peer(port: sluice.port)
        let peer = try HTTP2Peer(port: sluice.port)
        let code = try flood(peer)
        // A client that floods while it is told may lose the word in the reset that follows.
        #expect(code == Code.enhanceYourCalm || code == nil, "\(kind): \(String(describing: code))")
        #expect(try sluice.metric("sluice_http2_excesses_total{kind=\"\(kind)\"}") == 1)
        other.request(1, "GET", "/")
        #expect(try other.answer(1).status == 200)
        try sluice.waitUntilIdle()
    }

    /// CVE-2023-44487: requests that are taken back at once.
    @Test func requestsTakenBack_withoutEnd_endTheConnection() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            let sluice = try scene.start(HTTP2Tests.configuration(worker))
            let block = HTTP2Peer.block(HTTP2Peer.pseudo("GET", "/"))
            let flags = HTTP2Peer.Flag.endHeaders | HTTP2Peer.Flag.endStream
            try self.expectEnd("resets", scene, sluice) { peer in
                try self.flood(peer) { number in
                    let stream = UInt32(1 + 2 * number)
                    return HTTP2Peer.frame(Kind.headers, flags: flags, stream: stream, payload: block)
                        + HTTP2Peer.frame(Kind.resetStream, stream: stream, payload: HTTP2Peer.bytes(Code.cancel))
                }
            }
            #expect(try sluice.metric("sluice_requests_total") < 1_000)
        }
    }

    /// The same, but for that the gateway is made to reset them: by a window that overflows.
    @Test func requestsThatBreakTheRules_withoutEnd_endTheConnection() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            let sluice = try scene.start(HTTP2Tests.configuration(worker))
            // So long that the gateway reads few at once: it counts resets when it has read, and frames before.
            let block = HTTP2Peer.block(HTTP2Peer.pseudo("GET", "/") + [("x", String(repeating: "y", count: 300))])
            let flags = HTTP2Peer.Flag.endHeaders
            try self.expectEnd("resets", scene, sluice) { peer in
                try self.flood(peer) { number in
                    let stream = UInt32(1 + 2 * number)
                    return HTTP2Peer.frame(Kind.headers, flags: flags, stream: stream, payload: block)
                        + HTTP2Peer.frame(
                            Kind.windowUpdate,
                            stream: stream,
                            payload: HTTP2Peer.bytes(UInt32(0x7FFF_FFFF))
                        )
                }
            }
        }
    }

    /// People leave pages while their pictures come: who was served as often may take as much back.
    @Test func requestsTakenBack_betweenServedOnes_areFine() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            let sluice = try scene.start(HTTP2Tests.configuration(worker))
            let peer = try HTTP2Peer(port: sluice.port)
            // More than at once, and no more than may be earned back in a second, however fast this is.
            let count = UInt32(350)
            for number in 0..<count {
                peer.request(1 + 4 * number, "GET", "/")
                #expect(try peer.answer(1 + 4 * number).status == 200)
                peer.request(3 + 4 * number, "GET", "/")
                peer.reset(3 + 4 * number)
            }
            try peer.synchronize()
            #expect(peer.goAways.isEmpty)
        }
    }

    @Test(arguments: ["ping", "settings", "window", "priority", "data", "unknown"])
    func framesWithoutContent_withoutEnd_endTheConnection(kind: String) throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            let sluice = try scene.start(HTTP2Tests.configuration(worker))
            try self.expectEnd("frames", scene, sluice) { peer in
                if kind == "data" { peer.request(1, "POST", "/", endsStream: false) }
                let frame =
                    switch kind {
                    case "ping": HTTP2Peer.frame(Kind.ping, payload: [UInt8](repeating: 1, count: 8))
                    case "settings": HTTP2Peer.frame(Kind.settings)
                    case "window": HTTP2Peer.frame(Kind.windowUpdate, payload: HTTP2Peer.bytes(UInt32(1)))
                    case "priority": HTTP2Peer.frame(Kind.priority, stream: 1, payload: [0, 0, 0, 0, 1])
                    case "data": HTTP2Peer.frame(Kind.data, stream: 1)
                    default: HTTP2Peer.frame(0xFA, payload: [1])
                    }
                return try self.flood(peer) { _ in frame }
            }
        }
    }

    @Test func headWithoutEnd_endsTheConnection() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            let sluice = try scene.start(HTTP2Tests.configuration(worker))
            try self.expectEnd("continuations", scene, sluice) { peer in
                peer.send(Kind.headers, stream: 1, payload: HTTP2Peer.block(HTTP2Peer.pseudo("GET", "/")))
                return try self.flood(peer) { number in
                    HTTP2Peer.frame(Kind.continuation, stream: 1, payload: HTTP2Peer.block([("x\(number)", "y")]))
                }
            }
            let heads = worker.receivedText.components(separatedBy: "GET / ")
            #expect(heads.count == 2, "but for the other client's")
        }
    }

    /// A few bytes that stand for a megabyte: an entry of the table of fields, named again and again.
    @Test func headThatUnfolds_endsTheConnection() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            let sluice = try scene.start(HTTP2Tests.configuration(worker))
            try self.expectEnd("heads", scene, sluice) { peer in
                let value = String(repeating: "v", count: 3_900)
                // With incremental indexing: it becomes number 62.
                let entry = [0x40] + HTTP2Peer.block([("x", value)]).dropFirst()
                let block =
                    HTTP2Peer.block(HTTP2Peer.pseudo("GET", "/")) + entry + [UInt8](repeating: 0x80 | 62, count: 1_000)
                peer.send(
                    Kind.headers,
                    flags: HTTP2Peer.Flag.endHeaders | HTTP2Peer.Flag.endStream,
                    stream: 1,
                    payload: block
                )
                return try peer.readToEnd()
            }
            let heads = worker.receivedText.components(separatedBy: "GET / ")
            #expect(heads.count == 2, "but for the other client's")
        }
    }

    @Test func moreStreamsThanAllowed_areNotServed() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { try $0.readToEnd() }
            let sluice = try scene.start(HTTP2Tests.configuration(worker, ["streams": "3"]))
            let peer = try HTTP2Peer(port: sluice.port)
            try peer.synchronize()
            for stream in [1, 3, 5] as [UInt32] { peer.request(stream, "GET", "/") }
            try sluice.waitUntilInFlight(3)
            peer.request(7, "GET", "/")
            #expect(try peer.readToEnd() == Code.protocolError)
            try sluice.waitUntilIdle()
            #expect(try sluice.metric("sluice_requests_total") == 3)
        }
    }

    // MARK: Flow control

    /// While no worker takes a body, the client's window stays shut: what waits is bounded by it.
    @Test func body_ofARequestThatWaits_opensNoWindow() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                while let request = try connection.readHead() {
                    if request.contains("/hold ") { _ = try connection.read(until: "go") }
                    if request.hasPrefix("POST"), try !connection.readChunks() { return }
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }
            var configuration = HTTP2Tests.configuration(worker, ["buffered_body_bytes": "0B"])
            configuration.pool.merge(["connections_per_worker": "1", "waiting_timeout": "60s"]) { $1 }
            let sluice = try scene.start(configuration)
            let holder = try HTTPPeer(port: sluice.port)
            holder.peer.send("PUT /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n")
            try sluice.waitUntilInFlight(1)
            let peer = try HTTP2Peer(port: sluice.port)
            peer.request(1, "POST", "/up", endsStream: false)
            let window = 65_535
            for start in stride(from: 0, to: window, by: 16_000) {
                peer.data(1, [UInt8](repeating: 0x61, count: min(16_000, window - start)))
            }
            try peer.synchronize()
            #expect(peer.opened[1] == nil)
            holder.peer.send("go")
            #expect(try holder.readAnswer().status == 200)
            while peer.opened[1] == nil { _ = try #require(try peer.readFrame()) }
            peer.data(1, Array("last".utf8), endsStream: true)
            #expect(try peer.answer(1).status == 200)
            #expect(worker.received.count(where: { $0 == 0x61 }) >= window)
            #expect(worker.receivedText.contains("last"))
        }
    }

    @Test func response_isSentAsTheWindowOpens() throws {
        try Scene.play { scene in
            let page = String(repeating: "p", count: 2_000_000)
            let worker = try scene.startWorker(RawWorker.answering(page))
            let sluice = try scene.start(HTTP2Tests.configuration(worker))
            let peer = try HTTP2Peer(port: sluice.port, settings: [(4, 1_000)])
            peer.opensWindows = false
            peer.request(1, "GET", "/")
            while peer.soFar(1).body.count < 1_000 { _ = try #require(try peer.readFrame()) }
            try peer.synchronize()
            #expect(peer.soFar(1).body.count == 1_000)
            // Beside it another one is served.
            peer.request(3, "HEAD", "/")
            #expect(try peer.answer(3).status == 200)
            peer.opensWindows = true
            for stream in [0, 1] as [UInt32] { peer.open(stream, by: 1_000) }
            #expect(try peer.answer(1).body.count == page.utf8.count)
        }
    }

    /// A body that is refused early does not have to be sent to its end.
    @Test func body_tooLarge_gets413AndIsNotWanted() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            let sluice = try scene.start(HTTP2Tests.configuration(worker, ["body_bytes": "1000B"]))
            let peer = try HTTP2Peer(port: sluice.port)
            peer.request(1, "POST", "/", endsStream: false)
            peer.data(1, [UInt8](repeating: 0x61, count: 1_001))
            #expect(try peer.answer(1).status == 413)
            while peer.soFar(1).reset == nil { _ = try #require(try peer.readFrame()) }
            #expect(peer.soFar(1).reset == Code.noError)
            peer.request(3, "POST", "/", [("content-length", "1001")], endsStream: false)
            #expect(try peer.answer(3).status == 413)
            peer.request(5, "POST", "/", endsStream: false)
            peer.data(5, [UInt8](repeating: 0x61, count: 1_000), endsStream: true)
            #expect(try peer.answer(5).status == 200)
        }
    }

    // MARK: Slow clients

    @Test func slowClients_areGivenUp() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering(String(repeating: "p", count: 100_000)))
            let limits = ["head_timeout": "300ms", "body_timeout": "300ms", "write_timeout": "300ms"]
            let sluice = try scene.start(HTTP2Tests.configuration(worker, limits))
            // A body that does not come.
            let body = try HTTP2Peer(port: sluice.port)
            body.request(1, "POST", "/", endsStream: false)
            #expect(try body.answer(1).status == 408)
            // A window that is never opened; the connection goes on.
            body.opensWindows = false
            body.request(3, "GET", "/")
            #expect(try body.answer(3).reset == Code.cancel)
            body.request(5, "HEAD", "/")
            #expect(try body.answer(5).status == 200)
            // A head that does not end, though other bytes of it come.
            let head = try HTTP2Peer(port: sluice.port)
            // Nothing else may come within it, such as the answer to the gateway's settings.
            try head.synchronize()
            head.send(Kind.headers, stream: 1, payload: HTTP2Peer.block(HTTP2Peer.pseudo("GET", "/")))
            var number = 0
            repeat {
                let block = HTTP2Peer.block([("x\(number)", "y")])
                guard head.send(Kind.continuation, stream: 1, payload: block) else { break }
                number += 1
            } while head.peer.isSilent(milliseconds: 100 * Int32(Patience.slowness))
            #expect(try head.readToEnd() == Code.enhanceYourCalm)
            // It was the time: there were not too many.
            #expect(try sluice.metric("sluice_http2_excesses_total{kind=\"continuations\"}") == 0)
        }
    }

    @Test func idleConnection_isToldAndClosed() throws {
        let idle = "\(300 * Patience.slowness)ms"
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            let sluice = try scene.start(HTTP2Tests.configuration(worker, ["idle_timeout": idle]))
            let peer = try HTTP2Peer(port: sluice.port)
            peer.request(1, "GET", "/")
            #expect(try peer.answer(1).status == 200)
            #expect(try peer.readToEnd() == Code.noError)
            #expect(peer.goAways.map(\.lastStream) == [1])
        }
    }

    /// The worker breaks off: what the client has is not the whole, and it sees that.
    @Test func response_cut_isReset() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                guard try connection.readRequest() != nil else { return }
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            }
            let sluice = try scene.start(HTTP2Tests.configuration(worker))
            let peer = try HTTP2Peer(port: sluice.port)
            peer.request(1, "GET", "/")
            let answer = try peer.answer(1)
            #expect(answer.status == 200 && !answer.isComplete && answer.reset != nil)
        }
    }
}
