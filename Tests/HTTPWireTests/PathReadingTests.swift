import HTTPWire
import Primitives
import Testing

/// Nobody walks around a room by the spelling of a path.
@Suite struct PathReadingTests {
    enum Verdict: Equatable {
        case readings([String])
        case refused(PathRefusal)
        case notParsed
    }

    static func read(_ target: String, scratchBytes: Int = 65_536) -> (isPlain: Bool, verdict: Verdict) {
        var parser = RequestParser()
        var head = RequestHead()
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: scratchBytes, alignment: 1)
        defer { scratch.deallocate() }
        let raw = Array("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n".utf8)
        return withExactCopy(raw[...]) { bytes in
            guard parser.parse(bytes, into: &head) == .complete else { return (false, .notParsed) }
            var readings: [String] = []
            let refusal = head.forEachReading(in: bytes, scratch: scratch) {
                readings.append(String(decoding: $0, as: UTF8.self))
            }
            if let refusal {
                #expect(readings.isEmpty)
                return (head.pathIsPlain(in: bytes), .refused(refusal))
            }
            return (head.pathIsPlain(in: bytes), .readings(readings))
        }
    }

    @Test(arguments: [
        "/", "/a", "/a/", "/a/b.c", "/aaaaaa/b", "/aaaaaaa/b", "/aaaaaaaa/b", "/a.b/c", "/aaaaaaa.b/c",
        "/events/summer-festival?x=%2e//../;\\", "/~a/b,c/d=e&f:g@h!$'()*+",
    ])
    func path_plain_isItsOnlyReading(target: String) {
        let (isPlain, verdict) = Self.read(target)
        #expect(isPlain)
        #expect(verdict == .readings([String(target.prefix { $0 != "?" })]))
    }

    @Test(
        arguments: [
            ("/%61", ["/%61", "/a"]), ("/%2561", ["/%2561", "/%61", "/a"]), ("/100%25", ["/100%25", "/100%"]),
            ("/a//b", ["/a//b", "/a/b"]), ("/a/./b", ["/a/./b", "/a/b"]), ("/a/../b", ["/a/../b", "/b"]),
            ("/a/..", ["/a/..", "/"]), ("/.", ["/.", "/"]), ("/a/b/../../c", ["/a/b/../../c", "/c"]),
            ("/a/%2e%2E/b", ["/a/%2e%2E/b", "/a/../b", "/b"]), ("/a;b/c;d", ["/a;b/c;d", "/a/c"]),
            ("/a%3bb", ["/a%3bb", "/a;b", "/a"]), ("/a/..;/b", ["/a/..;/b", "/a/../b", "/b"]),
            ("/a%2fb", ["/a%2fb", "/a/b"]), ("/a./b", ["/a./b", "/a/b"]), ("/a%20", ["/a%20", "/a ", "/a"]),
            ("/a%3fb", ["/a%3fb", "/a?b", "/a"]), ("//x/a", ["//x/a", "/x/a", "/a"]), ("//x", ["//x", "/x", "/"]),
            ("///", ["///", "/"]), ("///x//a", ["///x//a", "/x/a", "//a", "/a"]), ("http://h", ["/"]),
            ("http://h/a%20b", ["/a%20b", "/a b"]), ("http://h//x/a", ["//x/a", "/x/a", "/a"]),
            ("/caf%C3%A9", ["/caf%C3%A9", "/caf\u{E9}"]), ("/.well-known/x", ["/.well-known/x"]), ("/a..b", ["/a..b"]),
            ("/http%3A%2F%2Fa", ["/http%3A%2F%2Fa", "/http://a", "/http:/a"]),
            ("/%252561", ["/%252561", "/%2561", "/%61"]),
        ] as [(String, [String])]
    )
    func path_other_hasItsReadings(target: String, readings: [String]) {
        #expect(Self.read(target).verdict == .readings(readings))
        #expect(!Self.read(target).isPlain)
    }

    @Test(
        arguments: [
            ("/a\\", .backslash), ("/a%5c", .backslash), ("/a%5C", .backslash), ("/a%255c", .backslash),
            ("/a\\..\\b", .backslash), ("/a%", .escapeBroken), ("/a%4", .escapeBroken), ("/a%4g", .escapeBroken),
            ("/%u002f", .escapeBroken), ("/a%00", .controlCharacter), ("/a%2500", .controlCharacter),
            ("/a%0a", .controlCharacter), ("/a%7f", .controlCharacter), ("/%c0%af", .overlongCharacter),
            ("/%c0%ae%c0%ae/a", .overlongCharacter), ("/%e0%80%af", .overlongCharacter),
            ("/%25c0%25af", .overlongCharacter), ("/..", .aboveRoot), ("/a/../..", .aboveRoot),
            ("/%2e%2e", .aboveRoot), ("/..;/", .aboveRoot), ("/%252e%252e/a", .aboveRoot),
            ("/a//../b", .slashesBesideDots), ("/a%2f../b", .slashesBesideDots), ("/a/..%2fb", .slashesBesideDots),
            ("/x%2fy/../b", .slashesBesideDots), ("/a%252f./b", .slashesBesideDots), ("/./a//", .slashesBesideDots),
            ("//a/./b", .slashesBesideDots), ("/a;b%2fc/..", .slashesBesideDots), ("/a/../b/%2e%2e/c", .mixedDots),
            ("/a/./b/.;/c", .mixedDots), ("/...", .oddDots), ("/a/..%20/b", .oddDots), ("/%20/a", .oddDots),
            ("/;/a", .hiddenSlash), ("/%2fa", .hiddenSlash), ("/%252fa", .hiddenSlash),
            ("//x;a%3bb%253bc/y%20;z%3fa", .tooManyReadings),
        ] as [(String, PathRefusal)]
    )
    func path_readDifferentlyInBadFaith_isRefused(target: String, refusal: PathRefusal) {
        #expect(Self.read(target).verdict == .refused(refusal))
        #expect(!Self.read(target).isPlain)
    }

    @Test func readings_smallScratch_refuseInsteadOfMissingOne() {
        for size in 1...60 {
            let verdict = Self.read("/a;b/%63%20d", scratchBytes: size).verdict
            guard verdict != .refused(.tooManyReadings) else { continue }
            #expect(verdict == Self.read("/a;b/%63%20d").verdict, "\(size)")
        }
        let long = "/" + String(repeating: "%25;a", count: 1_600)
        #expect(Self.read(long).verdict != .notParsed)
        #expect(PathRefusal.allCases.allSatisfy { !$0.description.isEmpty })
    }

    // MARK: Against model servers

    static func isGuarded(_ verdict: Verdict, room: String = "/checkout") -> Bool {
        switch verdict {
        case .readings(let readings): readings.contains { ModelServer.isIn(room, $0) }
        case .refused: true
        // The parser refused it.
        case .notParsed: true
        }
    }

    static let tricks = [
        "/checkout", "/checkout/", "/checkout/pay", "/CHECKOUT", "/Checkout/x", "/%63heckout", "/checkou%74",
        "/%43HECKOUT", "/%2563heckout", "/check%256fut", "/%25%36%33heckout", "//checkout", "///checkout",
        "//x/checkout", "///x/checkout", "//x//checkout", "//user@x:80/checkout", "//x%2fy/checkout",
        "//x/%63heckout", "//x/check%256fut", "//x/checkout;a", "//x;y/checkout", "//x/y//checkout", "////checkout",
        "/./checkout", "/.//checkout", "//./checkout", "/x/../checkout", "/x/..//checkout", "/x//../checkout",
        "/assets/../checkout", "/assets/..;/checkout", "/assets/..;a=b/checkout", "/assets/;/../checkout",
        "/assets/..\\checkout", "/assets\\..\\checkout", "/assets/..%5ccheckout", "/assets/..%5Ccheckout",
        "/assets/..%255ccheckout", "/assets/%2e%2e/checkout", "/assets/%2e./checkout", "/assets/.%2e/checkout",
        "/assets/%252e%252e/checkout", "/assets/%252e./checkout", "/assets/.%252e/checkout",
        "/assets/%2e%2e;/checkout", "/assets/%2e%2e%3b/checkout", "/assets/..%3b/checkout", "/assets/..%3bx/checkout",
        "/assets/..%253b/checkout", "/assets%2f..%2fcheckout", "/assets/..%2fcheckout", "/assets%2f../checkout",
        "/assets%252f..%252fcheckout", "/assets/..%252fcheckout", "/x%2fy/../checkout", "/x%2fy/../../checkout",
        "/x%252fy/../checkout", "/x/%2e%2e%2fcheckout", "/x/%252e%252e%252fcheckout", "/checkout\\", "/checkout%5c",
        "/checkout%255c", "\\checkout", "/\\checkout", "/%5ccheckout", "/shop//../checkout", "/shop//../../checkout",
        "/shop/./../checkout", "/shop/.;/../checkout", "/shop/x/../../checkout", "/checkout;x", "/checkout;x=y/pay",
        "/checkout;", "/checkout;/", "/checkout%3b", "/checkout%3bx", "/checkout%253bx", "/;/checkout",
        "/;x/checkout", "/;x=y;z/checkout", "/%3b/checkout", "/x;/../checkout", "/x/..;x/checkout",
        "/checkout/..;/checkout", "/checkout/../checkout", "/checkout/x/..", "/checkout/.", "/checkout/./",
        "/checkout/..", "/checkout/%2e", "/checkout%2f", "/checkout%2fpay", "/checkout%252fpay", "/%2fcheckout",
        "/%2f/checkout", "/%252fcheckout", "/checkout%00", "/checkout%00.png", "/checkout%2500", "/checkout%0a",
        "/checkout%0d%0a", "/checkout%09", "/checkout%20", "/checkout%20/pay", "/checkout%2520", "/checkout.",
        "/checkout..", "/checkout./pay", "/checkout%2e", "/checkout%2e/pay", "/checkout.%20", "/checkout%3f",
        "/checkout%3fx", "/checkout%23x", "/checkout%253fx", "/checkout?x", "/checkout#x", "/%c0%afcheckout",
        "/x/%c0%ae%c0%ae/checkout", "/x/..%c0%afcheckout", "/x%c1%9c..%c1%9ccheckout", "/x/%e0%80%af../checkout",
        "/%u0063heckout", "/x/%u002e%u002e/checkout", "/x/..%u2215checkout", "/check%6fut%2f..%2fcheckout",
        "/x/%2e%2e/%2e%2e/checkout", "/x/y/%2e%2e/../checkout", "/x/../y/%2e%2e/checkout", "/x/..;/y/../checkout",
        "/x/...//checkout", "/.../checkout", "/x/..%20/checkout", "/x/%20../checkout", "/x/. ./checkout",
        "/x/..%2e/checkout", "/../checkout", "/%2e%2e/checkout", "/..;/checkout", "/.;/checkout", "/.%3b/checkout",
        "/x/.%2f..%2fcheckout", "http://h/checkout", "http://h//x/checkout", "http://h/x/../checkout",
        "http://h/%63heckout", "http://h/checkout;x", "https://h//checkout", "/x/;/;/../../checkout",
        "/x;%2f..%2fcheckout", "/;%2fcheckout", "/x;%2f/../checkout", "/x%3b%2f..%2fcheckout", "/x/%3b%2e%2e/checkout",
        "/%2e/checkout", "/%252e/checkout", "/%2e;x/checkout", "/checkout/%2e%2e/checkout", "/x%2f%2fcheckout",
        "/%2f%2fcheckout", "/%2f%2fx/checkout", "/%2fx/checkout", "/checkout%2f..", "/checkout%2f%2e%2e%2fcheckout",
    ]

    /// If any server reads a trick as a resource of the room, then so does a reading, or the path is refused.
    @Test func tricks_readAsGuardedByAnyKnownServer_areGuarded() {
        #expect(Self.tricks.count >= 100)
        var servedTricks = 0
        for trick in Self.tricks {
            let target =
                trick.drop { $0 == "h" }.starts(with: "ttp")
                ? String(trick.split(separator: "h/", maxSplits: 1)[1]) : trick
            let path = String((target.hasPrefix("/") ? target : "/" + target).prefix { $0 != "?" && $0 != "#" })
            let believers = ModelServer.known.filter { $0.isIn("/checkout", path) }
            if !believers.isEmpty { servedTricks += 1 }
            #expect(Self.isGuarded(Self.read(trick).verdict) || believers.isEmpty, "\(trick): \(believers)")
        }
        // The models do fall for them.
        #expect(servedTricks > 100, "\(servedTricks)")
    }

    /// What tricks are made of.
    static let parts = [
        "/", "/", "/", "//", "x", "x", "..", "..",
        ".",
        "%2e%2e", "%2e", "%252e%252e", "%252e", ";", ";x", "%3b", "%253b", "%2f", "%252f", "%5c", "\\", "%20", " ",
        "%3f",
        "%23", "%00", "%c0%af", "%", "%25",
    ]

    static let checkoutParts = ["checkout", "checkout", "CHECKOUT", "%63heckout", "%2563heckout"]
    static let cartParts = [
        "shop", "/shop", "shop/", "cart", "/cart", "/cart", "SHOP", "%63art", "%2563art", "%2573hop",
    ]

    /// The same for made-up tricks, and for servers that take the steps in any order.
    @Test(
        arguments: [(1, "/checkout"), (7, "/checkout"), (0xBEEF, "/shop/cart"), (0xD00F, "/shop/cart")]
            as [(UInt64, String)]
    )
    func randomTricks_readAsGuardedByAnyServer_areGuarded(seed: UInt64, room: String) {
        let parts = Self.parts + (room == "/checkout" ? Self.checkoutParts : Self.cartParts)
        var random = SplitMix64(seed: seed)
        var served = 0
        var missed = 0
        for _ in 0..<4_000 {
            let count = Int.random(in: 1...7, using: &random)
            let trick = "/" + (0..<count).map { _ in parts.randomElement(using: &random)! }.joined()
            let made = (0..<4).map { _ in ModelServer.random(using: &random) }
            let believer = (ModelServer.known + made).first { $0.isIn(room, trick) }
            guard let believer else { continue }
            served += 1
            let verdict = Self.read(trick).verdict
            guard !Self.isGuarded(verdict, room: room) else { continue }
            missed += 1
            if missed < 10 {
                Issue.record("seed \(seed): \(trick) is \(verdict), but to \(believer) a resource of the room")
            }
        }
        #expect(served > (room == "/checkout" ? 500 : 20))
        #expect(missed == 0)
    }

    /// A path that is called plain has one reading, whatever it is made of.
    @Test(arguments: [6, 12, 0xB0B] as [UInt64])
    func path_random_plainVerdictHolds(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var plainCount = 0
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...20, using: &random)
            let path = "/" + String((0..<count).map { _ in "aaaaaaaab/./.;%2e\\5".randomElement(using: &random)! })
            let (isPlain, verdict) = Self.read(path)
            if isPlain { plainCount += 1 }
            if isPlain { #expect(verdict == .readings([path]), "seed \(seed)") }
        }
        #expect(plainCount > 500)
    }
}
