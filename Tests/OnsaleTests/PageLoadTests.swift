import Primitives
import Testing

@testable import onsale

/// A page on its way into a browser: redirects, the document, its assets.
@Suite struct PageLoadTests {
    private static func load(_ request: PageRequest = PageRequest(target: "/a/b")) -> PageLoad {
        PageLoad(request, url: PageStepTests.url, firstNumber: 10)
    }

    private static func redirect(_ status: Int, to location: String) -> PageResponse {
        PageStepTests.page("", status: status, [("location", location)])
    }

    @Test func page_withoutAssets_isThereWithTheDocument() throws {
        var load = Self.load()
        #expect(load.start() == .init(number: 10, request: PageRequest(target: "/a/b")))
        let document = PageStepTests.page("x")
        guard case .choose(document, let url) = load.answered(10, document) else { throw Unexpected() }
        #expect(url.target == "/a/b")
        #expect(load.load([]) == .end(.page(document, missing: [])) && load.isEnded)
        #expect(load.answered(10, document) == .ask([]))
    }

    @Test func page_withAssets_isThereWithTheLast() throws {
        var load = Self.load()
        _ = load.start()
        let document = PageStepTests.page("x")
        _ = load.answered(10, document)
        guard case .ask(let asked) = load.load(["/1.css", "/2.js", "/3.png"]) else { throw Unexpected() }
        #expect(asked.map(\.number) == [11, 12, 13] && asked.map(\.request.target) == ["/1.css", "/2.js", "/3.png"])
        #expect(asked.allSatisfy { !$0.request.keepsBody } && load.numberAfter == 14)
        #expect(load.answered(12, PageStepTests.page("", status: 404)) == .ask([]))
        #expect(load.answered(12, document) == .ask([]))
        #expect(load.failed(11, .broken) == .ask([]))
        let missing = ["/2.js (status 404)", "/1.css (connection broken)"]
        #expect(load.answered(13, document) == .end(.page(document, missing: missing)))
    }

    @Test func redirect_isFollowedAsBrowsersDo() {
        var post = PageRequest(method: "POST", target: "/a/b", body: [1])
        post.fields = [.init(name: "content-type", value: "x"), .init(name: "x-own", value: "y")]
        var load = Self.load(post)
        _ = load.start()
        var expected = PageRequest(target: "/a/c?d")
        expected.fields = [.init(name: "x-own", value: "y")]
        #expect(load.answered(10, Self.redirect(303, to: "c?d#e")) == .ask([.init(number: 11, request: expected)]))

        var kept = Self.load(post)
        _ = kept.start()
        post.target = "/z"
        #expect(
            kept.answered(10, Self.redirect(307, to: "http://s.test/z")) == .ask([.init(number: 11, request: post)])
        )
    }

    @Test func redirect_elsewhereOrForEver_ends() throws {
        var load = Self.load()
        _ = load.start()
        let elsewhere = try SiteURL(parsing: "https://s.test/")
        #expect(load.answered(10, Self.redirect(301, to: "https://s.test/")) == .end(.sentElsewhere(elsewhere)))

        var circle = Self.load()
        var number = circle.start().number
        for _ in 0..<PageLoad.mostRedirects {
            guard case .ask(let next) = circle.answered(number, Self.redirect(302, to: "/again")) else {
                throw Unexpected()
            }
            number = next[0].number
        }
        let places = ["/a/b", "/again"]
        #expect(circle.answered(number, Self.redirect(302, to: "/again")) == .end(.sentInCircles(places)))
        var nowhere = Self.load()
        _ = nowhere.start()
        #expect(nowhere.answered(10, Self.redirect(302, to: "http://")) == .end(.failed(.badAnswer)))
    }

    @Test func document_thatFails_isThePagesFailure() {
        var load = Self.load()
        _ = load.start()
        #expect(load.failed(10, .refused) == .end(.failed(.refused)) && load.failed(10, .refused) == .ask([]))
    }

    @Test func html_namesWhatABrowserLoads() {
        let page = """
            <link rel="stylesheet" href="/a.css"><link rel=canonical href=/no><link rel="shortcut icon" href=i.ico>
            <script src='b.js'></script><script>"<img src=/no.png>"</script><img alt=x src="c.png?a=1&amp;b=2"><img>
            <style>.x{background:url(<img src=/no.png>)}</style><!-- <img src=/no.png> --><a href=/no>x</a><img src=
            """
        #expect(HTMLTags.assets(of: Array(page.utf8)) == ["/a.css", "i.ico", "b.js", "c.png?a=1&b=2", ""])
    }

    /// Whatever a site sends is stepped through to its end, and whatever is typed is taken or refused.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func anyText_isReadToItsEnd(seed: UInt64) {
        var draw = SplitMix64(seed: seed)
        let pieces = [
            "<", ">", "/", "=", "\"", "'", " ", "a", "!--", "-->", "script", "</script", "$", "{", "}", "[", "]",
        ]
        let more = [
            "@", "#", ".", "?", ":", "//", "http", "meta", "http-equiv", "refresh", "content", "9", ";", "\u{E9}",
        ]
        let all = pieces + more
        for _ in 0..<3_000 {
            let count = draw.drawInteger(0...12)
            let text = (0..<count).map { _ in all[draw.drawInteger(0...(all.count - 1))] }.joined()
            let page = PageStepTests.html(text)
            #expect(HTMLTags(page.body).reduce(0) { max($0, $1.end) } <= page.body.count)
            _ = RoomPage(page, isThePage: false, url: PageStepTests.url)
            _ = (try? HTMLSelector(text))?.value(in: page.body)
            _ = (try? PageTemplate(text))?.filled(["a": "b"], for: .address)
            let there = PageStepTests.url.following(text)
            #expect(there.map { $0.target.hasPrefix("/") && !$0.target.contains(" ") } ?? true, "\(text)")
            if let url = try? SiteURL(parsing: "http://\(text)") { #expect(!url.host.isEmpty, "\(text)") }
        }
    }

    struct Unexpected: Error {}
}
