import Primitives
import Testing

@testable import onsale

@Suite struct WaitingPageTests {
    static let body =
        #"{"state":"waiting","room":"onsale","number":123,"position":45,"waiting":900,"estimate_seconds":[30,50],"#
        + #""refresh_seconds":5,"opens_in_seconds":7}"#

    func parse(_ text: String) -> WaitingPage? { Array(text.utf8).withUnsafeBytes { WaitingPage(json: $0) } }

    @Test func body_ofTheGateway_isRead() throws {
        let page = try #require(self.parse(Self.body))
        #expect(page.number == 123 && page.position == 45 && page.waiting == 900)
        #expect(page.estimateSeconds == 30...50)
        #expect(page.refreshSeconds == 5 && page.opensInSeconds == 7)
    }

    /// Whoever reckons with what a site says must not overflow.
    @Test func figures_beyondReason_countAsMuch() throws {
        let page = try #require(self.parse(#"{"number":1,"opens_in_seconds":100000000000000000}"#))
        #expect(page.opensInSeconds == WaitingPage.mostFigure)
        var books = VisitBooks(visitors: 1, startedAt: Instant(nanoseconds: 0), openingAt: Instant(nanoseconds: 0))
        let response = Response(status: 200, standing: .waiting, page: page)
        let now = Instant(nanoseconds: 5_000)
        books.heard(.waitingPage, of: 0, isExit: false, response: response, sentAt: now, now: now)
        #expect(books.pagesWithWrongCountdown == 1)
    }

    @Test func body_otherOrderBlanksAndUnknownValues_isRead() throws {
        let page = try #require(
            self.parse(
                """
                { "note" : "a \\" } , b", "deep": {"x":[1,{"number":9}], "y":null}, "estimate_seconds": null ,
                  "number" : 7 , "list":[], "on": true, "share": -1.5e3 }
                """
            )
        )
        #expect(page.number == 7)
        #expect(page.estimateSeconds == nil)
    }

    @Test func body_withoutAPlaceYet_hasNoNumber() throws {
        let page = try #require(
            self.parse(
                #"{"state":"joining","room":"onsale","number":null,"position":null,"waiting":null,"#
                    + #""estimate_seconds":null,"refresh_seconds":3,"opens_in_seconds":0}"#
            )
        )
        #expect(page.number == nil && page.refreshSeconds == 3 && page.position == 0)
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"number":}"#, #"{"number":"7"}"#, #"{"number":-1}"#, #"{"number":99999999999999999999}"#,
        #"{"number":1,"estimate_seconds":[5,2]}"#, #"{"number":1,}"#, #"{"number":1"#, #"{"number" 1}"#, "<html>",
    ])
    func body_thatMakesNoSense_isRefused(text: String) {
        #expect(self.parse(text) == nil)
    }

    @Test func body_cutAnywhere_isRefused() {
        for length in 0..<Self.body.utf8.count { #expect(self.parse(String(Self.body.prefix(length))) == nil) }
    }

    @Test func body_tooLong_isRefused() {
        #expect(self.parse(#"{"number":1,"pad":""# + String(repeating: "x", count: 5_000) + "\"}") == nil)
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func body_anyBytesChanged_neverTraps(seed: UInt64) {
        var draw = SplitMix64(seed: seed)
        for _ in 0..<500 {
            var bytes = Array(Self.body.utf8)
            for _ in 0...draw.drawInteger(0...4) {
                bytes[draw.drawInteger(0...(bytes.count - 1))] = UInt8(draw.drawInteger(0...255))
            }
            if let page = bytes.withUnsafeBytes({ WaitingPage(json: $0) }) {
                #expect(page.number ?? 0 >= 0, "seed \(seed)")
            }
        }
    }
}

@Suite struct CookieJarTests {
    static func taking(_ cookies: String...) -> CookieJar {
        var jar = CookieJar()
        for cookie in cookies { Array(cookie.utf8).withUnsafeBytes { _ = jar.take(setCookie: $0) } }
        return jar
    }

    static func header(_ jar: CookieJar) -> String { String(decoding: jar.header, as: UTF8.self) }

    @Test func cookies_ofPlaceAndPass_areSentBack() {
        let jar = Self.taking(
            "sluice-place-onsale=AAA_-; Path=/; HttpOnly; SameSite=Lax",
            "__Host-sluice-pass-onsale=B=B; Secure"
        )
        #expect(Self.header(jar) == "sluice-place-onsale=AAA_-; __Host-sluice-pass-onsale=B=B")
    }

    @Test func cookie_givenAgain_replacesTheOld() {
        #expect(Self.header(Self.taking("a=1", "ab=2", "a=3; Path=/")) == "a=3; ab=2")
    }

    @Test(arguments: ["a=; Path=/", "a=x; Max-Age=0", "a=x; max-age=-5; Path=/"])
    func cookie_takenBack_isGone(cookie: String) {
        #expect(Self.header(Self.taking("a=1", "b=2", cookie)) == "b=2")
    }

    @Test func cookie_withLifeLeft_stays() { #expect(Self.header(Self.taking("a=1; Max-Age=60")) == "a=1") }

    @Test(arguments: ["", "=", "=x", "name", "; Path=/"])
    func cookie_thatIsNone_isDropped(cookie: String) {
        #expect(Self.header(Self.taking(cookie)) == "")
    }

    @Test func cookies_beyondTheLimits_areDropped() {
        var jar = Self.taking("a=1", "b=2", "c=3", "d=4", "e=5")
        #expect(Self.header(jar) == "a=1; b=2; c=3; d=4")
        let long = Array(("a=" + String(repeating: "x", count: 2_000)).utf8)
        let fits = long.withUnsafeBytes { jar.take(setCookie: $0) }
        #expect(!fits && Self.header(jar) == "a=1; b=2; c=3; d=4")
    }
}
