import Foundation
import Glibc
import Testing

/// Workers come and go, and nothing is left behind.
@Suite(.onOwnThread) struct ControllerTests {
    private static func configuration() -> Configuration {
        var configuration = Configuration()
        configuration.room = nil
        configuration.pool = ["min_workers": "1", "max_workers": "4", "drain_timeout": "2s"]
        configuration.worker = ["slots": "4", "service_time": "20ms", "spread": "0", "queue": "100"]
        configuration.scaling = ["scale_down_after": "1s", "latency_objective": "1s"]
        return configuration
    }

    private static func isRunning(_ pid: pid_t) -> Bool {
        // A process that nobody has waited for is no running one.
        let state = RunningProcess.text("/proc/\(pid)/stat").split(separator: ")").last?.split(separator: " ").first
        return state != nil && state != "Z"
    }

    /// Not under sanitizers: a gateway ten times slower asks for so little that nothing has to grow.
    @Test(.enabled(if: Patience.slowness == 1)) func load_risesAndEnds_workersGrowAndComeBack() throws {
        try Scene.play { scene in
            var configuration = Self.configuration()
            // So long that the workers have all they can do, however slowly this test asks.
            configuration.worker["service_time"] = "500ms"
            configuration.scaling["latency_objective"] = "10s"
            let sluice = try scene.start(configuration)
            let peers = try (0..<24).map { _ in try HTTPPeer(port: sluice.port) }
            var failures = 0
            try Patience.wait(for: "the pool to grow") {
                for peer in peers { try peer.send("GET", "/") }
                for peer in peers where try peer.readAnswer().status != 200 { failures += 1 }
                return try sluice.status().pool?.ready == 4
            }
            try Patience.wait(for: "the pool to come back") {
                // A little goes on: what shrinks must not drop a request.
                for peer in peers.prefix(2) where try peer.request("GET", "/").status != 200 { failures += 1 }
                let pool = try #require(try sluice.status().pool)
                return pool.ready == 1 && pool.pending == 0 && pool.draining == 0
            }
            #expect(failures == 0)
            #expect(try sluice.status().pool?.crashes == 0)
            #expect(sluice.children.count == 1)
        }
    }

    @Test func worker_killed_isReplaced() throws {
        try Scene.play { scene in
            let sluice = try scene.start(Self.configuration())
            let victim = try #require(sluice.children.first)
            kill(victim, SIGKILL)
            try Patience.wait(for: "another worker") {
                let pool = try #require(try sluice.status().pool)
                return pool.crashes == 1 && pool.ready == 1 && sluice.children.first != victim
            }
            try Patience.wait(for: "the gateway to know it") {
                try HTTPPeer(port: sluice.port).request("GET", "/").status == 200
            }
        }
    }

    /// Seen before: 3,610 failures, and the worker that hung was shown as ready.
    @Test func worker_hangs_isReplaced() throws {
        try Scene.play { scene in
            var configuration = Self.configuration()
            configuration.pool["max_workers"] = "1"
            configuration.pool["response_timeout"] = "500ms"
            configuration.pool["probe"] = "{interval: 100ms, timeout: 1s, failures: 2}"
            let sluice = try scene.start(configuration)
            try Patience.wait(for: "the worker") { try sluice.status().pool?.ready == 1 }
            let victim = try #require(sluice.children.first)
            kill(victim, SIGSTOP)
            try Patience.wait(for: "another worker") {
                let pool = try #require(try sluice.status().pool)
                // On a busy machine the next one may be too slow to answer, and be replaced as well.
                return pool.ready == 1 && pool.crashes >= 1 && !sluice.children.contains(victim)
            }
            try sluice.waitForLog("a ready worker is well no more")
            try Patience.wait(for: "the gateway to know it") {
                try HTTPPeer(port: sluice.port).request("GET", "/").status == 200
            }
        }
    }

