import Foundation
import Glibc
import Testing

/// Certificates of listeners as an operator knows them from other servers.
@Suite(.onOwnThread) struct CertificateTests {
    private func configuration(_ tls: String, _ more: String = "") -> Configuration {
        var configuration = Configuration()
        configuration.room = nil
        configuration.listeners = [("127.0.0.1:0", more.isEmpty ? tls : "\(tls)\n    \(more)")]
        return configuration
    }

    private func check(_ scene: Scene, _ configuration: Configuration) throws -> (isGood: Bool, text: String) {
        let file = "\(scene.folder)/checked.yaml"
        try scene.write(configuration.text, to: file)
        let result = try scene.run(try SluiceProcess.program, ["check", file])
        return (result.end == .exited(0), result.output + result.errors)
    }

    /// Seen before: each of these passed, and a passphrase was asked for at the terminal at the next start.
    @Test func check_whatRunCannotUse_isRefusedWithTheFile() throws {
        try Scene.play { scene in
            let shop = CertificateShop(scene: scene)
            try shop.make("a")
            try shop.make("b")
            try scene.write("garbage", to: shop.path("bad.pem"))
            try shop.openssl(
                ["pkey", "-in", shop.path("a.key"), "-aes128", "-passout", "pass:x", "-out", shop.path("locked.key")]
            )
            let cases: [(tls: String, words: [String])] = [
                ("{certificate: a.pem, key: b.key}", ["tls.key: ", "b.key does not belong to"]),
                (
                    "{certificate: a.pem, key: locked.key}",
                    ["tls.key: ", "locked.key has a passphrase", "openssl pkey"]
                ),
                ("{certificate: bad.pem, key: a.key}", ["tls.certificate: ", "bad.pem holds no certificate"]),
                ("{certificate: a.key, key: a.pem}", ["a.key holds no certificate", "a.pem holds no private key"]),
                ("[{certificate: a.pem, key: a.key}, {certificate: none.pem, key: b.key}]", ["tls[1].certificate: "]),
            ]
            for (tls, words) in cases {
                let result = try self.check(scene, self.configuration(tls))
                #expect(!result.isGood, "\(tls)")
                for word in words { #expect(result.text.contains(word), "\(result.text)") }
            }
            #expect(try self.check(scene, self.configuration("{certificate: a.pem, key: a.key}")).isGood)
        }
    }

    @Test func check_expiredCertificate_isNoticed() throws {
        try Scene.play { scene in
            let shop = CertificateShop(scene: scene)
            try shop.make("authority")
            try shop.make("old", signedBy: "authority", serial: 7, days: -1)
            let result = try self.check(scene, self.configuration("{certificate: old.pem, key: old.key}"))
            #expect(result.isGood && result.text.contains("old.pem has expired at "), "\(result.text)")
            // It is served, and the operator is told.
            let sluice = try scene.start(self.configuration("{certificate: old.pem, key: old.key}"))
            #expect(try shop.shown(by: sluice.port) == shop.fingerprint("old"))
            try sluice.waitForLog("old.pem has expired at ")
            #expect(try sluice.admin("/status").text.contains("old.pem has expired at "))
        }
    }

    @Test func serverName_picksTheCertificate_elseTheFirst() throws {
        try Scene.play { scene in
            let shop = CertificateShop(scene: scene)
            try shop.make("first", for: ["first.test"])
            try shop.make("shop", for: ["shop.test", "*.shop.test"])
            try shop.make("rsa", for: ["*.shop.test", "shop.test"], kind: ["-newkey", "rsa:2048", "-nodes"])
            let names = ["first", "shop", "rsa"].map { "{certificate: \($0).pem, key: \($0).key}" }
            let sluice = try scene.start(self.configuration("[\(names.joined(separator: ", "))]"))
            let expected: [(String?, String)] = [
                (nil, "first"), ("first.test", "first"), ("shop.test", "shop"), ("VIP.shop.test", "shop"),
                ("a.b.shop.test", "first"), ("other.test", "first"),
            ]
            for (host, name) in expected {
                #expect(try shop.shown(by: sluice.port, host: host) == shop.fingerprint(name), "\(host ?? "none")")
            }
            // Who cannot read the one is shown the other for the same names.
            let old = "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256"
            #expect(try shop.shown(by: sluice.port, host: "shop.test", more: old) == shop.fingerprint("rsa"))
        }
    }

    /// Without alternative names the common name says which host it is for. Seen before: all such had the same names,
    /// so that whoever could not read the key of the first was shown another host's certificate.
    @Test func commonNamesOnly_areToldApart_andNoNameAtAllIsRefusedBehindTheFirst() throws {
        try Scene.play { scene in
            let shop = CertificateShop(scene: scene)
            for (name, subject, kind) in [
                ("first", "/CN=first.test", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]),
                ("rsa", "/O=Shop/CN=RSA.test", ["-newkey", "rsa:2048"]),
                ("nobody", "/O=Shop/CN=Our Shop", ["-newkey", "rsa:2048"]),
            ] {
                let files = ["-keyout", shop.path("\(name).key"), "-out", shop.path("\(name).pem")]
                try shop.openssl(["req", "-x509", "-nodes", "-days", "90", "-subj", subject] + kind + files)
            }
            let both = "[{certificate: first.pem, key: first.key}, {certificate: rsa.pem, key: rsa.key}]"
            let sluice = try scene.start(self.configuration(both))
            let expected: [(String?, String)] = [
                (nil, "first"), ("first.test", "first"), ("rsa.test", "rsa"), ("other.test", "first"),
            ]
            for (host, name) in expected {
                #expect(try shop.shown(by: sluice.port, host: host) == shop.fingerprint(name), "\(host ?? "none")")
            }
            let onlyRSA = "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256"
            #expect(try shop.shown(by: sluice.port, host: "first.test", more: onlyRSA) == "")
            let nameless = "[{certificate: first.pem, key: first.key}, {certificate: nobody.pem, key: nobody.key}]"
            let refused = try self.check(scene, self.configuration(nameless))
            #expect(!refused.isGood, "\(refused.text)")
            for word in ["tls[1].certificate: ", "nobody.pem is for no host"] {
                #expect(refused.text.contains(word), "\(refused.text)")
            }
            #expect(try self.check(scene, self.configuration("{certificate: nobody.pem, key: nobody.key}")).isGood)
        }
    }

