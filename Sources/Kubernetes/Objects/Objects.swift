import Foundation

/// The parts of the API's objects that are used here. What else is in them is passed over.
public struct ObjectMeta: Codable, Equatable, Sendable {
    public var name: String?
    public var namespace: String?
    /// Changes with every change of the object; it is compared, and means nothing else.
    public var resourceVersion: String?
    public var labels: [String: String]?

    public init(name: String? = nil, namespace: String? = nil, resourceVersion: String? = nil) {
        self.name = name
        self.namespace = namespace
        self.resourceVersion = resourceVersion
    }
}

/// What the server says when it refuses.
struct Status: Decodable {
    struct Details: Decodable { let retryAfterSeconds: Int64? }
    let kind: String?
    let reason: String?
    let message: String?
    let code: Int?
    let details: Details?

    init?(_ bytes: [UInt8]) {
        guard let status = try? JSONDecoder().decode(Status.self, from: Data(bytes)) else { return nil }
        guard status.kind == "Status" else { return nil }
        self = status
    }
}

/// `autoscaling/v1`: how many there are to be, of whatever can be scaled.
public struct Scale: Codable, Equatable, Sendable {
    public struct Spec: Codable, Equatable, Sendable {
        /// Left out by the server when it is nought.
        public var replicas: Int?
    }
    public struct State: Codable, Equatable, Sendable {
        public var replicas: Int?
        public var selector: String?
    }
    public var apiVersion = "autoscaling/v1"
    public var kind = "Scale"
    public var metadata: ObjectMeta
    public var spec: Spec?
    public var status: State?

    public var replicas: Int {
        get { self.spec?.replicas ?? 0 }
        set { self.spec = Spec(replicas: newValue) }
    }
}

/// `discovery.k8s.io/v1`: some of the addresses behind a service, all with the same ports.
public struct EndpointSlice: Codable, Equatable, Sendable {
    public struct Endpoint: Codable, Equatable, Sendable {
        public struct Conditions: Codable, Equatable, Sendable {
            public var ready: Bool?
            public var serving: Bool?
            public var terminating: Bool?

            public init(ready: Bool? = nil, serving: Bool? = nil, terminating: Bool? = nil) {
                self.ready = ready
                self.serving = serving
                self.terminating = terminating
            }
        }
        public struct Target: Codable, Equatable, Sendable {
            public var kind: String?
            public var name: String?

            public init(kind: String?, name: String?) {
                self.kind = kind
                self.name = name
            }
        }
        /// They are one and the same endpoint: the first counts.
        public var addresses: [String]
        public var conditions: Conditions?
        public var targetRef: Target?

        public init(addresses: [String], conditions: Conditions? = nil, targetRef: Target? = nil) {
            self.addresses = addresses
            self.conditions = conditions
            self.targetRef = targetRef
        }
    }
    public struct Port: Codable, Equatable, Sendable {
        public var name: String?
        public var port: Int?

        public init(name: String?, port: Int?) {
            self.name = name
            self.port = port
        }
    }
    public var metadata: ObjectMeta
    /// `IPv4`, `IPv6` or `FQDN`.
    public var addressType: String
    public var endpoints: [Endpoint]?
    public var ports: [Port]?

    public init(metadata: ObjectMeta, addressType: String, endpoints: [Endpoint], ports: [Port]) {
        self.metadata = metadata
        self.addressType = addressType
        self.endpoints = endpoints
        self.ports = ports
    }
}

/// `coordination.k8s.io/v1`: who leads, and since when.
public struct Lease: Codable, Equatable, Sendable {
    public struct Spec: Codable, Equatable, Sendable {
        public var holderIdentity: String?
        public var leaseDurationSeconds: Int?
        /// See `MicroTime`.
        public var acquireTime: String?
        public var renewTime: String?
        public var leaseTransitions: Int?

        public init() {}
    }
    public var apiVersion = "coordination.k8s.io/v1"
    public var kind = "Lease"
    public var metadata: ObjectMeta
    public var spec: Spec?

    public init(metadata: ObjectMeta, spec: Spec?) {
        self.metadata = metadata
        self.spec = spec
    }
}

/// A page of a list.
struct ObjectList<Item: Decodable>: Decodable {
    struct Meta: Decodable {
        let resourceVersion: String?
        let `continue`: String?
    }
    let metadata: Meta
    let items: [Item]?
}

enum ObjectCoding {
    static func decoded<Object: Decodable>(_ type: Object.Type, _ bytes: [UInt8]) -> Result<Object, APIFailure> {
        do {
            return .success(try JSONDecoder().decode(type, from: Data(bytes)))
        } catch {
            return .failure(.unreadable("it is no \(type): \(error)"))
        }
    }

    static func encoded(_ object: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(object) else { preconditionFailure("an object of ours is JSON") }
        return Array(data)
    }
}