    /// Seen before: a worker that took longer than a second over its readiness check never became ready.
    @Test func worker_slowToSayThatItIsWell_becomesReady() throws {
        try Scene.play { scene in
            var configuration = Self.configuration()
            configuration.pool["probe"] = "{path: /healthz?wait=1500, interval: 50ms, failures: 1, timeout: 1m}"
            let sluice = try scene.start(configuration)
            try Patience.wait(for: "the worker") { try sluice.status().pool?.ready == 1 }
            #expect(try HTTPPeer(port: sluice.port).request("GET", "/").status == 200)
            #expect(try sluice.status().pool?.crashes == 0)
        }
    }

    /// A worker without a page for it is asked by a connection.
    @Test func worker_askedByConnection_becomesReady() throws {
        try Scene.play { scene in
            var configuration = Self.configuration()
            configuration.pool["probe"] = "{path: tcp, interval: 50ms, timeout: 300ms, failures: 2}"
            let sluice = try scene.start(configuration)
            try Patience.wait(for: "the worker") { try sluice.status().pool?.ready == 1 }
            #expect(try HTTPPeer(port: sluice.port).request("GET", "/").status == 200)
        }
    }

    /// Seen before: requests that the gateway turned away for want of a worker were no errors to the policy, nor were
    /// those that no worker answered in time.
    @Test(arguments: ["queue-full", "queue-timeout", "response-timeout"])
    func requestsTurnedAway_areErrorsToThePolicy(cause: String) throws {
        try Scene.play { scene in
            var configuration = Self.configuration()
            configuration.scaling = ["latency_objective": "1m"]
            if cause == "response-timeout" {
                configuration.use([try scene.startWorker { try $0.readToEnd() }])
                configuration.pool["response_timeout"] = "300ms"
                // Whether it is passed by is another matter.
                configuration.pool["ejection"] = "{failures: 0}"
            } else {
                configuration.pool = [
                    "min_workers": "1", "max_workers": "1", "connections_per_worker": "1",
                    "waiting_requests": cause == "queue-full" ? "0" : "20", "waiting_timeout": "100ms",
                ]
                configuration.worker = ["slots": "1", "service_time": "1s", "spread": "0"]
            }
            let sluice = try scene.start(configuration)
            try Patience.wait(for: "the rate to be trimmed") {
                let peers = try (0..<20).map { _ in try HTTPPeer(port: sluice.port) }
                for peer in peers { try peer.send("GET", "/") }
                for peer in peers {
                    let answer = try peer.readAnswer()
                    #expect(answer.field("sluice-error") == "upstream; \(cause)" || answer.status == 200)
                }
                return try (sluice.status().pool?.latency_trim ?? 1) < 0.9
            }
        }
    }

    /// Where nobody is ready there is no rate to be trimmed: what the policy was told stands in the journal.
    @Test func requestsTurnedAway_noWorkerIsReady_areErrorsToThePolicy() throws {
        try Scene.play { scene in
            var configuration = Self.configuration()
            configuration.pool = ["command": "[/bin/false]", "max_workers": "1", "waiting_requests": "0"]
            let sluice = try scene.start(configuration, waits: false)
            try sluice.waitUntilListening(hasGateway: false)
            try Patience.wait(for: "a decision that knows of errors") {
                for _ in 0..<10 {
                    let answer = try HTTPPeer(port: sluice.port).request("GET", "/")
                    #expect(answer.status == 503 && answer.field("sluice-error") == "upstream; no-worker")
                }
                return DecisionTrail.entries(scene).contains { $0.pool.ready == 0 && $0.errorsPerSecond >= 1 }
            }
        }
    }

