import Testing

/// Workers that cannot be reached, break off, talk nonsense or say nothing.
@Suite(.onOwnThread) struct WorkerFailureTests {
    private func start(
        _ scene: Scene,
        _ workers: [RawWorker],
        pool: [String: String] = [:]
    ) throws -> SluiceProcess {
        var configuration = RequestTests.open()
        configuration.use(workers)
        configuration.pool.merge(pool) { $1 }
        return try scene.start(configuration)
    }

    @Test func unreachable_onlyWorker_502SaysWhoseFault() throws {
        try Scene.play { scene in
            let worker = try scene.makeRefusingWorker()
            let sluice = try self.start(scene, [worker])
            let answer = try HTTPPeer(port: sluice.port).request("GET", "/")
            #expect(answer.status == 502)
            #expect(answer.field("sluice-error") == "upstream; connect-failed")
            #expect(answer.field("retry-after") != nil)
            #expect(try sluice.metric("sluice_gateway_errors_total{cause=\"connect-failed\"}") == 1)
        }
    }

    @Test func noWorker_poolIsEmpty_503AfterTheWait() throws {
        try Scene.play { scene in
            var configuration = RequestTests.open()
            configuration.pool = [
                "driver": "process", "command": "[/bin/false]", "max_workers": "1", "waiting_timeout": "200ms",
            ]
            let sluice = try scene.start(configuration, waits: false)
            try Patience.wait(for: "the addresses") { sluice.process.output.contains("admin listening") }
            let port = try #require(sluice.process.output.split(separator: "\n").first?.split(separator: ":").last)
            let answer = try HTTPPeer(port: try #require(UInt16(port))).request("GET", "/")
            #expect(answer.status == 503)
            #expect(answer.field("sluice-error") == "upstream; no-worker")
            #expect(answer.field("retry-after") != nil)
            try sluice.waitForLog("died: exit code 1")
        }
    }

    @Test func unreachable_oneOfTwo_othersServeEverything() throws {
        try Scene.play { scene in
            let dead = try scene.makeRefusingWorker()
            let live = try scene.startWorker(RawWorker.answering())
            let sluice = try self.start(scene, [dead, live])
            for _ in 0..<60 {
                let answer = try HTTPPeer(port: sluice.port).request("POST", "/buy", body: Array("x".utf8))
                #expect(answer.status == 200, "nothing of the request was sent, so it may be sent elsewhere")
            }
        }
    }

    /// Both workers take connections and break them off before they answer.
    private static let breaksOff: RawWorker.Script = { connection in
        _ = try connection.readRequest()
    }

    @Test func breaksOff_idempotentRequest_isSentToAnotherOnce() throws {
        try Scene.play { scene in
            let bad = try scene.startWorker(Self.breaksOff)
            let good = try scene.startWorker(RawWorker.answering())
            let sluice = try self.start(scene, [bad, good], pool: ["ejection": "{failures: 0}"])
            for _ in 0..<40 { #expect(try HTTPPeer(port: sluice.port).request("GET", "/").status == 200) }
            #expect(bad.connectionCount > 0)
            #expect(try sluice.metric("sluice_retries_total") == Double(bad.connectionCount))
        }
    }

    @Test func breaksOff_allWorkers_getsOneRetryAnd502() throws {
        try Scene.play { scene in
            let workers = try (0..<3).map { _ in try scene.startWorker(Self.breaksOff) }
            let sluice = try self.start(scene, workers)
            let answer = try HTTPPeer(port: sluice.port).request("GET", "/")
            #expect(answer.status == 502)
            #expect(answer.field("sluice-error") == "upstream; connection-lost")
            #expect(workers.map(\.connectionCount).reduce(0, +) == 2)
            #expect(workers.allSatisfy { $0.connectionCount < 2 }, "the retry went to the worker that had failed")
        }
    }

    @Test(arguments: [Array("seat=1".utf8), []])
    func breaksOff_post_isNeverSentTwice(body: [UInt8]) throws {
        try Scene.play { scene in
            let workers = try (0..<2).map { _ in try scene.startWorker(Self.breaksOff) }
            let sluice = try self.start(scene, workers)
            let answer = try HTTPPeer(port: sluice.port).request("POST", "/buy", body: body)
            #expect(answer.status == 502)
            #expect(workers.map(\.connectionCount).reduce(0, +) == 1)
        }
    }

    /// The worker closed a kept connection just as the next request was on its way: nobody's fault, and a read is
    /// simply sent again.
    @Test func breaksOff_keptConnection_readIsSentAgain() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                _ = try connection.readRequest()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                _ = try connection.readRequest()
            }
            let sluice = try self.start(scene, [worker])
            let peer = try HTTPPeer(port: sluice.port)
            for _ in 0..<5 { #expect(try peer.request("GET", "/").status == 200) }
        }
    }

