import EventLoop
// Testing has a type of that name too.
import enum EventLoop.ExitStatus
import TestKit
import Primitives
import Testing
import Transport

@Suite(.timeLimit(.minutes(30))) struct TLSTests {
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
        // Whoever mistook the port is told so in words that a browser shows.
        let response = String(decoding: try #require(peer.readToEnd()), as: UTF8.self)
        #expect(response.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
        let body = try #require(response.split(separator: "\r\n\r\n").last)
        #expect(response.contains("content-length: \(body.utf8.count)\r\n") && body.contains("https://"))
        peer.finishWriting()
        guard case .tls(let reason) = try ended.take() else {
            Issue.record("not a TLS reason")
            return
        }
        #expect(reason.contains("http request"))
        try fixture.end()
    }

    /// Neither HTTP nor TLS, or nothing at all: the connection ends, and nobody answers in HTTP.
    @Test(arguments: [[0x80, 1, 2, 3], [0x16, 3, 1, 0, 4, 1, 2, 3, 4], []] as [[UInt8]])
    func noise_toATLSPort_endsTheConnection(bytes: [UInt8]) throws {
        let folder = TestFolder()
        let fixture = try LoopFixture()
        let ended = Handover<CloseReason>()
        let address = try self.serve(fixture, try folder.makeServerTLS()) { ended.put($0) }
        let peer = try RawPeer(port: address.port!)
        peer.send(bytes)
        peer.finishWriting()
        let reason = try ended.take()
        #expect(reason != .local)
        #expect(!String(decoding: peer.readToEnd() ?? [], as: UTF8.self).contains("HTTP"))
        try fixture.end()
    }

    /// What OpenSSL's own client is told when it offers one kind of suite only.
    @Test(arguments: [
        ("-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256", true),
        ("-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305", true),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES256-SHA384", false), ("-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA", false),
        ("-tls1_2 -cipher AES128-GCM-SHA256", false), ("-tls1_2 -cipher ALL:!ECDHE", false),
        ("-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256", true), ("-tls1_1", false),
    ])
    func suites_areModernOnes(options: String, isTaken: Bool) throws {
        #expect(try self.isTaken(options, ciphers: TLSContext.defaultCiphers) == isTaken)
    }

    @Test func suites_thatTheOperatorNames_areTakenInstead() throws {
        let options = "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA"
        #expect(try self.isTaken(options, ciphers: "ECDHE-ECDSA-AES128-SHA"))
        #expect(throws: TransportError.self) { try self.isTaken(options, ciphers: "NO-SUCH-SUITE") }
    }

    private func isTaken(_ options: String, ciphers: String) throws -> Bool {
        let folder = TestFolder()
        _ = try folder.makeServerTLS()
        let tls = try TLSContext(
            certificateFile: folder.file("certificate.pem"),
            keyFile: folder.file("key.pem"),
            ciphers: ciphers
        )
        let fixture = try LoopFixture()
        let address = try self.serve(fixture, tls)
        let status = Handover<ExitStatus>()
        try fixture.run {
            let script = "echo | openssl s_client \(options) -connect \(address) > /dev/null 2>&1"
            _ = try ChildProcess.spawn("sh", arguments: ["-c", script], on: fixture.loop) { status.put($0) }
        }
        let ended = try status.take()
        try fixture.end()
        return ended == .exited(0)
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
        #expect(throws: CertificateProblems.self) {
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
