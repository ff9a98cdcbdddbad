import EventLoop
import Primitives
import TestKit
import Transport

/// A worker that speaks TLS, on a loop of its own: answers every request with 200, and writes down what came.
final class SecureWorker {
    let port: UInt16
    private let fixture: LoopFixture
    private let heads: Record<[String]>
    private let resumptions: Record<[Bool]>

    /// Requests that were read, in the order of their coming.
    var requests: [String] { self.heads.value }
    /// Of each connection whose handshake came about, whether it went on with an earlier session.
    var resumed: [Bool] { self.resumptions.value }

    /// `clients`: PEM of those whose certificates clients must have; nil: they are not asked. `keeps`: connections serve
    /// more than one request.
    init(certificate: String, key: String, clients: String? = nil, keeps: Bool = true) throws {
        let (fixture, heads, resumptions) = (try LoopFixture(), Record<[String]>([]), Record<[Bool]>([]))
        let identity = ServerIdentity(
            certificates: [try Certificate(CertificateFiles(certificate: certificate, key: key))],
            clientAuthority: try clients.map { try ClientAuthority(file: $0, isRequired: true) }
        )
        let tls = try TLSContext(identity, ticketKeys: TLSTicketKeys())
        let address = try fixture.run {
            try Listener(loop: fixture.loop, address: .loopback(port: 0), tls: tls) { _ in
                let handler = ScriptedHandler()
                handler.onConnected = { stream in resumptions.update { $0.append(stream.isResumed) } }
                handler.onReceived = { stream, bytes in
                    let text = String(decoding: bytes, as: UTF8.self)
                    guard text.hasSuffix("\r\n\r\n") else { return 0 }
                    heads.update { $0.append(text) }
                    let end = keeps ? "" : "Connection: close\r\n"
                    stream.write("HTTP/1.1 200 OK\r\n\(end)Content-Length: 2\r\n\r\nok")
                    if !keeps { stream.closeAfterWriting() }
                    return bytes.count
                }
                return handler
            }.boundAddress
        }
        guard let port = address.port else { throw Disappointment("a worker with TLS has no port") }
        (self.port, self.fixture, self.heads, self.resumptions) = (port, fixture, heads, resumptions)
    }

    func stop() throws { try self.fixture.end() }
}

extension CertificateShop {
    /// For some names as OpenSSL writes them, such as `DNS:shop.test,IP:127.0.0.1`; signed by another one. Ends so many
    /// days from now.
    func make(_ name: String, for names: String, signedBy authority: String, days: Int = 90) throws {
        try self.make(name, with: "subjectAltName=\(names)", signedBy: authority, days: days)
    }

    /// An authority that is signed by another one.
    func makeAuthority(_ name: String, signedBy authority: String) throws {
        try self.make(name, with: "basicConstraints=critical,CA:TRUE", signedBy: authority, days: 90)
    }

    private func make(_ name: String, with extensionLine: String, signedBy authority: String, days: Int) throws {
        let (request, extensions) = (self.path("\(name).csr"), self.path("\(name).ext"))
        try self.scene.write("\(extensionLine)\n", to: extensions)
        try self.openssl(
            [
                "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=\(name)",
                "-keyout", self.path("\(name).key"), "-out", request,
            ]
        )
        try self.openssl(
            [
                "x509", "-req", "-in", request, "-CA", self.path("\(authority).pem"), "-CAkey",
                self.path("\(authority).key"), "-set_serial", "77", "-days", "\(days)", "-extfile", extensions,
                "-out", self.path("\(name).pem"),
            ]
        )
    }
}
