import Foundation
import TestKit
import Testing
import Transport

@testable import Kubernetes

/// Who the server is, and who asks, by certificates.
@Suite struct TLSTests {
    private struct Files {
        let folder: String

        init() throws {
            self.folder = NSTemporaryDirectory() + "sluice-kube-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
            for name in ["server", "client", "other"] {
                try SelfSignedCertificate.make(certificateFile: self.certificate(name), keyFile: self.key(name))
            }
        }

        func certificate(_ name: String) -> String { "\(self.folder)/\(name).pem" }
        func key(_ name: String) -> String { "\(self.folder)/\(name)-key.pem" }
        func bytes(_ path: String) throws -> ClusterAccess.Material {
            .bytes(.init(Array(try Data(contentsOf: URL(filePath: path)))))
        }
        func remove() { try? FileManager.default.removeItem(atPath: self.folder) }
    }

    private func answer(
        _ files: Files,
        host: String = "127.0.0.1",
        clients: String? = nil,
        _ prepare: (inout ClusterAccess) -> Void
    ) throws -> Result<APIResponse, APIFailure> {
        let certificates = InventedAPIServer.Certificates(
            certificate: files.certificate("server"),
            key: files.key("server"),
            clients: clients
        )
        let rig = try ClientRig(host: host, certificates: certificates, prepare)
        rig.cluster.deploy("shop", replicas: 1)
        let result = try rig.call(rig.target.read, deadlineSeconds: 2)
        try rig.end()
        return result
    }

    private func isUnreachable(_ result: Result<APIResponse, APIFailure>) -> Bool {
        if case .failure(.unreachable) = result { true } else { false }
    }

    @Test func server_isKnownByItsAuthority() throws {
        let files = try Files()
        defer { files.remove() }
        let own = files.certificate("server")
        _ = try self.answer(files) { $0.authority = .file(own) }.get()
        let bytes = try files.bytes(own)
        _ = try self.answer(files) { $0.authority = bytes }.get()
        #expect(self.isUnreachable(try self.answer(files) { $0.authority = .file(files.certificate("other")) }))
        #expect(self.isUnreachable(try self.answer(files) { _ in }), "the system knows it not")
        _ = try self.answer(files) { $0.isVerified = false }.get()
    }

    @Test func server_isKnownByTheNameThatIsMeant() throws {
        let files = try Files()
        defer { files.remove() }
        let own = ClusterAccess.Material.file(files.certificate("server"))
        // At an address that the certificate does not name.
        let named = { (name: String?) in
            try self.answer(files, host: "127.0.0.2") {
                $0.authority = own
                $0.serverName = name
            }
        }
        _ = try named("localhost").get()
        #expect(self.isUnreachable(try named("elsewhere.example")))
        #expect(self.isUnreachable(try named(nil)))
    }

