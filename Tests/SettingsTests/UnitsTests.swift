import Addresses
import Primitives
import Testing

@testable import Settings

@Suite struct UnitsTests {
    @Test(
        arguments: [
            ("250ms", 250_000_000), ("0s", 0), ("30s", 30_000_000_000), ("10m", 600_000_000_000),
            ("1h", 3_600_000_000_000), ("1d", 86_400_000_000_000),
        ] as [(String, Int64)]
    )
    func duration_withUnit_isNanoseconds(text: String, nanoseconds: Int64) throws {
        #expect(try DurationText.parse(text) == nanoseconds)
        #expect(try DurationText.parse(DurationText.format(nanoseconds)) == nanoseconds)
    }

    @Test(arguments: [
        "", "s", "30", "1.5s", "-1s", "+1s", "1 s", "030s", "1S", "1min", "1e3s", "99999999999999999999s",
        "9223372036d",
    ])
    func duration_malformed_isRefused(text: String) {
        #expect(throws: Refusal.self) { try DurationText.parse(text) }
    }

    @Test(
        arguments: [
            ("120/s", 120_000), ("0/s", 0), ("0.5/s", 500), ("1.666/s", 1666), ("600/min", 10_000), ("100/min", 1666),
            ("30/min", 500),
        ] as [(String, Int64)]
    )
    func rate_withUnit_isMilliPerSecond(text: String, milli: Int64) throws {
        #expect(try RateText.parse(text) == milli)
        #expect(try RateText.parse(RateText.format(milli)) == milli)
    }

    @Test(arguments: ["120", "120/h", "1.2345/s", "1.5/min", "/s", "1./s", ".5/s", "9223372036854776/s", "1/ s"])
    func rate_malformed_isRefused(text: String) {
        #expect(throws: Refusal.self) { try RateText.parse(text) }
    }

    @Test(
        arguments: [("0B", 0), ("512B", 512), ("16KiB", 16_384), ("8MiB", 8_388_608), ("2GiB", 2_147_483_648)]
            as [(String, Int64)]
    )
    func size_withUnit_isBytes(text: String, bytes: Int64) throws {
        #expect(try SizeText.parse(text) == bytes)
        #expect(SizeText.format(bytes) == text)
    }

    @Test(arguments: ["16", "16KB", "16kib", "1.5MiB", "9999999999999GiB", "MiB"])
    func size_malformed_isRefused(text: String) {
        #expect(throws: Refusal.self) { try SizeText.parse(text) }
    }

    @Test(arguments: [("0B/s", 0), ("500B/s", 500), ("16KiB/s", 16_384), ("1GiB/s", 1 << 30)] as [(String, Int)])
    func byteRate_withUnit_isBytesPerSecond(text: String, bytes: Int) throws {
        #expect(try ByteRateText.parse(text) == bytes)
        #expect(ByteRateText.format(bytes) == text)
    }

    @Test(arguments: ["500", "500B", "500/s", "500B/min", "1.5KiB/s", "/s", "500B /s"])
    func byteRate_malformed_isRefused(text: String) {
        #expect(throws: Refusal.self) { try ByteRateText.parse(text) }
    }

    /// Expected values from `date -u -d TEXT +%s`.
    @Test(
        arguments: [
            ("2026-11-23T18:00:00Z", 1_795_456_800_000_000), ("2026-11-23T19:00:00+01:00", 1_795_456_800_000_000),
            ("2026-11-23T12:30-05:30", 1_795_456_800_000_000), ("2000-02-29T00:00:00Z", 951_782_400_000_000),
            ("2024-12-31T23:59:59.25Z", 1_735_689_599_250_000), ("2100-03-01T00:00:00Z", 4_107_542_400_000_000),
        ] as [(String, Int64)]
    )
    func time_withZone_isMicrosSince1970(text: String, micros: Int64) throws {
        #expect(try TimeText.parse(text) == micros)
        #expect(try TimeText.parse(TimeText.format(micros)) == micros)
    }

    @Test func time_everyDayOfFourCenturies_comesBackAsWritten() throws {
        var micros = try TimeText.parse("2000-01-01T00:00:00Z")
        var previous = ""
        for _ in 0..<146_097 {
            let text = TimeText.format(micros)
            #expect(text > previous)
            #expect(try TimeText.parse(text) == micros)
            previous = text
            micros += 86_400_000_000
        }
        #expect(TimeText.format(micros) == "2400-01-01T00:00:00Z")
    }

    @Test(arguments: [
        "2026-11-23", "2026-11-23T18:00:00", "2026-11-23 18:00:00Z", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
        "2026-11-23T24:00:00Z", "2026-11-23T18:60:00Z", "2026-11-23T18:00:60Z", "26-11-23T18:00:00Z",
        "2026-11-23T18:00:00Z ", "2026-11-23T18:00:00+0100", "1999-12-31T23:59:59Z", "2026-11-23T18:00:00.1234567Z", "",
    ])
    func time_malformed_isRefused(text: String) {
        #expect(throws: Refusal.self) { try TimeText.parse(text) }
    }

