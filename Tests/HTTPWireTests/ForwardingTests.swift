import HTTPWire
import Primitives
import Testing

@Suite struct ForwardingTests {
    static func forwarded(_ raw: String, dropping: FieldSet = [], cookies: CookiePrefix? = nil) -> String {
        var parser = RequestParser()
        var head = RequestHead()
        return Array(raw.utf8).withUnsafeBytes { bytes in
            guard parser.parse(bytes, into: &head) == .complete else { return "not parsed" }
            return written { writer in
                head.writeForwarded(to: &writer, from: bytes, dropping: dropping, droppingCookies: cookies)
            }
        }
    }

    static func forwardedResponse(_ raw: String, dropping: FieldSet = []) -> String {
        var parser = ResponseParser()
        var head = ResponseHead()
        return Array(raw.utf8).withUnsafeBytes { bytes in
            guard parser.parse(bytes, answering: .get, into: &head) == .complete else { return "not parsed" }
            return written { head.writeForwarded(to: &$0, from: bytes, dropping: dropping) }
        }
    }

    @Test func writeForwarded_plainRequest_isCopied() {
        let raw = "POST /a?b HTTP/1.1\r\nHost: h\r\nX-A:  b \r\nContent-Length: 3\r\n\r\n"
        #expect(Self.forwarded(raw) == String(raw.dropLast("\r\n".count)))
    }

    @Test func writeForwarded_oldVersion_isRaised() {
        #expect(Self.forwarded("GET /a HTTP/1.0\r\nA: b\r\n\r\n") == "GET /a HTTP/1.1\r\nA: b\r\n")
    }

    @Test func writeForwarded_hopByHopFields_areLeftOut() {
        let raw = request(
            "Connection: keep-alive, X-Secret, te",
            "A: b",
            "TE: trailers",
            "Keep-Alive: 5",
            "C: d",
            "x-secret: s",
            "Upgrade: h2c",
            "Proxy-Connection: x",
            "Trailer: t",
            "E: f"
        )
        #expect(Self.forwarded(raw) == "GET /a HTTP/1.1\r\nHost: h\r\nA: b\r\nC: d\r\nTrailer: t\r\nE: f\r\n")
    }

    /// A client must not take the framing or the host from a message by naming them.
    @Test func writeForwarded_essentialFieldsNamedByConnection_areKept() {
        let raw = request("Connection: host, content-length, cookie, expect", "Content-Length: 3", "Cookie: a=b")
        #expect(Self.forwarded(raw) == "GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nCookie: a=b\r\n")
    }