    @Test func client_isKnownByItsCertificate() throws {
        let files = try Files()
        defer { files.remove() }
        let own = ClusterAccess.Material.file(files.certificate("server"))
        let answer = { (credentials: ClusterAccess.Credentials) in
            try self.answer(files, clients: files.certificate("client")) {
                $0.authority = own
                $0.credentials = credentials
            }
        }
        _ = try answer(.certificate(.file(files.certificate("client")), key: .file(files.key("client")))).get()
        let (certificate, key) = (try files.bytes(files.certificate("client")), try files.bytes(files.key("client")))
        _ = try answer(.certificate(certificate, key: key)).get()
        #expect(self.isUnreachable(try answer(.none)))
        #expect(
            self.isUnreachable(
                try answer(.certificate(.file(files.certificate("other")), key: .file(files.key("other"))))
            )
        )
    }

    /// A cluster's authority and a client's certificate run out and are replaced, in files of the same names.
    @Test func files_thatChange_areReadAgain() throws {
        let files = try Files()
        defer { files.remove() }
        let (authority, own, ownKey) = (
            files.certificate("authority"), files.certificate("own"), files.key("own")
        )
        let put = { (from: String, to: String) in
            try Data(contentsOf: URL(filePath: from)).write(to: URL(filePath: to), options: .atomic)
        }
        try put(files.certificate("other"), authority)
        try put(files.certificate("other"), own)
        try put(files.key("other"), ownKey)
        let rig = try ClientRig(
            certificates: .init(
                certificate: files.certificate("server"),
                key: files.key("server"),
                clients: files.certificate("client")
            )
        ) {
            $0.authority = .file(authority)
            $0.credentials = .certificate(.file(own), key: .file(ownKey))
        }
        rig.cluster.deploy("shop", replicas: 1)
        // A call that cannot succeed is over sooner: it is refused.
        let ask = { try rig.call(rig.target.read, deadlineSeconds: 20) }
        #expect(self.isUnreachable(try ask()))
        try put(files.certificate("server"), authority)
        #expect(self.isUnreachable(try ask()), "the client is not the one that is known")
        try put(files.certificate("client"), own)
        try put(files.key("client"), ownKey)
        _ = try ask().get()
        #expect(try rig.on { $0.transport.problem } == nil)
        // Half of a change: what was before holds on, and it is told.
        try FileManager.default.removeItem(atPath: authority)
        _ = try ask().get()
        let problem = try rig.on { $0.transport.problem }
        #expect(problem?.contains("certificate-authority cannot be used") == true, "\(problem ?? "none")")
        try put(files.certificate("server"), authority)
        _ = try ask().get()
        #expect(try rig.on { $0.transport.problem } == nil)
        try rig.end()
    }

    @Test func kubeconfig_thatChanges_isReadAgain() throws {
        let files = try Files()
        defer { files.remove() }
        let path = "\(files.folder)/config"
        let write = { (server: String, token: String) in
            try """
            current-context: here
            clusters: [{name: c, cluster: {server: "\(server)"}}]
            users: [{name: u, user: {token: \(token)}}]
            contexts: [{name: here, context: {cluster: c, user: u, namespace: sale}}]
            """.write(toFile: path, atomically: true, encoding: .utf8)
        }
        var server = ""
        let rig = try ClientRig(write: { access in
            server = access.server
            try write(server, "first")
            return .kubeconfig(path: path, context: nil)
        })
        rig.cluster.deploy("shop", replicas: 1)
        rig.cluster.allow(tokens: ["second"])
        // A call that cannot succeed is over sooner: it is refused.
        let ask = { try rig.call(rig.target.read, deadlineSeconds: 20) }
        #expect(throws: APIFailure.self) { try ask().get() }
        try write(server, "second")
        _ = try ask().get()
        try "no kubeconfig: [".write(toFile: path, atomically: true, encoding: .utf8)
        _ = try ask().get()
        let problem = try rig.on { $0.transport.problem }
        #expect(problem?.contains("this is no kubeconfig") == true, "\(problem ?? "none")")
        // As by `kubectl config use-context`: what is scaled does not move to another cluster.
        try write("http://127.0.0.1:1", "second")
        _ = try ask().get()
        let other = try rig.on { $0.transport.problem }
        #expect(other?.contains("another cluster or namespace now, http://127.0.0.1:1") == true, "\(other ?? "none")")
        try rig.end()
    }

    @Test func files_thatAreNoCertificates_areTold() throws {
        let loop = try LoopFixture()
        for access in [
            ClusterAccess(server: "https://127.0.0.1:1", authority: .file("/nowhere"), credentials: .none),
            ClusterAccess(
                server: "https://127.0.0.1:1",
                credentials: .certificate(.bytes(.init("no PEM")), key: .file("/nowhere"))
            ),
        ] {
            #expect(throws: ClusterAccess.Problem.self) { _ = try HTTPTransport(access, loop: loop.loop) }
        }
        try loop.end()
    }
}
