import EventLoop
import Foundation
import Primitives
import TestKit
import Testing

@testable import Kubernetes

/// The same against whatever cluster there is: that of `KUBE_URL` and `KUBE_TOKEN` (in `KUBE_NAMESPACE`, known by the
/// authority in the file `KUBE_CA`), or else an invented one. A cluster of one's own is left with a Deployment and a Service
/// named `shop`, scaled to nought, and a Lease.
@Suite struct ClusterTests {
    private static func rig() throws -> ClientRig {
        let environment = ProcessInfo.processInfo.environment
        guard let url = environment["KUBE_URL"] else { return try ClientRig() }
        var access = ClusterAccess(
            server: url,
            authority: environment["KUBE_CA"].map { .file($0) },
            credentials: environment["KUBE_TOKEN"].map { .token(Secret($0)) } ?? .none
        )
        access.isVerified = environment["KUBE_CA"] != nil
        return try ClientRig(access: access, namespace: environment["KUBE_NAMESPACE"] ?? "default")
    }

    private static func create(_ rig: ClientRig, group: String, version: String, plural: String, _ object: JSON) throws
    {
        let resource = APIResource(group: group, version: version, namespace: rig.namespace, plural: plural)
        let result = try rig.call(APIRequest(.create, resource, body: object.bytes))
        // From an earlier run.
        if case .failure(let failure) = result, !failure.isConflict { throw failure }
    }

    private static func deploy(_ rig: ClientRig) throws {
        let labels: JSON = ["app": .text(ClientRig.workload)]
        let container: JSON = [
            "name": "pause", "image": "registry.k8s.io/pause:3.10", "ports": [["name": "http", "containerPort": 8080]],
        ]
        let metadata: JSON = ["name": .text(ClientRig.workload)]
        try Self.create(
            rig,
            group: "apps",
            version: "v1",
            plural: "deployments",
            [
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
                "spec": [
                    "replicas": 1, "selector": ["matchLabels": labels],
                    "template": [
                        "metadata": ["labels": labels],
                        "spec": ["containers": [container], "terminationGracePeriodSeconds": 1],
                    ],
                ],
            ]
        )
        try Self.create(
            rig,
            group: "",
            version: "v1",
            plural: "services",
            [
                "apiVersion": "v1", "kind": "Service", "metadata": metadata,
                "spec": ["selector": labels, "ports": [["name": "http", "port": 8080]]],
            ]
        )
    }

    private static func scale(_ rig: ClientRig, to replicas: Int) throws {
        // The cluster itself writes to the object, too.
        try rig.fixture.waitUntil {
            var scale = try rig.scale()
            scale.replicas = replicas
            switch try rig.call(rig.target.write(scale)) {
            case .success: return true
            case .failure(let failure) where failure.isConflict: return false
            case .failure(let failure): throw failure
            }
        }
    }

    @Test func workload_grows_andTheMarkedPodGoes() throws {
        let rig = try Self.rig()
        try Self.deploy(rig)
        try rig.startWatch()
        try Self.scale(rig, to: 3)
        try rig.waitForReady(3)
        let ready = try rig.on { own in own.table.workers(port: "http").workers.filter(\.isReady).map(\.id) }
        // Not the youngest, nor the oldest, as the cluster would choose by itself.
        let victim = try #require(ready.sorted().dropFirst().first)
        let cost = PodDeletionCost.now(wallMicros: Int64(Date().timeIntervalSince1970 * 1_000_000))
        _ = try rig.call(PodDeletionCost.mark(pod: victim, namespace: rig.namespace, cost: cost)).get()
        try Self.scale(rig, to: 2)
        try rig.waitForReady(2)
        let left = try rig.on { own in own.table.workers(port: "http").workers.filter(\.isReady).map(\.id) }
        #expect(Set(left) == Set(ready).subtracting([victim]))
        try Self.scale(rig, to: 0)
        try rig.waitForReady(0)
        try rig.end()
    }

    @Test func scale_changedSince_isRefused() throws {
        let rig = try Self.rig()
        try Self.deploy(rig)
        var stale = try rig.scale()
        try Self.scale(rig, to: stale.replicas == 1 ? 0 : 1)
        stale.replicas = 7
        guard case .failure(let failure) = try rig.call(rig.target.write(stale)) else {
            Issue.record("it was taken")
            return
        }
        #expect(failure.isConflict)
        try Self.scale(rig, to: 0)
        try rig.end()
    }

    @Test func lease_isHeldByOne_andGoesToTheNext() throws {
        let rig = try Self.rig()
        let (loop, namespace) = (rig.fixture.loop, rig.namespace)
        let run = UUID().uuidString
        try rig.on { own in
            own.lease = [0, 1].map { number in
                let keeper = LeaseKeeper(
                    namespace: namespace,
                    name: "sluice-test",
                    identity: "\(run)-\(number)",
                    transport: own.transport,
                    loop: loop
                )
                keeper.want(true)
                keeper.start()
                return keeper
            }
        }
        let held = { try rig.on { own in own.lease.indices.filter { own.lease[$0].trusted != nil } } }
        try rig.fixture.waitUntil { try held().count == 1 }
        let first = try #require(try held().first)
        let before = try rig.on { $0.lease[first].transitions }
        try rig.on { $0.lease[first].want(false) }
        try rig.fixture.waitUntil { try held() == [1 - first] }
        let after = try rig.on { $0.lease[1 - first].transitions }
        #expect((after ?? 0) > (before ?? 0))
        try rig.on { $0.lease[1 - first].want(false) }
        try rig.fixture.waitUntil { try held().isEmpty }
        try rig.end()
    }
}
