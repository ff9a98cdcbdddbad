import Testing

@testable import HTTPWire

/// What a request of HTTP/2 says in HTTP/1.1, and what is refused.
@Suite struct RequestTranslationTests {
    typealias Fields = [(String, String)]
    private static let get: Fields = [
        (":method", "GET"), (":scheme", "https"), (":authority", "shop.test"), (":path", "/a?b"),
    ]

    private static func take(_ fields: Fields, into translation: inout RequestTranslation) {
        for (name, value) in fields {
            Array(name.utf8).withUnsafeBytes { name in
                Array(value.utf8).withUnsafeBytes { translation.take(name: name, value: $0) }
            }
        }
    }

    private static func translate(
        _ fields: Fields,
        hasBody: Bool = false,
        maxHeadBytes: Int = 16_384
    ) -> Result<String, WireFailure> {
        var translation = RequestTranslation(maxHeadBytes: maxHeadBytes)
        translation.begin()
        self.take(fields, into: &translation)
        var text = Array("what was there before".utf8)
        if let failure = translation.finish(hasBody: hasBody, into: &text) { return .failure(failure) }
        return .success(String(decoding: text, as: UTF8.self))
    }

    /// As the gateway reads it: by the one parser.
    private static func verdict(_ fields: Fields, hasBody: Bool = false, maxHeadBytes: Int = 16_384) -> UInt16? {
        switch self.translate(fields, hasBody: hasBody, maxHeadBytes: maxHeadBytes) {
        case .failure(let failure): return failure.status
        case .success(let text):
            var head = RequestHead()
            var parser = RequestParser(limits: HeadLimits(maxHeadBytes: maxHeadBytes))
            return Array(text.utf8).withUnsafeBytes {
                switch parser.parse($0, into: &head) {
                case .complete: return nil
                case .incomplete: return 0
                case .failed(let failure): return failure.status
                }
            }
        }
    }

