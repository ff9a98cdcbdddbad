import AdminAPI
import EventLoop
import HTTPService
import Observability
import Primitives
import Reports
import TestKit
import Testing
import Transport

@Suite(.timeLimit(.minutes(30))) struct AdminServerTests {
    private static let report = StatusReport(process: "host-1", pid: 1, reloadsApplied: 2, reloadsRefused: 3)

    /// The raw answer to one request to a server with every page.
    private func exchange(
        _ requestLine: String,
        _ fields: String = "",
        problems: [String] = [],
        readiness: Readiness = .fine
    ) throws -> String {
        let fixture = try LoopFixture()
        let port = try fixture.run {
            let loop = fixture.loop
            let server = try AdminServer(
                loop: loop,
                address: .loopback(port: 0),
                routes: [
                    .liveness { answer in answer(problems) },
                    .metrics { answer in loop.after(nanoseconds: 1_000_000) { answer("a_total 1\n") } },
                    .status { answer in loop.onNextTurn { answer(Self.report) } },
                    .json("/rooms") { answer in answer(Array("[]".utf8)) },
                    .question("/rooms/*/journal") { question, answer in
                        let text = "\(question.name) \(question.values["after"] ?? "-")\n"
                        answer(.success(Array(text.utf8)))
                    },
                    .action("/rooms/*/reset") { question, answer in
                        guard question.name == "sale" else {
                            return answer(.failure(AdminProblem(status: 404, "there is no such room", known: ["sale"])))
                        }
                        answer(.success(Array("{}".utf8)))
                    },
                ] + AdminRoute.readiness { answer in answer(readiness) }
            )
            return server.boundAddress!.port!
        }
        let peer = try RawPeer(port: port)
        peer.send("\(requestLine) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\(fields)\r\n")
        let answer = try #require(peer.readToEnd())
        try fixture.end()
        return String(decoding: answer, as: UTF8.self)
    }

    @Test func livez_withoutProblems_isOK() throws {
        let answer = try self.exchange("GET /livez")
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.hasSuffix("\r\n\r\nok\n"))
    }

    @Test func livez_withProblems_is503AndNamesThem() throws {
        let answer = try self.exchange("GET /livez", problems: ["loop 1 does not turn"])
        #expect(answer.hasPrefix("HTTP/1.1 503 "))
        #expect(answer.hasSuffix(#"{"error":"not live","problems":["loop 1 does not turn"]}"#))
    }

    /// Another gateway is no better off while the shared state is away: nobody should be sent there.
    @Test(arguments: ["/readyz", "/healthz"])
    func readyz_degraded_isReadyAndSaysSo(path: String) throws {
        let degraded = Readiness(ready: true, mode: "degraded", problems: ["redis is away for 3 s"])
        let answer = try self.exchange("GET \(path)", readiness: degraded)
        #expect(answer.hasPrefix("HTTP/1.1 200 "))
        #expect(answer.hasSuffix(#"{"mode":"degraded","problems":["redis is away for 3 s"],"ready":true}"# + "\n"))
        let ending = Readiness(ready: false, mode: "normal", problems: ["shutting down"])
        #expect(try self.exchange("GET \(path)", readiness: ending).hasPrefix("HTTP/1.1 503 "))
    }

    @Test func question_namesWhatItIsAbout() throws {
        let answer = try self.exchange("GET /rooms/sale/journal?after=5-0&count=2")
        #expect(answer.hasPrefix("HTTP/1.1 200 ") && answer.hasSuffix("\r\n\r\nsale 5-0\n"))
        #expect(try self.exchange("GET /rooms//journal").hasPrefix("HTTP/1.1 404 "))
    }

    /// Only a program that means it does something, never a link or a form on some page.
    @Test func action_needsPOSTAndItsField() throws {
        #expect(try self.exchange("GET /rooms/sale/reset").contains("allow: POST\r\n"))
        let blind = try self.exchange("POST /rooms/sale/reset", "Content-Length: 0\r\n")
        #expect(blind.hasPrefix("HTTP/1.1 403 ") && blind.contains("Sluice-Action: reset"))
        let fields = "Content-Length: 0\r\nSluice-Action: reset\r\n"
        #expect(try self.exchange("POST /rooms/sale/reset", fields).hasSuffix("\r\n\r\n{}"))
        let other = try self.exchange("POST /rooms/other/reset", fields)
        #expect(
            other.hasPrefix("HTTP/1.1 404 ") && other.hasSuffix(#"{"error":"there is no such room","known":["sale"]}"#)
        )
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
                #"{"error":"there is no page /metric","pages":["/livez","/metrics","/status","/rooms","#
                    + #""/rooms/*/journal","/rooms/*/reset","/readyz","/healthz"]}"#
            )
        )
    }

    @Test func otherMethod_is405WithTheAllowedOnes() throws {
        let answer = try self.exchange("DELETE /status")
        #expect(answer.hasPrefix("HTTP/1.1 405 ") && answer.contains("allow: GET, HEAD\r\n"))
        #expect(try self.exchange("HEAD /status").hasSuffix("\r\n\r\n"))
    }
}
