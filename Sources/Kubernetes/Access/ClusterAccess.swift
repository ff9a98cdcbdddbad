import Foundation
import Primitives

/// Where an API server is, how it is known to be the right one, and who asks.
public struct ClusterAccess: Equatable, Sendable {
    /// PEM, as bytes or in a file.
    public enum Material: Equatable, Sendable {
        case bytes(Secret)
        case file(String)
    }
    public enum Credentials: Equatable, Sendable {
        case none
        case token(Secret)
        /// Read anew with every call: a cluster changes the tokens of its service accounts every hour.
        case tokenFile(String)
        case certificate(Material, key: Material)
    }

    /// Without a path at its end: `https://10.0.0.1:443`.
    public var server: String
    /// Of the certificate's signer; nil is the system's.
    public var authority: Material?
    /// Whom the certificate must name, where that is not the host of `server`.
    public var serverName: String?
    public var isVerified = true
    public var credentials: Credentials
    /// Of the pod, or of the context; nil where neither says.
    public var namespace: String?

    public init(server: String, authority: Material? = nil, credentials: Credentials, namespace: String? = nil) {
        self.server = server
        self.authority = authority
        self.credentials = credentials
        self.namespace = namespace
    }

    /// Why there is no access, and what to do.
    public struct Problem: Error, Equatable, Sendable, CustomStringConvertible {
        public let description: String

        public init(description: String) { self.description = description }
    }

    /// Larger files are no tokens.
    static let maxTokenBytes = 64 * 1024

    /// The token to send with the next call; nil without one.
    func bearer() throws(Problem) -> String? {
        switch self.credentials {
        case .none, .certificate: return nil
        case .token(let token): return try Self.checked(token.bytes, "the token of the kubeconfig")
        case .tokenFile(let path):
            let bytes = try Self.read(path, maxBytes: Self.maxTokenBytes, what: "the token")
            return try Self.checked(bytes, "the token in \(path)")
        }
    }

    /// Without the white space around it; what would be no field of a request is refused here, where it is not shown.
    private static func checked(_ bytes: some Sequence<UInt8>, _ what: String) throws(Problem) -> String {
        let token = String(decoding: Array(bytes), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard !token.isEmpty, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Problem(description: "\(what) is empty or no token")
        }
        return token
    }

    static func read(_ path: String, maxBytes: Int, what: String) throws(Problem) -> [UInt8] {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw Problem(description: "\(what) cannot be read: there is no file \(path), or no permission for it")
        }
        defer { try? handle.close() }
        guard let data = try? handle.read(upToCount: maxBytes + 1) ?? Data() else {
            throw Problem(description: "\(what) cannot be read from \(path)")
        }
        guard data.count <= maxBytes else {
            throw Problem(description: "\(path) has more than \(maxBytes) bytes: that is not \(what)")
        }
        return Array(data)
    }
}

extension ClusterAccess {
    /// What every pod finds there.
    public static let serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

    /// Access from inside of a cluster, with the pod's service account.
    public static func inCluster(
        environment: [String: String] = ProcessInfo.processInfo.environment,
        folder: String = Self.serviceAccountFolder
    ) throws(Problem) -> Self {
        guard let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty,
            let port = environment["KUBERNETES_SERVICE_PORT"].flatMap({ UInt16($0) })
        else {
            throw Problem(
                description:
                    "this does not run in a cluster (KUBERNETES_SERVICE_HOST is not set): name a kubeconfig in "
                    + "the configuration"
            )
        }
        _ = try Self.read("\(folder)/token", maxBytes: Self.maxTokenBytes, what: "the service account's token")
        let namespace = try Self.read("\(folder)/namespace", maxBytes: 1_024, what: "the pod's namespace")
        return ClusterAccess(
            server: host.contains(":") ? "https://[\(host)]:\(port)" : "https://\(host):\(port)",
            authority: .file("\(folder)/ca.crt"),
            credentials: .tokenFile("\(folder)/token"),
            namespace: String(decoding: namespace, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        )
    }
}
