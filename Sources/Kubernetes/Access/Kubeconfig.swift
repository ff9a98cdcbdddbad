import Foundation
import Primitives
import Yams

/// `kubectl`'s own file: clusters, users, and contexts that put one of each together.
public enum Kubeconfig {
    static let maxBytes = 1024 * 1024

    /// - Parameter context: nil takes the file's current one.
    public static func load(path: String, context: String?) throws(ClusterAccess.Problem) -> ClusterAccess {
        let bytes = try ClusterAccess.read(path, maxBytes: Self.maxBytes, what: "the kubeconfig")
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        do {
            return try Self.access(String(decoding: bytes, as: UTF8.self), folder: folder, context: context)
        } catch {
            throw ClusterAccess.Problem(description: "\(path): \(error)")
        }
    }

    private struct File: Decodable {
        struct NamedCluster: Decodable {
            let name: String
            let cluster: Cluster
        }
        struct NamedUser: Decodable {
            let name: String
            let user: User?
        }
        struct NamedContext: Decodable {
            let name: String
            let context: Context
        }
        let clusters: [NamedCluster]?
        let users: [NamedUser]?
        let contexts: [NamedContext]?
        let current: String?

        enum CodingKeys: String, CodingKey {
            case clusters, users, contexts
            case current = "current-context"
        }
    }

    private struct Cluster: Decodable {
        let server: String
        let authorityFile, authorityData, serverName: String?
        let isUnverified: Bool?

        enum CodingKeys: String, CodingKey {
            case server
            case authorityFile = "certificate-authority"
            case authorityData = "certificate-authority-data"
            case serverName = "tls-server-name"
            case isUnverified = "insecure-skip-tls-verify"
        }
    }

    private struct User: Decodable {
        struct Ignored: Decodable {}
        let token, tokenFile, certificateFile, certificateData, keyFile, keyData, username: String?
        let exec, authProvider: Ignored?

        enum CodingKeys: String, CodingKey {
            case token, tokenFile, username, exec
            case certificateFile = "client-certificate"
            case certificateData = "client-certificate-data"
            case keyFile = "client-key"
            case keyData = "client-key-data"
            case authProvider = "auth-provider"
        }
    }

    private struct Context: Decodable {
        let cluster: String
        let user, namespace: String?
    }

    /// `folder` ends with a slash: relative paths in the file begin there.
    static func access(_ text: String, folder: String, context name: String?) throws(ClusterAccess.Problem)
        -> ClusterAccess
    {
        let file: File
        do {
            file = try YAMLDecoder().decode(File.self, from: text)
        } catch let error as DecodingError {
            throw ClusterAccess.Problem(description: "this is no kubeconfig: \(Self.words(error))")
        } catch {
            // Yams would repeat lines of the file, which may hold a secret.
            throw ClusterAccess.Problem(description: "this is no kubeconfig: it is not YAML")
        }
        guard let wanted = name ?? file.current.flatMap({ $0.isEmpty ? nil : $0 }) else {
            throw ClusterAccess.Problem(
                description: "it has no current-context: name one of its contexts in the configuration, "
                    + Self.list((file.contexts ?? []).map(\.name))
            )
        }
        guard let context = file.contexts?.first(where: { $0.name == wanted })?.context else {
            throw ClusterAccess.Problem(
                description: "there is no context '\(wanted)'; there are: "
                    + Self.list((file.contexts ?? []).map(\.name))
            )
        }
        guard let cluster = file.clusters?.first(where: { $0.name == context.cluster })?.cluster else {
            throw ClusterAccess.Problem(
                description:
                    "context '\(wanted)' names the cluster '\(context.cluster)', which is not there; there are: "
                    + Self.list((file.clusters ?? []).map(\.name))
            )
        }
        let user = context.user.flatMap { name in file.users?.first { $0.name == name }?.user }
        if let name = context.user, user == nil, !(file.users ?? []).contains(where: { $0.name == name }) {
            throw ClusterAccess.Problem(
                description: "context '\(wanted)' names the user '\(name)', who is not there; there are: "
                    + Self.list((file.users ?? []).map(\.name))
            )
        }
        guard cluster.server.hasPrefix("https://") || cluster.server.hasPrefix("http://") else {
            throw ClusterAccess.Problem(description: "the server '\(cluster.server)' is no http or https address")
        }
        var access = ClusterAccess(
            server: String(cluster.server.reversed().drop { $0 == "/" }.reversed()),
            authority: try Self.material(cluster.authorityData, cluster.authorityFile, folder, "certificate-authority"),
            credentials: try Self.credentials(user, context.user ?? "", folder),
            namespace: context.namespace
        )
        access.serverName = cluster.serverName
        access.isVerified = !(cluster.isUnverified ?? false)
        return access
    }

    private static func credentials(_ user: User?, _ name: String, _ folder: String) throws(ClusterAccess.Problem)
        -> ClusterAccess.Credentials
    {
        guard let user else { return .none }
        guard user.exec == nil, user.authProvider == nil else {
            throw ClusterAccess.Problem(
                description: "user '\(name)' is logged in by a program (exec or auth-provider), which is not run here: "
                    + "make a service account and put its token there (kubectl create token NAME)"
            )
        }
        guard user.username == nil else {
            throw ClusterAccess.Problem(
                description:
                    "user '\(name)' has a password, which API servers take no more: use a token or a certificate"
            )
        }
        // As kubectl does: what is in a file counts more, because it may change.
        if let path = user.tokenFile { return .tokenFile(Self.resolved(path, folder)) }
        if let token = user.token, !token.isEmpty { return .token(Secret(token)) }
        let certificate = try Self.material(user.certificateData, user.certificateFile, folder, "client-certificate")
        let key = try Self.material(user.keyData, user.keyFile, folder, "client-key")
        switch (certificate, key) {
        case (nil, nil): return .none
        case (let certificate?, let key?): return .certificate(certificate, key: key)
        default:
            throw ClusterAccess.Problem(
                description: "user '\(name)' has only one of client-certificate and client-key: both are needed"
            )
        }
    }

    private static func material(_ data: String?, _ file: String?, _ folder: String, _ key: String)
        throws(ClusterAccess.Problem) -> ClusterAccess.Material?
    {
        if let data, !data.isEmpty {
            guard let bytes = Data(base64Encoded: data, options: .ignoreUnknownCharacters), !bytes.isEmpty else {
                throw ClusterAccess.Problem(description: "\(key)-data is not base64")
            }
            return .bytes(Secret(Array(bytes)))
        }
        return file.flatMap { $0.isEmpty ? nil : .file(Self.resolved($0, folder)) }
    }

    private static func resolved(_ path: String, _ folder: String) -> String {
        path.hasPrefix("/") ? path : folder + path
    }

    private static func list(_ names: [String]) -> String {
        names.isEmpty ? "none" : names.prefix(20).joined(separator: ", ")
    }

    private static func words(_ error: DecodingError) -> String {
        let (context, what): (DecodingError.Context, String) =
            switch error {
            case .keyNotFound(let key, let context): (context, "the key \(key.stringValue) is missing")
            case .typeMismatch(_, let context), .valueNotFound(_, let context): (context, "a value of another kind")
            case .dataCorrupted(let context): (context, "it is not YAML")
            @unknown default: (DecodingError.Context(codingPath: [], debugDescription: ""), "it cannot be read")
            }
        let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
        return path.isEmpty ? what : "\(what) at \(path.drop { $0 == "." })"
    }
}
