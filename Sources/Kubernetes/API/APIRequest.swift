import Primitives

/// A kind of thing that the API server keeps: where it stands, and what a role has to name to allow its use.
public struct APIResource: Hashable, Sendable {
    /// Empty for the core group.
    public let group: String
    public let version: String
    public let namespace: String
    /// As in addresses and in roles, such as `deployments`.
    public let plural: String

    public init(group: String, version: String, namespace: String, plural: String) {
        self.group = group
        self.version = version
        self.namespace = namespace
        self.plural = plural
    }

    func path(name: String? = nil, subresource: String? = nil) -> String {
        let root = self.group.isEmpty ? "/api/\(self.version)" : "/apis/\(self.group)/\(self.version)"
        let parts = ["namespaces", self.namespace, self.plural] + [name, subresource].compactMap { $0 }
        return root + parts.map { "/" + Self.escaped($0) }.joined()
    }

    static func escaped(_ text: String) -> String {
        PercentCoding.encoded(text) { byte in
            ASCII.isLetter(byte) || ASCII.isDigit(byte) || [0x2D, 0x2E, 0x5F, 0x7E].contains(byte)
        }
    }
}

/// One question to the API server, with the words by which a role would allow it.
public struct APIRequest: Equatable, Sendable {
    public enum Verb: String, Sendable {
        case get, list, watch, create, update, patch
    }

    public let verb: Verb
    public let resource: APIResource
    public var name: String?
    public var subresource: String?
    /// Keys and values as they are meant; they are escaped when they are sent.
    public var query: [(key: String, value: String)] = []
    public var body: [UInt8] = []

    public init(
        _ verb: Verb,
        _ resource: APIResource,
        name: String? = nil,
        subresource: String? = nil,
        body: [UInt8] = []
    ) {
        self.verb = verb
        self.resource = resource
        self.name = name
        self.subresource = subresource
        self.body = body
    }

    public static func == (left: Self, right: Self) -> Bool {
        left.verb == right.verb && left.target == right.target && left.body == right.body
    }

    public var method: String {
        switch self.verb {
        case .get, .list, .watch: "GET"
        case .create: "POST"
        case .update: "PUT"
        case .patch: "PATCH"
        }
    }

    /// Path and query.
    public var target: String {
        let path = self.resource.path(name: self.name, subresource: self.subresource)
        guard !self.query.isEmpty else { return path }
        let pairs = self.query.map { "\($0.key)=\(APIResource.escaped($0.value))" }
        return path + "?" + pairs.joined(separator: "&")
    }

    var contentType: String { self.verb == .patch ? "application/merge-patch+json" : "application/json" }
    /// Changes something.
    public var isWrite: Bool {
        switch self.verb {
        case .get, .list, .watch: false
        case .create, .update, .patch: true
        }
    }

    /// As a rule of a role names it, such as `deployments/scale`.
    public var ruleResource: String { self.resource.plural + (self.subresource.map { "/\($0)" } ?? "") }

    /// For people: `update deployments/scale shop in namespace sale`.
    var words: String {
        "\(self.verb.rawValue) \(self.ruleResource)\(self.name.map { " \($0)" } ?? "") in namespace "
            + self.resource.namespace
    }
}

public struct APIResponse: Sendable {
    public let status: Int
    /// What `Retry-After` says, in seconds.
    public let retryAfterSeconds: Int64?
    public let body: [UInt8]

    public init(status: Int, retryAfterSeconds: Int64? = nil, body: [UInt8] = []) {
        self.status = status
        self.retryAfterSeconds = retryAfterSeconds
        self.body = body
    }
}
