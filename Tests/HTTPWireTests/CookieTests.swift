import HTTPWire
import Testing

@Suite struct CookieTests {
    static func values(_ lines: [String], named name: StaticString) -> (first: String?, all: [String]) {
        var parser = RequestParser()
        var head = RequestHead()
        let raw = "GET / HTTP/1.1\r\nHost: h\r\n" + lines.map { "Cookie: \($0)\r\n" }.joined() + "\r\n"
        return Array(raw.utf8).withUnsafeBytes { bytes in
            guard parser.parse(bytes, into: &head) == .complete else { return (nil, ["not parsed"]) }
            var all: [String] = []
            var cookies = head.cookies(in: bytes)
            while let cookie = cookies.next() { all.append("\(text(cookie.name, bytes))=\(text(cookie.value, bytes))") }
            var values = head.cookieValues(named: name, in: bytes)
            return (values.next().map { text($0, bytes) }, all)
        }
    }

    @Test(
        arguments: [
            (["a=b"], nil, ["a=b"]), (["place=x"], "x", ["place=x"]), (["place="], "", ["place="]),
            (["a=b; place=x; c=d"], "x", ["a=b", "place=x", "c=d"]), (["a=b;place=x"], "x", ["a=b", "place=x"]),
            (["places=y; place=x"], "x", ["places=y", "place=x"]), (["Place=y"], nil, ["Place=y"]),
            (["place=x; place=y"], "x", ["place=x", "place=y"]), (["a=b", "place=x"], "x", ["a=b", "place=x"]),
            (["place"], nil, []), (["plac; place=a=b"], "a=b", ["place=a=b"]),
            (["; ;=x; place=\"q\""], "\"q\"", ["=x", "place=\"q\""]),
            ([""], nil, []), ([], nil, []), (["xplace=1"], nil, ["xplace=1"]),
        ] as [([String], String?, [String])]
    )
    func cookieValues_givenField_startWithTheFirst(lines: [String], value: String?, all: [String]) {
        let found = Self.values(lines, named: "place")
        #expect(found.first == value)
        #expect(found.all == all)
    }

    @Test func cookieValues_nameLongerThanAWord_isCompared() {
        let lines = ["__Host-sluice-place=x; __Host-sluice-pass=y"]
        #expect(Self.values(lines, named: "__Host-sluice-pass").first == "y")
        #expect(Self.values(lines, named: "__Host-sluice-past").first == nil)
    }

    /// A planted cookie that comes first does not hide the right one.
    @Test(
        arguments: [
            (["place=x; a=b; place=y", "place=z"], ["x", "y", "z"]), (["place=", "places=x; place=y"], ["", "y"]),
            (["a=b"], []), ([], []), (["place"], []),
        ] as [([String], [String])]
    )
    func cookieValues_ofAName_areAllFound(lines: [String], values: [String]) {
        var parser = RequestParser()
        var head = RequestHead()
        let raw = "GET / HTTP/1.1\r\nHost: h\r\n" + lines.map { "Cookie: \($0)\r\n" }.joined() + "\r\n"
        Array(raw.utf8).withUnsafeBytes { bytes in
            #expect(parser.parse(bytes, into: &head) == .complete)
            var found: [String] = []
            var iterator = head.cookieValues(named: "place", in: bytes)
            while let value = iterator.next() { found.append(text(value, bytes)) }
            #expect(found == values)
            let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
            var none = head.cookieValues(named: nothing, in: bytes)
            #expect(none.next() == nil)
        }
    }
}