    @Test func breaksOff_withinTheAnswer_clientSeesTheBreak() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                _ = try connection.readRequest()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            }
            let sluice = try self.start(scene, [worker])
            #expect(throws: Disappointment.self) { try HTTPPeer(port: sluice.port).request("GET", "/") }
        }
    }

    @Test(arguments: [
        "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ])
    func nonsense_insteadOfAnAnswer_gets502(text: String) throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                _ = try connection.readRequest()
                try connection.send(text)
                try connection.readToEnd()
            }
            let sluice = try self.start(scene, [worker])
            let answer = try HTTPPeer(port: sluice.port).request("GET", "/")
            #expect(answer.status == 502)
            #expect(answer.field("sluice-error") == "upstream; bad-response")
        }
    }

    /// Bytes behind an answer must never become the beginning of somebody else's.
    @Test func surplus_bytesBehindTheAnswer_areNobodysAnswer() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                while try connection.readRequest() != nil {
                    try connection.send(
                        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
                    )
                }
            }
            let sluice = try self.start(scene, [worker])
            let peer = try HTTPPeer(port: sluice.port)
            for _ in 0..<10 { #expect(try peer.request("GET", "/").text == "ok") }
        }
    }

    @Test func silence_afterTheRequest_gets504() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { try $0.readToEnd() }
            let sluice = try self.start(scene, [worker], pool: ["response_timeout": "300ms"])
            let answer = try HTTPPeer(port: sluice.port).request("GET", "/")
            #expect(answer.status == 504)
            #expect(answer.field("sluice-error") == "upstream; response-timeout")
            try Patience.wait(for: "the end at the worker") {
                worker.connectionCount > 0 && worker.connections.allSatisfy(\.isEnded)
            }
            #expect(worker.connectionCount == 1, "a worker that may be at work on it gets it once")
        }
    }

    // MARK: Waiting for a worker

    /// One worker with one connection, which `/hold` keeps until its client leaves.
    private func startFullPool(
        _ scene: Scene,
        waitingTimeout: String
    ) throws -> SluiceProcess {
        let worker = try scene.startWorker { connection in
            while let request = try connection.readRequest() {
                if request.contains("/hold") { return try connection.readToEnd() }
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
        }
        return try self.start(
            scene,
            [worker],
            pool: [
                "worker": "{slots: 1}", "connections_per_worker": "1", "waiting_requests": "1",
                "waiting_timeout": waitingTimeout,
            ]
        )
    }

    private func hold(_ sluice: SluiceProcess) throws -> HTTPPeer {
        let holder = try HTTPPeer(port: sluice.port)
        try holder.send("GET", "/hold")
        try Patience.wait(for: "the worker to be taken") {
            try sluice.metric("sluice_pool_in_flight{pool=\"workers\"}") == 1
        }
        return holder
    }

    @Test func queue_workersStayFull_503SaysWhy() throws {
        try Scene.play { scene in
            let sluice = try self.startFullPool(scene, waitingTimeout: "500ms")
            let holder = try self.hold(sluice)
            let waiting = try HTTPPeer(port: sluice.port)
            try waiting.send("GET", "/a")
            let tooLate = try waiting.readAnswer()
            #expect(tooLate.status == 503)
            #expect(tooLate.field("sluice-error") == "upstream; queue-timeout")
            withExtendedLifetime(holder) {}
        }
    }

    @Test func queue_workerBecomesFree_theNextIsServedAndOneTooManyIsNot() throws {
        try Scene.play { scene in
            let sluice = try self.startFullPool(scene, waitingTimeout: "60s")
            var holder: HTTPPeer? = try self.hold(sluice)
            let waiting = try HTTPPeer(port: sluice.port)
            try waiting.send("GET", "/a")
            try Patience.wait(for: "one to wait") { try sluice.metric("sluice_pool_queued{pool=\"workers\"}") == 1 }
            let tooMany = try HTTPPeer(port: sluice.port).request("GET", "/b")
            #expect(tooMany.status == 503)
            #expect(tooMany.field("sluice-error") == "upstream; queue-full")
            #expect(holder != nil)
            holder = nil
            #expect(try waiting.readAnswer().status == 200)
        }
    }
}
