import HTTPWire
import Testing

/// What two servers on one connection have been known to read differently. All of it is refused.
@Suite struct RequestSmugglingTests {
    @Test(
        arguments: [
            (["Content-Length: 6", "Transfer-Encoding: chunked"], .lengthAndEncoding),
            (["Transfer-Encoding: chunked", "Content-Length: 6"], .lengthAndEncoding),
            (["Transfer-Encoding: chunked", "Content-Length: 0"], .lengthAndEncoding),
            (["Content-Length: 5", "Content-Length: 6"], .contentLengthRepeated),
            (["Content-Length: 5", "Content-Length: 5", "Content-Length: 6"], .contentLengthRepeated),
            (["Content-Length: 5", "Content-Length: 5x"], .contentLengthInvalid),
            (["Content-Length: 5", "Content-Length: 5", "Transfer-Encoding: chunked"], .lengthAndEncoding),
            (["Content-Length: 5, 5"], .contentLengthInvalid),
            (["Content-Length: 5,6"], .contentLengthInvalid),
            (["Content-Length: -1"], .contentLengthInvalid),
            (["Content-Length: +5"], .contentLengthInvalid),
            (["Content-Length: 0x5"], .contentLengthInvalid),
            (["Content-Length: 5 6"], .contentLengthInvalid),
            (["Content-Length: 5.0"], .contentLengthInvalid),
            (["Content-Length: \"5\""], .contentLengthInvalid),
            (["Content-Length: 1_000"], .contentLengthInvalid),
            (["Content-Length: "], .contentLengthInvalid),
            (["Content-Length: 18446744073709551621"], .contentLengthTooLarge),
            (["Content-Length: 99999999999999999999999"], .contentLengthTooLarge),
            (["Content-Length: 9223372036854775808"], .contentLengthTooLarge),
        ] as [([String], WireFailure.Reason)]
    )
    func parse_contradictingLengths_areRefused(lines: [String], reason: WireFailure.Reason) {
        let raw = "POST /a HTTP/1.1\r\nHost: h\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        #expect(parseRequest(raw).reason == reason)
    }

    @Test(
        arguments: [
            ("Transfer-Encoding: xchunked", .transferEncodingUnknown),
            ("Transfer-Encoding: chunked, identity", .transferEncodingInvalid),
            ("Transfer-Encoding: chunked, gzip", .transferEncodingInvalid),
            ("Transfer-Encoding: chunked, chunked", .transferEncodingInvalid),
            ("Transfer-Encoding: gzip, chunked, chunked", .transferEncodingInvalid),
            ("Transfer-Encoding: ,", .transferEncodingInvalid),
            ("Transfer-Encoding: identity, chunked", .transferEncodingUnknown),
            ("Transfer-Encoding: gzip, chunked", .transferEncodingUnknown),
            ("Transfer-Encoding: chunked;q=1", .transferEncodingUnknown),
            ("Transfer-Encoding: \"chunked\"", .transferEncodingUnknown),
            ("Transfer-Encoding: chunked,", .transferEncodingInvalid),
            ("Transfer-Encoding:", .transferEncodingInvalid),
            ("Transfer-Encoding: identity", .transferEncodingUnknown),
            ("Transfer-Encoding : chunked", .spaceBeforeColon),
            ("Transfer-Encoding\t: chunked", .spaceBeforeColon),
            (" Transfer-Encoding: chunked", .foldedLine),
            ("Transfer-Encoding: \u{B}chunked", .fieldValueInvalid),
            ("Transfer-Encoding: chunked\u{0}", .fieldValueInvalid),
            ("Transfer-Encoding: chu\r\n nked", .foldedLine),
            ("Transfer-Encoding: chunked\r\n\tX: y", .foldedLine),
            ("X: y\nTransfer-Encoding: chunked", .bareLineFeed),
            ("X: y\rTransfer-Encoding: chunked", .bareCarriageReturn),
            ("X: y\r\r\nTransfer-Encoding: chunked", .bareCarriageReturn),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", .transferEncodingRepeated),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .transferEncodingRepeated),
            ("Transfer\u{0}-Encoding: chunked", .fieldNameInvalid),
            ("Transfer Encoding: chunked", .fieldNameInvalid),
            ("\u{0}Transfer-Encoding: chunked", .fieldNameInvalid),
            ("Transfer\r-Encoding: chunked", .bareCarriageReturn),
            ("Transfer-Encoding", .colonMissing),
            (": chunked", .fieldNameInvalid),
            ("Tränsfer-Encoding: chunked", .fieldNameInvalid),
        ] as [(String, WireFailure.Reason)]
    )
    func parse_obscuredTransferEncoding_isRefused(line: String, reason: WireFailure.Reason) {
        #expect(parseRequest(request(line, method: "POST")).reason == reason)
    }

    /// The same length said twice is one length (RFC 9110 section 8.6); it is forwarded once.
    @Test func parse_identicalLengths_areOne() {
        let raw = request("Content-Length: 5", "content-length: 05", method: "POST")
        #expect(parseRequest(raw).snapshot?.framing == .length(5))
        #expect(ForwardingTests.forwarded(raw) == "POST /a HTTP/1.1\r\nHost: h\r\n")
    }

