/// The part of a cluster that runs pods: as a Deployment's ReplicaSet does it.
extension InventedCluster {
    private static let costAnnotation = "controller.kubernetes.io/pod-deletion-cost"
    /// Endpoints of one slice, at most: so there are several.
    private static let sliceSize = 2

    /// Makes pods what the workloads ask for.
    func controlReplicas() {
        let (started, ended) = self.state.withLock { state -> ([String], [String]) in
            var started: [String] = []
            var ended: [String] = []
            for (path, object) in state.objects where ClusterState.split(path).collection == ClusterState.deployments {
                let name = ClusterState.split(path).name
                let wanted = object["spec"]["replicas"].integer ?? 0
                let pods = Self.pods(of: name, state)
                for _ in 0..<max(0, wanted - pods.count) {
                    state.nextPod += 1
                    let pod = "\(name)-\(state.nextPod)"
                    started.append(pod)
                    state.store("\(ClusterState.pods)/\(pod)", Self.pod(pod, of: name))
                }
                for pod in Self.victims(pods).prefix(max(0, pods.count - wanted)) {
                    let id = pod["metadata"]["name"].string ?? ""
                    ended.append(id)
                    state.leaving.insert(id)
                    Self.refreshSlices(of: name, &state)
                }
            }
            return (started, ended)
        }
        let (startMillis, endMillis) = self.state.withLock { ($0.startMillis, $0.endMillis) }
        for pod in started { self.after(startMillis) { self.becameReady(pod) } }
        let onLeaving = self.state.withLock { $0.onLeaving }
        for pod in ended { onLeaving?(pod) }
        for pod in ended { self.after(endMillis) { self.ended(pod) } }
    }

    private static func pod(_ pod: String, of workload: String) -> JSON {
        [
            "kind": "Pod",
            "metadata": [
                "name": .text(pod), "namespace": .text(Self.namespace), "labels": ["app": .text(workload)],
            ],
            "status": ["ready": false],
        ]
    }

    private static func pods(of workload: String, _ state: ClusterState) -> [JSON] {
        state.objects.filter { path, object in
            ClusterState.split(path).collection == ClusterState.pods
                && object["metadata"]["labels"]["app"].string == workload
                && !state.leaving.contains(object["metadata"]["name"].string ?? "")
        }.map(\.value)
    }

    /// Not ready ones first, then the cheapest, then the youngest.
    private static func victims(_ pods: [JSON]) -> [JSON] {
        func key(_ pod: JSON) -> (Int, Int, Int) {
            let cost = pod["metadata"]["annotations"][Self.costAnnotation].string.flatMap { Int($0) } ?? 0
            let number = pod["metadata"]["name"].string?.split(separator: "-").last.flatMap { Int($0) } ?? 0
            return (pod["status"]["ready"] == true ? 1 : 0, cost, -number)
        }
        return pods.sorted { key($0) < key($1) }
    }

    private func becameReady(_ pod: String) {
        let path = "\(ClusterState.pods)/\(pod)"
        let start = self.state.withLock { state in
            state.objects[path] == nil || state.leaving.contains(pod) ? nil : state.startPod ?? { Self.nowhere($0) }
        }
        // A program takes its time to start: not under the lock.
        guard let start, let address = start(pod) else { return }
        self.state.withLock { state in
            guard var object = state.objects[path] else { return }
            object["status"] = ["ready": true, "host": .text(address.host), "port": .number(Double(address.port))]
            state.store(path, object)
            Self.refreshSlices(of: object["metadata"]["labels"]["app"].string ?? "", &state)
        }
    }

    private static func nowhere(_ pod: String) -> (host: String, port: Int) {
        ("10.0.0.\((pod.split(separator: "-").last.flatMap { Int($0) } ?? 0) % 250 + 1)", 8080)
    }

    private func ended(_ pod: String) {
        let path = "\(ClusterState.pods)/\(pod)"
        let end = self.state.withLock { state -> (@Sendable (String) -> Void)? in
            let workload = state.objects[path]?["metadata"]["labels"]["app"].string ?? ""
            state.delete(path)
            state.leaving.remove(pod)
            state.unwell.remove(pod)
            Self.refreshSlices(of: workload, &state)
            return state.endPod
        }
        end?(pod)
    }

