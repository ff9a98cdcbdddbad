import Foundation
import Testing

/// Workers that are reached by TLS, and by name: whose certificate is taken, and what becomes of a visitor where none is.
@Suite(.onOwnThread) struct SecureWorkerTests {
    /// `authority.pem`, and `site` for localhost and 127.0.0.1, signed by it.
    private func shop(_ scene: Scene) throws -> CertificateShop {
        let shop = CertificateShop(scene: scene)
        try shop.make("authority")
        try shop.make("site", for: "DNS:localhost,IP:127.0.0.1", signedBy: "authority")
        return shop
    }

    private func worker(
        _ shop: CertificateShop,
        _ name: String = "site",
        clients: String? = nil
    ) throws -> SecureWorker {
        try SecureWorker(
            certificate: shop.path("\(name).pem"),
            key: shop.path("\(name).key"),
            clients: clients.map { shop.path("\($0).pem") }
        )
    }

    private func configuration(_ workers: String, tls: String? = "{authority: authority.pem}") -> Configuration {
        var configuration = RequestTests.open()
        configuration.pool = ["driver": "static", "worker": "{slots: 4}", "workers": "[\(workers)]"]
        configuration.pool["tls"] = tls
        return configuration
    }

    private func failing(_ sluice: SluiceProcess) throws -> SluiceProcess.Status.GatewayPool.Failing {
        try Patience.value(of: "a worker that fails") { try sluice.status().gatewayPool?.failing?.first }
    }

    /// What the gateway made of a worker that it must not trust: 502, and nothing of the visitor's has gone there.
    private func expectRefusal(_ sluice: SluiceProcess, _ worker: SecureWorker, _ reason: String) throws {
        let answer = try HTTPPeer(port: sluice.port).request("GET", "/", [("Cookie", "account=secret")])
        #expect(answer.status == 502 && answer.field("sluice-error") == "upstream; connect-failed")
        let failing = try self.failing(sluice)
        #expect(failing.failure == "tls" && failing.detail?.contains(reason) == true, "\(failing)")
        #expect(try sluice.metric("sluice_pool_ejections_total{pool=\"workers\",failure=\"tls\"}") >= 1)
        try sluice.waitForLog(reason)
        #expect(worker.requests == [], "nothing was sent")
    }

