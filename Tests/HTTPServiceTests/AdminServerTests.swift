import AdminAPI
import EventLoop
import HTTPService
import Observability
import Primitives
import Reports
import TestKit
import Testing
import Transport

@Suite(.timeLimit(.minutes(10))) struct AdminServerTests {
    private static let report = StatusReport(process: "host-1", pid: 1, reloadsApplied: 2, reloadsRefused: 3)

    /// The raw answer to one request to a server with every page.
    private func exchange(_ requestLine: String, problems: [String] = []) throws -> String {
        let fixture = try LoopFixture()
        let port = try fixture.run {
            let loop = fixture.loop
            let server = try AdminServer(
                loop: loop,
                address: .loopback(port: 0),
                routes: [
                    .health { answer in answer(problems) },
                    .metrics { answer in loop.after(nanoseconds: 1_000_000) { answer("a_total 1\n") } },
                    .status { answer in loop.onNextTurn { answer(Self.report) } },
                    .json("/rooms") { answer in answer(Array("[]".utf8)) },
                ]
            )
            return server.boundAddress!.port!
        }
        let peer = try RawPeer(port: port)
        peer.send("\(requestLine) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        let answer = try #require(peer.readToEnd())
        try fixture.end()
        return String(decoding: answer, as: UTF8.self)
    }

    @Test func healthz_withoutProblems_isOK() throws {
        let answer = try self.exchange("GET /healthz")
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.hasSuffix("\r\n\r\nok\n"))
    }

    @Test func healthz_withProblems_is503AndNamesThem() throws {
        let answer = try self.exchange("GET /healthz", problems: ["redis is away for 3 s", "no worker is ready"])
        #expect(answer.hasPrefix("HTTP/1.1 503 "))
        #expect(answer.hasSuffix(#"{"error":"not healthy","problems":["redis is away for 3 s","no worker is ready"]}"#))
    }

    @Test func metrics_answeredLater_hasPrometheussType() throws {
        let answer = try self.exchange("GET /metrics")
        #expect(answer.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"))
        #expect(answer.hasSuffix("\r\n\r\na_total 1\n"))
    }

    @Test func status_answeredLater_isJSON() throws {
        let answer = try self.exchange("GET /status?verbose")
        #expect(answer.contains("content-type: application/json\r\n"))
        #expect(
            answer.hasSuffix("\r\n\r\n" + #"{"pid":1,"process":"host-1","reloads_applied":2,"reloads_refused":3}"#)
        )
        #expect(try self.exchange("GET /rooms").hasSuffix("\r\n\r\n[]"))
    }

    @Test func unknownPage_is404WithTheOnesThatAre() throws {
        let answer = try self.exchange("GET /metric")
        #expect(answer.hasPrefix("HTTP/1.1 404 "))
        #expect(
            answer.hasSuffix(
                #"{"error":"there is no page /metric","pages":["/healthz","/metrics","/status","/rooms"]}"#
            )
        )
    }

    @Test func otherMethod_is405WithTheAllowedOnes() throws {
        let answer = try self.exchange("DELETE /status")
        #expect(answer.hasPrefix("HTTP/1.1 405 ") && answer.contains("allow: GET, HEAD\r\n"))
        #expect(try self.exchange("HEAD /status").hasSuffix("\r\n\r\n"))
    }
}