    @Test func request_isSaidInHTTP1() {
        let more = [("accept", "text/html"), ("cookie", "a=1"), ("x", ""), ("cookie", "b=2; c=3")]
        #expect(
            Self.translate(Self.get + more)
                == .success(
                    "GET /a?b HTTP/1.1\r\nhost: shop.test\r\naccept: text/html\r\nx: \r\ncookie: a=1; b=2; c=3\r\n\r\n"
                )
        )
        #expect(Self.verdict(Self.get + more) == nil)
    }

    @Test func translation_isUsedAgain_andRemembersNothing() {
        var translation = RequestTranslation(maxHeadBytes: 200)
        var text: [UInt8] = []
        translation.begin()
        Self.take(Self.get + [("cookie", "a=1"), ("x", String(repeating: "y", count: 300))], into: &translation)
        #expect(translation.finish(hasBody: false, into: &text)?.reason == .headTooLong)
        #expect(text.isEmpty)
        translation.begin()
        Self.take(Self.get, into: &translation)
        #expect(translation.finish(hasBody: false, into: &text) == nil)
        #expect(String(decoding: text, as: UTF8.self) == "GET /a?b HTTP/1.1\r\nhost: shop.test\r\n\r\n")
    }

    /// Also of a request that is refused.
    @Test func head_isKnown_whateverComesBehind() {
        var translation = RequestTranslation(maxHeadBytes: 200)
        var text: [UInt8] = []
        for (method, isHead) in [("HEAD", true), ("GET", false), ("HEADS", false), ("head", false)] {
            translation.begin()
            #expect(!translation.isHead)
            let long = ("x", String(repeating: "y", count: 300))
            Self.take([(":method", method)] + Self.get.dropFirst() + [long], into: &translation)
            #expect(translation.finish(hasBody: false, into: &text)?.reason == .headTooLong)
            #expect(translation.isHead == isHead, "\(method)")
        }
    }

    @Test func translation_atRest_keepsNoMemory() {
        var translation = RequestTranslation(maxHeadBytes: 16_384)
        var text: [UInt8] = []
        for _ in 0..<2 {
            translation.begin()
            Self.take(Self.get + [("cookie", "a=1"), ("x", String(repeating: "y", count: 300))], into: &translation)
            #expect(translation.finish(hasBody: false, into: &text) == nil)
            #expect(translation.reservedBytes > 300)
            translation.release()
            #expect(translation.reservedBytes == 0)
        }
    }

    @Test(
        arguments: [
            ("POST", true, [], "transfer-encoding: chunked\r\n"), ("GET", true, [], "transfer-encoding: chunked\r\n"),
            ("POST", false, [], "content-length: 0\r\n"), ("PUT", false, [], "content-length: 0\r\n"),
            ("GET", false, [], ""), ("DELETE", false, [], ""),
            ("POST", true, [("content-length", "5")], "content-length: 5\r\n"),
            ("POST", false, [("content-length", "0")], "content-length: 0\r\n"),
        ] as [(String, Bool, Fields, String)]
    )
    func body_isFramed(method: String, hasBody: Bool, fields: Fields, framing: String) {
        let all = [(":method", method), (":scheme", "http"), (":authority", "a"), (":path", "/")] + fields
        #expect(
            Self.translate(all, hasBody: hasBody) == .success("\(method) / HTTP/1.1\r\nhost: a\r\n\(framing)\r\n")
        )
    }

    private static func with(_ name: String, _ value: String?) -> Fields {
        self.get.compactMap { field in field.0 == name ? value.map { (name, $0) } : field }
    }

    private static func plus(_ fields: (String, String)...) -> Fields { self.get + fields }

    private static func hosts(_ hosts: String...) -> Fields {
        self.with(":authority", nil) + hosts.map { ("host", $0) }
    }

    private static let malformed: [(fields: Fields, status: UInt16)] = [
        // Pseudo-fields.
        (with(":method", nil), 400), (with(":path", nil), 400), (with(":scheme", nil), 400), (with(":path", ""), 400),
        (with(":authority", nil), 400), (plus((":path", "/b")), 400), (plus((":status", "200")), 400),
        (with(":scheme", "ftp"), 400), (with(":method", "CONNECT"), 501), (with(":method", "GE T"), 400),
        // Another host, or a second target, than everybody else reads.
        (with(":path", "http://other.test/"), 400), (with(":path", "a"), 400), (with(":path", "*"), 400),
        (with(":path", "/a b"), 400), (with(":path", "/a HTTP/1.1\r\nx: y"), 400), (with(":path", "/a#b"), 400),
        (plus(("host", "other.test")), 400), (with(":authority", "user@shop.test"), 400),
        (with(":authority", "a\r\nx: y"), 400), (hosts("a", "b"), 400),
        // What would be another line, or is about a connection.
        (plus(("x", "a\r\ny: b")), 400), (plus(("x", "a\nb")), 400), (plus(("x", "a\0b")), 400),
        (plus(("x\r\ny", "a")), 400), (plus(("x: y", "a")), 400), (plus(("X", "a")), 400), (plus(("", "a")), 400),
        (plus(("connection", "close")), 400), (plus(("transfer-encoding", "chunked")), 400),
        (plus(("upgrade", "websocket")), 400), (plus(("keep-alive", "a")), 400),
        (plus(("proxy-connection", "a")), 400), (plus(("x", "\u{1}")), 400),
        (plus(("content-length", "1"), ("content-length", "2")), 400),
        // Too much.
        (plus(("x", String(repeating: "y", count: 17_000))), 431),
        (with(":path", "/" + String(repeating: "p", count: 9_000)), 414),
    ]

    @Test func malformed_isRefused() {
        for (fields, status) in Self.malformed { #expect(Self.verdict(fields) == status, "\(fields)") }
        #expect(Self.verdict(Self.get + (0..<101).map { ("x\($0)", "y") }) == 431)
    }

    private static let wellFormed: [Fields] = [
        plus(("host", "SHOP.test")), hosts("shop.test"), plus(("te", "trailers")), plus(("x", "\u{E9}")),
        [(":method", "OPTIONS"), (":scheme", "https"), (":authority", "a"), (":path", "*")],
    ]

    @Test func wellFormed_isTaken() {
        for fields in Self.wellFormed { #expect(Self.verdict(fields) == nil, "\(fields)") }
    }

    /// Clients split cookies into many fields; together they are one.
    @Test func cookies_countAsOneField() {
        #expect(Self.verdict(Self.get + (0..<500).map { ("cookie", "c\($0)=1") }) == nil)
    }

    /// What is not kept counts all the same: a few bytes stand for many.
    @Test func listBytes_countWhatIsNotKept() {
        var translation = RequestTranslation(maxHeadBytes: 1_024)
        translation.begin()
        Self.take((0..<100).map { _ in ("x", String(repeating: "y", count: 1_000)) }, into: &translation)
        #expect(translation.listBytes == 100 * (1 + 1_000 + 32))
    }

    @Test func lines_areReadOneByOne() {
        let text = Array("Server: a b\r\nx:y\r\nempty: \r\nset-cookie: c: d\r\nno colon\r\nz: 1\r\n".utf8)
        text.withUnsafeBytes { bytes in
            var lines = FieldLines(bytes)
            var found: [String] = []
            while let (name, value) = lines.next() {
                found.append("\(String(decoding: name, as: UTF8.self))=\(String(decoding: value, as: UTF8.self))")
            }
            #expect(found == ["Server=a b", "x=y", "empty=", "set-cookie=c: d"])
        }
    }

    @Test func trailers_keepWhatMayTravelOn() {
        var trailers = Trailers()
        var bytes = 0
        func take(_ name: String, _ value: String) -> Bool {
            Array(name.utf8).withUnsafeBytes { name in
                Array(value.utf8).withUnsafeBytes { trailers.take(name: name, value: $0, bytes: &bytes) }
            }
        }
        #expect(take("grpc-status", "0") && take("x-admin", "1") && take("grpc-message", "a\r\nx: y"))
        #expect(trailers.withLines { String(decoding: $0, as: UTF8.self) } == "grpc-status: 0\r\n")
        #expect(!take("x", String(repeating: "y", count: BodyReader.maxTrailerBytes)))
    }
}
