import Glibc
import Synchronization
import Testing

/// Workers that hang, fail again and again, or come back: who gets requests, and who is told of it.
@Suite(.onOwnThread) struct WorkerEjectionTests {
    private func start(
        _ scene: Scene,
        _ workers: [RawWorker],
        pool: [String: String] = [:],
        room: [String: String]? = nil
    ) throws -> SluiceProcess {
        var configuration = RequestTests.open()
        configuration.use(workers)
        configuration.pool["ejection"] = "{failures: 3, pause: 200ms}"
        configuration.pool.merge(pool) { $1 }
        if let room {
            configuration.room = room
            configuration.routes = [(path: "/", hasRoom: true), (path: "/open", hasRoom: false)]
        }
        return try scene.start(configuration)
    }

    private func passedBy(_ sluice: SluiceProcess) throws -> Double {
        try sluice.metric("sluice_pool_passed_by_workers{pool=\"workers\"}")
    }

    /// A worker that takes requests and says nothing, until it is told to.
    private final class Sleeper: Sendable {
        let isAwake = Atomic(false)
        let visitors = Atomic(0)

        var script: RawWorker.Script {
            { connection in
                while let request = try connection.readRequest() {
                    let isQuestion = request.hasPrefix("GET /healthz ")
                    if !isQuestion { self.visitors.add(1, ordering: .relaxed) }
                    guard self.isAwake.load(ordering: .relaxed) else { return try connection.readToEnd() }
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }
        }
    }

    /// Seen before: a hung worker got its share of the requests for as long as it hung.
    @Test func hangs_oneOfTwo_isPassedByUntilItAnswersAQuestion() throws {
        try Scene.play { scene in
            let sleeper = Sleeper()
            let (hung, good) = (try scene.startWorker(sleeper.script), try scene.startWorker(RawWorker.answering()))
            let sluice = try self.start(scene, [hung, good], pool: ["response_timeout": "200ms"])
            try Patience.wait(for: "the hung worker to be passed by") {
                _ = try HTTPPeer(port: sluice.port).request("GET", "/")
                return try self.passedBy(sluice) == 1
            }
            let before = sleeper.visitors.load(ordering: .relaxed)
            for _ in 0..<40 { #expect(try HTTPPeer(port: sluice.port).request("GET", "/").status == 200) }
            #expect(sleeper.visitors.load(ordering: .relaxed) == before, "no visitor finds out whether it is back")
            let failing = try #require(try sluice.status().gatewayPool?.failing?.first)
            #expect(failing.worker == "127.0.0.1:\(hung.port)" && failing.failure == "timeout" && failing.passed_by)
            #expect(try sluice.metric("sluice_pool_ready_workers{pool=\"workers\"}") == 1)

            sleeper.isAwake.store(true, ordering: .relaxed)
            try Patience.wait(for: "the worker to be well again") { try self.passedBy(sluice) == 0 }
            try Patience.wait(for: "it to get requests") {
                let answer = try HTTPPeer(port: sluice.port).request("GET", "/")
                #expect(answer.status == 200)
                return sleeper.visitors.load(ordering: .relaxed) > before
            }
            try sluice.waitForLog("a worker is well again")
        }
    }

    /// One loop finds out, and none of the others asks again.
    @Test func hangs_severalLoops_areCountedTogether() throws {
        try Scene.play { scene in
            let sleeper = Sleeper()
            let (hung, good) = (try scene.startWorker(sleeper.script), try scene.startWorker(RawWorker.answering()))
            var configuration = RequestTests.open()
            configuration.use([hung, good])
            configuration.loops = "4"
            configuration.pool["ejection"] = "{failures: 3}"
            configuration.pool["response_timeout"] = "200ms"
            let sluice = try scene.start(configuration)
            try Patience.wait(for: "the hung worker to be passed by") {
                _ = try HTTPPeer(port: sluice.port).request("GET", "/")
                return try self.passedBy(sluice) == 1
            }
            // A request at a time: three failures in a row, over whichever loops, and none after that.
            #expect(sleeper.visitors.load(ordering: .relaxed) == 3)
            for _ in 0..<40 { #expect(try HTTPPeer(port: sluice.port).request("GET", "/").status == 200) }
            #expect(sleeper.visitors.load(ordering: .relaxed) == 3)
        }
    }

    @Test(arguments: ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"])
    func failsWithAStatus_isPassedBy(status: String) throws {
        try Scene.play { scene in
            let bad = try scene.startWorker { connection in
                while try connection.readRequest() != nil {
                    try connection.send("HTTP/1.1 \(status)\r\nContent-Length: 0\r\n\r\n")
                }
            }
            let good = try scene.startWorker(RawWorker.answering())
            let sluice = try self.start(scene, [bad, good])
            try Patience.wait(for: "the worker to be passed by") {
                _ = try HTTPPeer(port: sluice.port).request("GET", "/")
                return try self.passedBy(sluice) == 1
            }
            for _ in 0..<40 { #expect(try HTTPPeer(port: sluice.port).request("GET", "/").status == 200) }
            #expect(try sluice.metric("sluice_pool_ejections_total{pool=\"workers\",failure=\"status\"}") >= 1)
        }
    }

    /// What an application answers with 500, and what a worker that has enough to do turns away, is no failure of the
    /// worker; nor is what clients do who hang up, or send what is no request.
    @Test(
        arguments: [
            "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
        ]
    )
    func answersOfItsOwn_areNoFailure(answer: String) throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                while try connection.readRequest() != nil { try connection.send(answer) }
            }
            let sluice = try self.start(scene, [worker, try scene.startWorker(RawWorker.answering())])
            for _ in 0..<60 { _ = try HTTPPeer(port: sluice.port).request("GET", "/") }
            #expect(try self.passedBy(sluice) == 0)
            #expect(try sluice.metric("sluice_pool_ready_workers{pool=\"workers\"}") == 2)
        }
    }

    @Test func clientsHangUp_beforeTheAnswer_isNoFailureOfTheWorker() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                while let request = try connection.readRequest() {
                    if request.contains("/never") { return try connection.readToEnd() }
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }
            let sluice = try self.start(scene, [worker])
            for count in 1...10 {
                let peer = try HTTPPeer(port: sluice.port)
                try peer.send("GET", "/never-\(count)")
                try Patience.wait(for: "the request") { worker.receivedText.contains("/never-\(count) ") }
                peer.peer.reset()
            }
            try Patience.wait(for: "their ends") {
                try sluice.metric("sluice_pool_in_flight{pool=\"workers\"}") == 0
            }
            #expect(try sluice.metric("sluice_pool_failing_workers{pool=\"workers\"}") == 0)
            #expect(try HTTPPeer(port: sluice.port).request("GET", "/").status == 200)
        }
    }

