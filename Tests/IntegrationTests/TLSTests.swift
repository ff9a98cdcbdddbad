import Foundation
import Testing

@Suite(.onOwnThread) struct TLSTests {
    private func configuration(tls: String) -> Configuration {
        var configuration = Configuration()
        configuration.listeners = [("127.0.0.1:0", tls), ("127.0.0.1:0", nil)]
        return configuration
    }

    @Test(arguments: [["--tlsv1.2", "--tls-max", "1.2"], ["--tlsv1.3"]])
    func get_selfSigned_cookiesAreBoundToTLS(version: [String]) throws {
        try Scene.play { scene in
            let sluice = try scene.start(self.configuration(tls: "self_signed"))
            let page = try scene.run("curl", ["-ski"] + version + ["https://127.0.0.1:\(sluice.port)/"])
            #expect(page.end == .exited(0), "\(page.errors)")
            let answer = try Answer(head: page.output)
            #expect(answer.status == 200)
            for name in ["__Host-sluice-place-sale", "__Host-sluice-pass-sale"] {
                let cookie = try #require(answer.cookie(name))
                for attribute in ["Path=/", "HttpOnly", "SameSite=Lax", "Secure"] {
                    #expect(cookie.contains("; \(attribute)"))
                }
                #expect(!cookie.contains("Domain"))
            }
        }
    }

    /// A visitor who comes back meets any loop, and each takes the ticket that another gave.
    @Test func ticket_shownToAGatewayOfEightLoops_isAlwaysTaken() throws {
        try Scene.play { scene in
            var configuration = self.configuration(tls: "self_signed")
            configuration.loops = "8"
            let sluice = try scene.start(configuration)
            let ticket = "\(scene.folder)/ticket"
            let script = """
                show() {
                    printf 'GET / HTTP/1.0\\r\\n\\r\\n' |
                        openssl s_client -ign_eof -tls1_3 -connect 127.0.0.1:\(sluice.port) $1 \(ticket) 2>&1 |
                        grep -aE '^(New|Reused), '
                }
                show -sess_out
                for _ in $(seq 40); do show -sess_in; done
                """
            let shown = try scene.run("sh", ["-c", script])
            let kinds = shown.output.split(separator: "\n").compactMap { $0.split(separator: ",").first }
            #expect(kinds.count == 41 && kinds.first == "New", "\(shown.output)")
            #expect(kinds.dropFirst().allSatisfy { $0 == "Reused" }, "\(kinds)")
        }
    }

    @Test func get_oldTLS_isRefused() throws {
        try Scene.play { scene in
            let sluice = try scene.start(self.configuration(tls: "self_signed"))
            let page = try scene.run(
                "curl",
                ["-sk", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0", "https://127.0.0.1:\(sluice.port)/"]
            )
            #expect(page.end != .exited(0))
        }
    }

    @Test func get_certificateFiles_curlTrustsTheAuthority() throws {
        try Scene.play { scene in
            let (certificate, key) = ("\(scene.folder)/certificate.pem", "\(scene.folder)/key.pem")
            let made = try scene.run(
                "openssl",
                [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
                    "-subj", "/CN=tickets.test", "-addext", "subjectAltName=DNS:tickets.test", "-keyout", key, "-out",
                    certificate,
                ]
            )
            #expect(made.end == .exited(0), "\(made.errors)")
            // Relative paths are meant from the configuration's folder.
            let sluice = try scene.start(self.configuration(tls: "{certificate: certificate.pem, key: key.pem}"))
            let page = try scene.run(
                "curl",
                [
                    "-si", "--cacert", certificate, "--resolve", "tickets.test:\(sluice.port):127.0.0.1",
                    "https://tickets.test:\(sluice.port)/",
                ]
            )
            #expect(page.end == .exited(0), "\(page.errors)")
            #expect(try Answer(head: page.output).status == 200)
        }
    }

    @Test func cookies_sameVisitorWithAndWithoutTLS_areToldApart() throws {
        try Scene.play { scene in
            let sluice = try scene.start(self.configuration(tls: "self_signed"))
            let jar = "\(scene.folder)/jar"
            let pages = try ["https://127.0.0.1:\(sluice.ports[0])/", "http://127.0.0.1:\(sluice.ports[1])/"].map {
                try scene.run("curl", ["-ski", "-c", jar, "-b", jar, $0])
            }
            let plain = try Answer(head: pages[1].output)
            // The cookies of TLS did not travel in the clear, so the visitor is a new one there.
            #expect(plain.cookie("sluice-place-sale") != nil)
            let again = try scene.run("curl", ["-ski", "-c", jar, "-b", jar, "https://127.0.0.1:\(sluice.ports[0])/"])
            #expect(try Answer(head: again.output).cookies.isEmpty)
        }
    }

    /// More than a TLS record and more than the socket takes at once, both ways.
    @Test func bodies_large_passThroughTLSUnchanged() throws {
        try Scene.play { scene in
            var configuration = self.configuration(tls: "self_signed")
            configuration.room = nil
            let sluice = try scene.start(configuration)
            let (sent, received) = ("\(scene.folder)/sent", "\(scene.folder)/received")
            let bytes = Data((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 7) })
            try bytes.write(to: URL(fileURLWithPath: sent))
            let page = try scene.run(
                "curl",
                ["-sk", "--data-binary", "@\(sent)", "-o", received, "https://127.0.0.1:\(sluice.port)/echo"]
            )
            #expect(page.end == .exited(0))
            #expect(RunningProcess.bytes(received).elementsEqual(bytes))
        }
    }
}
