/// What is scaled: a workload of one namespace.
public struct ScaleTarget: Equatable, Sendable {
    /// Such as `deployments`, of the group `apps`.
    public let plural: String
    public let namespace: String
    public let name: String

    public init(plural: String, namespace: String, name: String) {
        self.plural = plural
        self.namespace = namespace
        self.name = name
    }

    private var resource: APIResource {
        APIResource(group: "apps", version: "v1", namespace: self.namespace, plural: self.plural)
    }

    public var read: APIRequest { APIRequest(.get, self.resource, name: self.name, subresource: "scale") }

    /// Refused with 409 when somebody has changed it since `scale` was read.
    public func write(_ scale: Scale) -> APIRequest {
        APIRequest(
            .update,
            self.resource,
            name: self.name,
            subresource: "scale",
            body: ObjectCoding.encoded(scale)
        )
    }

    public static func scale(_ response: APIResponse) -> Result<Scale, APIFailure> {
        ObjectCoding.decoded(Scale.self, response.body)
    }
}

/// Which pod a ReplicaSet ends first when it has too many: of those that are ready, the one with the lowest cost.
public enum PodDeletionCost {
    static let annotation = "controller.kubernetes.io/pod-deletion-cost"
    /// Costs are 32 bits wide and count from this second (2020-01-01) on, downwards.
    private static let epochSeconds: Int64 = 1_577_836_800

    /// Lower than any given earlier: what was marked once and was kept after all does not go in another's place.
    public static func now(wallMicros: Int64) -> Int32 {
        Int32(clamping: Self.epochSeconds - wallMicros / 1_000_000)
    }

    public static func mark(pod: String, namespace: String, cost: Int32) -> APIRequest {
        struct Patch: Encodable {
            struct Meta: Encodable { let annotations: [String: String] }
            let metadata: Meta
        }
        return APIRequest(
            .patch,
            APIResource(group: "", version: "v1", namespace: namespace, plural: "pods"),
            name: pod,
            body: ObjectCoding.encoded(Patch(metadata: .init(annotations: [Self.annotation: "\(cost)"])))
        )
    }
}
