import Foundation
import Glibc
import TestKit
import Testing

/// KEDA asks, and somebody else starts and ends the workers, as its answers say.
@Suite(.onOwnThread) struct KEDATests {
    /// What Kubernetes is in these tests: as many workers as it is told, at the addresses that are listed.
    private final class Cluster {
        let addresses: [String]
        private let scene: Scene
        private var workers: [RunningProcess] = []

        init(_ scene: Scene, places: Int) {
            self.scene = scene
            self.addresses = (0..<places).map { "\(scene.folder)/worker-\($0)" }
        }

        var count: Int { self.workers.count }
        var list: String { "[" + self.addresses.map { "unix:\($0)" }.joined(separator: ", ") + "]" }

        func scale(to count: Int) throws {
            while self.workers.count < min(count, self.addresses.count) {
                let address = self.addresses[self.workers.count]
                let words = [
                    "worker", "--listen", "unix:\(address)", "--slots", "4", "--service-time", "500ms", "--spread", "0",
                ]
                self.workers.append(try self.scene.launch(try SluiceProcess.program, words))
            }
            while self.workers.count > max(0, count) {
                let last = self.workers.removeLast()
                last.signal(SIGTERM)
                _ = try last.waitForEnd()
            }
        }
    }

    private static func configuration(_ cluster: Cluster, least: Int = 0) -> Configuration {
        var configuration = Configuration()
        configuration.room = nil
        configuration.pool = [
            "driver": "keda", "workers": cluster.list, "min_workers": "\(least)",
            "max_workers": "\(cluster.addresses.count)", "probe": "{interval: 200ms, failures: 2}",
            "waiting_timeout": "30s",
        ]
        configuration.worker = ["slots": "4", "service_time": "500ms", "spread": "0", "queue": "100"]
        configuration.scaling = ["scale_down_after": "1s", "latency_objective": "10s"]
        configuration.otherKeys = ["controller: {keda: {listen: 127.0.0.1:0}}"]
        return configuration
    }

    private static func start(
        _ scene: Scene,
        _ configuration: Configuration,
        under wrapper: [String] = []
    ) throws -> SluiceProcess {
        let sluice = try scene.start(configuration, waits: false, under: wrapper)
        try sluice.waitUntilListening(hasGateway: false)
        return sluice
    }

    /// From nobody to several and back: the metric is followed as the autoscaler follows it.
    @Test func load_comesAndGoes_metricGrowsFromZeroAndFallsBack() throws {
        try Scene.play { scene in
            let cluster = Cluster(scene, places: 3)
            let sluice = try Self.start(scene, Self.configuration(cluster))
            let follower = try KEDAClient(scene, port: sluice.scalerPort).follow(["pool=workers"])
            try follower.waitFor("nobody to be wanted") { $0.metrics.last.map { $0 == (0, false) } ?? false }
            #expect(follower.pushed == [false])

            // The first visitors wait until somebody is there.
            let peers = try (0..<24).map { _ in try HTTPPeer(port: sluice.port) }
            for peer in peers { try peer.send("GET", "/") }
            try follower.waitFor("a worker to be wanted") { ($0.metrics.last?.workers ?? 0) > 0 }
            try follower.waitFor("the change to be pushed") { $0.pushed.last == true }
            try cluster.scale(to: 1)
            var failures = 0
            for peer in peers where try peer.readAnswer().status != 200 { failures += 1 }

            try Patience.wait(for: "the metric to grow; it says \(follower.lines.suffix(3))") {
                for peer in peers { try peer.send("GET", "/") }
                for peer in peers where try peer.readAnswer().status != 200 { failures += 1 }
                try cluster.scale(to: follower.metrics.last?.workers ?? 0)
                return try sluice.status().pool?.ready == 3
            }
            #expect(failures == 0)
            try Patience.wait(for: "the metric to fall; it says \(follower.lines.suffix(3))") {
                try cluster.scale(to: follower.metrics.last?.workers ?? 3)
                let pool = try #require(try sluice.status().pool)
                return follower.metrics.last.map { $0 == (0, false) } ?? false && pool.ready == 0
            }
            try follower.waitFor("the end to be pushed") { $0.pushed.last == false }
            #expect(follower.metrics.allSatisfy { ($0.workers > 0) == $0.isActive || $0.workers <= 1 })
            #expect(try sluice.stop() == .exited(0))
        }
    }