    @Test(arguments: ["localhost", "127.0.0.1"])
    func certificate_ofAKnownAuthority_isTaken(host: String) throws {
        try Scene.play { scene in
            let worker = try self.worker(try self.shop(scene))
            let sluice = try scene.start(self.configuration("https://\(host):\(worker.port)"))
            let peer = try HTTPPeer(port: sluice.port)
            for _ in 0..<5 { #expect(try peer.request("GET", "/a").status == 200) }
            #expect(worker.requests.count == 5 && worker.resumed == [false], "one connection serves them")
            #expect(worker.requests.allSatisfy { $0.lowercased().contains("\r\nhost: localhost\r\n") })
            try worker.stop()
        }
    }

    /// Each request needs a connection of its own, and only the first a full handshake.
    @Test func connections_thatAreNotKept_goOnWithTheSession() throws {
        try Scene.play { scene in
            let shop = try self.shop(scene)
            let worker = try SecureWorker(certificate: shop.path("site.pem"), key: shop.path("site.key"), keeps: false)
            let sluice = try scene.start(self.configuration("https://localhost:\(worker.port)"))
            let peer = try HTTPPeer(port: sluice.port)
            for _ in 0..<4 { #expect(try peer.request("GET", "/").status == 200) }
            #expect(worker.resumed == [false, true, true, true])
            try worker.stop()
        }
    }

    @Test func certificate_forAnotherName_isRefused() throws {
        try Scene.play { scene in
            let shop = try self.shop(scene)
            try shop.make("other", for: "DNS:other.test", signedBy: "authority")
            let worker = try self.worker(shop, "other")
            let sluice = try scene.start(self.configuration("https://localhost:\(worker.port)"))
            try self.expectRefusal(sluice, worker, "hostname mismatch")
            // The operator knows better whom it is for.
            let tls = "{authority: authority.pem, server_name: other.test}"
            try scene.reload(sluice, with: self.configuration("https://localhost:\(worker.port)", tls: tls).text)
            try Patience.wait(for: "the worker to be trusted") {
                try HTTPPeer(port: sluice.port).request("GET", "/").status == 200
            }
            try worker.stop()
        }
    }

    @Test func certificate_ofAForeignAuthority_isRefused() throws {
        try Scene.play { scene in
            let shop = try self.shop(scene)
            try shop.make("foreign")
            try shop.make("stranger", for: "DNS:localhost", signedBy: "foreign")
            let worker = try self.worker(shop, "stranger")
            let sluice = try scene.start(self.configuration("https://localhost:\(worker.port)"))
            try self.expectRefusal(sluice, worker, "unable to get local issuer certificate")
            // A new file in the place of the old one is seen without a reload.
            try shop.replace("authority", by: "foreign")
            try Patience.wait(for: "the new authority") {
                try HTTPPeer(port: sluice.port).request("GET", "/").status == 200
            }
            #expect(try sluice.status().reloads_applied == 0)
            try worker.stop()
        }
    }

    /// An operator who has no more than the authority right above the workers names that; who is above it is no matter.
    @Test func certificate_ofAnAuthorityThatIsSignedItself_isTaken() throws {
        try Scene.play { scene in
            let shop = try self.shop(scene)
            try shop.makeAuthority("middle", signedBy: "authority")
            try shop.make("shop", for: "DNS:localhost", signedBy: "middle")
            let worker = try self.worker(shop, "shop")
            let tls = "{authority: middle.pem}"
            let sluice = try scene.start(self.configuration("https://localhost:\(worker.port)", tls: tls))
            try sluice.expectService()
            try worker.stop()
        }
    }

    /// Other workers of another authority, in one reload: none of them is tried by the old rules.
    @Test func reload_otherAuthorityAndWorkers_failsNobody() throws {
        try Scene.play { scene in
            let shop = try self.shop(scene)
            try shop.make("foreign")
            try shop.make("stranger", for: "DNS:localhost", signedBy: "foreign")
            let (old, new) = (try self.worker(shop), try self.worker(shop, "stranger"))
            let sluice = try scene.start(self.configuration("https://localhost:\(old.port)"))
            try sluice.expectService()
            let tls = "{authority: foreign.pem}"
            try scene.reload(sluice, with: self.configuration("https://localhost:\(new.port)", tls: tls).text)
            try Patience.wait(for: "the new worker") {
                let answer = try HTTPPeer(port: sluice.port).request("GET", "/")
                #expect(answer.status == 200)
                return !new.requests.isEmpty
            }
            #expect(try sluice.metric("sluice_pool_ejections_total{pool=\"workers\",failure=\"tls\"}") == 0)
            try old.stop()
            try new.stop()
        }
    }

    /// Seen before: what could not be read for want of descriptors was not read again, by no reload. Not under a sanitizer:
    /// a process without descriptors cannot start what finds the names of its report.
    @Test(.enabled(if: Patience.slowness == 1))
    func filesRenewed_whileThereAreNoDescriptors_areReadLater() throws {
        try Scene.play { scene in
            let shop = try self.shop(scene)
            try shop.make("foreign")
            try shop.make("stranger", for: "DNS:localhost", signedBy: "foreign")
            let worker = try self.worker(shop, "stranger")
            let configuration = self.configuration("https://localhost:\(worker.port)")
            let sluice = try scene.start(configuration)
            try self.expectRefusal(sluice, worker, "unable to get local issuer certificate")
            try scene.limitDescriptors(of: sluice, to: 3)
            try shop.replace("authority", by: "foreign")
            try sluice.waitForLog("TLS with workers: new files are refused; the ones before stay in force")
            try scene.limitDescriptors(of: sluice, to: 1_000)
            try Operator.expectProblem(["pools.workers.tls", "new files were refused"], at: sluice)
            try scene.reload(sluice, with: configuration.text)
            try Patience.wait(for: "the new authority") {
                try HTTPPeer(port: sluice.port).request("GET", "/").status == 200
            }
            try Patience.wait(for: "an end of the problem") {
                try !Operator.readiness(sluice).problems.contains { $0.contains("were refused") }
            }
            try worker.stop()
        }
    }

    /// The system's authorities know nothing of the tests'.
    @Test func certificate_withoutAnAuthorityInTheSettings_isCheckedAgainstTheSystems() throws {
        try Scene.play { scene in
            let worker = try self.worker(try self.shop(scene))
            let sluice = try scene.start(self.configuration("https://localhost:\(worker.port)", tls: nil))
            try self.expectRefusal(sluice, worker, "certificate verify failed")
            try worker.stop()
        }
    }

    @Test func certificate_expired_isRefused() throws {
        try Scene.play { scene in
            let shop = try self.shop(scene)
            try shop.make("old", for: "DNS:localhost", signedBy: "authority", days: -1)
            let worker = try self.worker(shop, "old")
            let sluice = try scene.start(self.configuration("https://localhost:\(worker.port)"))
            try self.expectRefusal(sluice, worker, "certificate has expired")
            try worker.stop()
        }
    }

    @Test func clientCertificate_thatIsAskedFor_isShown() throws {
        try Scene.play { scene in
            let shop = try self.shop(scene)
            try shop.make("gateway", for: "DNS:gateway.test", signedBy: "authority")
            let worker = try self.worker(shop, clients: "authority")
            let tls = "{authority: authority.pem, certificate: gateway.pem, key: gateway.key}"
            let sluice = try scene.start(self.configuration("https://localhost:\(worker.port)", tls: tls))
            try sluice.expectService()
            try worker.stop()
        }
    }

    /// With TLS 1.3 the worker says so when this side has finished: the requests fail, and the reason is told.
    @Test func clientCertificate_thatIsMissing_isTold() throws {
        try Scene.play { scene in
            let shop = try self.shop(scene)
            let worker = try self.worker(shop, clients: "authority")
            var configuration = self.configuration("https://localhost:\(worker.port)")
            configuration.pool["ejection"] = "{failures: 2}"
            let sluice = try scene.start(configuration)
            try Patience.wait(for: "the worker to be found failing") {
                let answer = try HTTPPeer(port: sluice.port).request("GET", "/")
                #expect(answer.status == 502)
                return try sluice.status().gatewayPool?.failing?.isEmpty == false
            }
            #expect(["tls", "broken"].contains(try self.failing(sluice).failure))
            #expect(worker.requests == [])
            try worker.stop()
        }
    }

    /// A worker that does not speak TLS takes the handshake for a request that makes no sense.
    @Test func plainWorker_byHTTPS_isRefusedWithAReason() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker { connection in
                _ = try connection.readSome()
                try connection.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            }
            _ = try self.shop(scene)
            let sluice = try scene.start(self.configuration("https://localhost:\(worker.port)"))
            #expect(try HTTPPeer(port: sluice.port).request("GET", "/secret").status == 502)
            #expect(try self.failing(sluice).failure == "tls")
            #expect(!worker.receivedText.contains("secret"))
        }
    }

