import Testing

@testable import onsale

/// Text of foreign servers and logs. A mark that combines with the sign before it (here U+0301) makes one Character of
/// both, so that whoever looks for the sign by Character misses it.
@Suite struct ForeignTextTests {
    private static let site = SiteURL(scheme: .https, host: "shop.test", port: 443, target: "/a/b")

    @Test func link_withAMarkBehindASign_leadsWhereItSays() throws {
        #expect(Self.site.following("/x#\u{301}top")?.target == "/x")
        #expect(Self.site.following("?\u{301}")?.target == "/a/b?%CC%81")
        #expect(Self.site.following("/\u{301}")?.target == "/%CC%81")
        #expect(Self.site.following("c/\u{301}../d")?.target == "/a/c/%CC%81../d")
        let whole = try SiteURL(parsing: "https://shop.test/\u{301}?\u{301}#\u{301}")
        #expect(whole.host == "shop.test" && whole.target == "/%CC%81?%CC%81" && whole.path == "/%CC%81")
        #expect(throws: PlayProblem.self) { try SiteURL(parsing: "https://me@\u{301}shop.test/") }
    }

    @Test(arguments: ["refresh", "meta"])
    func refresh_withAMarkBehindASign_isRead(way: String) {
        for (text, seconds) in [("7;\u{301}x", 7), ("7; url=\u{301}/other", nil)] as [(String, Int64?)] {
            let fields = way == "refresh" ? [("refresh", text)] : []
            let body = way == "meta" ? "<meta http-equiv=refresh content=\"\(text)\">" : "x"
            let page = PageStepTests.html(body, status: 200, fields)
            #expect(RoomPage(page, isThePage: false, url: Self.site)?.page?.refreshSeconds == seconds, "\(text)")
        }
    }

    @Test func tags_withMarks_areReadByBytes() {
        let page = Array(
            "<link rel=\"icon\u{20}\u{301}x\nstylesheet\" href=a><script src=\"b&amp;\u{301}c\"></script>".utf8
        )
        #expect(HTMLTags.assets(of: page) == ["a", "b&\u{301}c"])
        let escaped = "&amp;lt; &quot;\u{301} & &#39;&nbsp;"
        let expected = "&lt; \"\u{301} & '&nbsp;"
        #expect(HTMLTags.unescaped(escaped) == expected)
    }

    @Test func check_ofAText_isNotFooledByAMarkBehindIt() {
        let page = PageStepTests.html("Sold out\u{301}")
        #expect(PageCheck.holds("Sold out").holds(for: page, text: page.text))
        #expect(!PageCheck.lacks("Sold out").holds(for: page, text: page.text))
        #expect(PageCheck.holds("").holds(for: page, text: page.text))
    }

    /// Who is who, and when, whatever somebody sent as a user agent.
    @Test func logLine_withMarks_isReadByBytes() throws {
        let plain = try LogLine.parse(#"10.0.0.1 - - [10/Oct/2000:13:55:36 +0000] "GET / HTTP/1.1" 200 5 "-" "x""#)
        let marked = try LogLine.parse(
            "10.0.0.1 - - [10/Oct/2000:13:55:36 +0000] \"\u{301}GET / HTTP/1.1\"\u{301} 200 5 \"-\"\u{301} \"\u{301}x\""
        )
        #expect(marked?.micros == plain?.micros && marked?.visitor == "10.0.0.1 \u{301}x")
        let other = try LogLine.parse(
            "10.0.0.1 - \u{301} [\u{301}] [10/Oct/2000:13:55:36 +0000] \"GET /\" 200 5 \"-\" \"y\""
        )
        #expect(other?.micros == plain?.micros)
    }

    @Test func markup_withAMark_isEscaped() {
        for text in ["<\u{301}script>\u{301}", "\"\u{301}&\u{301}"] {
            let escaped = SVG.escaped(text)
            #expect(!escaped.unicodeScalars.contains("<") && !escaped.unicodeScalars.contains("\""), "\(escaped)")
        }
        #expect(SVG.escaped("a&\u{301}") == "a&amp;\u{301}")
    }
}
