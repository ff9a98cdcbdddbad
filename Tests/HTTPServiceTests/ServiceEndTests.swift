import EventLoop
import Glibc
import HTTPService
import Primitives
import TestKit
import Testing
import Transport

@Suite(.timeLimit(.minutes(30))) struct ServiceEndTests {
    @Test func answer_afterTheClientIsGone_isDropped() throws {
        let fixture = try ServiceFixture()
        do {
            let peer = try RawPeer(port: fixture.port)
            peer.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
            try fixture.loops.waitUntil { try fixture.loops.run { fixture.held.responders.count } == 1 }
            #expect(try fixture.loops.run { fixture.held.responders[0].isWanted })
            peer.reset()
        }
        try fixture.loops.waitUntil { try fixture.loops.run { fixture.service.connectionCount } == 0 }
        try fixture.loops.run {
            #expect(!fixture.held.responders[0].isWanted)
            fixture.held.responders[0].respond(status: 200, body: "nobody hears")
        }
        try fixture.end()
    }

    @Test func close_withRequestsInFlight_answersThemAndTakesNoNewConnections() throws {
        let fixture = try ServiceFixture()
        let busy = try RawPeer(port: fixture.port)
        busy.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
        let halfSent = try RawPeer(port: fixture.port)
        halfSent.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")
        try fixture.loops.waitUntil {
            try fixture.loops.run { fixture.held.responders.count == 1 && fixture.service.connectionCount == 2 }
        }
        let closed = Handover<Void>()
        try fixture.loops.run { fixture.service.close { closed.put(()) } }
        #expect(throws: SystemError.self) { try RawPeer(port: fixture.port) }
        #expect(try fixture.loops.run { fixture.service.connectionCount } == 2)
        halfSent.send("cd")
        try fixture.loops.run { fixture.held.responders[0].respond(status: 200, body: "in the end\n") }
        for (peer, end) in [(busy, "in the end\n"), (halfSent, "abcd")] {
            let answer = try #require(peer.readToEnd()).withoutDates
            #expect(answer.contains("connection: close\r\n") && answer.hasSuffix(end))
            peer.finishWriting()
        }
        try closed.take()
        try fixture.end()
    }

    /// What was on its way when the service began to close is answered, as the connection's last request.
    @Test func close_withIdleConnections_answersALateRequestAndClosesTheOthers() throws {
        var limits = ServiceLimits()
        limits.closingGraceNanoseconds = 4 * Nanoseconds.perSecond
        let fixture = try ServiceFixture(limits: limits)
        let late = try RawPeer(port: fixture.port)
        let idle = try RawPeer(port: fixture.port)
        try fixture.loops.waitUntil { try fixture.loops.run { fixture.service.connectionCount } == 2 }
        let closed = Handover<Void>()
        try fixture.loops.run { fixture.service.close { closed.put(()) } }
        late.send("GET /late HTTP/1.1\r\nHost: x\r\n\r\n")
        let answer = try #require(late.readToEnd()).withoutDates
        #expect(answer.contains("connection: close\r\n") && answer.hasSuffix("GET /late ? 0\n"))
        #expect(idle.readToEnd() == [])
        late.finishWriting()
        idle.finishWriting()
        try closed.take()
        try fixture.end()
    }

    @Test func close_withNobodyConnected_completes() throws {
        let fixture = try ServiceFixture()
        let closed = Handover<Void>()
        try fixture.loops.run { fixture.service.close { closed.put(()) } }
        try closed.take()
        #expect(try fixture.loops.run { fixture.service.boundAddress == nil })
        try fixture.end()
    }

    /// curl as the client, over TCP and TLS: what it sends and understands is what the world does.
    @Test(arguments: [false, true])
    func curl_severalRequests_areUnderstood(isSecure: Bool) throws {
        let folder = TestFolder()
        let fixture = try ServiceFixture(tls: isSecure ? try folder.makeServerTLS() : nil)
        let base = isSecure ? "https://localhost:\(fixture.port)" : "http://127.0.0.1:\(fixture.port)"
        let options = isSecure ? "--cacert \(folder.file("certificate.pem"))" : ""
        let script = """
            run() { curl --silent --show-error --http1.1 --max-time 60 \(options) "$@"; }
            run \(base)/a \(base)/later?1 \(base)/b
            head -c 900000 /dev/zero | run --data-binary @- -H 'Content-Type: x/y' -o /dev/null \
                -w '%{http_code} %{size_download}\\n' \(base)/echo
            head -c 900000 /dev/zero | run -T - -X POST -o /dev/null -w '%{http_code} %{size_download}\\n' \(base)/echo
            run -o /dev/null -w '%{http_code} %{size_download}\\n' '\(base)/stream?n=20000000&chunked'
            run --head -o /dev/null -w '%{http_code} %{size_download}\\n' '\(base)/bytes?n=5'
            run --http1.0 -o /dev/null -w '%{http_code} %{size_download}\\n' '\(base)/stream?n=7&chunked'
            head -c 2000000 /dev/zero | run --data-binary @- -o /dev/null -w '%{http_code}\\n' \(base)/echo
            """
        let lines = Record<[String]>([])
        let ended = Handover<Void>()
        // On a loop of its own: what waits for the child must not wait for the service.
        let outside = try LoopFixture()
        try outside.run {
            let child = try ChildProcess.spawn("sh", arguments: ["-c", script], on: outside.loop) { _ in ended.put(()) }
            _ = try LineReader(loop: outside.loop, fd: child.takeOutput()!) { line in lines.update { $0.append(line) } }
        }
        try ended.take()
        let expected = [
            "GET /a ? 0", "later 1", "GET /b ? 0", "200 900000", "200 900000", "200 20000000", "200 0", "200 7", "413",
        ]
        try outside.waitUntil { lines.value.count >= expected.count }
        #expect(lines.value == expected)
        try outside.end()
        try fixture.end()
    }
}
