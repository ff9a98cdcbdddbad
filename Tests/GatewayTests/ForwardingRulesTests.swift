import Addresses
import HTTPWire
import Primitives
import Settings
import Testing
import Tokens

@testable import Gateway

/// Where a request comes from, by what stands in its head.
@Suite struct ForwardingRulesTests {
    private func rules(
        _ proxies: [String] = ["10.0.0.0/8", "2001:db8::/32", "unix"],
        from source: ForwardingSettings.ClientSource = .xForwardedFor
    ) throws -> ForwardingRules {
        var settings = ForwardingSettings()
        settings.trustedProxies = try proxies.map { try AddressRange(parsing: $0) }
        settings.clientSource = source
        return ForwardingRules(settings)
    }

    /// Calls `body` with a head of these field lines.
    private func withHead<Result>(
        _ lines: [String],
        _ body: (borrowing RequestHead, UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        let limits = HeadLimits(maxHeadBytes: 32 * 1_024, maxTargetBytes: 1_024, maxFields: 1_000)
        var parser = RequestParser(limits: limits)
        var head = RequestHead(limits: limits)
        let text = (["GET / HTTP/1.1", "Host: shop"] + lines).joined(separator: "\r\n") + "\r\n\r\n"
        return try Array(text.utf8).withUnsafeBytes { bytes in
            try #require(parser.parse(bytes, into: &head) == .complete, "\(text)")
            return try body(head, bytes)
        }
    }

    private func origin(_ rules: ForwardingRules, peer: String?, _ lines: [String]) throws -> RequestOrigin {
        let address = try peer.map { try #require(IPAddress(parsing: $0)) }
        return try self.withHead(lines) { head, bytes in
            rules.origin(peer: address, isSecure: false, head, in: bytes)
        }
    }

    @Test(arguments: [
        (["X-Forwarded-For: 192.0.2.1"], "192.0.2.1"),
        // What stands before the client's own address, the client may have invented.
        (["X-Forwarded-For: 6.6.6.6, 192.0.2.1, 10.0.0.3"], "192.0.2.1"),
        (["X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 10.0.0.3"], "192.0.2.1"),
        (["X-Forwarded-For: 192.0.2.1:4711"], "192.0.2.1"), (["X-Forwarded-For: [2001:db9::7]:80"], "2001:db9::7"),
        (["X-Forwarded-For: 2001:db9::7, 2001:db8::1"], "2001:db9::7"),
        (["X-Forwarded-For: ::ffff:192.0.2.1"], "192.0.2.1"),
        // All of them are proxies: the first one stands for whoever is behind it.
        (["X-Forwarded-For: 10.9.9.9, 10.0.0.3"], "10.9.9.9"),
        // The proxy that has sent nonsense is the last one that is known.
        (["X-Forwarded-For: 192.0.2.1, nonsense, 10.0.0.3"], "10.0.0.3"), (["X-Forwarded-For: unknown"], "10.0.0.2"),
        (["X-Forwarded-For: ,, ,"], "10.0.0.2"), ([], "10.0.0.2"),
        // Of the kind that is not asked for.
        (["Forwarded: for=192.0.2.1"], "10.0.0.2"),
    ])
    func trustedPeer_xForwardedFor_namesTheClient(lines: [String], client: String) throws {
        let origin = try self.origin(self.rules(), peer: "10.0.0.2", lines)
        #expect(origin.address?.description == client)
        #expect(origin.isProxied)
    }

    @Test(arguments: [
        (["Forwarded: for=192.0.2.1;proto=https"], "192.0.2.1", true),
        (
            ["Forwarded: for=6.6.6.6, For=\"[2001:db9::7]:47\" ; proto=HTTP, for=10.0.0.3;proto=https"], "2001:db9::7",
            false
        ),
        (["Forwarded: by=1.2.3.4;for=192.0.2.1;host=\"a:1\""], "192.0.2.1", false),
        (["Forwarded: for=_hidden"], "10.0.0.2", false), (["Forwarded: for=unknown;proto=https"], "10.0.0.2", false),
        (["Forwarded: for=6.6.6.6;by=\"a,b\""], "10.0.0.2", false), (["Forwarded: for=\"192.0.2.1"], "10.0.0.2", false),
        (["Forwarded: for=192.0.2.1;for=192.0.2.2"], "10.0.0.2", false),
        (["Forwarded: proto=https"], "10.0.0.2", false),
        (["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https"], "10.0.0.2", false),
    ])
    func trustedPeer_forwarded_namesTheClient(lines: [String], client: String, isSecure: Bool) throws {
        let origin = try self.origin(self.rules(from: .forwarded), peer: "10.0.0.2", lines)
        #expect(origin.address?.description == client && origin.isSecure == isSecure)
    }

    @Test func untrustedPeer_isTheClientWhateverItSays() throws {
        let lines = ["X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1", "X-Forwarded-Proto: https"]
        for source in ForwardingSettings.ClientSource.allCases {
            let origin = try self.origin(self.rules(from: source), peer: "11.0.0.1", lines)
            #expect(origin == RequestOrigin(address: .v4(0x0B00_0001), isSecure: false, isProxied: false))
            let behindSocket = try self.origin(self.rules([], from: source), peer: nil, lines)
            #expect(behindSocket == RequestOrigin(address: nil, isSecure: false, isProxied: false))
        }
    }

    @Test(arguments: [("https", true), ("http", false), ("http, HTTPS", true), ("https, http", false), ("ftp", false)])
    func trustedPeer_proto_decidesWhetherTheClientIsSecure(value: String, isSecure: Bool) throws {
        let origin = try self.origin(self.rules(), peer: nil, ["X-Forwarded-Proto: \(value)"])
        #expect(origin.isSecure == isSecure && origin.address == nil && origin.isProxied)
    }

    /// More proxies in a row than anybody has: the walk ends.
    @Test func manyHops_areBounded() throws {
        let hops = Array(repeating: "10.0.0.1", count: 1_000).joined(separator: ",")
        let origin = try self.origin(self.rules(), peer: "10.0.0.2", ["X-Forwarded-For: 192.0.2.1,\(hops)"])
        #expect(origin.address?.description == "10.0.0.1")
    }

    /// Whatever a client sends through a proxy that appends: the client is the one that the proxy has seen.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func anyClaim_beforeTheProxysWord_changesNothing(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let pieces = [
            "10.0.0.1", "6.6.6.6", ",", ", ", ";", "for=", "=", "\"", "[", "]", "::1", ":80", "proto=https", "\\", " ",
            "x",
            "\t", "\u{E9}", "unknown", "for=\"[::1]\"",
        ]
        for _ in 0..<4_000 {
            let count = Int.random(in: 0...20, using: &random)
            let claim = (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            let plain = try self.origin(self.rules(), peer: "10.0.0.2", ["X-Forwarded-For: \(claim), 192.0.2.1"])
            #expect(plain.address?.description == "192.0.2.1", "\(claim)")
            let lines = ["Forwarded: \(claim)", "Forwarded: for=192.0.2.1"]
            let forwarded = try self.origin(self.rules(from: .forwarded), peer: "10.0.0.2", lines)
            #expect(forwarded.address?.description == "192.0.2.1", "\(claim)")
            // Alone it may say anything, as long as it is read to an end.
            _ = try self.origin(self.rules(from: .forwarded), peer: "10.0.0.2", ["Forwarded: \(claim)"])
        }
    }

    // MARK: Circles

    @Test func via_goesInCircles_afterTenOfOurs() throws {
        func circles(_ lines: [String]) throws -> Bool {
            try self.withHead(lines) { ForwardingRules.goesInCircles($0, in: $1) }
        }
        let nine = Array(repeating: "1.1 sluice", count: 9).joined(separator: ", ")
        #expect(try !circles([]) && !circles(["Via: \(nine), 1.1 other, 1.0 sluicegate, sluice"]))
        #expect(try circles(["Via: \(nine)", "Via: HTTP/1.1 Sluice (a comment)"]))
    }

    // MARK: Ids and traces

    private func trail(
        _ lines: [String],
        isProxied: Bool = true,
        _ change: (inout ForwardingSettings) -> Void = { _ in }
    ) throws -> (id: String, trail: RequestTrail) {
        var settings = ForwardingSettings()
        change(&settings)
        let rules = ForwardingRules(settings)
        var random = RandomWords()
        var trail = RequestTrail()
        try self.withHead(lines) {
            trail.begin($0, in: $1, isProxied: isProxied, rules: rules, random: &random)
        }
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 512, alignment: 8)
        defer { memory.deallocate() }
        var writer = ByteWriter(memory)
        trail.appendID(to: &writer)
        return (String(decoding: writer.written, as: UTF8.self), trail)
    }

