import HTTPWire
import Testing

@Suite struct RequestParserTests {
    @Test func parse_plainRequest_findsAllParts() throws {
        let raw = "GET /events/1?seat=2&row=3 HTTP/1.1\r\nHost: Example.com:8080\r\nX-A:  b c\t\r\nAccept:\r\n\r\nrest"
        let head = try #require(parseRequest(raw).snapshot)
        #expect(head.method == .get)
        #expect(head.target == "/events/1?seat=2&row=3")
        #expect(head.path == "/events/1")
        #expect(head.query == "seat=2&row=3")
        #expect(head.host == "Example.com:8080")
        #expect(head.hostName == "Example.com")
        #expect(head.fields == ["Host=Example.com:8080", "X-A=b c", "Accept="])
        #expect(head.ids == [.host, .other, .accept])
        #expect(head.framing == .none)
        #expect(head.keepAlive)
        #expect(head.byteCount == raw.utf8.count - 4)
    }

    @Test(arguments: [
        ("GET", Method.get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("DELETE", .delete),
        ("OPTIONS", .options), ("PATCH", .patch), ("TRACE", .trace), ("get", .other), ("GETS", .other), ("GE", .other),
        ("PROPFIND", .other), ("A-VERY-LONG-METHOD!", .other), ("P", .other), ("POSTS", .other),
    ])
    func parse_method_isRecognised(name: String, method: Method) throws {
        let head = try #require(parseRequest(request(method: name)).snapshot)
        #expect(head.method == method)
        #expect(head.target == "/a")
    }

    @Test(arguments: ["/", "/?", "/a?b?c", "/~a/b;c=d/%41", "/aaaaaaa?b", "/aaaaaa?", "/1234567", "/\"<>^`{|}\\"])
    func parse_originTarget_isTaken(target: String) throws {
        let head = try #require(parseRequest("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n").snapshot)
        #expect(head.target == target)
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        #expect(head.path == parts[0])
        #expect(head.query == (parts.count > 1 ? String(parts[1]) : ""))
    }

    @Test(arguments: [
        "a", "a/b", "*", "/a b", "/a#b", "/a?b#c", "/\u{7F}", "/\u{1}", "/\t", "/é", "ftp://h/a", "http:///a",
        "http://",
        "http://u@h/", "http://h:x/", "http://h/a#b", "//h /a", "http//h", "?a",
    ])
    func parse_malformedTarget_isRefused(target: String) {
        #expect(parseRequest("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n").reason == .targetInvalid)
    }

    @Test(arguments: [
        ("http://o:81/p?q", "o:81", "o", "/p", "q"), ("HTTPS://o/p", "o", "o", "/p", ""),
        ("http://o", "o", "o", "", ""),
        ("http://o?q", "o", "o", "", "q"), ("http://[::1]:5/", "[::1]:5", "[::1]", "/", ""),
    ])
    func parse_absoluteTarget_overridesHost(target: String, host: String, name: String, path: String, query: String)
        throws
    {
        let head = try #require(parseRequest("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n").snapshot)
        #expect(head.host == host)
        #expect(head.hostName == name)
        #expect(head.path == path)
        #expect(head.query == query)
    }

    @Test func parse_asteriskForOptions_isTaken() throws {
        let head = try #require(parseRequest("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").snapshot)
        #expect(head.target == "*")
        #expect(head.path == "")
        #expect(parseRequest("OPTIONS *a HTTP/1.1\r\nHost: h\r\n\r\n").reason == .targetInvalid)
    }

    @Test(
        arguments: [
            ("HTTP/1.1", nil), ("HTTP/1.9", nil), ("HTTP/2.0", .versionUnsupported), ("HTTP/0.9", .versionUnsupported),
            ("http/1.1", .versionInvalid), ("HTTP/1.", .versionInvalid), ("HTTP/1.1 ", .targetInvalid),
            ("HTTP/11", .versionInvalid), ("HTTP/1.10", .versionInvalid), ("HTTP/1,1", .versionInvalid),
            ("HTTP/3", .versionInvalid), (" HTTP/1.1", .targetInvalid),
        ] as [(String, WireFailure.Reason?)]
    )
    func parse_version_isJudged(version: String, reason: WireFailure.Reason?) {
        #expect(parseRequest("GET /a \(version)\r\nHost: h\r\n\r\n").reason == reason)
    }

    @Test func parse_requestOfOtherProtocols_isRefusedAtOnce() {
        #expect(parseRequest("GET /\r\n").reason == .versionMissing)
        #expect(parseRequest("GET\r\n").reason == .versionMissing)
        #expect(parseRequest("PRI * HTTP/2.0\r\n").reason == .versionUnsupported)
        #expect(parseRequest("\u{16}").reason == .methodInvalid)
        #expect(parseRequest(" GET / HTTP/1.1\r\n").reason == .methodInvalid)
        #expect(parseRequest("G@T / HTTP/1.1\r\n").reason == .methodInvalid)
        #expect(parseRequest("CONNECT h:443 HTTP/1.1\r\n").reason == .connectRefused)
        #expect(parseRequest("CONNECT /a HTTP/1.1\r\n").reason == .connectRefused)
    }

    @Test func parse_emptyLinesBefore_arePassedOverTwice() throws {
        let head = try #require(parseRequest("\r\n" + request()).snapshot)
        #expect(head.byteCount == request().utf8.count + 2)
        #expect(parseRequest("\r\n\r\n" + request()).snapshot?.byteCount == request().utf8.count + 4)
        #expect(parseRequest("\r\n\r\n\r\n" + request()).reason == .methodInvalid)
        for start in ["\r", "\r\n", "\r\n\r", "\r\n\r\n"] { #expect(parseRequest(start) == .incomplete) }
        #expect(parseRequest("\r\n\r\n\r").reason == .methodInvalid)
        #expect(parseRequest("\rG").reason == .methodInvalid)
        #expect(parseRequest("\n" + request()).reason == .methodInvalid)
    }

    @Test(arguments: [
        ("1.1", "", true), ("1.1", "close", false), ("1.1", "keep-alive", true), ("1.0", "", false),
        ("1.0", "Keep-Alive", true), ("1.0", "keep-alive, close", false), ("1.1", "x , CLOSE", false),
        ("1.1", "closed", true), ("1.1", "clos", true), ("1.0", "kEEp-aLIVe", true), ("1.0", "keep-alivf", false),
        ("1.0", "keep-aliv", false), ("1.0", "keep-alive2", false), ("1.0", ",, keep-alive ,", true),
    ])
    func parse_connection_decidesKeepAlive(version: String, connection: String, keepAlive: Bool) throws {
        let raw = request("Connection: \(connection)", version: "HTTP/\(version)")
        #expect(try #require(parseRequest(raw).snapshot).keepAlive == keepAlive)
    }

    @Test func parse_expectAndUpgrade_areNoted() throws {
        let expecting = try #require(parseRequest(request("Expect: 100-Continue", "Content-Length: 3")).snapshot)
        #expect(expecting.expectsContinue)
        #expect(expecting.framing == .length(3))
        let old = try #require(parseRequest(request("Expect: 100-continue", version: "HTTP/1.0")).snapshot)
        #expect(!old.expectsContinue)
        let upgrade = try #require(parseRequest(request("Connection: Upgrade", "Upgrade: websocket")).snapshot)
        #expect(upgrade.wantsUpgrade)
        #expect(!(try #require(parseRequest(request("Upgrade: websocket")).snapshot).wantsUpgrade))
    }

    @Test func parse_pipelinedRequests_areReadOneByOne() {
        var parser = RequestParser()
        var head = RequestHead()
        let first = request("A: b")
        let second = request("C: d", "E: f", method: "POST")
        let bytes = Array((first + second).utf8)
        bytes.withUnsafeBytes { bytes in
            #expect(parser.parse(bytes, into: &head) == .complete)
            #expect(head.byteCount == first.utf8.count)
            let rest = UnsafeRawBufferPointer(rebasing: bytes[head.byteCount...])
            #expect(parser.parse(rest, into: &head) == .complete)
            #expect(head.method == .post)
            #expect(head.fields.count == 3)
            #expect(head.byteCount == rest.count)
        }
    }

    @Test func parse_sharedHead_keepsConnectionsApart() {
        var one = RequestParser()
        var other = RequestParser()
        var head = RequestHead()
        let bytes = Array(request("A: b", "C: d").utf8)
        for end in 0..<bytes.count {
            let start = bytes[..<end]
            start.withUnsafeBytes { #expect(one.parse($0, into: &head) == .incomplete) }
            bytes.withUnsafeBytes { #expect(other.parse($0, into: &head) == .complete) }
        }
        bytes.withUnsafeBytes {
            #expect(one.parse($0, into: &head) == .complete)
            #expect(head.fields.count == 3)
        }
    }

    // MARK: Limits

    @Test func parse_targetAtAndAboveLimit_isJudged() {
        let limits = HeadLimits(maxTargetBytes: 20)
        let fits = "/" + String(repeating: "a", count: 19)
        #expect(parseRequest("GET \(fits) HTTP/1.1\r\nHost: h\r\n\r\n", limits: limits).snapshot?.target == fits)
        #expect(parseRequest("GET \(fits)a HTTP/1.1\r\nHost: h\r\n\r\n", limits: limits).reason == .targetTooLong)
    }

    @Test func parse_headAtAndAboveLimit_isJudged() {
        let limits = HeadLimits(maxHeadBytes: 100)
        let frame = request("A: ").utf8.count
        let fits = request("A: " + String(repeating: "b", count: 100 - frame))
        #expect(fits.utf8.count == 100)
        #expect(parseRequest(fits + "rest", limits: limits).snapshot?.byteCount == 100)
        let tooLong = request("A: " + String(repeating: "b", count: 101 - frame))
        #expect(parseRequest(tooLong, limits: limits).reason == .headTooLong)
        let endless = "GET /" + String(repeating: "a", count: 200)
        #expect(parseRequest(endless, limits: limits).reason == .targetTooLong)
    }

    @Test func parse_fieldsAtAndAboveLimit_areJudged() {
        let limits = HeadLimits(maxFields: 3)
        #expect(parseRequest(request("A: b", "C: d"), limits: limits).snapshot?.fields.count == 3)
        #expect(parseRequest(request("A: b", "C: d", "E: f"), limits: limits).reason == .tooManyFields)
    }

    @Test func failure_everyReason_hasStatusAndText() {
        for reason in WireFailure.Reason.allCases {
            #expect((400...505).contains(WireFailure(reason, from: .client).status))
            #expect(WireFailure(reason, from: .worker).status == 502)
            #expect("\(WireFailure(reason, from: .client))".contains("\(reason)"))
            #expect("\(reason)".utf8.count > 20)
        }
        #expect(WireFailure(.headTooLong, from: .client).status == 431)
        #expect(WireFailure(.targetTooLong, from: .client).status == 414)
        #expect(WireFailure(.payloadTooLarge, from: .client).status == 413)
        #expect(WireFailure(.transferEncodingUnknown, from: .client).status == 501)
        #expect(WireFailure(.versionUnsupported, from: .client).status == 505)
        #expect(WireFailure(.hostMissing, from: .client).status == 400)
    }
}
