import EventLoop
import HTTPService
import Primitives
import TestKit
import Testing
import Transport

@Suite(.timeLimit(.minutes(30))) struct HTTPProbeTests {
    /// Probes a server that answers every request with `answer`, then closes if `closes`.
    private func probe(
        _ answer: String,
        closes: Bool = false,
        path: String = "/",
        timeoutMilliseconds: Int64 = 10_000
    ) throws -> Result<ProbeResponse, ProbeError> {
        let fixture = try LoopFixture()
        let ended = Handover<Result<ProbeResponse, ProbeError>>()
        try fixture.run {
            let listener = try Listener(loop: fixture.loop, address: .loopback(port: 0)) { _ in
                let handler = ScriptedHandler()
                handler.onReceived = { connection, bytes in
                    for byte in answer.utf8 { connection.write([byte]) }
                    if closes { connection.closeAfterWriting() }
                    return bytes.count
                }
                return handler
            }
            HTTPProbe.get(
                address: listener.boundAddress,
                path: path,
                on: fixture.loop,
                timeoutNanoseconds: timeoutMilliseconds * Nanoseconds.perMillisecond,
                maxBodyBytes: 1_000
            ) { ended.put($0) }
        }
        let result = try ended.take()
        try fixture.end()
        return result
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello", false),
        ("HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", false),
        ("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nX-A: b\r\n\r\nhello", true),
    ])
    func answer_inAnyFraming_isWhole(answer: String, closes: Bool) throws {
        let found = try self.probe(answer, closes: closes).get()
        #expect(found.status == 200 && found.text == "hello" && found.header("x-a") == "b")
    }

    @Test func answer_withoutABody_isComplete() throws {
        #expect(try self.probe("HTTP/1.1 204 No Content\r\n\r\n").get().status == 204)
    }

    @Test func answer_thatNeverComes_timesOut() throws {
        let result = try self.probe("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", timeoutMilliseconds: 30)
        guard case .failure(.timedOut(_, nanoseconds: 30_000_000)) = result else {
            Issue.record("\(result)")
            return
        }
    }

    @Test func answer_cutShort_isUnreachable() throws {
        let result = try self.probe("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", closes: true)
        guard case .failure(.unreachable(_, .peer)) = result else {
            Issue.record("\(result)")
            return
        }
    }

    @Test(arguments: ["SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"])
    func answer_malformedOrTooLong_isAnErrorThatSaysSo(answer: String) throws {
        guard case .failure(.malformed(_, let reason)) = try self.probe(answer) else {
            Issue.record("not malformed")
            return
        }
        #expect(!reason.isEmpty)
    }

    @Test func path_thatIsNone_isRefusedWithoutConnecting() throws {
        guard case .failure(.malformed(_, let reason)) = try self.probe("", path: "a b\r\nX: y") else {
            Issue.record("not refused")
            return
        }
        #expect(reason.contains("is no path"))
    }

    @Test func server_thatIsNotThere_isUnreachable() throws {
        let fixture = try LoopFixture()
        let ended = Handover<Result<ProbeResponse, ProbeError>>()
        try fixture.run {
            let listener = try Listener(loop: fixture.loop, address: .loopback(port: 0)) { _ in nil }
            listener.close()
            HTTPProbe.get(
                address: listener.boundAddress,
                path: "/",
                on: fixture.loop,
                timeoutNanoseconds: Nanoseconds.perSecond
            ) { ended.put($0) }
        }
        guard case .failure(let error) = try ended.take() else {
            Issue.record("a response from nowhere")
            return
        }
        #expect(error.description.contains("Connection refused"))
        try fixture.end()
    }
}