    @Test func calls_overTLS_areAnsweredOrRefusedInClearWords() throws {
        try Scene.play { scene in
            let cluster = Cluster(scene, places: 2)
            try cluster.scale(to: 1)
            var configuration = Self.configuration(cluster, least: 1)
            configuration.otherKeys = ["controller: {keda: {listen: 127.0.0.1:0, tls: self_signed}}"]
            configuration.otherPools = [("others", ["driver": "static", "workers": "[127.0.0.1:9]"])]
            let sluice = try Self.start(scene, configuration)
            #expect(sluice.process.output.contains("(TLS)"))
            let client = try KEDAClient(
                scene,
                port: sluice.scalerPort,
                authority: "\(scene.folder)/state/self-signed.pem"
            )
            let good = ["pool=workers", "scalerAddress=sluice:9091", "enableTLS=true"]
            try Patience.wait(for: "the first decision") {
                try client.call("GetMetrics", good) == "OK desired_workers 1 1"
            }
            #expect(try client.call("GetMetricSpec", good) == "OK desired_workers 1 1")
            #expect(try client.call("IsActive", good) == "OK true")
            #expect(try client.call("StreamIsActive", good) == "OK true")

            for method in ["IsActive", "StreamIsActive", "GetMetricSpec", "GetMetrics"] {
                let missing = try client.call(method, ["Pool=workers"])
                #expect(missing.hasPrefix("INVALID_ARGUMENT "), "\(method): \(missing)")
                #expect(missing.contains("write pool: NAME beside scalerAddress. It has 'Pool'"))
                // One of another driver is none of KEDA's.
                for name in ["nobody", "others"] {
                    let unknown = try client.call(method, ["pool=\(name)"])
                    #expect(unknown.hasPrefix("NOT_FOUND "), "\(method): \(unknown)")
                    #expect(unknown.contains("is named '\(name)'; there is: workers"))
                }
            }
            let metric = try client.call("GetMetrics", good, metric: "queue_length")
            #expect(metric == "INVALID_ARGUMENT there is no metric named 'queue_length'; there is desired_workers")
            // A newer call of KEDA's, which does without when there is none.
            #expect(try client.call("StreamMetricSpec", good).hasPrefix("UNIMPLEMENTED"))
            try Self.disturb(port: sluice.scalerPort)
            #expect(try client.call("IsActive", good) == "OK true")
        }
    }

    /// What is no gRPC, breaks off, or comes in crowds.
    private static func disturb(port: UInt16) throws {
        let words: [[UInt8]] = [
            Array("GET / HTTP/1.1\r\n\r\n".utf8),
            [0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3] + [UInt8](repeating: 7, count: 600),
            Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [UInt8](repeating: 0xFF, count: 100),
        ]
        for word in words {
            for ends in [true, false] {
                let peer = try RawPeer(port: port)
                peer.send(word)
                if ends {
                    peer.reset()
                } else {
                    peer.finishWriting()
                    _ = peer.readToEnd()
                }
            }
        }
    }

