import EventLoop
import Kubernetes
import Primitives
import Settings

/// What a pool keeps open to its cluster: calls, the watch of its service's endpoint slices, and its Lease.
final class ClusterLink {
    /// How the cluster is reached, and the namespace to use where the settings name none.
    struct Way {
        let transport: any APITransport
        let namespace: String?
    }

    let caller: APICaller
    let target: ScaleTarget
    let lease: LeaseKeeper?
    private(set) var endpoints = EndpointTable()
    private let transport: any APITransport
    private var watch: ResourceWatch<EndpointSlice>?

    static func connect(
        _ settings: KubernetesSettings,
        _ loop: any LoopContext
    ) -> Result<Way, ClusterAccess.Problem> {
        #if CLUSTERS
        do throws(ClusterAccess.Problem) {
            let transport = try HTTPTransport(ClusterAccess.Source(settings), loop: loop)
            return .success(Way(transport: transport, namespace: transport.namespace))
        } catch {
            return .failure(error)
        }
        #else
        return .failure(ClusterAccess.Problem(description: ClusterCheck.lean))
        #endif
    }

    init(
        _ way: Way,
        pool: PoolSettings,
        identity: String,
        loop: any LoopContext,
        seed: UInt64,
        onEndpoints: @escaping () -> Void
    ) {
        let settings = pool.kubernetes
        let namespace = settings.namespace ?? way.namespace ?? "default"
        let name = settings.name ?? pool.name
        self.transport = way.transport
        self.caller = APICaller(transport: way.transport, loop: loop, seed: seed)
        self.target = ScaleTarget(plural: settings.kind.plural, namespace: namespace, name: name)
        self.lease =
            settings.leadership == .lease
            ? LeaseKeeper(
                namespace: namespace,
                name: Self.leaseName(pool: pool.name),
                identity: identity,
                transport: way.transport,
                loop: loop
            ) : nil
        self.watch = ResourceWatch<EndpointSlice>(
            APIResource(group: "discovery.k8s.io", version: "v1", namespace: namespace, plural: "endpointslices"),
            labelSelector: "kubernetes.io/service-name=\(settings.service ?? name)",
            transport: way.transport,
            loop: loop,
            seed: seed
        ) { [weak self] change in
            guard let self else { return }
            switch change {
            case .all(let slices): self.endpoints.replaceAll(slices)
            case .upsert(let slice): self.endpoints.upsert(slice)
            case .remove(let slice): self.endpoints.remove(slice.metadata.name ?? "")
            }
            onEndpoints()
        }
    }

    /// Names of Kubernetes have no underscores, and no dash at the end. A pool that is named otherwise gets a name with a
    /// dot, which no pool has, and a hash: no two pools share a lease.
    static func leaseName(pool: String) -> String {
        guard pool.contains("_") || pool.hasSuffix("-") else { return "sluice-\(pool)" }
        let hash = String(FNV1a.hash64(pool.utf8), radix: 36)
        let words = pool.split { $0 == "_" || $0 == "-" }.joined(separator: "-")
        return "sluice-\(hash).\(words)"
    }

    func start() {
        self.watch?.start()
        self.lease?.start()
    }

    /// What is wrong with the way to the cluster, though it may still work.
    var wayProblem: String? { self.transport.problem }
    /// The endpoints are known.
    var isSynced: Bool { self.watch?.isSynced ?? false }
    /// Why the endpoints may be out of date, and since when.
    var watchTrouble: (since: Instant, failure: APIFailure)? { self.watch?.trouble }

    /// Gives the lease up and closes everything.
    func end(_ completion: @escaping () -> Void) {
        self.watch?.stop()
        self.watch = nil
        guard let lease = self.lease else {
            self.transport.close()
            return completion()
        }
        lease.end {
            self.transport.close()
            completion()
        }
    }
}

extension ClusterAccess.Source {
    init(_ settings: KubernetesSettings) {
        self = settings.kubeconfig.map { .kubeconfig(path: $0, context: settings.context) } ?? .serviceAccount
    }
}

/// For whoever looks at settings without running them.
public enum ClusterCheck {
    /// What a lean Sluice, which is built without the packages for it, says of Kubernetes and of KEDA.
    public static let lean =
        "this is a lean sluice, which knows neither Kubernetes nor KEDA: build it without SLUICE_LEAN"

    /// Why this program cannot look after such a pool from this machine; nil when nothing is known to be in the way.
    /// Nobody is asked.
    public static func problem(of pool: PoolSettings) -> String? {
        guard pool.driver == .kubernetes || pool.driver == .keda else { return nil }
        #if CLUSTERS
        guard pool.driver == .kubernetes else { return nil }
        do throws(ClusterAccess.Problem) {
            _ = try ClusterAccess.Source(pool.kubernetes).read()
            return nil
        } catch {
            return "\(error)"
        }
        #else
        return Self.lean
        #endif
    }
}

extension KubernetesSettings.Kind {
    /// As in the API's paths.
    var plural: String {
        switch self {
        case .deployment: "deployments"
        case .statefulSet: "statefulsets"
        case .replicaSet: "replicasets"
        }
    }
}