    private func isMade(_ id: String) -> Bool { id.count == 32 && id.allSatisfy { $0.isHexDigit && !$0.isUppercase } }

    @Test func id_ofATrustedProxy_isTakenWhenItIsWellFormed() throws {
        #expect(try self.trail(["X-Request-ID: a-B_9.:/+=@"]).id == "a-B_9.:/+=@")
        let longest = String(repeating: "a", count: 128)
        #expect(try self.trail(["x-request-id: \(longest)"]).id == longest)
        for bad in ["", "a b", "\"a\"", "a,b", "a\u{E9}", longest + "a", "<script>"] {
            #expect(try self.isMade(self.trail(["X-Request-ID: \(bad)"]).id), "\(bad)")
        }
        #expect(
            try self.isMade(self.trail(["X-Request-ID: a", "X-Request-ID: b"]).id),
            "nobody knows which one counts"
        )
        #expect(try self.isMade(self.trail(["X-Request-ID: a"], isProxied: false).id))
        #expect(try self.trail(["X-Request-ID: a", "My-Id: b"]) { $0.requestIDField = "my-ID" }.id == "b")
        #expect(try self.trail(["X-Request-ID: a"]) { $0.requestIDField = nil }.id == "")
    }

    @Test func id_made_isNeverTheSameTwice() throws {
        #expect(Set(try (0..<1_000).map { _ in try self.trail([]).id }).count == 1_000)
    }

    private static let sent = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test func trace_good_goesOnWithAnotherParent() throws {
        let trail = try self.trail([Self.sent]).trail
        let trace = try #require(trail.trace)
        #expect(trace.traceHigh == 0x4bf9_2f35_77b3_4da6 && trace.traceLow == 0xa3ce_929d_0e0e_4736 && trace.flags == 1)
        #expect(trail.traceParent == 0x00f0_67aa_0ba9_02b7 && trace.parent != trail.traceParent)
        #expect(!trail.dropsTraceState)
    }

    @Test func trace_malformedOrTwice_isDroppedWithItsState() throws {
        for lines in [["traceparent: x"], [Self.sent, Self.sent]] {
            let trail = try self.trail(lines).trail
            #expect(trail.trace == nil && trail.dropsTraceState)
            let started = try self.trail(lines) { $0.tracing = .start }.trail
            #expect(started.trace != nil && started.traceParent == nil && started.dropsTraceState)
        }
        let off = try self.trail([Self.sent]) { $0.tracing = .off }.trail
        #expect(off.trace == nil && !off.dropsTraceState)
    }
}
