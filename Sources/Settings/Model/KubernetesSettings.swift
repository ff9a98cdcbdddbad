/// Of the kubernetes driver: what is scaled, and behind which service its workers are found.
public struct KubernetesSettings: Equatable, Sendable {
    /// What can be scaled, by Kubernetes' own words.
    public enum Kind: String, CaseIterable, Sendable {
        case deployment = "Deployment"
        case statefulSet = "StatefulSet"
        case replicaSet = "ReplicaSet"
    }
    /// Who may write to the cluster.
    public enum Leadership: String, CaseIterable, Sendable {
        /// The controller that leads by the shared state, and holds the pool's Lease, too.
        case lease
        /// The controller that leads by the shared state.
        case redis
    }

    /// Nil: the pod's own, or that of the context.
    public var namespace: String?
    public var kind = Kind.deployment
    /// Of the workload; required.
    public var name: String?
    /// Its endpoint slices tell the addresses; nil: the workload's name.
    public var service: String?
    /// Name or number; nil: the only one that the service has.
    public var port: String?
    /// Nil: the service account of the pod that the controller runs in.
    public var kubeconfig: String?
    /// Nil: the file's current one.
    public var context: String?
    public var leadership = Leadership.lease

    public init() {}

    func resolved(in folder: String) -> Self {
        var resolved = self
        resolved.kubeconfig = self.kubeconfig?.resolved(in: folder)
        return resolved
    }
}

extension KubernetesSettings: SettingsSection {
    package static var fields: [SettingsField<Self>] {
        let name = ValueKind<String>.text("a name", maxBytes: 253)
        let port = ValueKind<String>.text("a port's name or number", maxBytes: 63)
        return [
            .value("namespace", \.namespace, .either("null", or: name), .needsRestart),
            .value("kind", \.kind, .word, .needsRestart),
            .value("name", \.name, .either("null", or: name), .needsRestart),
            .value("service", \.service, .either("null", or: name), .needsRestart),
            .value("port", \.port, .either("null", or: port), .needsRestart),
            .value("kubeconfig", \.kubeconfig, .either("null", or: .path), .needsRestart),
            .value("context", \.context, .either("null", or: .text("a name", maxBytes: 512)), .needsRestart),
            .value("leadership", \.leadership, .word, .needsRestart),
        ]
    }

    package static func check(_ settings: Self, at path: String, _ findings: inout Findings) {
        if settings.context != nil, settings.kubeconfig == nil {
            findings.reportContradiction(
                "\(path).context",
                with: ["\(path).kubeconfig"],
                "kubeconfig is missing; a context is one of its entries"
            )
        }
    }
}
