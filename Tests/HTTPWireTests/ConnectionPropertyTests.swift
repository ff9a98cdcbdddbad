import HTTPWire
import Primitives
import Testing

/// What a connection makes of its bytes depends on the bytes alone, not on the pieces that they come in.
@Suite struct ConnectionPropertyTests {
    /// What was read, with payload joined.
    enum Fact: Equatable {
        case request(RequestSnapshot), response(ResponseSnapshot), payload([UInt8])
        case interim(UInt16), switching, end(String), failed(WireFailure.Reason), after(AfterResponse)
    }

    static let limits = HeadLimits(maxHeadBytes: 160, maxTargetBytes: 40, maxFields: 4)

    /// Responds to every request: at once, or once it is complete. `respondsEarly` is drawn by the number of requests,
    /// so that it is the same for any pieces.
    static func serve(_ bytes: [UInt8], ends: [Int], respondsEarly: Bool) -> [Fact] {
        var server = HTTP1Server(limits: self.limits, maxBodyBytes: 60)
        var head = RequestHead(limits: self.limits)
        var facts: [Fact] = []
        var offset = 0
        func respond() {
            _ = server.beginResponse(.length(0), staysOpen: true)
            facts.append(.after(server.endResponse()))
        }
        for end in ends {
            while true {
                let (input, used, fact) = withExactCopy(bytes[offset..<end]) { bytes in
                    let (input, used) = server.read(bytes, into: &head)
                    let fact: Fact? =
                        switch input {
                        case .needMore: nil
                        case .head: .request(self.snapshot(head, bytes))
                        case .payload(let range): .payload(Array(range.slice(of: bytes)))
                        case .end: .end(written { $0.appendLastChunk(trailers: server.trailers) })
                        case .failed(let failure): .failed(failure.reason)
                        }
                    return (input, used, fact)
                }
                offset += used
                if let fact { self.append(fact, to: &facts) }
                if input == .needMore { break }
                let isDue =
                    switch input {
                    case .head: respondsEarly
                    case .end, .failed: server.owesResponse
                    default: false
                    }
                if isDue { respond() }
            }
        }
        return facts
    }

    /// Empty lines before the head count as its bytes only when they come together with it.
    private static func snapshot(_ head: borrowing RequestHead, _ bytes: UnsafeRawBufferPointer) -> RequestSnapshot {
        var snapshot = RequestSnapshot(head, bytes)
        snapshot.byteCount -= Int(head.methodRange.start)
        return snapshot
    }

    static func request(_ bytes: [UInt8], ends: [Int], method: Method, upgrades: Bool) -> [Fact] {
        var client = HTTP1Client(limits: self.limits, maxBodyBytes: 60)
        var head = ResponseHead(limits: self.limits)
        var facts: [Fact] = []
        var offset = 0
        client.begin(method, asksForUpgrade: upgrades)
        client.requestSent()
        for end in ends {
            while true {
                let (input, used, fact) = withExactCopy(bytes[offset..<end]) { bytes in
                    let (input, used) = client.read(bytes, into: &head)
                    let fact: Fact? =
                        switch input {
                        case .needMore: nil
                        case .interim: .interim(head.status)
                        case .switching: .switching
                        case .head: .response(ResponseSnapshot(head, bytes))
                        case .payload(let range): .payload(Array(range.slice(of: bytes)))
                        case .end: .end(written { $0.appendLastChunk(trailers: client.trailers) })
                        case .failed(let failure): .failed(failure.reason)
                        }
                    return (input, used, fact)
                }
                offset += used
                if let fact { self.append(fact, to: &facts) }
                if input == .switching { return facts }
                // A response that is complete makes room for the next request, as long as there are bytes for it.
                if input == .end, client.canReuse, facts.count < 6 {
                    client.begin(method, asksForUpgrade: upgrades)
                    client.requestSent()
                }
                if input == .needMore { break }
            }
        }
        return facts
    }

    private static func append(_ fact: Fact, to facts: inout [Fact]) {
        if case .payload(let more) = fact, case .payload(let before)? = facts.last {
            facts[facts.count - 1] = .payload(before + more)
        } else {
            facts.append(fact)
        }
    }

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
            let whole = Self.serve(bytes, ends: [bytes.count], respondsEarly: early)
            #expect(Self.serve(bytes, ends: ends, respondsEarly: early) == whole, note)
            #expect(Self.serve(bytes, ends: Array(0...bytes.count), respondsEarly: early) == whole, note)
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
            let whole = Self.request(bytes, ends: [bytes.count], method: method, upgrades: upgrades)
            #expect(Self.request(bytes, ends: ends, method: method, upgrades: upgrades) == whole, note)
            let single = Array(0...bytes.count)
            #expect(Self.request(bytes, ends: single, method: method, upgrades: upgrades) == whole, note)
        }
    }
}
