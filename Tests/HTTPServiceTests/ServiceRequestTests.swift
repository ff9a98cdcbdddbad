import EventLoop
import HTTPService
import Primitives
import TestKit
import Testing
import Transport

@Suite(.timeLimit(.minutes(30))) struct ServiceRequestTests {
    @Test func get_simple_isAnsweredAndKeptAlive() throws {
        let fixture = try ServiceFixture()
        let answer = try fixture.exchange("GET /a/b?c=d HTTP/1.1\r\nHost: x\r\nX-Test: yes\r\n\r\n")
        let body = "GET /a/b ?c=d 0\n"
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: \(body.utf8.count)\r\n"
        #expect(answer == head + "x-seen: yes\r\n\r\n" + body)
        try fixture.end()
    }

    @Test(arguments: [
        ("GET / HTTP/1.0\r\n\r\n", "close"), ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "keep-alive"),
        ("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "close"),
    ])
    func connection_asAsked_isSaidInTheAnswer(request: String, value: String) throws {
        let fixture = try ServiceFixture()
        #expect(try fixture.exchange(request).contains("connection: \(value)\r\n"))
        try fixture.end()
    }

    @Test func head_ofAPage_hasItsLengthButNoBody() throws {
        let fixture = try ServiceFixture()
        let answer = try fixture.exchange("HEAD /bytes?n=70000 HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(answer.contains("content-length: 70000\r\n") && answer.hasSuffix("\r\n\r\n"))
        let streamed = try fixture.exchange("HEAD /stream?n=70000 HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(streamed.contains("content-length: 70000\r\n") && streamed.hasSuffix("\r\n\r\n"))
        try fixture.end()
    }

    @Test func status204_withABody_isSentWithoutLengthAndBody() throws {
        let fixture = try ServiceFixture()
        let answer = try fixture.exchange("GET /none HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(answer == "HTTP/1.1 204 No Content\r\n\r\n")
        try fixture.end()
    }

    /// One byte stream of many requests, cut anywhere, with pauses: the answers are those to the whole.
    @Test(arguments: [1, 7, 0xBEEF] as [UInt64])
    func requests_inAnyPieces_areAnsweredAsTheWhole(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        let payload = String(repeating: "payload ", count: 40)
        let kinds = [
            "GET /one HTTP/1.1\r\nHost: x\r\n\r\n", "HEAD /bytes?n=99 HTTP/1.1\r\nHost: x\r\n\r\n",
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: \(payload.utf8.count)\r\n\r\n\(payload)",
            "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n10;x=y\r\n0123456789abcdef\r\n0\r\nt: u\r\n\r\n",
            "GET /later?7 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /stream?n=40000&chunked HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /bytes?n=30000 HTTP/1.1\r\nHost: x\r\n\r\n",
            "POST /two HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        ]
        let text = (0..<40).map { _ in kinds.randomElement(using: &generator)! }.joined()
        let fixture = try ServiceFixture()
        let whole = try fixture.exchange(text)
        let bytes = Array(text.utf8)
        for _ in 0..<5 {
            let peer = try RawPeer(port: fixture.port)
            var offset = 0
            while offset < bytes.count {
                let count = min(bytes.count - offset, Int.random(in: 1...60, using: &generator))
                peer.send(Array(bytes[offset..<offset + count]))
                offset += count
                // A turn of the loop in between makes sure that pieces are seen as pieces.
                if Bool.random(using: &generator) { try fixture.loops.run {} }
            }
            peer.finishWriting()
            let answer = try #require(peer.readToEnd())
            #expect(answer.withoutDates == whole, "seed \(seed)")
        }
        #expect(whole.components(of: "HTTP/1.1 200 OK") == 40)
        try fixture.end()
    }

    @Test func pipelined_withLateAnswers_areAnsweredInOrder() throws {
        let fixture = try ServiceFixture()
        let text = (0..<100).map { number in
            number % 3 == 0
                ? "GET /later?\(number) HTTP/1.1\r\nHost: x\r\n\r\n" : "GET /\(number) HTTP/1.1\r\nHost: x\r\n\r\n"
        }
        let lines = try fixture.exchange(text.joined()).split { $0 == "\n" || $0 == "\r\n" }.map(String.init)
        let expected = (0..<100).map { $0 % 3 == 0 ? "later \($0)" : "GET /\($0) ? 0" }
        #expect(lines.filter { $0.hasPrefix("later ") || $0.hasPrefix("GET ") } == expected)
        try fixture.end()
    }

    /// While a handler looks at its request, a response sets another connection going, whose next request is waiting.
    @Test func answer_toAnotherConnection_leavesTheOwnRequestAlone() throws {
        let fixture = try ServiceFixture()
        let other = try RawPeer(port: fixture.port)
        other.send(
            "GET /held HTTP/1.1\r\nHost: x\r\n\r\nGET /something/else HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        try fixture.loops.waitUntil { try fixture.loops.run { fixture.held.responders.count } == 1 }
        #expect(try fixture.exchange("GET /release HTTP/1.1\r\nHost: x\r\n\r\n").hasSuffix("\r\n\r\npath /release\n"))
        let rest = try #require(other.readToEnd()).withoutDates
        #expect(rest.contains("released\n") && rest.hasSuffix("GET /something/else ? 0\n"))
        try fixture.end()
    }

    @Test func expect100_bodyStillToCome_isAskedForIt() throws {
        let fixture = try ServiceFixture()
        let peer = try RawPeer(port: fixture.port)
        peer.send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        let interim = "HTTP/1.1 100 Continue\r\n\r\n"
        #expect(peer.read(count: interim.utf8.count) == Array(interim.utf8))
        peer.send("hello")
        peer.finishWriting()
        #expect(try #require(peer.readToEnd()).withoutDates.hasSuffix("\r\n\r\nhello"))
        try fixture.end()
    }

    @Test(arguments: [0, 1, 16_383, 16_384, 16_385, 1_000_000] as [Int], [false, true])
    func stream_anyLength_isWhole(count: Int, isChunked: Bool) throws {
        let fixture = try ServiceFixture()
        let ended = Handover<Result<ProbeResponse, ProbeError>>()
        try fixture.loops.run {
            HTTPProbe.get(
                address: .loopback(port: fixture.port),
                path: "/stream?n=\(count)\(isChunked ? "&chunked" : "")",
                on: fixture.loops.loop,
                timeoutNanoseconds: 20 * Nanoseconds.perSecond
            ) { ended.put($0) }
        }
        let answer = try ended.take().get()
        #expect(answer.header("Transfer-Encoding") == (isChunked ? "chunked" : nil))
        #expect(answer.header("content-length") == (isChunked ? nil : "\(count)"))
        #expect(answer.body == (0..<count).map { UInt8($0 % 251) })
        try fixture.end()
    }
}

extension String {
    func components(of part: String) -> Int {
        let bytes = Array(self.utf8)
        let wanted = Array(part.utf8)
        guard bytes.count >= wanted.count else { return 0 }
        return (0...bytes.count - wanted.count).filter { bytes[$0...].starts(with: wanted) }.count
    }
}
