import Addresses
import Testing
import Transport

@testable import onsale

@Suite struct SiteURLTests {
    @Test func url_everyPart_isRead() throws {
        let url = try SiteURL(parsing: "HTTPS://Shop.Example:8443/sale?from=mail#top")
        #expect(url == SiteURL(scheme: .https, host: "shop.example", port: 8443, target: "/sale?from=mail"))
        #expect(url.authority == "shop.example:8443" && url.path == "/sale")
        #expect(try SiteURL(parsing: "http://shop.example").description == "http://shop.example/")
        #expect(try SiteURL(parsing: "https://shop.example:443/a b").description == "https://shop.example/a%20b")
        let six = try SiteURL(parsing: "http://[::1]:8080?q=1")
        #expect(six.host == "::1" && six.port == 8080 && six.target == "/?q=1" && six.authority == "[::1]:8080")
    }

    @Test(arguments: [
        ("shop.example", "write it as https://"), ("ftp://shop.example/", "use http or https"),
        ("http://me:secret@shop.example/", "password"), ("http://shop.example:0/", "1 to 65535"),
        ("http://shop.example:99999/", "1 to 65535"), ("http:///", "no host name"), ("http://[::1/", "IPv6"),
        ("http://[::1]x/", "only a port"), ("http://sho p/", "no host name"),
    ])
    func url_thatMakesNoSense_isRefusedWithAdvice(text: String, words: String) {
        #expect {
            try SiteURL(parsing: text)
        } throws: {
            "\($0)".contains(words) && !"\($0)".contains("secret")
        }
    }

    @Test(arguments: [
        ("/a", "http://s.test/a"), ("b.css?v=2", "http://s.test/shop/b.css?v=2"), ("../x", "http://s.test/x"),
        ("./y/", "http://s.test/shop/y/"), ("?page=2", "http://s.test/shop/list?page=2"),
        ("#here", "http://s.test/shop/list?q=1"),
        ("//cdn.test/z", "http://cdn.test/z"), ("https://s.test/", "https://s.test/"),
        ("../../../../up", "http://s.test/up"),
    ])
    func link_onAPage_leadsWhereABrowserGoes(link: String, expected: String) throws {
        #expect(try SiteURL(parsing: "http://s.test/shop/list?q=1").following(link)?.description == expected)
    }

    @Test(arguments: ["mailto:me@s.test", "data:text/plain,x", "javascript:void(0)"])
    func link_thatIsNoPage_leadsNowhere(link: String) throws {
        #expect(try SiteURL(parsing: "http://s.test/").following(link) == nil)
    }

    @Test(arguments: [
        ("127.0.0.1:80", AddressScope.loopback), ("127.9.0.1:80", .loopback), ("[::1]:80", .loopback),
        ("10.1.2.3:80", .ownNetwork), ("172.31.0.1:80", .ownNetwork), ("192.168.1.1:80", .ownNetwork),
        ("169.254.1.1:80", .ownNetwork), ("[fd00::1]:80", .ownNetwork), ("[fe80::1]:80", .ownNetwork),
        ("172.32.0.1:80", .internet), ("93.184.216.34:80", .internet), ("[2606:2800::1]:80", .internet),
    ])
    func address_isAsFarAwayAsItIs(text: String, scope: AddressScope) throws {
        #expect(AddressScope(try SocketAddress(parsing: text)) == scope)
    }

    @Test func sources_areManyOnThisMachineAlone() throws {
        func sources(_ text: String) throws -> Set<String> {
            let target = SiteTarget(
                try SiteURL(parsing: "http://s.test/"),
                addresses: [try SocketAddress(parsing: text)],
                tls: nil,
                version: .http1
            )
            return Set((0..<100).compactMap { target.source(of: $0)?.host })
        }
        #expect(try sources("127.0.0.1:80").count == Target.sourceCount)
        #expect(try sources("192.168.0.1:80").isEmpty && sources("[::1]:80").isEmpty)
    }

    @Test func cookies_areAsManyAsBrowsersKeep() {
        var cookies = SiteCookies()
        let url = CookieTests.shop
        for index in 0..<60 { cookies.take(setCookie: "n\(index)=1; Path=/", from: url, nowSeconds: 0) }
        #expect(cookies.header(for: "/", nowSeconds: 0)?.split(separator: ";").count == SiteCookies.mostCookies)
        #expect(cookies.value(of: "n0") == nil && cookies.value(of: "n59") == "1")
    }
}