    @Test func worker_neverReady_isStoppedAndTriedAgain() throws {
        try Scene.play { scene in
            var configuration = Self.configuration()
            configuration.pool["command"] = "[/bin/sh, -c, \"exec sleep 600\"]"
            configuration.pool["start_timeout"] = "200ms"
            let sluice = try scene.start(configuration, waits: false)
            try sluice.waitForLog("was not ready within start_timeout")
            try Patience.wait(for: "a second attempt") {
                sluice.process.errors.components(separatedBy: "was not ready within start_timeout").count > 2
            }
            // Seen before: that it died, and how, and not why.
            let words = "was not ready within start_timeout (200ms) and was ended: it has not said where it listens"
            try Patience.wait(for: "the one that has ended to be told of") {
                sluice.process.errors.contains("\(words). Raise start_timeout, or look why it starts slowly (it ended")
            }
            try sluice.waitUntilListening(hasGateway: false)
            try Operator.expectProblem([words], at: sluice)
            #expect(!sluice.process.errors.contains("died"))
        }
    }

    @Test func end_onTermination_leavesNoProcessBehind() throws {
        try Scene.play { scene in
            var configuration = Self.configuration()
            configuration.redis = "embedded"
            configuration.pool["min_workers"] = "3"
            let sluice = try scene.start(configuration)
            try Patience.wait(for: "three workers") { try sluice.status().pool?.ready == 3 }
            let redis = try #require(scene.embeddedRedisPID)
            let children = sluice.children
            #expect(children.count == 4 && children.contains(redis))
            #expect(try sluice.stop() == .exited(0))
            for pid in children { #expect(!Self.isRunning(pid), "process \(pid) goes on") }
        }
    }

    @Test func end_requestUnderWay_isFinishedFirst() throws {
        try Scene.play { scene in
            var configuration = Self.configuration()
            // Long enough to be seen under way, and to be waited for.
            configuration.worker["service_time"] = "4s"
            configuration.scaling["latency_objective"] = "10s"
            configuration.pool["drain_timeout"] = "60s"
            let sluice = try scene.start(configuration)
            let (busy, idle) = (try HTTPPeer(port: sluice.port), try HTTPPeer(port: sluice.port))
            try busy.send("GET", "/")
            try Patience.wait(for: "the request to be under way") {
                try sluice.metric("sluice_pool_in_flight{pool=\"workers\"}") == 1
            }
            sluice.mayEnd = true
            sluice.process.signal(SIGTERM)
            #expect(idle.isEnded())
            let answer = try busy.readAnswer()
            #expect(answer.status == 200)
            #expect(answer.field("connection") == "close")
            #expect(try sluice.process.waitForEnd() == .exited(0))
        }
    }

    /// Whatever moment of the start the signal falls into.
    @Test(arguments: [0, 1, 3, 10, 30, 60, 100, 200] as [Int64])
    func end_duringTheStart_leavesNoProcessBehind(afterMilliseconds: Int64) throws {
        try Scene.play { scene in
            var configuration = Self.configuration()
            configuration.redis = "embedded"
            let sluice = try scene.start(configuration, waits: false)
            let start = Patience.nowMilliseconds
            try Patience.wait(for: "the moment") { Patience.nowMilliseconds - start >= afterMilliseconds }
            let end = try sluice.stop()
            // Before the program watches for signals, they end it as they end any program.
            #expect(end == .exited(0) || end == .signalled(SIGTERM))
            #expect(scene.embeddedRedisPID == nil)
        }
    }

    @Test func end_secondSignal_endsAtOnceAndCleansUp() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { try $0.readToEnd() }
            var configuration = Self.configuration()
            configuration.redis = "embedded"
            configuration.use([worker])
            let sluice = try scene.start(configuration)
            let peer = try HTTPPeer(port: sluice.port)
            try peer.send("GET", "/never")
            try Patience.wait(for: "the request to be under way") { worker.receivedText.contains("/never") }
            sluice.mayEnd = true
            sluice.process.signal(SIGINT)
            try sluice.waitForLog("ending: requests under way")
            #expect(sluice.process.endIfEnded == nil)
            sluice.process.signal(SIGINT)
            #expect(try sluice.process.waitForEnd() == .exited(130))
            #expect(scene.embeddedRedisPID == nil)
        }
    }
}