    /// Clients give up long before the gateway does, so that no request ever times out: the worker is asked.
    @Test func hangs_clientsLeaveEarly_isAskedAndPassedBy() throws {
        try Scene.play { scene in
            let sleeper = Sleeper()
            let (hung, good) = (try scene.startWorker(sleeper.script), try scene.startWorker(RawWorker.answering()))
            let sluice = try self.start(
                scene,
                [hung, good],
                pool: ["response_timeout": "60s", "probe": "{timeout: 300ms}"]
            )
            var patient: [(peer: HTTPPeer, since: Int64)] = []
            try Patience.wait(for: "the hung worker to be passed by") {
                let peer = try HTTPPeer(port: sluice.port)
                try peer.send("GET", "/")
                patient.append((peer, Patience.nowMilliseconds))
                for (peer, since) in patient where Patience.nowMilliseconds - since > 1_500 { peer.peer.reset() }
                patient.removeAll { Patience.nowMilliseconds - $0.since > 1_500 }
                return try self.passedBy(sluice) == 1
            }
            #expect(try sluice.status().gatewayPool?.failing?.first?.failure == "timeout")
        }
    }

    /// Nobody is let in to a worker that hangs, and somebody is as soon as it answers.
    @Test func hangs_onlyWorkerOfARoom_roomIsHeldUntilItAnswers() throws {
        try Scene.play { scene in
            let sleeper = Sleeper()
            let worker = try scene.startWorker(sleeper.script)
            let sluice = try self.start(
                scene,
                [worker],
                pool: ["response_timeout": "200ms"],
                room: ["slots": "1000", "inflow": "1000/s", "burst": "1000"]
            )
            try Patience.wait(for: "the room to be held") {
                _ = try HTTPPeer(port: sluice.port).request("GET", "/open")
                return try sluice.metric("sluice_room_mode{room=\"sale\",mode=\"held\"}") == 1
            }
            let answer = try HTTPPeer(port: sluice.port).request("GET", "/")
            #expect(answer.status == 200 && answer.field("sluice-state") != "admitted")
            sleeper.isAwake.store(true, ordering: .relaxed)
            try Patience.wait(for: "the room to open") {
                try sluice.metric("sluice_room_mode{room=\"sale\",mode=\"normal\"}") == 1
            }
        }
    }
}