    /// Seen before: the old one was served until a restart.
    @Test func filesRenewed_newConnectionsGetThem_openOnesGoOn() throws {
        try Scene.play { scene in
            let shop = CertificateShop(scene: scene)
            try shop.make("site")
            try shop.make("next")
            // Not beside the configuration, whose folder is watched for its own sake.
            mkdir(shop.path("live"), 0o700)
            try shop.openssl(["x509", "-in", shop.path("site.pem"), "-out", shop.path("live/a.pem")])
            try shop.openssl(["pkey", "-in", shop.path("site.key"), "-out", shop.path("live/a.key")])
            var configuration = self.configuration("{certificate: live/a.pem, key: live/a.key}")
            configuration.loops = "2"
            let sluice = try scene.start(configuration)
            let fifo = shop.path("fifo")
            #expect(mkfifo(fifo, 0o600) == 0)
            let script = """
                { printf 'GET / HTTP/1.1\\r\\nHost: site.test\\r\\n\\r\\n'; cat \(fifo); } |
                    openssl s_client -quiet -connect 127.0.0.1:\(sluice.port)
                """
            let client = try scene.launch("sh", ["-c", script])
            let answers = { client.output.components(separatedBy: "HTTP/1.1 200 OK").count - 1 }
            try Patience.wait(for: "the first answer") { answers() == 1 }

            try shop.replace("live/a", by: "next")
            try Patience.wait(for: "the new certificate") {
                try shop.shown(by: sluice.port) == shop.fingerprint("next")
            }
            #expect(try sluice.metric("sluice_certificate_reads_total{outcome=\"applied\"}") >= 1)
            try self.write("GET / HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n", toPipe: fifo)
            try Patience.wait(for: "the second answer") { answers() == 2 }

            // Bad ones change nothing, and the operator is told.
            try scene.write("garbage", to: shop.path("live/a.key"))
            try sluice.waitForLog("new certificates are refused; the ones before stay in force: listen[0].tls.key")
            #expect(try shop.shown(by: sluice.port) == shop.fingerprint("next"))
            #expect(try sluice.admin("/status").text.contains("new certificates were refused"))
            #expect(try sluice.metric("sluice_certificate_reads_total{outcome=\"refused\"}") >= 1)
            // A reload refuses them with the place, and takes the good ones at once.
            sluice.process.signal(SIGHUP)
            try Patience.wait(for: "the refusal") { try sluice.status().reloads_refused >= 1 }
            try shop.replace("live/a", by: "site")
            sluice.process.signal(SIGHUP)
            try Patience.wait(for: "the first certificate") {
                try shop.shown(by: sluice.port) == shop.fingerprint("site")
            }
            try Patience.wait(for: "an end of the problems") {
                let status = try sluice.admin("/status").text
                return !status.contains("were refused") && !status.contains("was refused")
            }
        }
    }

