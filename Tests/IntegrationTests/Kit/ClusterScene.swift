import Glibc
import Synchronization
import TestKit

/// An API server on the loopback whose pods are real sample workers: they run before, and each pod that starts is given the
/// next one; one that ends is told so as a kubelet does.
final class ClusterScene: Sendable {
    static let workload = "shop"
    let cluster: InventedCluster
    let server: InventedAPIServer
    private let folder: String

    private struct Worker: Sendable {
        let process: RunningProcess
        let port: Int
    }
    private struct Pods {
        var spare: [Worker]
        var running: [String: Worker] = [:]
    }
    private let pods: Mutex<Pods>

    /// - Parameter pods: so many may start in all.
    init(_ scene: Scene, pods: Int, replicas: Int, worker: [String: String]) throws {
        self.folder = scene.folder
        let arguments = [
            "worker", "--listen", "127.0.0.1:0", "--slots", worker["slots"] ?? "8", "--service-time",
            worker["service_time"] ?? "20ms", "--spread", worker["spread"] ?? "0", "--queue", worker["queue"] ?? "100",
        ]
        let program = try SluiceProcess.program
        let processes = try (0..<pods).map { _ in try scene.launch(program, arguments) }
        let workers = try processes.map { process in
            let port = try Patience.value(of: "a worker's address") {
                process.output.split(separator: "\n").first { $0.hasPrefix("listening on ") }
                    .flatMap { $0.split(separator: ":").last.flatMap { Int($0) } }
            }
            return Worker(process: process, port: port)
        }
        self.pods = Mutex(Pods(spare: workers))
        self.cluster = InventedCluster(startMillis: 100, endMillis: 200)
        self.server = try InventedAPIServer(self.cluster)
        self.cluster.run(
            start: { [weak self] pod in self?.start(pod) },
            end: { [weak self] pod in self?.end(pod) }
        )
        self.cluster.deploy(Self.workload, replicas: replicas)
    }

    private func start(_ pod: String) -> (host: String, port: Int)? {
        self.pods.withLock { pods in
            guard !pods.spare.isEmpty else { return nil }
            let worker = pods.spare.removeFirst()
            pods.running[pod] = worker
            return ("127.0.0.1", worker.port)
        }
    }

    private func end(_ pod: String) {
        self.pods.withLock { $0.running.removeValue(forKey: pod) }?.process.signal(SIGTERM)
    }

    /// The settings of a pool whose controller is known to the server by that name.
    func pool(_ scene: Scene, as name: String) throws -> [String: String] {
        let file = "\(self.folder)/kubeconfig-\(name)"
        let text = """
            current-context: test
            clusters: [{name: test, cluster: {server: "\(self.server.url)"}}]
            users: [{name: test, user: {token: \(name)}}]
            contexts: [{name: test, context: {cluster: test, user: test, namespace: \(InventedCluster.namespace)}}]
            """
        try scene.write(text, to: file)
        return [
            "driver": "kubernetes", "kubernetes": "{name: \(Self.workload), port: http, kubeconfig: \(file)}",
        ]
    }

    var replicas: Int? { self.cluster.replicas(Self.workload) }
    /// What somebody has changed, as the server saw it.
    var writes: [InventedCluster.Entry] { self.cluster.log.filter { $0.isWrite && (200..<300).contains($0.status) } }

    func close() throws { try self.server.end() }
}
