import Testing

/// Answers that come before the answer (1xx).
@Suite(.onOwnThread) struct InterimTests {
    private func play(
        _ script: @escaping RawWorker.Script,
        _ body: (SluiceProcess) throws -> Void
    ) throws {
        try Scene.play { scene in
            var configuration = RequestTests.open()
            configuration.use([try scene.startWorker(script)])
            try body(try scene.start(configuration))
        }
    }

    private static func answering(after interim: String, times: Int = 1) -> RawWorker.Script {
        { connection in
            while try connection.readRequest() != nil {
                try connection.send(
                    String(repeating: interim, count: times) + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                )
            }
        }
    }

    private static let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n"

    @Test func hints_arePassedOnWithoutWhatIsForOneHop() throws {
        try self.play(Self.answering(after: Self.hints, times: 2)) { sluice in
            let peer = try HTTPPeer(port: sluice.port)
            for _ in 0..<2 {
                let answer = try peer.request("GET", "/")
                #expect(answer.status == 200 && answer.text == "ok")
                #expect(answer.interim.map(\.status) == [103, 103])
                for hint in answer.interim {
                    #expect(hint.field("link") == "</a.css>" && hint.field("x-hop") == nil)
                }
            }
        }
    }

    /// HTTP/1.0 has no such answers: its clients would take one for the answer.
    @Test func hints_toAnOldClient_areLeftOut() throws {
        try self.play(Self.answering(after: Self.hints)) { sluice in
            let peer = try HTTPPeer(port: sluice.port)
            peer.peer.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
            let answer = try peer.readAnswer()
            #expect(answer.status == 200 && answer.interim.isEmpty)
        }
    }

    @Test func continue_thatNobodyHasAskedFor_isLeftOut() throws {
        try self.play(Self.answering(after: "HTTP/1.1 100 Continue\r\n\r\n")) { sluice in
            let peer = try HTTPPeer(port: sluice.port)
            for body in [nil, Array("hello".utf8)] {
                let answer = try peer.request(body == nil ? "GET" : "POST", "/", body: body)
                #expect(answer.status == 200 && answer.interim.isEmpty)
            }
        }
    }

    /// A worker that sends them without an end would keep its client waiting for ever.
    @Test func hints_withoutAnEnd_areTheWorkersError() throws {
        try self.play(Self.answering(after: Self.hints, times: 17)) { sluice in
            let answer = try HTTPPeer(port: sluice.port).request("GET", "/")
            #expect(answer.interim.count == 16)
            #expect(answer.status == 502 && answer.field("sluice-error") == "upstream; bad-response")
        }
    }
}