    /// Seen before: they were not read again until the next renewal, months later. Not under a sanitizer: a process
    /// without descriptors cannot start what finds the names of its report.
    @Test(.enabled(if: Patience.slowness == 1))
    func filesRenewed_whileThereAreNoDescriptors_areShownLater() throws {
        try Scene.play { scene in
            let shop = CertificateShop(scene: scene)
            for name in ["site", "next"] { try shop.make(name) }
            mkdir(shop.path("live"), 0o700)
            for kind in ["pem", "key"] {
                try scene.write(RunningProcess.text(shop.path("site.\(kind)")), to: shop.path("live/a.\(kind)"))
            }
            let sluice = try scene.start(self.configuration("{certificate: live/a.pem, key: live/a.key}"))
            try scene.limitDescriptors(of: sluice, to: 3)
            try shop.replace("live/a", by: "next")
            try sluice.waitForLog("new certificates are refused; the ones before stay in force: listen[0].tls.cert")
            try scene.limitDescriptors(of: sluice, to: 1_000)
            #expect(try sluice.metric("sluice_certificate_reads_total{outcome=\"refused\"}") >= 1)
            // Nothing changes any more but the descriptors; within 30 seconds that is found.
            try Patience.wait(for: "the new certificate") {
                try shop.shown(by: sluice.port) == shop.fingerprint("next")
            }
            try Patience.wait(for: "an end of the problem") {
                try !sluice.admin("/status").text.contains("were refused")
            }
        }
    }

    private func write(_ text: String, toPipe path: String) throws {
        let fd = open(path, O_WRONLY | O_CLOEXEC)
        guard fd != -1 else { throw Disappointment("\(path) cannot be opened") }
        defer { close(fd) }
        guard Glibc.write(fd, text, text.utf8.count) == text.utf8.count else { throw Disappointment("a short write") }
    }

    /// Names, staples, ciphers and certificates are a reload's, without a restart.
    @Test func reload_otherCertificates_areShown() throws {
        try Scene.play { scene in
            let shop = CertificateShop(scene: scene)
            try shop.make("a")
            try shop.make("b", for: ["b.test"])
            let sluice = try scene.start(self.configuration("{certificate: a.pem, key: a.key}"))
            let both = "[{certificate: a.pem, key: a.key}, {certificate: b.pem, key: b.key}]"
            try scene.reload(sluice, with: self.configuration(both).text)
            try Patience.wait(for: "the second certificate") {
                try shop.shown(by: sluice.port, host: "b.test") == shop.fingerprint("b")
            }
            #expect(try shop.shown(by: sluice.port) == shop.fingerprint("a"))
            try scene.reload(sluice, with: self.configuration("self_signed").text)
            try Patience.wait(for: "the self-signed one") { try shop.shown(by: sluice.port) != shop.fingerprint("a") }
        }
    }

    @Test func end_isTold_inMetricStatusAndLog() throws {
        try Scene.play { scene in
            let shop = CertificateShop(scene: scene)
            try shop.make("authority")
            try shop.make("soon", signedBy: "authority", serial: 7, days: 3)
            let sluice = try scene.start(self.configuration("{certificate: soon.pem, key: soon.key}"))
            let labels = "{listener=\"listen[0]\",file=\"\(shop.path("soon.pem"))\"}"
            let end = try sluice.metric("sluice_certificate_not_after_seconds\(labels)")
            let days = (end - Date().timeIntervalSince1970) / 86_400
            #expect((2.5...3.1).contains(days), "\(days)")
            try sluice.waitForLog("soon.pem expires at ")
            let status = try sluice.admin("/status").text
            #expect(status.contains("soon.pem expires at ") && status.contains("\"not_after\":\""), "\(status)")
        }
    }

    @Test func staple_isGivenToWhoAsks_andCheckedBefore() throws {
        try Scene.play { scene in
            let shop = CertificateShop(scene: scene)
            try shop.make("authority")
            try shop.make("site", signedBy: "authority", serial: 0x1001)
            try shop.make("other", signedBy: "authority", serial: 0x1002)
            try shop.staple("site", by: "authority", serial: 0x1001)
            try shop.staple("other", by: "authority", serial: 0x1002, isRevoked: true)
            let chain = ["site", "authority"].map { RunningProcess.text(shop.path("\($0).pem")) }.joined()
            try scene.write(chain, to: shop.path("chain.pem"))
            for file in ["chain.pem", "site.pem"] {
                let foreign = self.configuration("{certificate: \(file), key: site.key, staple: other.der}")
                let result = try self.check(scene, foreign)
                #expect(!result.isGood && result.text.contains("other.der is not about "), "\(result.text)")
            }
            let revoked = self.configuration("{certificate: other.pem, key: other.key, staple: other.der}")
            #expect(try self.check(scene, revoked).text.contains("is revoked"))

            let good = self.configuration("{certificate: chain.pem, key: site.key, staple: site.der}")
            let sluice = try scene.start(good)
            for version in ["-tls1_2", "-tls1_3"] {
                let script = "openssl s_client -connect 127.0.0.1:\(sluice.port) -status \(version) < /dev/null 2>&1"
                let seen = try scene.run("sh", ["-c", script]).output
                #expect(
                    seen.contains("OCSP Response Status: successful") && seen.contains("Cert Status: good"),
                    "\(seen)"
                )
            }
            let labels = "{listener=\"listen[0]\",file=\"\(shop.path("site.der"))\"}"
            #expect(try sluice.metric("sluice_staple_not_after_seconds\(labels)") > Date().timeIntervalSince1970)
        }
    }
}
