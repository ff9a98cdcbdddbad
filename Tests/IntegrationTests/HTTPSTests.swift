import Foundation
import Glibc
import TestKit
import Testing

/// Client certificates, redirects to https, and the promise to come by https alone.
@Suite(.onOwnThread) struct HTTPSTests {
    /// A gateway that asks for certificates of `authority`, and a client with one and another with a foreign one.
    private func start(_ scene: Scene, _ certificates: String, _ worker: RawWorker) throws -> SluiceProcess {
        let shop = CertificateShop(scene: scene)
        try shop.make("site")
        for authority in ["authority", "foreign"] {
            try shop.make(authority)
            try shop.make("\(authority)-client", signedBy: authority, serial: 9)
        }
        var configuration = RequestTests.open()
        configuration.use([worker])
        let tls = "{certificate: site.pem, key: site.key}"
        let more = "client_ca: authority.pem\n    client_certificates: \(certificates)"
        configuration.listeners = [("127.0.0.1:0", "\(tls)\n    \(more)"), ("127.0.0.1:0", nil)]
        return try scene.start(configuration)
    }

    private func get(_ scene: Scene, _ sluice: SluiceProcess, _ path: String, as client: String?) throws -> String {
        let shop = CertificateShop(scene: scene)
        let own = client.map { ["--cert", shop.path("\($0).pem"), "--key", shop.path("\($0).key")] } ?? []
        let words = [
            "-sk", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Client-Cert: :AAAA:", "-H", "client-cert-chain: x",
        ]
        return try scene.run("curl", words + own + ["https://127.0.0.1:\(sluice.port)\(path)"]).output
    }

    private func clientFields(_ worker: RawWorker, _ path: String) -> [String] {
        let head = worker.receivedText.components(separatedBy: "GET \(path) ").last?.components(
            separatedBy: "\r\n\r\n"
        )[0]
        return (head ?? "").components(separatedBy: "\r\n").filter { $0.lowercased().hasPrefix("client-cert") }
    }

    @Test func clientCertificate_optional_isToldToTheWorker() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            let sluice = try self.start(scene, "optional", worker)
            #expect(try self.get(scene, sluice, "/known", as: "authority-client") == "200")
            let der = try CertificateShop(scene: scene).openssl(
                ["x509", "-in", "\(scene.folder)/authority-client.pem", "-outform", "PEM"]
            )
            let base64 = der.split(separator: "\n").filter { !$0.hasPrefix("-----") }.joined()
            #expect(self.clientFields(worker, "/known") == ["client-cert: :\(base64):"])
            // Nobody says it of himself, with TLS or without.
            #expect(try self.get(scene, sluice, "/unknown", as: nil) == "200")
            #expect(self.clientFields(worker, "/unknown") == [])
            let plain = try HTTPPeer(port: sluice.ports[1]).request("GET", "/plain", [("Client-Cert", ":AAAA:")])
            #expect(plain.status == 200 && self.clientFields(worker, "/plain") == [])
            #expect(try self.get(scene, sluice, "/foreign", as: "foreign-client") == "000")
        }
    }

    @Test func clientCertificate_required_keepsOthersOut() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            let sluice = try self.start(scene, "required", worker)
            #expect(try self.get(scene, sluice, "/", as: "authority-client") == "200")
            for client in [nil, "foreign-client"] { #expect(try self.get(scene, sluice, "/", as: client) == "000") }
        }
    }

    @Test func redirect_leadsToTheSameHostPathAndQuery_andFollowsAReload() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.listeners = [("127.0.0.1:0\n    redirect_to_https: true", nil)]
            let sluice = try scene.start(configuration)
            let peer = try HTTPPeer(port: sluice.port)
            func location(_ method: String, _ target: String, _ host: String, body: [UInt8]? = nil) throws -> String? {
                let length = body.map { "Content-Length: \($0.count)\r\n" } ?? ""
                peer.peer.send(
                    Array("\(method) \(target) HTTP/1.1\r\nHost: \(host)\r\n\(length)\r\n".utf8) + (body ?? [])
                )
                let answer = try peer.readAnswer(to: method)
                #expect(answer.status == 308, "\(method) \(target)")
                #expect(answer.values("cache-control") == ["no-store"])
                return answer.field("location")
            }
            #expect(try location("GET", "/a%20b?c=d&e", "shop.test:8080") == "https://shop.test/a%20b?c=d&e")
            #expect(try location("POST", "/buy", "shop.test", body: [1, 2, 3]) == "https://shop.test/buy")
            #expect(try location("GET", "/", "[::1]:80") == "https://[::1]/")
            let old = try RawPeer(port: sluice.port)
            old.send("GET / HTTP/1.0\r\n\r\n")
            #expect(String(decoding: old.readAll().bytes, as: UTF8.self).contains(" 400 "))
            #expect(try sluice.metric("sluice_responses_total{class=\"3xx\"}") >= 3)

            configuration.listeners = [("127.0.0.1:0\n    redirect_to_https: 8443", nil)]
            try scene.reload(sluice, with: configuration.text)
            // A connection that is open follows, too.
            try Patience.wait(for: "the other port") {
                try location("GET", "/x", "shop.test") == "https://shop.test:8443/x"
            }
            configuration.listeners = [("127.0.0.1:0", nil)]
            try scene.reload(sluice, with: configuration.text)
            try Patience.wait(for: "the page") { try peer.request("GET", "/open").status == 200 }
        }
    }

    @Test func hsts_isOnEveryResponseOverTLS_inPlaceOfTheWorkers() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                while try connection.readRequest() != nil {
                    try connection.send(
                        "HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=7\r\nContent-Length: 0\r\n\r\n"
                    )
                }
            }
            var configuration = RequestTests.open()
            configuration.use([worker])
            configuration.routes = [(path: "/open", hasRoom: false)]
            configuration.listeners = [("127.0.0.1:0", "self_signed\n    hsts: 365d"), ("127.0.0.1:0", nil)]
            let sluice = try scene.start(configuration)
            func promises(_ path: String) throws -> [String] {
                let page = try scene.run("curl", ["-ski", "https://127.0.0.1:\(sluice.ports[0])\(path)"])
                return try Answer(head: page.output).values("strict-transport-security")
            }
            // The worker's response, and one of the gateway's own: no route leads there.
            #expect(try promises("/open") == ["max-age=31536000"])
            #expect(try promises("/none") == ["max-age=31536000"])
            // Without TLS it is the worker's word.
            let plain = try HTTPPeer(port: sluice.ports[1]).request("GET", "/open")
            #expect(plain.values("strict-transport-security") == ["max-age=7"])
            configuration.listeners[0].tls = "self_signed"
            try scene.reload(sluice, with: configuration.text)
            try Patience.wait(for: "no promise") { try promises("/none") == [] }
            #expect(try promises("/open") == ["max-age=7"])
        }
    }
}
