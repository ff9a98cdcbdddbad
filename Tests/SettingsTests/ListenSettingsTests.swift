import Settings
import Testing
import Transport

@testable import SettingsFile

/// Listeners: what a reload changes, what goes together, which files are good.
@Suite struct ListenSettingsTests {
    private func decode(_ listeners: String) throws -> Settings {
        let text = SettingsText.smallest.replacing("  - address: 127.0.0.1:8080", with: listeners)
        return try SettingsFile.decode(Array(text.utf8), path: "/etc/sluice.yaml", opensPorts: false)
    }

    private func changes(_ running: String, _ loaded: String) throws -> (words: [String], effective: Settings) {
        let (running, loaded) = (try self.decode(running), try self.decode(loaded))
        let words = Settings.changes(from: running, to: loaded).map(\.description)
        return (words, Settings.effective(running: running, loaded: loaded))
    }

    @Test func everyForm_isTaken() throws {
        let settings = try self.decode(
            """
              - {address: 127.0.0.1:1, tls: self_signed, hsts: 365d, client_ca: ca.pem, client_certificates: optional}
              - {address: 127.0.0.1:2, tls: [{certificate: a, key: b, staple: c}, {certificate: d, key: e}]}
              - {address: 127.0.0.1:3, redirect_to_https: true}
              - {address: 127.0.0.1:4, redirect_to_https: 8443, hsts: 1d}
              - {address: 127.0.0.1:5, redirect_to_https: false, http2: false}
            """
        )
        let all = settings.listeners
        #expect(all[0].tls == .selfSigned && all[0].hstsNanoseconds == 365 * 86_400 * 1_000_000_000)
        #expect(all[0].clientAuthority == "/etc/ca.pem" && all[0].clientCertificates == .optional)
        let files = [
            CertificateSettings(certificate: "/etc/a", key: "/etc/b", staple: "/etc/c"),
            CertificateSettings(certificate: "/etc/d", key: "/etc/e"),
        ]
        #expect(all[1].tls == .files(files))
        #expect(all[2...].map(\.redirectPort) == [443, 8443, nil])
        #expect(all.map(\.speaksHTTP2) == [true, true, true, true, false])
        // Behind a proxy that ends TLS.
        let day: Int64 = 86_400 * 1_000_000_000
        #expect(all[3].hstsNanoseconds == day)
    }

    @Test func keysOfAListener_areTakenLive() throws {
        let (words, effective) = try self.changes(
            "  - {address: 127.0.0.1:1, tls: {certificate: a, key: b}}\n  - {address: 127.0.0.1:2}",
            "  - {address: 127.0.0.1:1, tls: {certificate: a, key: c}, hsts: 5m, http2: false}\n"
                + "  - {address: 127.0.0.1:2, redirect_to_https: true}"
        )
        #expect(
            words == [
                "listen[0].tls: {certificate: /etc/a, key: /etc/b} -> {certificate: /etc/a, key: /etc/c} (live)",
                "listen[0].hsts: off -> 5m (live)", "listen[0].http2: true -> false (live)",
                "listen[1].redirect_to_https: false -> true (live)",
            ]
        )
        #expect(effective.listeners[0].tls == .files(certificate: "/etc/a", key: "/etc/c"))
        #expect(effective.listeners[1].redirectPort == 443)
    }

    /// What is plain goes on plain until the restart, and so does the whole list beside it.
    @Test(arguments: [
        "  - {address: 127.0.0.1:1, tls: self_signed}", "  - address: 127.0.0.1:1\n  - address: 127.0.0.1:2",
    ])
    func tlsSwitchedOn_orListenersAdded_waitForTheRestart(loaded: String) throws {
        let running = "  - address: 127.0.0.1:1"
        let (words, effective) = try self.changes(running, loaded)
        #expect(words.count == 1 && words[0].hasPrefix("listen: [") && words[0].hasSuffix("(at restart)"), "\(words)")
        #expect(effective == (try self.decode(running)))
    }

    @Test(arguments: [
        ("client_ca: a", "listen[0].client_ca: the listener speaks no TLS; give it tls, or leave client_ca out"),
        (
            "tls: self_signed, redirect_to_https: true",
            "listen[0].redirect_to_https: the listener speaks TLS already; leave redirect_to_https out"
        ),
        ("redirect_to_https: 0", "listen[0].redirect_to_https: found \"0\"; allowed: false, true, or the port"),
        ("tls: []", "listen[0].tls: found a list of 0"),
        ("tls: [{certificate: a, key: b}, {key: c}]", "listen[0].tls[1].certificate: the key is missing"),
    ])
    func contradiction_isSaid(keys: String, problem: String) {
        let text = SettingsText.smallest.replacing(
            "- address: 127.0.0.1:8080",
            with: "- {address: 127.0.0.1:8080, \(keys)}"
        )
        let problems = SettingsText.problems(text)
        #expect(problems.contains { $0.contains(problem) }, "\(problems)")
    }

    /// Seen before: garbage and a foreign key passed, and the next start failed.
    @Test func certificates_areLoadedAsTheListenerWill() throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = { (name: String) in folder.path + "/" + name }
        try SelfSignedCertificate.make(certificateFile: path("a.pem"), keyFile: path("a.key"))
        try SelfSignedCertificate.make(certificateFile: path("b.pem"), keyFile: path("b.key"))
        try folder.write("garbage", to: "bad.pem")
        let good = "{certificate: a.pem, key: a.key}"
        func problems(_ tls: String, _ more: String = "") throws -> [String] {
            let text = SettingsText.smallest.replacing(
                "- address: 127.0.0.1:8080",
                with: "- {address: 127.0.0.1:8080, tls: \(tls)\(more)}"
            )
            try folder.write(text, to: "s.yaml")
            do throws(SettingsError) {
                _ = try SettingsFile.load(path("s.yaml"))
                return []
            } catch {
                return error.problems.map { "\($0.path): \($0.message)" }
            }
        }
        #expect(try problems("[\(good), {certificate: b.pem, key: b.key}]", ", client_ca: a.pem") == [])
        let foreign = try problems("{certificate: a.pem, key: b.key}")
        #expect(foreign.count == 1 && foreign[0].hasPrefix("listen[0].tls.key: \(path("b.key")) does not belong to "))
        let garbage = try problems("[\(good), {certificate: bad.pem, key: bad.pem}]", ", client_ca: bad.pem")
        #expect(garbage.count == 3, "\(garbage)")
        for (found, place) in zip(garbage, ["tls[1].certificate", "tls[1].key", "client_ca"]) {
            #expect(found.hasPrefix("listen[0].\(place): \(path("bad.pem")) holds no "))
        }
        let staple = try problems("{certificate: a.pem, key: a.key, staple: bad.pem}")
        #expect(
            staple.count == 1 && staple[0].hasPrefix("listen[0].tls.staple: \(path("bad.pem")) is no OCSP response")
        )
        // A simulation of the same file needs none of it.
        #expect(throws: Never.self) { try SettingsFile.load(path("s.yaml"), opensPorts: false) }
    }
}