    /// A pod dies; another one is started for it.
    public func kill(_ pod: String) {
        self.ended(pod)
        self.controlReplicas()
    }

    /// A pod fails its readiness probe until its container is started anew, after so many milliseconds.
    public func hang(_ pod: String, forMillis millis: Int64) {
        self.setWell(pod, false)
        self.after(millis) { self.setWell(pod, true) }
    }

    private func setWell(_ pod: String, _ isWell: Bool) {
        self.state.withLock { state in
            guard let object = state.objects["\(ClusterState.pods)/\(pod)"] else { return }
            if isWell { state.unwell.remove(pod) } else { state.unwell.insert(pod) }
            Self.refreshSlices(of: object["metadata"]["labels"]["app"].string ?? "", &state)
        }
    }

    /// Those that run and have not been told to end; and of them, those that serve.
    public var running: (all: Set<String>, serving: Set<String>) {
        self.state.withLock { state in
            let pods = state.objects.filter { ClusterState.split($0.key).collection == ClusterState.pods }
                .filter { !state.leaving.contains(ClusterState.split($0.key).name) }
            let serving = pods.filter {
                $0.value["status"]["ready"] == true && !state.unwell.contains(ClusterState.split($0.key).name)
            }
            return (
                Set(pods.keys.map { ClusterState.split($0).name }),
                Set(serving.keys.map { ClusterState.split($0).name })
            )
        }
    }

    /// Is told of each pod that is told to end.
    public func onLeaving(_ tell: @escaping @Sendable (_ pod: String) -> Void) {
        self.state.withLock { $0.onLeaving = tell }
    }

    /// The slices of a workload's service, written anew where they have changed.
    static func refreshSlices(of workload: String, _ state: inout ClusterState) {
        // Only those with the same port go into one slice.
        var byPort: [Int: [JSON]] = [:]
        for (path, pod) in state.objects.sorted(by: { $0.key < $1.key })
        where ClusterState.split(path).collection == ClusterState.pods
            && pod["metadata"]["labels"]["app"].string == workload && pod["status"]["ready"] == true
        {
            let name = pod["metadata"]["name"].string ?? ""
            let isLeaving = state.leaving.contains(name)
            let isWell = !state.unwell.contains(name)
            byPort[pod["status"]["port"].integer ?? 0, default: []].append([
                "addresses": [pod["status"]["host"]],
                "conditions": [
                    "ready": .bool(!isLeaving && isWell), "serving": .bool(isWell), "terminating": .bool(isLeaving),
                ],
                "targetRef": ["kind": "Pod", "name": .text(name)],
            ])
        }
        var wanted: [String: JSON] = [:]
        for (port, endpoints) in byPort {
            for start in stride(from: 0, to: endpoints.count, by: Self.sliceSize) {
                let name = "\(workload)-\(port)-\(start / Self.sliceSize)"
                wanted[name] = [
                    "kind": "EndpointSlice", "addressType": "IPv4",
                    "metadata": [
                        "name": .text(name), "labels": ["kubernetes.io/service-name": .text(workload)],
                    ],
                    "endpoints": .list(Array(endpoints[start..<min(endpoints.count, start + Self.sliceSize)])),
                    "ports": [["name": "http", "port": .number(Double(port))]],
                ]
            }
        }
        // As the server does it for a service without endpoints.
        if wanted.isEmpty {
            wanted["\(workload)-none"] = [
                "kind": "EndpointSlice", "addressType": "IPv4",
                "metadata": [
                    "name": .text("\(workload)-none"), "labels": ["kubernetes.io/service-name": .text(workload)],
                ],
                "endpoints": [], "ports": [],
            ]
        }
        let known = state.objects.filter {
            ClusterState.split($0.key).collection == ClusterState.slices
                && $0.value["metadata"]["labels"]["kubernetes.io/service-name"].string == workload
        }
        for (name, slice) in wanted.sorted(by: { $0.key < $1.key }) {
            let before = known["\(ClusterState.slices)/\(name)"]
            if before?["endpoints"] == slice["endpoints"] { continue }
            state.store("\(ClusterState.slices)/\(name)", slice)
        }
        for path in known.keys.sorted() where wanted[ClusterState.split(path).name] == nil {
            state.delete(path)
        }
    }
}