    @Test func connections_inTheClear_areBoundedAndNoneDisturbsTheOthers() throws {
        try Scene.play { scene in
            let cluster = Cluster(scene, places: 1)
            let sluice = try Self.start(scene, Self.configuration(cluster))
            let client = try KEDAClient(scene, port: sluice.scalerPort)
            let follower = try client.follow(["pool=workers"])
            try follower.waitFor("an answer") { !$0.metrics.isEmpty }
            try Self.disturb(port: sluice.scalerPort)
            var crowd = try (0..<100).map { _ in try RawPeer(port: sluice.scalerPort) }
            // 64 in all, one of which is KEDA's.
            try Patience.wait(for: "those beyond the limit to be closed") { crowd.count { $0.hasEnded } == 37 }
            let before = follower.metrics.count
            try follower.waitFor("more answers") { $0.metrics.count > before + 3 }
            #expect(follower.pushed == [false], "its stream goes on")
            crowd = []
            try Patience.wait(for: "room for another one") {
                try client.call("IsActive", ["pool=workers"]) == "OK false"
            }
            #expect(!sluice.process.errors.contains("KEDA is not answered"))
        }
    }

    /// Seen before: each stream whose client went was kept until the controller ended, and there is room for 256.
    @Test func streams_thatAreBrokenOff_leaveRoomForOthers() throws {
        try Scene.play { scene in
            let sluice = try Self.start(scene, Self.configuration(Cluster(scene, places: 1)))
            let client = try KEDAClient(scene, port: sluice.scalerPort)
            try Patience.wait(for: "the first decision") {
                try client.call("IsActive", ["pool=workers"]) == "OK false"
            }
            #expect(try client.churn(300, ["pool=workers"]) == "OK 300")
        }
    }

    @Test func pool_comesWithAReload_isAnsweredFor() throws {
        try Scene.play { scene in
            let cluster = Cluster(scene, places: 1)
            var configuration = Self.configuration(cluster)
            configuration.pool = ["max_workers": "1"]
            let sluice = try Self.start(scene, configuration)
            #expect(!sluice.process.output.contains("KEDA"))
            let keys = ["driver": "keda", "workers": cluster.list, "max_workers": "1"]
            configuration.otherPools = [("late", keys)]
            configuration.otherRoutes = ["{path: /late, pool: late}"]
            try scene.reload(sluice, with: configuration.text)
            let port = try Patience.value(of: "KEDA to be listened to") {
                sluice.process.output.split(separator: "\n").first { $0.hasPrefix("KEDA") }?.split(separator: ":").last
                    .flatMap { UInt16($0) }
            }
            let client = try KEDAClient(scene, port: port)
            try Patience.wait(for: "its first decision") { try client.call("IsActive", ["pool=late"]) == "OK true" }
            #expect(try client.call("IsActive", ["pool=workers"]).hasPrefix("NOT_FOUND"))
        }
    }

    @Test func address_isTaken_isToldAtTheStart() throws {
        try Scene.play { scene in
            let other = try scene.startWorker(RawWorker.answering())
            var configuration = Self.configuration(Cluster(scene, places: 1))
            configuration.otherKeys = ["controller: {keda: {listen: 127.0.0.1:\(other.port)}}"]
            let sluice = try scene.start(configuration, waits: false)
            sluice.mayEnd = true
            #expect(try sluice.process.waitForEnd() == .exited(1))
            #expect(sluice.process.errors.contains("controller.keda.listen:"), "\(sluice.process.errors)")
            #expect(sluice.process.errors.contains("Address already in use"), "\(sluice.process.errors)")
        }
    }

    /// Then nobody new can be taken; who is connected is answered as before, and nothing ends.
    @Test func descriptors_areUsedUp_callsGoOn() throws {
        try Scene.play { scene in
            let cluster = Cluster(scene, places: 1)
            let sluice = try Self.start(scene, Self.configuration(cluster), under: ["prlimit", "--nofile=50:50"])
            let follower = try KEDAClient(scene, port: sluice.scalerPort).follow(["pool=workers"])
            try follower.waitFor("an answer") { !$0.metrics.isEmpty }
            let crowd = try (0..<60).map { _ in try RawPeer(port: sluice.scalerPort) }
            try Patience.wait(for: "no descriptor to be left") { Self.openDescriptors(sluice) >= 50 }
            let before = follower.metrics.count
            try follower.waitFor("answers of some seconds") { $0.metrics.count > before + 40 }
            #expect(sluice.process.endIfEnded == nil)
            #expect(Self.openDescriptors(sluice) >= 50, "none was left all the time")
            withExtendedLifetime(crowd) {}
        }
    }

