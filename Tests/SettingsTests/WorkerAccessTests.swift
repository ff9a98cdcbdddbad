import Addresses
import Foundation
import Settings
import Testing
import Transport

@testable import SettingsFile

/// Workers as they are listed: by name, with TLS, and what stands beside them.
@Suite struct WorkerAccessTests {
    private static func with(_ keys: String) -> String {
        SettingsText.smallest.replacing("    max_workers: 4\n", with: keys)
    }

    private static let named =
        "    driver: static\n    workers: [https://shop.internal:8443, http://shop.internal, 10.0.0.1:80]\n"

    @Test func workers_byNameAndWithTLS_areRead() throws {
        let more = "    tls: {authority: ca.pem, certificate: a.pem, key: /k/a.key, server_name: Shop}\n"
        let text = Self.with(Self.named + more + "    lookup_interval: 1m\n    host_header: worker\n")
        // Nothing is looked up, and no file is read here.
        let settings = try SettingsFile.decode(Array(text.utf8), path: "/etc/sluice.yaml", opensPorts: false)
        let pool = try #require(settings.pools.first)
        #expect(
            pool.workers.map(\.description)
                == ["https://shop.internal:8443", "http://shop.internal:80", "10.0.0.1:80"]
        )
        #expect(pool.tls.files == ["/etc/ca.pem", "/etc/a.pem", "/k/a.key"] && pool.tls.serverName == "shop")
        #expect(pool.lookupIntervalNanoseconds == 60_000_000_000 && pool.hostHeader == .worker && pool.usesTLS)
        #expect(pool.hostNames == ["shop.internal"] && settings.notices == [])
    }

    /// The whole of the simplest case.
    @Test func oneSecureWorker_isAShortFile() throws {
        let text = """
            listen: [{address: 0.0.0.0:8080}]
            pools: {shop: {driver: static, workers: [https://shop.internal:8443]}}
            routes: [{pool: shop}]
            """
        #expect(try SettingsText.decode(text).pools.first?.usesTLS == true)
    }

    @Test(arguments: [
        (
            "    driver: static\n    workers: [shop.internal:80]\n",
            "sluice.yaml:6:15: pools.tickets.workers[0]: found \"shop.internal:80\", whose host is a name: write http:// or "
                + "https:// before it; allowed: an address such as 127.0.0.1:8080, [::1]:8080 or unix:/run/shop.sock, or "
                + "http:// or https:// before a name or an IP address, such as https://shop.internal:8443"
        ),
        (
            "    driver: static\n    workers: [http://shop, HTTP://Shop:80]\n",
            "sluice.yaml:6:28: pools.tickets.workers[1]: http://shop:80 is already in the list"
        ),
        (
            "    driver: keda\n    workers: [https://10.0.0.1:80]\n    max_workers: 1\n",
            "sluice.yaml:6:15: pools.tickets.workers[0]: with the keda driver a worker is an address, without TLS, at which "
                + "KEDA starts one; write IP:port (line 5)"
        ),
        (
            "    tls: {authority: ca.pem}\n",
            "sluice.yaml:5:5: pools.tickets.tls: the key has no meaning with the process driver; take it out, or change "
                + "driver"
        ),
        (
            Self.named + "    tls: {certificate: a.pem}\n",
            "sluice.yaml:7:11: pools.tickets.tls.certificate: the key is missing; a client's certificate and its key go "
                + "together"
        ),
        (
            Self.named + "    tls: {server_name: \"shop:443\"}\n",
            "sluice.yaml:7:24: pools.tickets.tls.server_name: found \"shop:443\"; allowed: null or a host name or an IP "
                + "address, without a port"
        ),
    ])
    func mistakes_areToldWhereTheyAre(keys: String, problem: String) {
        let problems = SettingsText.problems(Self.with(keys))
        #expect(problems.contains(problem), "\(problems)")
    }

    @Test func files_areLoaded() throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = { (name: String) in folder.path + "/" + name }
        try SelfSignedCertificate.make(certificateFile: path("a.crt"), keyFile: path("a.key"))
        try folder.write("no PEM", to: "bad.pem")
        func problems(_ tls: String) throws -> [String] {
            try folder.write(Self.with(Self.named + "    tls: \(tls)\n"), to: "s.yaml")
            do throws(SettingsError) {
                _ = try SettingsFile.load(path("s.yaml"))
                return []
            } catch {
                return error.problems.map { String($0.description.dropFirst(folder.path.count + 1)) }
            }
        }
        #expect(try problems("{authority: a.crt, certificate: a.crt, key: a.key}") == [])
        let wrong = try problems("{authority: bad.pem, certificate: none.crt, key: a.key}")
        #expect(wrong.count == 2)
        #expect(wrong.first?.contains("pools.tickets.tls.authority: \(path("bad.pem")) holds no certificate") == true)
        #expect(wrong.last?.contains("pools.tickets.tls.certificate: \(path("none.crt")) cannot be opened") == true)
    }

    @Test func tls_withoutASecureWorker_isNoticed() throws {
        let text = Self.with("    driver: static\n    workers: [http://shop]\n    tls: {server_name: shop}\n")
        #expect(
            try SettingsText.decode(text).notices == [
                "pools.tickets.tls: no worker is reached by TLS; write https:// before those that are to be"
            ]
        )
    }
}
