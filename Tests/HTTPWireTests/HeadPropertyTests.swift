import Primitives
import Testing

@testable import HTTPWire

/// What must hold of the head parsers for any input and any pieces that it comes in.
@Suite struct HeadPropertyTests {
    static let requests = [
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /a/b?c=d HTTP/1.1\r\nHost: www.example.com\r\nContent-Length: 5\r\nCookie: a=b; c=d\r\n\r\nhello",
        "\r\nPUT http://example.com/x HTTP/1.1\r\nhost: h\r\nTransfer-Encoding: chunked\r\nX_Y: \tz \r\n\r\n0\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "OPTIONS * HTTP/1.0\r\nConnection: keep-alive, x\r\nX-A-Rather-Long-Name-Of-A-Field:\r\n\r\n",
        "GET /é HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n", "GET /\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\nHost: h\n\n",
        "GET / HTTP/1.1\r\nHost: h\r\nno colon\r\nA: b\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\r\n\r\n",
    ]
    static let responses = [
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nServer: s\r\n\r\nabc",
        "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.0 404 Not Found\r\nSet-Cookie: a=b\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "ICY 200 OK\r\n\r\n", "HTTP/1.1 999 x\r\n\r\n",
    ]
    static let limits = HeadLimits(maxHeadBytes: 160, maxTargetBytes: 40, maxFields: 4)

    /// Seeded, so that a failure can be repeated: the seed and the input are in the message.
    @Test(arguments: [1, 7, 0xBEEF] as [UInt64])
    func parse_mutatedRequestInPieces_judgesAsWhole(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<4_000 {
            let bytes = Self.mutated(Self.requests.randomElement(using: &random)!, using: &random)
            let whole = parseRequest(bytes, ends: [bytes.count], limits: Self.limits)
            let ends = randomEnds(bytes.count, using: &random)
            let note: Comment = "seed \(seed), ends \(ends), bytes \(bytes)"
            #expect(parseRequest(bytes, ends: ends, limits: Self.limits) == whole, note)
            #expect(parseRequest(bytes, ends: Array(0...bytes.count), limits: Self.limits) == whole, note)
        }
    }

    @Test(arguments: [2, 8, 0xCAFE] as [UInt64])
    func parse_mutatedResponseInPieces_judgesAsWhole(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<4_000 {
            let bytes = Self.mutated(Self.responses.randomElement(using: &random)!, using: &random)
            let whole = parseResponse(bytes, ends: [bytes.count], limits: Self.limits)
            let ends = randomEnds(bytes.count, using: &random)
            let note: Comment = "seed \(seed), ends \(ends), bytes \(bytes)"
            #expect(parseResponse(bytes, ends: ends, limits: Self.limits) == whole, note)
            #expect(parseResponse(bytes, ends: Array(0...bytes.count), limits: Self.limits) == whole, note)
        }
    }

    /// The plain words-and-loops reading of the same rules, in `ReferenceRequest`, agrees on every input.
    @Test(arguments: [3, 9, 0xF00D] as [UInt64])
    func parse_mutatedRequest_agreesWithReference(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<10_000 {
            let bytes = Self.mutated(Self.requests.randomElement(using: &random)!, using: &random)
            let outcome = parseRequest(bytes, ends: [bytes.count])
            let reference = ReferenceRequest.parse(bytes)
            let note: Comment = "seed \(seed), bytes \(String(decoding: bytes, as: UTF8.self).debugDescription)"
            switch outcome {
            case .complete(let head): #expect(reference == .complete(head.target, head.fields, head.byteCount), note)
            case .incomplete: #expect(reference == .incomplete, note)
            case .failed: #expect(reference == .failed, note)
            }
        }
    }

    /// Work grows with the bytes, not with the pieces: at most four looks at each byte, and one for a whole head.
    @Test func parse_dripFeed_examinesEachByteAtMostFourTimes() {
        for fieldBytes in [100, 4_000, 14_000] {
            let one = Array(request("A: " + String(repeating: "b", count: fieldBytes)).utf8)
            let many =
                Array("GET / HTTP/1.1\r\nHost: h\r\n".utf8)
                + Array(
                    repeatElement("Ab: cd\r\n".utf8, count: min(90, fieldBytes / 8)).joined()
                ) + Array("\r\n".utf8)
            for bytes in [one, many] {
                var parser = RequestParser()
                var head = RequestHead()
                bytes.withUnsafeBytes { bytes in
                    for end in 1..<bytes.count {
                        #expect(
                            parser.parse(UnsafeRawBufferPointer(rebasing: bytes[..<end]), into: &head) == .incomplete
                        )
                    }
                    #expect(parser.parse(bytes, into: &head) == .complete)
                    #expect(parser.progress.examinedBytes <= 4 * bytes.count + 64)
                    let before = parser.progress.examinedBytes
                    #expect(parser.parse(bytes, into: &head) == .complete)
                    #expect(parser.progress.examinedBytes - before == bytes.count)
                }
            }
        }
    }

    /// Changes, drops, doubles or inserts a few bytes, often of the kind that matters to the grammar.
    static func mutated(_ text: String, using random: inout SplitMix64) -> [UInt8] {
        var bytes = Array(text.utf8)
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            let byte =
                Bool.random(using: &random)
                ? Array("\r\n: \t\u{0}\u{7F}?#,;=/*-_aZ09".utf8).randomElement(using: &random)!
                : UInt8.random(in: 0...255, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes[place] = byte
            case 1 where bytes.count > 1: bytes.remove(at: place)
            case 2:
                let end = Int.random(in: place...min(bytes.count, place + 40), using: &random)
                bytes.insert(contentsOf: bytes[place..<end], at: place)
            case 3: bytes = Array(bytes[...place])
            default: bytes.insert(byte, at: place)
            }
        }
        return bytes
    }
}
