import EventLoop
import TestKit
import Primitives
import Testing
import Transport

@Suite(.timeLimit(.minutes(1))) struct TLSTests {
    private func serve(
        _ fixture: LoopFixture,
        _ tls: TLSContext,
        onClosed: @escaping @Sendable (CloseReason) -> Void = { _ in }
    )
        throws -> SocketAddress
    {
        try fixture.run {
            try Listener(loop: fixture.loop, address: .loopback(port: 0), tls: tls) { _ in
                let handler = ScriptedHandler()
                handler.onReceived = { connection, bytes in
                    connection.write(bytes)
                    return bytes.count
                }
                handler.onClosed = onClosed
                return handler
            }.boundAddress
        }
    }

    /// Whether the handshake was completed.
    private func connects(_ fixture: LoopFixture, _ address: SocketAddress, _ tls: TLSContext, name: String?) throws
        -> Bool
    {
        let ended = Handover<CloseReason>()
        let isUp = Record(false)
        try fixture.run {
            let client = ScriptedHandler()
            client.onConnected = { connection in
                isUp.update { $0 = true }
                #expect(connection.isSecure)
                connection.closeAfterWriting()
            }
            client.onClosed = { ended.put($0) }
            _ = try Connection.connect(
                to: address,
                on: fixture.loop,
                timeoutNanoseconds: 5 * Nanoseconds.perSecond,
                tls: tls,
                serverName: name,
                handler: client
            )
        }
        _ = try ended.take()
        return isUp.value
    }

    /// OpenSSL's own client as the peer.
    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func opensslClient_eitherVersion_echoes(version: String) throws {
        let folder = TestFolder()
        let fixture = try LoopFixture()
        let address = try self.serve(fixture, try folder.makeServerTLS())
        let lines = Record<[String]>([])
        let certificate = folder.file("certificate.pem")
        let exit = Handover<Void>()
        try fixture.run {
            let script = """
                { echo through the tunnel; cat; } | openssl s_client -quiet -verify_return_error \(version) \
                -alpn h2,http/1.1 -verify_hostname localhost -CAfile \(certificate) -connect \(address) 2>&1
                """
            let child = try ChildProcess.spawn("sh", arguments: ["-c", script], on: fixture.loop) { _ in exit.put(()) }
            _ = try LineReader(loop: fixture.loop, fd: child.takeOutput()!) { line in
                lines.update { $0.append(line) }
            }
        }
        try fixture.waitUntil { lines.value.contains("through the tunnel") }
        try fixture.end()
    }

    @Test func client_thatTrustsTheCertificate_connects() throws {
        let folder = TestFolder()
        let fixture = try LoopFixture()
        let address = try self.serve(fixture, try folder.makeServerTLS())
        let tls = try TLSContext(clientAuthorityFile: folder.file("certificate.pem"))
        #expect(try self.connects(fixture, address, tls, name: "localhost"))
        try fixture.end()
    }

    @Test(arguments: ["other.example", nil])
    func client_withoutReasonToTrust_refuses(name: String?) throws {
        let folder = TestFolder()
        let fixture = try LoopFixture()
        let address = try self.serve(fixture, try folder.makeServerTLS())
        // Either the name is another's, or nobody vouches for the certificate.
        let authority = name == nil ? nil : folder.file("certificate.pem")
        let tls = try TLSContext(clientAuthorityFile: authority)
        #expect(try !self.connects(fixture, address, tls, name: name))
        try fixture.end()
    }

    @Test func plainText_toATLSPort_endsWithATLSReason() throws {
        let folder = TestFolder()
        let fixture = try LoopFixture()
        let ended = Handover<CloseReason>()
        let address = try self.serve(fixture, try folder.makeServerTLS()) { ended.put($0) }
        let peer = try RawPeer(port: address.port!)
        peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        guard case .tls(let reason) = try ended.take() else {
            Issue.record("not a TLS reason")
            return
        }
        #expect(reason.contains("http request"))
        try fixture.end()
    }

    @Test func certificate_missing_isAnErrorThatNamesTheFile() {
        let message = { () -> String in
            do {
                _ = try TLSContext(certificateFile: "/nowhere/a.pem", keyFile: "/nowhere/b.pem")
                return ""
            } catch { return "\(error)" }
        }()
        #expect(message.contains("/nowhere/a.pem") && message.contains("No such file"))
    }

    @Test func key_ofAnotherCertificate_isRefused() throws {
        let folder = TestFolder()
        _ = try folder.makeServerTLS()
        try SelfSignedCertificate.make(certificateFile: folder.file("other.pem"), keyFile: folder.file("other-key.pem"))
        #expect(throws: TransportError.self) {
            try TLSContext(certificateFile: folder.file("certificate.pem"), keyFile: folder.file("other-key.pem"))
        }
    }

    @Test func selfSigned_filesThatAreThere_areKept() throws {
        let folder = TestFolder()
        _ = try folder.makeServerTLS()
        // Made again, certificate and key would be new ones, and one client's trust would be lost.
        let fixture = try LoopFixture()
        let tls = try TLSContext(clientAuthorityFile: folder.file("certificate.pem"))
        let address = try self.serve(fixture, try folder.makeServerTLS())
        #expect(try self.connects(fixture, address, tls, name: "localhost"))
        try fixture.end()
    }
}
