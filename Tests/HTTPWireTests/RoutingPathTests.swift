import HTTPWire
import Primitives
import Testing

@Suite struct RoutingPathTests {
    static func paths(_ target: String) -> (isPlain: Bool, routing: String?) {
        var parser = RequestParser()
        var head = RequestHead()
        return Array("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n".utf8).withUnsafeBytes { bytes in
            guard parser.parse(bytes, into: &head) == .complete else { return (false, "not parsed") }
            var isTaken = false
            let path = written { isTaken = head.writeRoutingPath(to: &$0, from: bytes) }
            return (head.pathIsPlain(in: bytes), isTaken ? path : nil)
        }
    }

    @Test(arguments: [
        "/", "/a", "/a/", "/a/b.c", "/aaaaaa/b", "/aaaaaaa/b", "/aaaaaaaa/b", "/a.b/c",
        "/events/summer-festival?x=%2e//../",
    ])
    func path_plain_isItsOwnRoutingPath(target: String) {
        let found = Self.paths(target)
        #expect(found.isPlain)
        #expect(found.routing == String(target.prefix { $0 != "?" }))
    }

    @Test(
        arguments: [
            ("/%61", "/a"), ("//a", "/a"), ("/a//b", "/a/b"), ("/a/./b", "/a/b"), ("/a/../b", "/b"), ("/a/..", "/"),
            ("/a/.", "/a/"), ("/.", "/"), ("/a/b/../../c", "/c"), ("/a%2F..%2fb", "/b"), ("/%2e%2E/a", nil),
            ("/..", nil),
            ("/a/../..", nil), ("/a%", nil), ("/a%4", nil), ("/a%4g", nil), ("/a%00", nil), ("/...", "/..."),
            ("/.a", "/.a"),
            ("/%252e", "/%2e"), ("/aaaaaaa//b", "/aaaaaaa/b"), ("/aaaaaa//b", "/aaaaaa/b"), ("/aaaaaaa/../b", "/b"),
            ("/aaaaaaaaaaaaa/.", "/aaaaaaaaaaaaa/"), ("/public/..//%70rotected", "/protected"), ("http://h", "/"),
            ("///", "/"),
        ] as [(String, String?)]
    )
    func path_encodedOrDotted_isResolved(target: String, routing: String?) {
        let found = Self.paths(target)
        #expect(found.routing == routing)
        #expect(!found.isPlain || target == "http://h")
    }

    /// A path that is called plain is its own routing path, whatever it is made of.
    @Test(arguments: [6, 12, 0xB0B] as [UInt64])
    func path_random_plainVerdictHolds(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var plainCount = 0
        for _ in 0..<20_000 {
            let path =
                "/"
                + String(
                    (0..<Int.random(in: 0...20, using: &random)).map { _ in "aaaaab/.%2e".randomElement(using: &random)!
                    }
                )
            let found = Self.paths(path)
            guard found.isPlain else { continue }
            plainCount += 1
            #expect(found.routing == path, "seed \(seed)")
        }
        #expect(plainCount > 1_000)
    }
}
