import Primitives
import Testing

@testable import HTTPWire

@Suite struct ForwardingTests {
    static func forwarded(
        _ raw: String,
        dropping: FieldSet = [],
        passing: FieldSet = [],
        cookies: CookiePrefix? = nil
    ) -> String {
        var parser = RequestParser()
        var head = RequestHead()
        return Array(raw.utf8).withUnsafeBytes { bytes in
            guard parser.parse(bytes, into: &head) == .complete else { return "not parsed" }
            return written { writer in
                head.writeForwarded(
                    to: &writer,
                    from: bytes,
                    dropping: dropping,
                    passing: passing,
                    droppingCookies: cookies
                )
            }
        }
    }

    static func forwardedResponse(_ raw: String, to method: Method = .get, dropping: FieldSet = []) -> String {
        var parser = ResponseParser()
        var head = ResponseHead()
        return Array(raw.utf8).withUnsafeBytes { bytes in
            guard parser.parse(bytes, respondingTo: method, into: &head) == .complete else { return "not parsed" }
            return written {
                $0.appendStatusLine(head.status, reason: head.reasonRange.slice(of: bytes))
                head.writeForwardedFields(to: &$0, from: bytes, dropping: dropping)
            }
        }
    }

    @Test func writeForwarded_plainRequest_isCopied() {
        let raw = "POST /a?b HTTP/1.1\r\nHost: h\r\nX-A: b \u{E9}\tc\r\nAccept: */*\r\n\r\n"
        #expect(Self.forwarded(raw) == String(raw.dropLast("\r\n".count)))
    }

