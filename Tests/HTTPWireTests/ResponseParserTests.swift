import HTTPWire
import Testing

@Suite struct ResponseParserTests {
    @Test func parse_plainResponse_findsAllParts() throws {
        let raw = "HTTP/1.1 404 Not Found\r\nServer: a b\r\nContent-Length: 7\r\n\r\nmissing"
        let head = try #require(parseResponse(raw).snapshot)
        #expect(head.status == 404)
        #expect(head.reason == "Not Found")
        #expect(head.fields == ["Server=a b", "Content-Length=7"])
        #expect(head.framing == .length(7))
        #expect(head.keepAlive)
        #expect(head.byteCount == raw.utf8.count - 7)
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK", "OK"), ("HTTP/1.1 200 ", ""), ("HTTP/1.1 200", ""), ("HTTP/1.1 200 a\tb", "a\tb"),
        ("HTTP/1.0 200 OK", "OK"), ("HTTP/1.1 599 Ümlaut", "Ümlaut"),
    ])
    func parse_statusLine_isTaken(line: String, reason: String) {
        #expect(parseResponse("\(line)\r\n\r\n").snapshot?.reason == reason)
    }

    @Test(
        arguments: [
            ("HTTP/1.1 2000 OK", .statusLineInvalid), ("HTTP/1.1 99 OK", .statusCodeInvalid),
            ("HTTP/1.1 600 OK", .statusCodeInvalid), ("HTTP/1.1 099 OK", .statusCodeInvalid),
            ("HTTP/1.1  200 OK", .statusCodeInvalid), ("HTTP/1.1200 OK", .statusLineInvalid),
            ("HTTP/2.0 200 OK", .versionUnsupported), ("http/1.1 200 OK", .statusLineInvalid),
            ("HTTP/1.1", .statusLineInvalid), ("HTTP/1.1 2", .statusLineInvalid), ("H", .statusLineInvalid),
            ("ICY 200 OK", .statusLineInvalid), ("", .statusLineInvalid), ("HTTP/1.1 200OK", .statusLineInvalid),
            ("HTTP/1.1 200 O\u{0}K", .statusLineInvalid), ("HTTP/1.1 200 O\rK", .bareCarriageReturn),
        ] as [(String, WireFailure.Reason)]
    )
    func parse_malformedStatusLine_isRefused(line: String, reason: WireFailure.Reason) {
        #expect(parseResponse("\(line)\r\n\r\n").reason == reason)
    }

    @Test(
        arguments: [
            (200, Method.get, "Content-Length: 5", .length(5)), (200, .head, "Content-Length: 5", .none),
            (200, .head, "Transfer-Encoding: chunked", .none), (200, .get, "Transfer-Encoding: Chunked", .chunked),
            (200, .get, "A: b", .untilClose), (204, .get, "Content-Length: 5", .none),
            (304, .get, "Content-Length: 5", .none),
            (100, .get, "A: b", .none), (101, .get, "Upgrade: x", .none), (500, .post, "Content-Length: 0", .length(0)),
        ] as [(Int, Method, String, BodyFraming)]
    )
    func parse_framing_followsMethodAndStatus(status: Int, method: Method, line: String, framing: BodyFraming) throws {
        let head = try #require(parseResponse("HTTP/1.1 \(status) x\r\n\(line)\r\n\r\n", respondingTo: method).snapshot)
        #expect(head.framing == framing)
        #expect(head.keepAlive == (framing != .untilClose))
    }

    @Test(
        arguments: [
            ("Content-Length: 5\r\nTransfer-Encoding: chunked", .lengthAndEncoding),
            ("Content-Length: 5\r\nContent-Length: 6", .contentLengthRepeated),
            ("Content-Length: 5,5", .contentLengthInvalid), ("Transfer-Encoding: gzip", .transferEncodingUnknown),
            ("Transfer-Encoding: chunked, gzip", .transferEncodingInvalid),
            ("Transfer-Encoding : chunked", .spaceBeforeColon), ("A: b\r\n c", .foldedLine),
            ("A\u{0}: b", .fieldNameInvalid),
        ] as [(String, WireFailure.Reason)]
    )
    func parse_responseOfDoubt_isRefused(lines: String, reason: WireFailure.Reason) {
        #expect(parseResponse("HTTP/1.1 200 OK\r\n\(lines)\r\n\r\n").reason == reason)
    }

    @Test func parse_chunkedInOldVersion_isRefused() {
        let raw = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(parseResponse(raw).reason == .transferEncodingInOldVersion)
    }

    @Test(arguments: [
        ("HTTP/1.1", "A: b", true), ("HTTP/1.1", "Connection: close", false), ("HTTP/1.0", "A: b", false),
        ("HTTP/1.0", "Connection: keep-alive", true),
    ])
    func parse_connection_decidesKeepAlive(version: String, line: String, keepAlive: Bool) throws {
        let raw = "\(version) 200 OK\r\nContent-Length: 0\r\n\(line)\r\n\r\n"
        #expect(try #require(parseResponse(raw).snapshot).keepAlive == keepAlive)
    }

    @Test func parse_interimHead_isFollowedByTheFinalOne() {
        var parser = ResponseParser()
        var head = ResponseHead()
        let bytes = Array("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n".utf8)
        bytes.withUnsafeBytes { bytes in
            #expect(parser.parse(bytes, respondingTo: .post, into: &head) == .complete)
            #expect(head.isInterim == true)
            let rest = UnsafeRawBufferPointer(rebasing: bytes[head.byteCount...])
            #expect(parser.parse(rest, respondingTo: .post, into: &head) == .complete)
            #expect(head.isInterim == false)
            #expect(head.status == 200)
        }
    }
}