    /// RFC 9112 section 6.1: 501 for what is not known here, 400 for what tells no end.
    @Test func status_ofTransferEncodings_isThatOfTheRFC() {
        #expect(WireFailure(.transferEncodingUnknown, from: .client).status == 501)
        #expect(WireFailure(.transferEncodingInvalid, from: .client).status == 400)
    }

    @Test(arguments: ["chunked", "Chunked", "CHUNKED", "  chunked\t "])
    func parse_plainChunked_isTaken(value: String) {
        #expect(parseRequest(request("Transfer-Encoding: \(value)")).snapshot?.framing == .chunked)
    }

    @Test func parse_chunkedInOldVersion_isRefused() {
        let raw = request("Transfer-Encoding: chunked", version: "HTTP/1.0")
        #expect(parseRequest(raw).reason == .transferEncodingInOldVersion)
    }

    @Test(
        arguments: [
            ("A: b\r\n", .hostMissing), ("Host: a\r\nHost: a\r\n", .hostRepeated),
            ("Host: a\r\nhost: b\r\n", .hostRepeated),
            ("Host:\r\n", .hostInvalid), ("Host: a b\r\n", .hostInvalid), ("Host: a/b\r\n", .hostInvalid),
            ("Host: a@b\r\n", .hostInvalid), ("Host: a,b\r\n", .hostInvalid), ("Host: a:8x\r\n", .hostInvalid),
            ("Host: a:123456\r\n", .hostInvalid), ("Host: :80\r\n", .hostInvalid), ("Host: a:80:81\r\n", .hostInvalid),
            ("Host: [::1\r\n", .hostInvalid), ("Host: [::1]x\r\n", .hostInvalid), ("Host: [g::]\r\n", .hostInvalid),
            ("Host: []\r\n", .hostInvalid), ("Host: long.example.c%6Fm\r\n", .hostInvalid),
            ("Host: http://long.example\r\n", .hostInvalid), ("Host: longhost.exämple\r\n", .hostInvalid),
            ("Host : a\r\n", .spaceBeforeColon), ("Host: .\r\n", .hostInvalid), ("Host: a..\r\n", .hostInvalid),
            ("Host: long.example..\r\n", .hostInvalid), ("Host: .:80\r\n", .hostInvalid),
        ] as [(String, WireFailure.Reason)]
    )
    func parse_hostOfDoubt_isRefused(lines: String, reason: WireFailure.Reason) {
        #expect(parseRequest("GET / HTTP/1.1\r\n\(lines)\r\n").reason == reason)
        let old = parseRequest("GET / HTTP/1.0\r\n\(lines)\r\n").reason
        #expect(old == (reason == .hostMissing ? nil : reason))
    }

    @Test(arguments: [
        ("h", "h"), ("h:", "h"), ("h:8", "h"), ("example.com:65535", "example.com"),
        ("a-b_c~d.example", "a-b_c~d.example"),
        ("127.0.0.1:80", "127.0.0.1"), ("[2001:db8::1]:443", "[2001:db8::1]"),
        ("tickets.example.com", "tickets.example.com"),
        ("example.com.", "example.com"), ("a.:80", "a"), ("a.", "a"),
        ("tickets.example.com.:443", "tickets.example.com"),
        ("exactly8", "exactly8"), ("sixteen.chars.xy", "sixteen.chars.xy"), ("seven77", "seven77"),
    ])
    func parse_plainHost_isTaken(host: String, name: String) throws {
        let head = try #require(parseRequest("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n").snapshot)
        #expect(head.host == host)
        #expect(head.hostName == name)
    }

    @Test(arguments: UInt8(0)...UInt8(255))
    func parse_everyByteInNameAndValue_isJudgedByTheGrammar(byte: UInt8) {
        let isToken =
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
        for count in [1, 7, 8, 9, 15, 16, 20] {
            for place in [0, count / 2, count - 1] {
                var name = [UInt8](repeating: 0x61, count: count)
                name[place] = byte
                let start = Array("GET / HTTP/1.1\r\nHost: h\r\n".utf8)
                let named = start + name + Array(": v\r\n\r\n".utf8)
                let isTaken = parseRequest(named, ends: [named.count]).snapshot != nil
                // A colon inside makes a shorter name, unless there is nothing before it.
                #expect(isTaken == (isToken || byte == 0x3A && place > 0), "byte \(byte) at \(place) of \(count)")
                let valued = start + Array("n: x".utf8) + name + Array("x\r\n\r\n".utf8)
                let isText = byte >= 0x20 && byte != 0x7F || byte == 0x09
                #expect((parseRequest(valued, ends: [valued.count]).snapshot != nil) == isText, "byte \(byte)")
            }
        }
    }

    @Test func parse_blankLineVariants_areRefused() {
        #expect(parseRequest("GET / HTTP/1.1\r\nHost: h\r\n\n").reason == .bareLineFeed)
        #expect(parseRequest("GET / HTTP/1.1\r\nHost: h\r\n\r\r\n").reason == .bareCarriageReturn)
        #expect(parseRequest("GET / HTTP/1.1\nHost: h\r\n\r\n").reason == .bareLineFeed)
        #expect(parseRequest("GET / HTTP/1.1\r\r\nHost: h\r\n\r\n").reason == .bareCarriageReturn)
        #expect(parseRequest("GET /\rX HTTP/1.1\r\nHost: h\r\n\r\n").reason == .bareCarriageReturn)
    }
}
