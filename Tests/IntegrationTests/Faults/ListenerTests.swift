import Foundation
import Testing
import TestKit

/// Listeners of other kinds: TLS with a certificate of RSA, plain requests where TLS is spoken, unix sockets.
@Suite(.onOwnThread) struct ListenerTests {
    /// Static RSA needs a certificate of RSA; the self-signed one is none.
    private func startWithRSA(_ scene: Scene, ciphers: String? = nil) throws -> SluiceProcess {
        let made = try scene.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=tickets.test", "-keyout",
                "\(scene.folder)/key.pem", "-out", "\(scene.folder)/certificate.pem",
            ]
        )
        #expect(made.end == .exited(0), "\(made.errors)")
        var configuration = RequestTests.open()
        let more = ciphers.map { "\n    ciphers: \"\($0)\"" } ?? ""
        configuration.listeners = [("127.0.0.1:0", "{certificate: certificate.pem, key: key.pem}\(more)")]
        return try scene.start(configuration)
    }

    private func connects(_ scene: Scene, _ sluice: SluiceProcess, cipher: String) throws -> Bool {
        let client = try scene.run(
            "openssl",
            [
                "s_client", "-connect", "127.0.0.1:\(sluice.port)", "-tls1_2", "-cipher", "\(cipher):@SECLEVEL=0",
                "-brief",
            ]
        )
        return client.end == .exited(0) && (client.errors + client.output).contains("CONNECTION ESTABLISHED")
    }

    /// Seen before: all of these were agreed on.
    @Test func tls12_staticRSAAndCBC_areRefused() throws {
        try Scene.play { scene in
            let sluice = try self.startWithRSA(scene)
            for cipher in [
                "AES128-SHA", "AES256-SHA", "AES128-SHA256", "AES128-GCM-SHA256", "AES256-GCM-SHA384",
                "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES128-SHA256", "ECDHE-RSA-AES256-SHA384",
            ] {
                #expect(try !self.connects(scene, sluice, cipher: cipher), "\(cipher)")
            }
            for cipher in [
                "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305",
            ] {
                #expect(try self.connects(scene, sluice, cipher: cipher), "\(cipher)")
            }
        }
    }

    /// For those who must serve old clients, or fewer.
    @Test func tls12_ciphersKey_isFollowed() throws {
        try Scene.play { scene in
            let sluice = try self.startWithRSA(scene, ciphers: "ECDHE-RSA-AES256-GCM-SHA384:AES128-SHA")
            #expect(try self.connects(scene, sluice, cipher: "ECDHE-RSA-AES256-GCM-SHA384"))
            #expect(try self.connects(scene, sluice, cipher: "AES128-SHA"))
            #expect(try !self.connects(scene, sluice, cipher: "ECDHE-RSA-AES128-GCM-SHA256"))
        }
    }

    /// Seen before: closed without a word.
    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab",
    ])
    func plainRequest_whereTLSIsSpoken_gets400(request: String) throws {
        try Scene.play { scene in
            var configuration = RequestTests.open()
            configuration.listeners = [("127.0.0.1:0", "self_signed")]
            let sluice = try scene.start(configuration)
            let peer = try HTTPPeer(port: sluice.port)
            peer.peer.send(request)
            let answer = try peer.readAnswer()
            #expect(answer.status == 400)
            #expect(answer.text.contains("TLS") || answer.text.contains("https"))
            #expect(peer.isEnded())
            // What is neither is closed, and TLS goes on.
            let nonsense = try RawPeer(port: sluice.port)
            nonsense.send([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
            #expect(nonsense.readAll().ending != .silence)
            let page = try scene.run("curl", ["-sk", "-o", "/dev/null", "https://127.0.0.1:\(sluice.port)/"])
            #expect(page.end == .exited(0))
        }
    }

    /// Behind a unix socket stands a proxy of this machine, which knows whom it serves. Seen before: its word was
    /// replaced by `unix:`.
    @Test func unixListener_forwardedFor_isTheLocalProxysWord() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            var configuration = RequestTests.open()
            configuration.use([worker])
            let path = "\(scene.folder)/gateway.sock"
            configuration.listeners = [("127.0.0.1:0", nil), ("unix:\(path)", nil)]
            let sluice = try scene.start(configuration)
            func forwarded(_ peer: RawPeer, _ fields: [(String, String)], _ target: String) throws -> [String] {
                #expect(try HTTPPeer(peer).request("GET", target, fields).status == 200)
                let head = worker.receivedText.components(separatedBy: "GET \(target) ").last ?? ""
                return head.components(separatedBy: "\r\n").filter { $0.lowercased().hasPrefix("x-forwarded-for:") }
                    .map { $0.dropFirst("x-forwarded-for:".count).trimmingCharacters(in: .whitespaces) }
            }
            let given = [("X-Forwarded-For", "203.0.113.9, 10.0.0.1")]
            #expect(try forwarded(RawPeer(unixPath: path), given, "/1") == ["203.0.113.9, 10.0.0.1"])
            #expect(try forwarded(RawPeer(unixPath: path), [], "/2") == [])
            // Over the network it is the gateway that knows.
            #expect(try forwarded(RawPeer(port: sluice.port), given, "/3") == ["127.0.0.1"])
        }
    }
}