    private static func openDescriptors(_ sluice: SluiceProcess) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(sluice.process.pid)/fd").count) ?? 0
    }

    /// Whoever leads: each controller answers, and what it answers is what the leader wants.
    @Test func leader_isKilled_theOtherAnswersOn() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            _ = try scene.startRedis(socket: socket)
            let cluster = Cluster(scene, places: 3)
            try cluster.scale(to: 3)
            var configuration = Self.configuration(cluster, least: 3)
            configuration.redis = "unix:\(socket)"
            let first = try scene.start(configuration, command: "controller", name: "first")
            try first.waitForLog("this controller leads")
            let gateway = try scene.start(configuration, command: "gateway", name: "gateway")
            let second = try scene.start(configuration, command: "controller", name: "second")
            let followers = try [first, second].map { sluice in
                try KEDAClient(scene, port: sluice.scalerPort).follow(["pool=workers"])
            }
            for follower in followers {
                try follower.waitFor("the leader's decision") { $0.metrics.last.map { $0 == (3, true) } ?? false }
            }
            #expect(try second.metric("sluice_controller_leads") == 0)

            first.mayEnd = true
            first.process.kill()
            try second.waitForLog("this controller leads")
            let answered = followers[1].metrics.count
            try followers[1].waitFor("more answers") { $0.metrics.count > answered + 20 }
            #expect(followers[1].metrics.allSatisfy { $0 == (3, true) })
            #expect(followers[1].pushed == [true])
            try followers[0].waitFor("it to be noticed") { !$0.failures.isEmpty }
            #expect(followers[0].failures.allSatisfy { $0.contains("UNAVAILABLE") })
            #expect(try HTTPPeer(port: gateway.port).request("GET", "/").status == 200)

            // The same one again, after an orderly end.
            #expect(try second.stop() == .exited(0))
            try followers[1].waitFor("the end of its stream") { $0.lines.contains { $0 == ["stream", "ended"] } }
            let third = try scene.start(configuration, command: "controller", name: "third")
            let last = try KEDAClient(scene, port: third.scalerPort).follow(["pool=workers"])
            try last.waitFor("answers") { $0.metrics.count > 5 }
            #expect(last.metrics.allSatisfy { $0 == (3, true) })
            #expect(last.failures.allSatisfy { $0.hasPrefix("failed UNAVAILABLE") })
        }
    }

    /// Without the shared state nothing is decided: what is old is not told, and KEDA holds.
    @Test func state_isAway_nothingIsToldUntilItIsBack() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let redis = try scene.startRedis(socket: socket)
            let cluster = Cluster(scene, places: 1)
            var configuration = Self.configuration(cluster, least: 1)
            configuration.redis = "unix:\(socket)"
            let sluice = try scene.start(configuration, command: "controller")
            let follower = try KEDAClient(scene, port: sluice.scalerPort).follow(["pool=workers"])
            try follower.waitFor("an answer") { $0.metrics.last.map { $0 == (1, true) } ?? false }
            redis.kill()
            let failures = follower.failures.count
            try follower.waitFor("no answer") { $0.failures.count > failures }
            #expect(follower.failures.last?.contains("nothing has been decided for pool workers for") == true)
            _ = try scene.startRedis(socket: socket)
            let answered = follower.metrics.count
            try follower.waitFor("answers again") { $0.metrics.count > answered }
            #expect(follower.metrics.allSatisfy { $0 == (1, true) } && follower.pushed == [true])
        }
    }
}
