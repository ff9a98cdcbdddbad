import Foundation
import Glibc
import TestKit
import Testing

/// Real controllers and gateways before an API server that follows the documented API, with real workers as pods.
@Suite(.onOwnThread) struct KubernetesTests {
    private static let worker = ["slots": "4", "service_time": "500ms", "spread": "0", "queue": "100"]

    private static func configuration(_ pool: [String: String]) -> Configuration {
        var configuration = Configuration()
        configuration.room = nil
        configuration.pool = pool
        configuration.worker = Self.worker
        configuration.scaling = ["scale_down_after": "1s", "latency_objective": "10s"]
        return configuration
    }

    /// Not under sanitizers: a gateway ten times slower asks for so little that nothing has to grow.
    @Test(.enabled(if: Patience.slowness == 1)) func load_risesAndEnds_podsComeAndGoWithoutAFailure() throws {
        try Scene.play { scene in
            let site = try ClusterScene(scene, pods: 8, replicas: 1, worker: Self.worker)
            var pool = try site.pool(scene, as: "controller")
            pool.merge(["min_workers": "1", "max_workers": "3", "drain_timeout": "10s"]) { $1 }
            let sluice = try scene.start(Self.configuration(pool))
            let peers = try (0..<24).map { _ in try HTTPPeer(port: sluice.port) }
            var failures = 0
            try Patience.wait(for: "the pool to grow") {
                for peer in peers { try peer.send("GET", "/") }
                for peer in peers where try peer.readAnswer().status != 200 { failures += 1 }
                return try sluice.status().pool?.ready == 3
            }
            #expect(site.replicas == 3 && site.cluster.pods.count == 3)
            try Patience.wait(for: "the pool to come back") {
                // A little goes on: who is taken away must not drop a request.
                for peer in peers.prefix(2) where try peer.request("GET", "/").status != 200 { failures += 1 }
                let pool = try #require(try sluice.status().pool)
                return pool.ready == 1 && pool.pending == 0 && pool.draining == 0
            }
            #expect(failures == 0)
            #expect(site.replicas == 1 && site.cluster.pods.count == 1)
            #expect(try sluice.status().pool?.crashes == 0)
            let marked = site.writes.filter { $0.rule.resource == "pods" }
            #expect(marked.count >= 2, "each victim is marked")
            #expect(try sluice.stop() == .exited(0))
            #expect(site.replicas == 1, "the workload stays")
            try site.close()
        }
    }

    /// The server's log tells who has written what: the one that was stopped writes nothing more, whatever there is to do.
    @Test func leader_stoppedForLongerThanItsLease_writesNothingMore() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            _ = try scene.startRedis(socket: socket)
            let site = try ClusterScene(scene, pods: 10, replicas: 2, worker: Self.worker)
            let controllers = try ["first", "second"].map { name in
                var pool = try site.pool(scene, as: name)
                pool.merge(["min_workers": "2", "max_workers": "2", "drain_timeout": "1s"]) { $1 }
                var configuration = Self.configuration(pool)
                configuration.redis = "unix:\(socket)"
                configuration.signingKeys = [(1, Contract.secret)]
                let controller = try scene.start(configuration, command: "controller", name: name)
                if name == "first" { try Patience.wait(for: "the first to lead") { try controller.leads() } }
                return controller
            }
            let (first, second) = (controllers[0], controllers[1])
            let path = "/apis/apps/v1/namespaces/sale/deployments/\(ClusterScene.workload)"
            let scalings = { site.writes.filter { $0.rule.resource == "deployments/scale" }.map(\.token) }
            try Patience.wait(for: "the first to know its pods") { try first.status().pool?.ready == 2 }

            first.process.signal(SIGSTOP)
            try Patience.wait(for: "the second to lead") { try second.leads() && second.status().pool?.ready == 2 }
            // There is something to do, for the one that goes on, too.
            site.cluster.forgetLog()
            site.cluster.change(path) { $0["spec"]["replicas"] = 3 }
            first.process.signal(SIGCONT)
            try Patience.wait(for: "the second to set the number again") { site.replicas == 2 }
            try Patience.wait(for: "the first to know that it is deposed") { try !first.leads() }
            site.cluster.change(path) { $0["spec"]["replicas"] = 4 }
            try Patience.wait(for: "the second to set the number again") { site.replicas == 2 && scalings().count >= 2 }
            #expect(Set(site.writes.map(\.token)) == ["second"], "\(site.writes.filter { $0.token != "second" })")

            // And back, when that one is killed.
            second.mayEnd = true
            second.process.kill()
            try Patience.wait(for: "the first to lead again") { try first.leads() }
            site.cluster.change(path) { $0["spec"]["replicas"] = 1 }
            try Patience.wait(for: "the first to set the number again") { site.replicas == 2 }
            #expect(scalings().last == "first")
            let lease = site.cluster.object("/apis/coordination.k8s.io/v1/namespaces/sale/leases/sluice-workers")
            #expect(lease?["spec"]["leaseTransitions"].integer == 2)
            try site.close()
        }
    }
}
