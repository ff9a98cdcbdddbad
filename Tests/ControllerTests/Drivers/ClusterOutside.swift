import EventLoop
import Primitives
import Settings
import TestKit

@testable import Controller

/// A cluster that follows the documented API: it starts and ends pods, and replaces those that die.
final class ClusterOutside: DriverOutside {
    private let loop: VirtualLoop
    private let cluster: InventedCluster
    private let transport: InventedTransport
    var onEnding: (String) -> Void = { _ in }
    private(set) var ownEndings: [(id: String, at: Instant)] = []

    init(_ loop: VirtualLoop) {
        self.loop = loop
        self.cluster = InventedCluster(startMillis: 4_000, endMillis: 3_000) { millis, work in
            let later = LoopBound(work, loop: loop)
            loop.submit { loop.after(nanoseconds: millis * Nanoseconds.perMillisecond) { later.open()() } }
        }
        self.transport = InventedTransport(self.cluster, loop: loop, token: "controller")
        self.cluster.deploy("shop", replicas: 0)
        let own = LoopBound(self, loop: loop)
        self.cluster.onLeaving { pod in own.submit { $0.onEnding(pod) } }
    }

    func prepare(_ pool: inout PoolSettings) {
        pool.driver = .kubernetes
        pool.kubernetes.name = "shop"
        pool.kubernetes.namespace = InventedCluster.namespace
    }

    var access: WorkerAccess {
        var access = WorkerAccess.invented()
        access.cluster = { [transport = self.transport] _, _ in
            .success(ClusterLink.Way(transport: transport, namespace: nil))
        }
        return access
    }

    var serving: Set<String> { self.cluster.running.serving }
    var running: Set<String> { self.cluster.running.all }
    /// Who holds the lease is no change of the workload.
    var acts: Int {
        self.cluster.log.count { $0.isWrite && (200..<300).contains($0.status) && $0.rule.resource != "leases" }
    }

    func kill(_ id: String) { self.cluster.kill(id) }
    func hang(_ id: String) { self.cluster.hang(id, forMillis: 10_000) }

    func fail(_ fault: OutsideFault?) {
        switch fault {
        case nil: self.transport.fault = nil
        case .refuses?: self.transport.fault = .refuses
        case .hangs?: self.transport.fault = .hangs
        case .talksNonsense?: self.transport.fault = .talksNonsense
        case .forgets?: self.transport.fault = .forgets
        }
    }
}
