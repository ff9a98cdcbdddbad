import Addresses
import Testing

@Suite struct WorkerAddressTests {
    @Test(arguments: [
        ("127.0.0.1:80", "127.0.0.1:80", "127.0.0.1"), ("[::1]:8080", "[::1]:8080", "[::1]:8080"),
        ("unix:/run/a.sock", "unix:/run/a.sock", "localhost"), ("unix:80", "unix:80", "localhost"),
        ("http://Shop.Internal:8080", "http://shop.internal:8080", "shop.internal:8080"),
        ("HTTPS://shop.internal", "https://shop.internal:443", "shop.internal"),
        ("http://shop", "http://shop:80", "shop"), ("https://10.0.0.1", "https://10.0.0.1:443", "10.0.0.1"),
        ("https://10.0.0.1:80", "https://10.0.0.1:80", "10.0.0.1:80"),
        ("https://[2001:db8::1]:443", "https://[2001:db8::1]:443", "[2001:db8::1]"),
        // Without TLS a URL with an address is that address.
        ("http://10.0.0.1:81", "10.0.0.1:81", "10.0.0.1:81"), ("http://[::1]", "[::1]:80", "[::1]"),
        ("https://localhost:8443", "https://localhost:8443", "localhost:8443"),
    ])
    func parse_everyForm_isSaidInOneWay(text: String, description: String, authority: String) throws {
        let worker = try WorkerAddress(parsing: text)
        #expect(worker.description == description && worker.authority == authority)
        #expect(try WorkerAddress(parsing: description) == worker)
    }

    @Test(arguments: [
        ("shop.internal:8080", "whose host is a name: write http:// or https:// before it"),
        ("localhost:8080", "whose host is a name: write http:// or https:// before it"),
        ("10.0.0.256:80", "whose host is not an IP address (names are not looked up)"),
        ("https://10.0.0.256", "whose host is neither a name nor an IP address"),
        ("https://shop.12:80", "whose host is neither a name nor an IP address"),
        ("https://", "whose host is neither a name nor an IP address"),
        ("https://:443", "whose host is neither a name nor an IP address"),
        ("https://shop..internal", "whose host is neither a name nor an IP address"),
        ("https://shop.internal/", "which has a path: a worker is a host and a port; the path is the visitor's"),
        ("http://a:b@shop", "which names a user: nobody is logged in at a worker"),
        ("http://shop:65536", "whose port is too high: ports go from 1 to 65535"),
        ("http://shop:http", "whose port is not a number from 1 to 65535"),
        ("http://::1", "whose IPv6 address needs brackets, as in https://[2001:db8::1]:8443"),
        ("http://[10.0.0.1]", "whose brackets hold no IPv6 address"),
        ("ftp://shop", "whose port is not a number from 1 to 65535"),
        ("https:/shop:1", "whose host is not an IP address (names are not looked up)"),
        ("127.0.0.1", "which has no port"),
    ])
    func parse_somethingElse_isRefusedWithTheReason(text: String, reason: String) {
        let error = #expect(throws: WorkerAddress.ParseError.self) { try WorkerAddress(parsing: text) }
        #expect(error?.reason == reason && error?.description.contains("'\(text)'") == true)
    }

    @Test func parts_sayWhomTLSAsksFor() throws {
        let named = try WorkerAddress(parsing: "https://shop.internal:8443")
        #expect(named.usesTLS && named.name == "shop.internal" && named.port == 8_443 && named.address == nil)
        #expect(named.serverName == "shop.internal")
        let fixed = try WorkerAddress(parsing: "https://[::1]:8443")
        #expect(fixed.name == nil && fixed.serverName == "::1" && fixed.address?.port == 8_443)
        #expect(try !WorkerAddress(parsing: "http://shop").usesTLS)
    }
}