    /// What a worker reads was written here: lines have one form.
    @Test(arguments: ["X-A:b", "X-A:  b", "X-A:\tb", "X-A: b ", "X-A: b\t", "X-A: b"])
    func writeForwarded_line_getsOneForm(line: String) {
        #expect(
            Self.forwarded(request("A: 1", line, "B: 2")) == "GET /a HTTP/1.1\r\nHost: h\r\nA: 1\r\nX-A: b\r\nB: 2\r\n"
        )
        let response = "HTTP/1.1 200 OK\r\nA: 1\r\n\(line)\r\nB: 2\r\n\r\n"
        #expect(Self.forwardedResponse(response) == "HTTP/1.1 200 OK\r\nA: 1\r\nX-A: b\r\nB: 2\r\n")
        #expect(Self.forwarded(request("A:", "B: \t ")) == "GET /a HTTP/1.1\r\nHost: h\r\nA: \r\nB: \r\n")
    }

    @Test func writeForwarded_nameOfTheSettings_isDroppedInAnyCase() {
        let raw = request("A: 1", "X-Trip: 2", "x-tRIP: 3", "X-Trips: 4", "X-Tri: 5")
        var parser = RequestParser()
        var head = RequestHead()
        let text = Array(raw.utf8).withUnsafeBytes { bytes in
            #expect(parser.parse(bytes, into: &head) == .complete)
            return written { head.writeForwarded(to: &$0, from: bytes, droppingName: Array("x-trip".utf8)) }
        }
        #expect(text == "GET /a HTTP/1.1\r\nHost: h\r\nA: 1\r\nX-Trips: 4\r\nX-Tri: 5\r\n")
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
        #expect(Self.forwarded(raw) == "GET /a HTTP/1.1\r\nHost: h\r\nA: b\r\nC: d\r\nE: f\r\n")
    }

    /// A client must not take the host or the cookies from a message by naming them.
    @Test func writeForwarded_essentialFieldsNamedByConnection_areKept() {
        let raw = request("Connection: host, cookie, Accept, content-length", "Cookie: a=b", "Accept: */*")
        #expect(Self.forwarded(raw) == "GET /a HTTP/1.1\r\nHost: h\r\nCookie: a=b\r\n")
        let response = "HTTP/1.1 200 OK\r\nConnection: set-cookie, x-a\r\nSet-Cookie: a=b\r\nX-A: 1\r\n\r\n"
        #expect(Self.forwardedResponse(response) == "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\n")
    }

    /// The work grows with the fields and the bytes, not with their product: each name that Connection names costs one
    /// comparison a field, and there are at most 32 of them.
    @Test func writeForwarded_manyNominations_costBoundedWork() {
        func steps(_ nominations: [String]) -> Int? {
            let fields = (0..<97).map { "x-\($0): 1\r\n" }.joined()
            let raw = "GET / HTTP/1.1\r\nHost: h\r\nConnection: \(nominations.joined(separator: ","))\r\n\(fields)\r\n"
            var parser = RequestParser()
            var head = RequestHead()
            return Array(raw.utf8).withUnsafeBytes { bytes in
                guard parser.parse(bytes, into: &head) == .complete else { return nil }
                var steps = 0
                _ = written(capacity: 20_000) {
                    steps = head.forward(to: &$0, from: bytes, dropping: [], passing: [], cookies: nil)
                }
                return steps
            }
        }
        // Options and recognised names are free, however many.
        #expect(steps(Array(repeating: "close", count: 2_000)) == 0)
        #expect(steps(Array(repeating: "accept", count: 2_000)) == 0)
        #expect(steps((0..<32).map { "y-\($0)" }) == 32 * 97)
        #expect(steps((0..<33).map { "y-\($0)" }) == nil)
        let many = "Connection: " + Array(repeating: "a", count: 5_000).joined(separator: ",")
        #expect(parseRequest(request(many)).reason == .nominationsTooMany)
        #expect(WireFailure(.nominationsTooMany, from: .client).status == 400)
    }

    @Test func writeForwarded_misleadingFields_areLeftOut() {
        let raw = request(
            "X_A: 1",
            "X.Forwarded.For: 1",
            "Proxy: evil",
            "X-Original-URL: /checkout",
            "X-Rewrite-URL: /c",
            "A: b"
        )
        #expect(Self.forwarded(raw) == "GET /a HTTP/1.1\r\nHost: h\r\nA: b\r\n")
        let claims = request(
            "X-Forwarded-For: 1",
            "X-Forwarded-Prefix: /c",
            "Forwarded: for=1",
            "X-Real-IP: 1",
            "X-Forwarded-Proto: a"
        )
        #expect(Self.forwarded(claims, dropping: .claims) == "GET /a HTTP/1.1\r\nHost: h\r\n")
    }

    /// What the client may tell the next hop when the caller agrees, in our own words.
    @Test(
        arguments: [
            (["Expect: 100-Continue"], "expect: 100-continue\r\n"), (["Expect: other"], ""),
            (["TE: gzip;q=0.5, Trailers"], "te: trailers\r\nconnection: te\r\n"), (["TE: gzip"], ""),
            (
                ["Connection: Upgrade", "Upgrade: WebSocket"], "upgrade: websocket\r\nconnection: upgrade\r\n"
            ),
            (["Connection: Upgrade", "Upgrade: h2c"], ""), (["Upgrade: websocket"], ""),
            (["Connection: upgrade", "Upgrade: websocket", "Upgrade: h2c"], ""),
            (
                ["Connection: upgrade, te", "Upgrade: websocket", "TE: trailers"],
                "te: trailers\r\nupgrade: websocket\r\nconnection: te, upgrade\r\n"
            ),
        ]
    )
    func writeForwarded_wishes_arePassedOnRequest(lines: [String], passed: String) {
        let raw = "GET /a HTTP/1.1\r\nHost: h\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        let start = "GET /a HTTP/1.1\r\nHost: h\r\n"
        #expect(Self.forwarded(raw) == start)
        #expect(Self.forwarded(raw, passing: [.expect, .te, .upgrade]) == start + passed)
        let old = raw.replacing("HTTP/1.1", with: "HTTP/1.0")
        #expect(Self.forwarded(old, passing: [.expect, .te, .upgrade]) == start)
    }

    /// Servers disagree on several Cookie fields: the first, the last or all.
    @Test func writeForwarded_severalCookieFields_becomeOne() {
        let raw = request("Cookie: a=b", "A: b", "cookie: sluice-x=y; c=d;; e")
        #expect(Self.forwarded(raw) == "GET /a HTTP/1.1\r\nHost: h\r\nA: b\r\ncookie: a=b; sluice-x=y; c=d; e\r\n")
        #expect(
            Self.forwarded(raw, cookies: CookiePrefix("sluice-"))
                == "GET /a HTTP/1.1\r\nHost: h\r\nA: b\r\ncookie: a=b; c=d; e\r\n"
        )
    }

    @Test func writeForwarded_droppedFields_areLeftOut() {
        let raw = request("X_Forwarded_For: 1", "X-Forwarded-For: 2", "A: b", "X-Real-IP: 3")
        #expect(
            Self.forwarded(raw, dropping: [.xForwardedFor, .host]) == "GET /a HTTP/1.1\r\nA: b\r\nX-Real-IP: 3\r\n"
        )
    }

    /// The framing is the caller's to write.
    @Test func writeForwarded_framing_isLeftOut() {
        for line in ["Transfer-Encoding: cHUNKED", "Content-Length: 3"] {
            let raw = request(line, "A: b", method: "POST")
            #expect(Self.forwarded(raw) == "POST /a HTTP/1.1\r\nHost: h\r\nA: b\r\n")
            let response = "HTTP/1.1 200 OK\r\n\(line)\r\nA: b\r\n\r\n"
            #expect(Self.forwardedResponse(response) == "HTTP/1.1 200 OK\r\nA: b\r\n")
        }
        #expect(written { $0.appendFraming(.length(3)) } == "content-length: 3\r\n")
        #expect(written { $0.appendFraming(.chunked) } == "transfer-encoding: chunked\r\n")
        #expect(written { $0.appendFraming(.none) } + written { $0.appendFraming(.untilClose) } == "")
    }

    /// A response without a body keeps the length that it would have, where that means something.
    @Test(
        arguments: [
            (.head, 200, "content-length: 7\r\n"), (.get, 304, "content-length: 7\r\n"), (.head, 204, ""),
            (.get, 204, ""), (.get, 103, ""), (.get, 200, ""),
        ] as [(Method, Int, String)]
    )
    func writeForwarded_lengthWithoutBody_isKeptForHEADAnd304(method: Method, status: Int, length: String) {
        let raw = "HTTP/1.1 \(status) X\r\nContent-Length: 7\r\nA: b\r\n\r\n"
        #expect(Self.forwardedResponse(raw, to: method) == "HTTP/1.1 \(status) X\r\nA: b\r\n\(length)")
    }

    @Test func appendVia_namesTheVersionReceived() {
        #expect(written { $0.appendVia(minorVersion: 1) } == "via: 1.1 sluice\r\n")
        #expect(written { $0.appendVia(minorVersion: 0) } == "via: 1.0 sluice\r\n")
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
        // A field written anew comes last.
        let lines = expected.hasPrefix("cookie") ? "C: d\r\n" + expected : expected + "C: d\r\n"
        #expect(Self.forwarded(raw, cookies: CookiePrefix("sluice-")) == start + lines)
        #expect(Self.forwarded(raw, dropping: [.cookie], cookies: CookiePrefix("sluice-")) == start + "C: d\r\n")
    }

    @Test func writeForwarded_response_dropsHopByHop() {
        let raw =
            "HTTP/1.0 404 Gone Away\r\nServer: s\r\nConnection: keep-alive, x-a\r\nX-A: 1\r\nSet-Cookie: a=b\r\n"
            + "Keep-Alive: 3\r\nContent-Length: 3\r\nDate: d\r\n\r\nabc"
        #expect(
            Self.forwardedResponse(raw, dropping: [.date])
                == "HTTP/1.1 404 Gone Away\r\nServer: s\r\nSet-Cookie: a=b\r\n"
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
            let framing = written { $0.appendFraming(before.framing) }
            let again = Self.forwarded(String(decoding: bytes, as: UTF8.self)) + framing + "\r\n"
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
