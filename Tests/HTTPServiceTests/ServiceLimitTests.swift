import EventLoop
import HTTPService
import HTTPWire
import Primitives
import TestKit
import Testing
import Transport

/// At every bound there is a response, and the service goes on.
@Suite(.timeLimit(.minutes(30))) struct ServiceLimitTests {
    private static func limits(_ change: (inout ServiceLimits) -> Void) -> ServiceLimits {
        var limits = ServiceLimits()
        limits.head = HeadLimits(maxHeadBytes: 1_000, maxTargetBytes: 200, maxFields: 10)
        limits.maxBodyBytes = 1_000
        change(&limits)
        return limits
    }

    static let refused: [(String, Int)] = [
        ("nonsense\r\n\r\n", 400), ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        ("GET /\(String(repeating: "a", count: 300)) HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        ("GET / HTTP/1.1\r\nHost: x\r\nA: \(String(repeating: "a", count: 2_000))\r\n\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: x\r\n\(String(repeating: "A: b\r\n", count: 20))\r\n", 431),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n", 413),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n\(String(repeating: "z", count: 1_001))",
            413
        ),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", 400),
    ]

    @Test(arguments: ServiceLimitTests.refused)
    func request_overALimitOrMalformed_isRefusedAndClosed(request: String, status: Int) throws {
        let fixture = try ServiceFixture(limits: Self.limits { _ in })
        let peer = try RawPeer(port: fixture.port)
        // Not half-closed: the service must close by itself, and ignore what follows.
        peer.send(request + "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
        let answer = try #require(peer.readToEnd()).withoutDates
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
        #expect(answer.contains("connection: close\r\n"))
        #expect(!answer.contains("smuggled") && !answer.contains("100 Continue"))
        #expect(answer.components(of: "\r\ncontent-length: ") == 1)
        // The refusal says what is wrong.
        #expect(answer.hasSuffix("\n") && !answer.hasSuffix("\r\n\r\n"))
        #expect(try fixture.exchange("GET / HTTP/1.1\r\nHost: x\r\n\r\n").hasPrefix("HTTP/1.1 200 OK\r\n"))
        try fixture.end()
    }

    @Test func body_ofExactlyTheLimit_isTaken() throws {
        let fixture = try ServiceFixture(limits: Self.limits { _ in })
        let answer = try fixture.exchange(
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + String(repeating: "z", count: 1_000)
        )
        #expect(answer.hasSuffix("POST / ? 1000\n"))
        try fixture.end()
    }

    @Test func head_thatDrips_isAnswered408() throws {
        let fixture = try ServiceFixture(
            limits: Self.limits { $0.headTimeoutNanoseconds = 30 * Nanoseconds.perMillisecond }
        )
        let peer = try RawPeer(port: fixture.port)
        peer.send("GET / HTTP/1.1\r\nHo")
        #expect(try #require(peer.readToEnd()).withoutDates.hasPrefix("HTTP/1.1 408 Request Timeout\r\n"))
        try fixture.end()
    }

    @Test func body_thatStalls_isAnswered408() throws {
        let fixture = try ServiceFixture(
            limits: Self.limits { $0.bodyTimeoutNanoseconds = 30 * Nanoseconds.perMillisecond }
        )
        let peer = try RawPeer(port: fixture.port)
        peer.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        #expect(try #require(peer.readToEnd()).withoutDates.hasPrefix("HTTP/1.1 408 Request Timeout\r\n"))
        try fixture.end()
    }

    @Test func connection_thatSaysNothing_isClosedWithoutAWord() throws {
        let fixture = try ServiceFixture(
            limits: Self.limits {
                $0.headTimeoutNanoseconds = 3 * Nanoseconds.perSecond
                $0.idleTimeoutNanoseconds = 3 * Nanoseconds.perSecond
            }
        )
        #expect(try RawPeer(port: fixture.port).readToEnd() == [])
        let peer = try RawPeer(port: fixture.port)
        peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try #require(peer.readToEnd()).withoutDates.hasSuffix("GET / ? 0\n"))
        try fixture.end()
    }

    @Test func handshake_thatNeverComes_isClosed() throws {
        let folder = TestFolder()
        let fixture = try ServiceFixture(
            limits: Self.limits { $0.headTimeoutNanoseconds = 30 * Nanoseconds.perMillisecond },
            tls: try folder.makeServerTLS()
        )
        #expect(try RawPeer(port: fixture.port).readToEnd() == [])
        try fixture.end()
    }

    @Test(arguments: ["/bytes?n=50000000", "/stream?n=500000000", "/stream?n=500000000&chunked"])
    func client_thatTakesNothing_isCutOff(path: String) throws {
        let fixture = try ServiceFixture(
            limits: Self.limits { $0.writeTimeoutNanoseconds = 50 * Nanoseconds.perMillisecond }
        )
        let peer = try RawPeer(port: fixture.port)
        peer.send("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
        try fixture.loops.waitUntil { try fixture.loops.run { fixture.service.requestCount } == 1 }
        try fixture.loops.waitUntil { try fixture.loops.run { fixture.service.connectionCount } == 0 }
        try fixture.end()
    }

    /// Requests without end and nobody who reads the answers: the service stops reading instead of piling them up.
    @Test func pipelined_withoutReadingAnswers_areNotPiledUp() throws {
        let fixture = try ServiceFixture()
        let peer = try RawPeer(port: fixture.port)
        let requests = String(repeating: "GET /bytes?n=100000 HTTP/1.1\r\nHost: x\r\n\r\n", count: 2_000)
        peer.send(requests)
        var last: UInt64 = 0
        var unchanged = 0
        // Settled when a thousand turns bring no further request.
        try fixture.loops.waitUntil {
            let count = try fixture.loops.run { fixture.service.requestCount }
            unchanged = count == last ? unchanged + 1 : 0
            last = count
            return unchanged == 1_000 && count > 0
        }
        // Socket buffers take a few megabytes, the high mark another quarter.
        #expect(last < 200)
        peer.finishWriting()
        #expect(try #require(peer.readToEnd()).count > 2_000 * 100_000)
        try fixture.end()
    }

    @Test func connections_overTheLimit_areClosedAsTheyCome() throws {
        let fixture = try ServiceFixture(limits: Self.limits { $0.maxConnections = 2 })
        let first = try RawPeer(port: fixture.port)
        let second = try RawPeer(port: fixture.port)
        try fixture.loops.waitUntil { try fixture.loops.run { fixture.service.connectionCount } == 2 }
        let third = try RawPeer(port: fixture.port)
        #expect(third.readToEnd() == [])
        #expect(try fixture.loops.run { fixture.service.refusedConnectionCount } == 1)
        second.finishWriting()
        #expect(second.readToEnd() == [])
        try fixture.loops.waitUntil { try fixture.loops.run { fixture.service.connectionCount } == 1 }
        first.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        #expect(try #require(first.readToEnd()).withoutDates.hasPrefix("HTTP/1.1 200 OK\r\n"))
        try fixture.end()
    }
}