    // MARK: Names

    /// On many machines that is two addresses, of which one answers here.
    @Test func name_ofSeveralFamilies_isServedByTheOneThatListens() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            let sluice = try scene.start(self.configuration("http://localhost:\(worker.port)", tls: nil))
            try sluice.expectService(requests: 10)
            let lines = worker.receivedText.components(separatedBy: "\r\n")
            #expect(lines.contains { $0.lowercased() == "host: localhost" }, "what the visitor asked for")
        }
    }

    @Test func name_thatNobodyKnows_isTold_andTheOthersServe() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            let workers = "http://no-such-name.invalid:81, 127.0.0.1:\(worker.port)"
            var configuration = self.configuration(workers, tls: nil)
            configuration.pool["lookup_interval"] = "1s"
            let check = try scene.run(
                SluiceProcess.program,
                ["check", try self.write(configuration, scene)]
            )
            #expect(check.end == .exited(0), "check looks nothing up: \(check.output)\(check.errors)")
            let sluice = try scene.start(configuration)
            try sluice.expectService(requests: 10)
            try Operator.expectProblem(["no-such-name.invalid", "cannot be looked up", "no workers"], at: sluice)
            try sluice.waitForLog("a name of workers cannot be looked up")
            try scene.reload(sluice, with: self.configuration("http://localhost:\(worker.port)", tls: nil).text)
            try Patience.wait(for: "the problem to pass") {
                try !Operator.readiness(sluice).problems.contains { $0.contains("no-such-name") }
            }
            try sluice.expectService(requests: 10)
        }
    }

    private func write(_ configuration: Configuration, _ scene: Scene) throws -> String {
        let file = "\(scene.folder)/checked.yaml"
        try scene.write(configuration.text, to: file)
        return file
    }

    @Test func hostHeader_worker_isTheWorkersOwnName() throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(RawWorker.answering())
            var configuration = self.configuration("http://localhost:\(worker.port)", tls: nil)
            configuration.pool["host_header"] = "worker"
            let sluice = try scene.start(configuration)
            #expect(try HTTPPeer(port: sluice.port).request("GET", "/").status == 200)
            let lines = worker.receivedText.components(separatedBy: "\r\n").map { $0.lowercased() }
            #expect(lines.filter { $0.hasPrefix("host:") } == ["host: localhost:\(worker.port)"])
            #expect(lines.contains("x-forwarded-host: localhost"))
        }
    }
}