    @Test func writeForwarded_droppedAndUnderscoredFields_areLeftOut() {
        let raw = request("X_Forwarded_For: 1", "X-Forwarded-For: 2", "A: b", "X-Real-IP: 3")
        #expect(
            Self.forwarded(raw, dropping: [.xForwardedFor, .host]) == "GET /a HTTP/1.1\r\nA: b\r\nX-Real-IP: 3\r\n"
        )
    }

    @Test func writeForwarded_chunked_isWrittenPlainly() {
        let raw = request("Transfer-Encoding: cHUNKED", "A: b", method: "POST")
        #expect(
            Self.forwarded(raw) == "POST /a HTTP/1.1\r\nHost: h\r\nA: b\r\ntransfer-encoding: chunked\r\n"
        )
        #expect(Self.forwarded(raw, dropping: [.transferEncoding]) == "POST /a HTTP/1.1\r\nHost: h\r\nA: b\r\n")
    }

    @Test(arguments: [
        ("GET http://o:1/p?q HTTP/1.1", "GET /p?q HTTP/1.1\r\nhost: o:1\r\n"),
        ("GET http://o HTTP/1.1", "GET / HTTP/1.1\r\nhost: o\r\n"),
        ("GET http://o?q HTTP/1.1", "GET /?q HTTP/1.1\r\nhost: o\r\n"),
        ("OPTIONS http://o HTTP/1.1", "OPTIONS * HTTP/1.1\r\nhost: o\r\n"),
        ("OPTIONS http://o/ HTTP/1.1", "OPTIONS / HTTP/1.1\r\nhost: o\r\n"),
        ("OPTIONS * HTTP/1.1", "OPTIONS * HTTP/1.1\r\nHost: h\r\n"),
    ])
    func writeForwarded_otherTargets_becomeOriginForm(line: String, expected: String) {
        #expect(Self.forwarded("\(line)\r\nHost: h\r\nA: b\r\n\r\n") == expected + "A: b\r\n")
    }

    @Test(arguments: [
        ("a=b", "Cookie: a=b\r\n"), ("sluice-place=x", ""), ("a=b; sluice-place=x; c=d", "cookie: a=b; c=d\r\n"),
        ("__Host-sluice-pass=x;a=b", "cookie: a=b\r\n"), ("__Secure-sluice-x=y; a=b", "cookie: a=b\r\n"),
        ("xsluice-=1", "Cookie: xsluice-=1\r\n"), ("sluice-", ""), ("sluice=1; sluic", "Cookie: sluice=1; sluic\r\n"),
        ("a=b;; sluice-=; ;c", "cookie: a=b; c\r\n"), ("a=\"sluice-\"", "Cookie: a=\"sluice-\"\r\n"),
        ("", "Cookie: \r\n"),
    ])
    func writeForwarded_ownCookies_areLeftOut(cookies: String, expected: String) {
        let raw = request("A: b", "Cookie: \(cookies)", "C: d")
        let start = "GET /a HTTP/1.1\r\nHost: h\r\nA: b\r\n"
        #expect(Self.forwarded(raw, cookies: CookiePrefix("sluice-")) == start + expected + "C: d\r\n")
        #expect(Self.forwarded(raw, dropping: [.cookie], cookies: CookiePrefix("sluice-")) == start + "C: d\r\n")
    }

    @Test func writeForwarded_response_dropsHopByHop() {
        let raw =
            "HTTP/1.0 404 Gone Away\r\nServer: s\r\nConnection: keep-alive, x-a\r\nX-A: 1\r\nSet-Cookie: a=b\r\n"
            + "Keep-Alive: 3\r\nContent-Length: 3\r\nDate: d\r\n\r\nabc"
        #expect(
            Self.forwardedResponse(raw, dropping: [.date])
                == "HTTP/1.1 404 Gone Away\r\nServer: s\r\nSet-Cookie: a=b\r\nContent-Length: 3\r\n"
        )
        #expect(
            Self.forwardedResponse("HTTP/1.1 200\r\nTransfer-Encoding: Chunked\r\n\r\n")
                == "HTTP/1.1 200 \r\ntransfer-encoding: chunked\r\n"
        )
    }

    @Test func writeForwarded_tooLittleRoom_overflows() {
        var parser = RequestParser()
        var head = RequestHead()
        Array(request("A: b").utf8).withUnsafeBytes { bytes in
            #expect(parser.parse(bytes, into: &head) == .complete)
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 20, alignment: 1)
            defer { memory.deallocate() }
            var writer = ByteWriter(memory)
            head.writeForwarded(to: &writer, from: bytes)
            #expect(writer.overflowed)
        }
    }

    /// What is forwarded parses again, and says the same but for the fields left out.
    @Test(arguments: [5, 11, 0xACE] as [UInt64])
    func writeForwarded_mutatedRequest_parsesToTheSame(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<4_000 {
            let bytes = HeadPropertyTests.mutated(
                HeadPropertyTests.requests.randomElement(using: &random)!,
                using: &random
            )
            guard let before = parseRequest(bytes, ends: [bytes.count]).snapshot, before.host != nil else { continue }
            let again = Self.forwarded(String(decoding: bytes, as: UTF8.self)) + "\r\n"
            let note: Comment = "seed \(seed), bytes \(bytes)"
            guard String(decoding: bytes, as: UTF8.self).utf8.elementsEqual(bytes) else { continue }
            guard let after = parseRequest(again).snapshot else {
                Issue.record("not parsed again: \(again.debugDescription), \(note)")
                continue
            }
            #expect(after.host == before.host, note)
            #expect(after.framing == before.framing, note)
            #expect(after.method == before.method, note)
            #expect(after.query == before.query, note)
            #expect(!after.ids.contains { $0.isHopByHop && $0 != .transferEncoding }, note)
        }
    }
}
