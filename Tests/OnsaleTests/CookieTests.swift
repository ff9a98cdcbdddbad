import Testing

@testable import onsale

/// The cookies of a visit as browsers keep and show them.
@Suite struct CookieTests {
    static let shop = SiteURL(scheme: .https, host: "www.shop.test", port: 443, target: "/shop/list?q")

    /// What is shown for `/shop/x`, so long after the fields were taken.
    static func shown(_ fields: String..., from url: SiteURL = shop, afterSeconds: Int64 = 0) -> String? {
        let now: Int64 = 1_795_000_000
        var cookies = SiteCookies()
        for field in fields { cookies.take(setCookie: field, from: url, nowSeconds: now) }
        return cookies.header(for: "/shop/x", nowSeconds: now + afterSeconds)
    }

    // MARK: Dates

    /// The forms of RFC 9110 section 5.6.7, and what else browsers read.
    @Test(arguments: [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
        ("Sun Nov  6 08:49:37 1994", 784_111_777), ("6 november 1994 8:49:37", 784_111_777),
        ("08:49:37 1994 6 Nov", 784_111_777), ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Wed, 31-Dec-69 23:59:59 GMT", 3_155_759_999), ("Thu, 01-Jan-70 00:00:01 GMT", 1),
        ("Mon, 29 Feb 2016 12:00:00 GMT", 1_456_747_200), ("1 Jan 1601 0:0:0", -11_644_473_600),
        ("Sat, 1 Jan 2050x 0:0:00y z", 2_524_608_000),
    ])
    func date_isReadAsBrowsersDo(text: String, seconds: Int64) {
        #expect(CookieDate.seconds(text.utf8) == seconds)
    }

