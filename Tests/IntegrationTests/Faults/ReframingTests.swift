import Testing
import TestKit

/// Bodies between client and worker: what either of them reads was framed by the gateway.
@Suite(.onOwnThread) struct ReframingTests {
    /// A worker that reads chunks in any form and answers "ok".
    private static let reading: RawWorker.Script = { connection in
        while let head = try connection.readHead() {
            if head.lowercased().contains("transfer-encoding:") { guard try connection.readChunks() else { return } }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
    }

    private func start(_ scene: Scene, _ worker: RawWorker) throws -> SluiceProcess {
        var configuration = RequestTests.open()
        configuration.use([worker])
        return try scene.start(configuration)
    }

    private static func send(_ sluice: SluiceProcess, chunks: String, fields: String = "") throws -> Answer {
        let peer = try HTTPPeer(port: sluice.port)
        peer.peer.send("POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\(fields)\r\n" + chunks)
        return try peer.readAnswer()
    }

    /// What the worker received behind the only head, taken apart; throws for chunks that are not in the plainest form.
    private static func body(of worker: RawWorker) throws -> (payload: String, trailers: [String]) {
        let text = worker.receivedText
        guard let end = text.range(of: "\r\n\r\n") else { throw Disappointment("no head: \(text)") }
        let head = text[..<end.lowerBound].lowercased()
        if let line = head.components(separatedBy: "\r\n").first(where: { $0.hasPrefix("content-length: ") }) {
            let payload = String(text[end.upperBound...])
            guard line == "content-length: \(payload.utf8.count)" else {
                throw Disappointment("\(line), and then \(payload.debugDescription)")
            }
            return (payload, [])
        }
        var rest = Array(text[end.upperBound...].utf8)
        var payload: [UInt8] = []
        while true {
            guard let lineEnd = rest.firstIndex(of: 13), rest[lineEnd...].starts(with: [13, 10]) else {
                throw Disappointment("no chunk: \(text.debugDescription)")
            }
            let line = String(decoding: rest[..<lineEnd], as: UTF8.self)
            guard line.allSatisfy({ $0.isHexDigit }), let size = Int(line, radix: 16) else {
                throw Disappointment("the chunk size \(line.debugDescription)")
            }
            rest.removeFirst(lineEnd + 2)
            if size == 0 { break }
            guard rest.count >= size + 2, rest[size] == 13, rest[size + 1] == 10 else {
                throw Disappointment("a chunk that is longer than it says: \(text.debugDescription)")
            }
            payload += rest[..<size]
            rest.removeFirst(size + 2)
        }
        let lines = String(decoding: rest, as: UTF8.self).components(separatedBy: "\r\n")
        guard lines.count >= 2, lines.suffix(2) == ["", ""] else {
            throw Disappointment("after the last chunk: \(lines)")
        }
        return (String(decoding: payload, as: UTF8.self), lines.dropLast(2))
    }

    // MARK: Requests

    /// Seen before: passed on byte for byte.
    @Test(arguments: [
        "5;ext=1\r\nhello\r\n0\r\n\r\n", "5;a=\"q;\\\"u\"\r\nhello\r\n0\r\n\r\n", "00005\r\nhello\r\n000\r\n\r\n",
        "2\r\nhe\r\n3;x\r\nllo\r\n0;last=1\r\n\r\n", "1\r\nh\r\n1\r\ne\r\n1\r\nl\r\n1\r\nl\r\n1\r\no\r\n0\r\n\r\n",
    ])
    func chunks_extensionsAndOddSizes_areWrittenAnew(chunks: String) throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(Self.reading)
            let sluice = try self.start(scene, worker)
            #expect(try Self.send(sluice, chunks: chunks).status == 200)
            let body = try Self.body(of: worker)
            #expect(body.payload == "hello")
            #expect(body.trailers.isEmpty)
            #expect(!worker.receivedText.contains("ext=") && !worker.receivedText.contains("last="))
        }
    }

    /// None of them may reach a worker as a trailer. Seen before: all of them did, byte for byte.
    @Test func trailers_thatFrameRouteOrName_areDropped() throws {
        let names = [
            "Content-Length", "Transfer-Encoding", "Host", "Authorization", "Cookie", "X-Forwarded-For",
            "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "X-Real-IP", "Connection", "Expect", "Trailer", "TE",
            "Upgrade", "Content-Type", "Content-Encoding", "Content-Range", "Set-Cookie", "Proxy-Authorization", "Via",
            "Keep-Alive", "X-Anything", "Sluice-Session", "Range", "If-Match",
        ]
        try Scene.play { scene in
            let worker = try scene.startWorker(Self.reading)
            let sluice = try self.start(scene, worker)
            let trailers = names.map { "\($0): 6.6.6.6\r\n" }.joined()
            let answer = try Self.send(
                sluice,
                chunks: "5\r\nhello\r\n0\r\n\(trailers)\r\n",
                fields: "Trailer: \(names.joined(separator: ", "))\r\n"
            )
            #expect(answer.status == 200)
            let body = try Self.body(of: worker)
            #expect(body.payload == "hello")
            #expect(body.trailers.isEmpty, "\(body.trailers)")
            #expect(!worker.receivedText.contains("6.6.6.6"))
            #expect(!worker.receivedText.lowercased().contains("\r\ntrailer:"))
        }
    }

    /// Each line grows by a byte when it is written anew. Seen before: they no longer fitted, the end of the body was left
    /// out, and the next request was read as trailers.
    @Test func trailers_thatGrow_stillEnd() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(Self.reading)
            let sluice = try self.start(scene, worker)
            let many = String(repeating: "etag:\r\n", count: 1_169)
            #expect(try Self.send(sluice, chunks: "0\r\n\(many)\r\n").status == 200)
            #expect(try HTTPPeer(port: sluice.port).request("GET", "/next").status == 200)
            #expect(worker.receivedText.contains("etag: \r\n\r\n"))
        }
    }

    /// Those that may travel are written as `name: value`, in the plainest form.
    @Test func trailers_thatMayTravel_areWrittenAnew() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(Self.reading)
            let sluice = try self.start(scene, worker)
            let trailers = "GRPC-Status:0\r\ngrpc-message: \t fine \r\nX-Other: no\r\n"
            #expect(try Self.send(sluice, chunks: "5\r\nhello\r\n0\r\n\(trailers)\r\n").status == 200)
            #expect(try Self.body(of: worker).trailers == ["grpc-status: 0", "grpc-message: fine"])
        }
    }

    /// Seen before: a worker that does not read trailers took them for the next request, past the room and with a forged
    /// X-Forwarded-For, and then another client's request for its body.
    @Test(arguments: [
        "X: y\r\nPOST: /admin HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.2.3.4\r\nContent-Length: 500\r\n",
        "GET /admin HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.2.3.4\r\nContent-Length: 500\r\n",
        "X: y\r\n GET /admin HTTP/1.1\r\n", "X: y\r\nGET /admin: HTTP/1.1\r\n", "GET http: //x/admin HTTP/1.1\r\n",
    ])
    func trailers_thatLookLikeARequest_becomeNone(trailers: String) throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(Self.reading)
            let sluice = try self.start(scene, worker)
            let answer = try? Self.send(sluice, chunks: "5\r\nhello\r\n0\r\n\(trailers)\r\n")
            #expect(answer == nil || [200, 400].contains(answer!.status))
            #expect(try HTTPPeer(port: sluice.port).request("GET", "/after").status == 200)
            let text = worker.receivedText
            #expect(!text.contains("admin") && !text.contains("1.2.3.4"), "\(text.debugDescription)")
            #expect(text.components(separatedBy: "GET /after HTTP/1.1\r\n").count == 2)
        }
    }

    // MARK: Responses

    /// Seen before: passed on byte for byte.
    @Test func response_chunksAndTrailers_areWrittenAnew() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                while try connection.readRequest() != nil {
                    try connection.send(
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Set-Cookie, Server-Timing\r\n\r\n"
                            + "0005;ext=1\r\nhello\r\n0;x\r\nSet-Cookie: a=b\r\nContent-Length: 3\r\n"
                            + "Server-Timing:db;dur=5\r\n\r\n"
                    )
                }
            }
            let sluice = try self.start(scene, worker)
            let peer = try RawPeer(port: sluice.port)
            peer.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            let text = String(decoding: peer.readToEnd() ?? [], as: UTF8.self)
            let body = text.components(separatedBy: "\r\n\r\n").dropFirst().joined(separator: "\r\n\r\n")
            #expect(body == "5\r\nhello\r\n0\r\nserver-timing: db;dur=5\r\n\r\n", "\(text.debugDescription)")
            #expect(!text.lowercased().contains("set-cookie"))
        }
    }

    /// Payload that looks like framing stays payload, in any pieces.
    @Test func chunks_payloadThatLooksLikeFraming_staysPayload() throws {
        try Scene.play { scene in
            let sluice = try scene.start(RequestTests.open())
            let evil = "0\r\n\r\nGET /admin HTTP/1.1\r\nHost: x\r\n\r\n5\r\nhello\r\n"
            for size in 1...9 {
                let peer = try HTTPPeer(port: sluice.port)
                peer.peer.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                var rest = Array(evil.utf8)[...]
                while !rest.isEmpty {
                    let piece = rest.prefix(size)
                    rest = rest.dropFirst(piece.count)
                    peer.peer.send(
                        "\(String(piece.count, radix: 16))\r\n" + String(decoding: piece, as: UTF8.self) + "\r\n"
                    )
                }
                peer.peer.send("0\r\n\r\n")
                #expect(try peer.readAnswer().text == evil)
                #expect(try peer.request("GET", "/bytes?n=3").body.count == 3)
            }
        }
    }
}
