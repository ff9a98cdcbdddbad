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