    @Test(arguments: [
        "127.0.0.1:8080", "0.0.0.0:0", "[::1]:8080", "[2001:db8::1]:1", "[::ffff:10.0.0.1]:9", "unix:/run/a.sock",
    ])
    func address_wellFormed_describesItselfAsWritten(text: String) throws {
        #expect(try AddressText.parse(text, allowsPortZero: true).description == text)
    }

    @Test(arguments: [
        "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.01:80", "256.0.0.1:80",
        "localhost:80",
        "::1:80", "[::1]", "[::1:80", "[1:2:3:4:5:6:7:8:9]:80", "[1::2::3]:80", "[:::]:80", "[12345::]:80",
        "[fe80::1%eth0]:80",
        "[1.2.3.4::]:80", "[]:80", "unix:", "", ":80",
    ])
    func address_malformed_isRefused(text: String) {
        #expect(throws: Refusal.self) { try AddressText.parse(text, allowsPortZero: true) }
    }

    @Test func address_portZero_onlyForListeners() {
        #expect(throws: Refusal.self) { try AddressText.parse("127.0.0.1:0", allowsPortZero: false) }
    }

    @Test func redis_everyForm_isTakenApart() throws {
        #expect(try RedisText.parse("embedded") == .embedded)
        #expect(try RedisText.parse("memory") == .memory)
        #expect(
            try RedisText.parse("unix:/run/r.sock") == .server(RedisEndpoint(.unix(path: "/run/r.sock")))
        )
        let plain = RedisEndpoint(.name("redis.internal", port: 6379))
        #expect(try RedisText.parse("redis://redis.internal") == .server(plain))
        #expect(try RedisText.parse("redis://redis.internal:6379/") == .server(plain))
        let full = RedisEndpoint(
            .address(.ipv6(0, 1, port: 7000)),
            user: "gate",
            password: Secret("p@s:s"),
            database: 3
        )
        #expect(try RedisText.parse("redis://gate:p%40s%3as@[::1]:7000/3") == .server(full))
        #expect(RedisText.format(.server(full)) == "redis://gate:***@[::1]:7000/3")
    }

    @Test(arguments: [
        "redis", "http://x", "redis://", "redis://x:0", "redis://x:70000", "redis://x/first",
        "redis://x/1024",
        "redis://word@x", "redis://:%4@x", "redis://:%+4@x", "redis://-x", "redis://a b", "embeded",
    ])
    func redis_malformed_isRefused(text: String) {
        #expect(throws: Refusal.self) { try RedisText.parse(text) }
    }

    @Test(arguments: ["/", "/a", "/a/b.c", "/~x/@y", "/a:b;c=d"])
    func routePath_plain_isKept(text: String) throws { #expect(try HostText.parseRoutePath(text) == text) }

    @Test(arguments: ["", "a", "/a/", "//", "/a//b", "/.", "/a/../b", "/a?b", "/a#b", "/a b", "/%41", "/ä", "/*"])
    func routePath_malformed_isRefused(text: String) {
        #expect(throws: Refusal.self) { try HostText.parseRoutePath(text) }
    }

    @Test func routeHost_isComparedInSmallLetters() throws {
        #expect(try HostText.parseRouteHost("Shop.Example.COM") == "shop.example.com")
        #expect(try HostText.parseRouteHost("[::A]") == "[::a]")
        for text in ["*.example.com", "example.com:80", "exa mple", "", "-x", "a..b", "[x]"] {
            #expect(throws: Refusal.self) { try HostText.parseRouteHost(text) }
        }
    }

    /// Whatever a text is, reading it neither traps nor takes it for something that reads differently when said back.
    @Test(arguments: [3, 0xF00D] as [UInt64])
    func anyText_readTwice_staysTheSame(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let letters = Array("0123456789.-+:/TZ[]%@ smhdKMiBn*x\u{E9}")
        for _ in 0..<20_000 {
            let text = String(
                (0..<Int.random(in: 0...12, using: &random)).map { _ in letters.randomElement(using: &random) ?? "0" }
            )
            if let value = try? DurationText.parse(text) {
                #expect(try DurationText.parse(DurationText.format(value)) == value)
            }
            if let value = try? RateText.parse(text) { #expect(try RateText.parse(RateText.format(value)) == value) }
            if let value = try? SizeText.parse(text) { #expect(try SizeText.parse(SizeText.format(value)) == value) }
            if let value = try? AddressText.parse(text, allowsPortZero: true) {
                #expect(try AddressText.parse(value.description, allowsPortZero: true) == value)
            }
            _ = try? TimeText.parse(text)
            _ = try? RedisText.parse("redis://" + text)
        }
    }
}
