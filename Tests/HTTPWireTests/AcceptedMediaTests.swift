import HTTPWire
import Testing

@Suite struct AcceptedMediaTests {
    static func media(_ accept: String?) -> AcceptedMedia {
        var parser = RequestParser()
        var head = RequestHead()
        let raw = accept.map { request("Accept: \($0)") } ?? request()
        return Array(raw.utf8).withUnsafeBytes { bytes in
            _ = parser.parse(bytes, into: &head)
            return head.acceptedMedia(in: bytes)
        }
    }

    @Test(
        arguments: [
            (nil, false, false), ("*/*", false, false), ("application/json", true, false), ("text/html", false, true),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false, true),
            ("application/json, text/plain, */*", true, false),
            ("text/html;q=0.5, application/json;q=0.9", true, false),
            ("application/json;q=0.5, text/html;level=1;Q=0.9", false, true), ("Application/JSON", true, false),
            ("application/json;q=0, text/html", false, true), ("application/*, text/html;q=0.9", true, false),
            ("text/*;q=0.9, application/json;q=0.899", false, true), ("application/json;q=x", true, false),
            ("application/json;q=1.0, text/html;q=1.000", false, false), ("image/png", false, false),
            ("application/json ; q=0.1 , text/html; q=0.10", false, false),
        ] as [(String?, Bool, Bool)]
    )
    func acceptedMedia_givenField_prefers(accept: String?, json: Bool, html: Bool) {
        let media = Self.media(accept)
        #expect(media.prefersJSON == json)
        #expect(media.prefersHTML == html)
    }

    @Test func acceptedMedia_givenField_accepts() {
        #expect(Self.media(nil).acceptsJSON && Self.media(nil).acceptsHTML)
        #expect(!Self.media("image/png").acceptsJSON && !Self.media("image/png").acceptsHTML)
        #expect(!Self.media("application/json;q=0, */*").acceptsJSON)
        #expect(Self.media("application/json;q=0, */*").acceptsHTML)
    }
}
