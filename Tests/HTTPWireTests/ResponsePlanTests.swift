import HTTPWire
import Testing

/// How responses go out, and how chunked bodies are written and carry trailers.
@Suite struct ResponsePlanTests {
    /// Request line's method and version, its Connection field, the origin's framing, and the fields that frame it.
    @Test(
        arguments: [
            ("GET", "HTTP/1.1", nil, .length(3), "content-length: 3\r\n", true),
            ("GET", "HTTP/1.1", "close", .length(3), "content-length: 3\r\nconnection: close\r\n", true),
            ("GET", "HTTP/1.1", nil, .chunked, "transfer-encoding: chunked\r\n", true),
            ("GET", "HTTP/1.1", nil, .untilClose, "transfer-encoding: chunked\r\n", true),
            ("GET", "HTTP/1.1", nil, .none, "", false),
            ("GET", "HTTP/1.0", nil, .length(3), "content-length: 3\r\nconnection: close\r\n", true),
            ("GET", "HTTP/1.0", "keep-alive", .length(3), "content-length: 3\r\nconnection: keep-alive\r\n", true),
            ("GET", "HTTP/1.0", "keep-alive", .chunked, "connection: close\r\n", true),
            ("GET", "HTTP/1.0", "keep-alive", .untilClose, "connection: close\r\n", true),
            ("GET", "HTTP/1.0", "keep-alive", .none, "connection: keep-alive\r\n", false),
            ("HEAD", "HTTP/1.1", nil, .length(3), "content-length: 3\r\n", false),
            ("HEAD", "HTTP/1.1", nil, .chunked, "", false),
            ("HEAD", "HTTP/1.1", nil, .untilClose, "", false),
            ("HEAD", "HTTP/1.0", "keep-alive", .untilClose, "connection: keep-alive\r\n", false),
        ] as [(String, String, String?, BodyFraming, String, Bool)]
    )
    func beginResponse_clientAndFraming_givePlan(
        method: String,
        version: String,
        connection: String?,
        framing: BodyFraming,
        fields: String,
        sendsBody: Bool
    ) {
        var server = HTTP1Server(limits: HeadLimits(), maxBodyBytes: 0)
        let lines = connection.map { "Connection: \($0)" } ?? "A: b"
        _ = HTTP1ServerTests.readAll(&server, request(lines, method: method, version: version))
        #expect(server.acceptsInterim == (version == "HTTP/1.1"))
        let plan = server.beginResponse(framing, staysOpen: true)
        #expect(written { $0.appendFraming(plan) } == fields)
        #expect(plan.sendsBody == sendsBody)
        #expect(server.endResponse() == (plan.announcesClose ? .close : .readOn))
    }

    @Test func beginResponse_callerWantsToClose_closes() {
        var server = HTTP1ServerTests.server(in: .completeOwed)
        #expect(server.beginResponse(.length(0), staysOpen: false).announcesClose)
        #expect(server.endResponse() == .close)
    }

    /// A client that waits for a 100 and gets a final response may send the body or not: nobody can tell.
    @Test func beginResponse_clientAwaitsContinue_closes() {
        let post = request("Content-Length: 5", "Expect: 100-continue", method: "POST")
        var refused = HTTP1ServerTests.server(in: .fresh)
        _ = HTTP1ServerTests.readAll(&refused, post)
        #expect(refused.awaitsContinue)
        #expect(refused.beginResponse(.length(0), staysOpen: true).announcesClose)
        #expect(refused.endResponse() == .close)
        var told = HTTP1ServerTests.server(in: .fresh)
        _ = HTTP1ServerTests.readAll(&told, post)
        told.continueWritten()
        #expect(!told.awaitsContinue)
        #expect(!told.beginResponse(.length(0), staysOpen: true).announcesClose)
        #expect(told.endResponse() == .discardRequest)
        var eager = HTTP1ServerTests.server(in: .fresh)
        _ = HTTP1ServerTests.readAll(&eager, post + "a")
        #expect(!eager.beginResponse(.length(0), staysOpen: true).announcesClose)
    }

    @Test(arguments: [(1, "1"), (15, "f"), (16, "10"), (255, "ff"), (4_096, "1000"), (0x7ABC_DEF0, "7abcdef0")])
    func appendChunkSize_anyCount_isHexadecimal(count: Int, digits: String) {
        #expect(written { $0.appendChunkSize(count) } == digits + "\r\n")
        #expect(written { $0.appendChunkSize(.max) } == "7fffffffffffffff\r\n")
    }

    @Test func appendChunkSize_ofNothing_traps() async {
        await #expect(processExitsWith: .failure) { _ = written { $0.appendChunkSize(0) } }
    }

    /// What a body's trailers become: allowed names alone, in lines of our own writing.
    @Test(
        arguments: [
            ("", ""), ("ETag: \"a\"\r\n", "etag: \"a\"\r\n"), ("GRPC-Status:0\r\n", "grpc-status: 0\r\n"),
            ("grpc-message: \t a  b \t\r\n", "grpc-message: a  b\r\n"),
            ("Host: evil\r\nServer-Timing: db;dur=5\r\nCookie: a=b\r\n", "server-timing: db;dur=5\r\n"),
            ("Content-Length: 5\r\n", ""), ("Transfer-Encoding: chunked\r\n", ""), ("X-Forwarded-For: 1.2.3.4\r\n", ""),
            ("Authorization: x\r\n", ""), ("Sluice-Session: x\r\n", ""), ("etagg: a\r\n", ""), ("eta: a\r\n", ""),
            ("grpc-status-details-bin: AA==\r\n", "grpc-status-details-bin: AA==\r\n"),
            ("grpc-status-details-binn: AA==\r\n", ""), ("etag:\r\n", "etag: \r\n"), ("etag: a: \r\n", "etag: a:\r\n"),
            ("etag: a\u{E9}\r\n", ""),
            ("digest: a\r\ndigest: b\r\n", "digest: a\r\ndigest: b\r\n"),
        ]
    )
    func trailers_ofABody_areRewritten(sent: String, kept: String) {
        let bytes = Array("1\r\nx\r\n0\r\n\(sent)\r\n".utf8)
        for ends in [[bytes.count], Array(0...bytes.count)] {
            var reader = BodyReader(framing: .chunked, maxPayloadBytes: 9, from: .client)
            var offset = 0
            for end in ends {
                piece: while true {
                    switch bytes[offset..<end].withUnsafeBytes({ reader.next($0) }) {
                    case .payload(let range): offset += range.end
                    case .needMore:
                        offset = end
                        break piece
                    case .end(let count):
                        offset += count
                        break piece
                    case .failed(let failure):
                        Issue.record("\(failure)")
                        break piece
                    }
                }
            }
            #expect(offset == bytes.count)
            #expect(written { $0.appendLastChunk(trailers: reader.trailers) } == "0\r\n\(kept)\r\n")
        }
    }
}