    @Test(arguments: [
        "", "0", "-1", "never", "Sun, 06 Nov 1994", "08:49:37 GMT 1994 Nov", "32 Nov 1994 08:49:37",
        "29 Feb 2015 08:49:37", "6 Nov 1600 08:49:37", "6 Nov 1994 24:00:00", "6 Nov 1994 08:60:00",
        "6 Nov 1994 08:49:60", "6 Nov 19940 08:49:37", "6 Nov 1994 08:49", "6 Nov 1994 008:49:37",
        "6 Nox 1994 08:49:37",
    ])
    func date_thatIsNone_isNone(text: String) { #expect(CookieDate.seconds(text.utf8) == nil) }

    // MARK: Ends

    @Test func cookie_endsWhenItsDateSaysSo() {
        // 1,795,000,000 is 2026-11-18T11:06:40Z.
        let soon = "a=1; Expires=Wed, 18 Nov 2026 11:06:50 GMT"
        #expect(Self.shown(soon) == "a=1" && Self.shown(soon, afterSeconds: 9) == "a=1")
        #expect(Self.shown(soon, afterSeconds: 10) == nil)
        #expect(Self.shown("a=1; Expires=Tue, 17 Nov 2026 00:00:00 GMT") == nil, "a date of this year may be over, too")
        #expect(Self.shown("a=1", "a=; Expires=Mon, 01 Jan 2001 00:00:00 GMT") == nil)
        #expect(Self.shown("a=1; Expires=soon", afterSeconds: 1_000_000) == "a=1", "what is no date is passed over")
        #expect(Self.shown("a=1970; Path=/shop; x= 1970") == "a=1970")
    }

    @Test func maxAge_hasTheLastWord() {
        let past = "Expires=Thu, 01 Jan 1970 00:00:00 GMT"
        let future = "Expires=Fri, 18 Nov 2044 00:00:00 GMT"
        #expect(Self.shown("a=1; Max-Age=5; \(past)", afterSeconds: 4) == "a=1")
        #expect(Self.shown("a=1; \(past); Max-Age=5", afterSeconds: 5) == nil)
        #expect(Self.shown("a=1; Max-Age=0; \(future)") == nil && Self.shown("a=1; Max-Age=-7; \(future)") == nil)
        #expect(Self.shown("a=1; Max-Age=x; \(past)") == nil && Self.shown("a=1; Max-Age=5x", afterSeconds: 9) == "a=1")
        #expect(Self.shown("a=1; Max-Age=99999999999999999999", afterSeconds: 86_400) == "a=1")
        #expect(Self.shown("a=1; Max-Age=-99999999999999999999") == nil)
        #expect(Self.shown("a=1; Max-Age=99999999999", afterSeconds: SiteCookies.longestSeconds) == nil)
        #expect(Self.shown("a=1; Max-Age=9; Max-Age=2", afterSeconds: 3) == nil, "the last one counts")
    }

    // MARK: Where they go

    @Test func path_isMatchedByFolders() {
        #expect(Self.shown("a=1; Path=/shop") == "a=1" && Self.shown("a=1; Path=/shop/") == "a=1")
        #expect(Self.shown("a=1; Path=/sho") == nil && Self.shown("a=1; Path=/shop/x/") == nil)
        #expect(Self.shown("a=1; Path=shop") == "a=1", "what is no path is the page's folder")
        #expect(Self.shown("a=1; Path=/admin; Path=") == "a=1", "the last one counts")
        // Longer paths first, then the older.
        #expect(Self.shown("a=1; Path=/", "b=2; Path=/", "c=3", "a=4; Path=/") == "c=3; a=4; b=2")
    }

    @Test func domain_mustBeTheHostsOwn() {
        #expect(Self.shown("a=1; Domain=shop.test") == "a=1" && Self.shown("a=1; Domain=.SHOP.test") == "a=1")
        #expect(Self.shown("a=1; Domain=www.shop.test") == "a=1" && Self.shown("a=1; Domain=") == "a=1")
        for foreign in ["other.test", "op.test", "x.www.shop.test", "test", "w.shop.test", ".test"] {
            #expect(Self.shown("a=1; Domain=\(foreign)") == nil, "\(foreign)")
        }
        // A cookie of the host and one of the domain are two.
        #expect(Self.shown("a=1", "a=2; Domain=shop.test") == "a=1; a=2")
        let address = SiteURL(scheme: .https, host: "10.1.2.3", port: 443, target: "/shop/")
        #expect(Self.shown("a=1; Domain=2.3", from: address) == nil)
        #expect(Self.shown("a=1; Domain=10.1.2.3", from: address) == "a=1")
    }

    @Test func secureAndPrefixes_holdWhatTheySay() {
        let plain = SiteURL(scheme: .http, host: "www.shop.test", port: 80, target: "/shop/")
        #expect(Self.shown("a=1; Secure") == "a=1" && Self.shown("a=1; Secure", from: plain) == nil)
        for host in ["localhost", "a.localhost", "127.0.0.9", "::1"] {
            let here = SiteURL(scheme: .http, host: host, port: 80, target: "/shop/")
            #expect(Self.shown("a=1; Secure", from: here) == "a=1", "\(host)")
        }
        #expect(Self.shown("__Secure-a=1; Secure") == "__Secure-a=1" && Self.shown("__Secure-a=1") == nil)
        #expect(Self.shown("__secure-a=1") == nil && Self.shown("__Secure-a=1; Secure", from: plain) == nil)
        #expect(Self.shown("__Host-a=1; Secure; Path=/") == "__Host-a=1")
        for attributes in ["Path=/", "Secure", "Secure; Path=/shop", "Secure; Path=/; Domain=www.shop.test"] {
            #expect(Self.shown("__Host-a=1; \(attributes)") == nil, "\(attributes)")
        }
        #expect(Self.shown("a=1; SameSite=None") == nil && Self.shown("a=1; SameSite=None; Secure") == "a=1")
    }

    // MARK: Bytes

    /// U+0301 joins the sign before it to one Character.
    @Test func marksThatCombine_hideNoSign() {
        #expect(Self.shown("a=\u{301}1;\u{301}x; Max-Age=0") == nil)
        #expect(Self.shown("a=1;\u{301} x; Path=/admin") == nil)
        #expect(Self.shown("a=\u{301}1") == "a=\u{301}1")
        #expect(Self.shown("a=1; Max-Age=\u{301}0; Path=/shop") == "a=1")
    }

    @Test func field_thatMakesNoSense_isNotTaken() {
        for field in ["", ";", "=", "=1", "a", "a;b=1", "a=1\u{0}", "a=1\u{7F}", "a\nb=1"] {
            #expect(Self.shown(field) == nil, "\(field)")
        }
        let longest = String(repeating: "x", count: SiteCookies.mostBytes - 2)
        #expect(Self.shown("a=\(longest)") != nil && Self.shown("a=\(longest)x") == nil)
        #expect(Self.shown(" a = 1 ; Path = /shop ") == "a=1")
    }
}
