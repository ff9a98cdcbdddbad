import HTTPWire
import Primitives
import Testing

/// What a connection makes of its bytes depends on the bytes alone, not on the pieces that they come in.
@Suite struct ConnectionPropertyTests {
    static let feed = ConnectionFeed(
        limits: HeadLimits(maxHeadBytes: 160, maxTargetBytes: 40, maxFields: 4),
        maxBodyBytes: 60
    )

    static let requestStreams = [
        HeadPropertyTests.requests[0] + HeadPropertyTests.requests[1] + HeadPropertyTests.requests[0],
        "\r\nPOST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\nETag: x\r\nHost: y\r\n\r\n\r\n\r\n"
            + HeadPropertyTests.requests[0],
        "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\nExpect: 100-continue\r\n\r\n"
            + String(repeating: "b", count: 40) + HeadPropertyTests.requests[3],
    ]
    static let responseStreams = [
        "HTTP/1.1 100 Continue\r\n\r\n" + HeadPropertyTests.responses[0] + HeadPropertyTests.responses[0],
        "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\nGRPC-Status: 0\r\nA: b\r\n\r\n"
            + "HTTP/1.1 204 N\r\n\r\nHTTP/1.1 200 OK\r\n\r\nuntil close",
        "HTTP/1.1 101 S\r\n\r\nother", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabcd",
    ]

    @Test(arguments: [1, 7, 0xBEEF] as [UInt64])
    func server_mutatedRequestsInPieces_readsAsWhole(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<4_000 {
            let bytes = HeadPropertyTests.mutated(Self.requestStreams.randomElement(using: &random)!, using: &random)
            let early = Bool.random(using: &random)
            let ends = randomEnds(bytes.count, using: &random)
            let note: Comment = "seed \(seed), ends \(ends), early \(early), bytes \(bytes)"
            let whole = Self.feed.serve(bytes, ends: [bytes.count], respondsEarly: early)
            #expect(Self.feed.serve(bytes, ends: ends, respondsEarly: early) == whole, note)
            #expect(Self.feed.serve(bytes, ends: Array(0...bytes.count), respondsEarly: early) == whole, note)
        }
    }

    @Test(arguments: [2, 8, 0xCAFE] as [UInt64])
    func client_mutatedResponsesInPieces_readsAsWhole(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<4_000 {
            let bytes = HeadPropertyTests.mutated(Self.responseStreams.randomElement(using: &random)!, using: &random)
            let method: Method = Bool.random(using: &random) ? .get : .head
            let upgrades = Bool.random(using: &random)
            let ends = randomEnds(bytes.count, using: &random)
            let note: Comment = "seed \(seed), ends \(ends), \(method), upgrades \(upgrades), bytes \(bytes)"
            let whole = Self.feed.ask(bytes, ends: [bytes.count], method: method, upgrades: upgrades)
            #expect(Self.feed.ask(bytes, ends: ends, method: method, upgrades: upgrades) == whole, note)
            let single = Array(0...bytes.count)
            #expect(Self.feed.ask(bytes, ends: single, method: method, upgrades: upgrades) == whole, note)
        }
    }
}
