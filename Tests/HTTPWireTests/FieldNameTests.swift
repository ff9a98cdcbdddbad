import HTTPWire
import Primitives
import Testing

@Suite struct FieldNameTests {
    static let listed: [(String, FieldName)] = [
        ("accept", .accept), ("accept-encoding", .acceptEncoding), ("accept-language", .acceptLanguage), ("age", .age),
        ("authorization", .authorization), ("cache-control", .cacheControl), ("connection", .connection),
        ("content-encoding", .contentEncoding), ("content-length", .contentLength), ("content-type", .contentType),
        ("cookie", .cookie), ("date", .date), ("etag", .etag), ("expect", .expect), ("expires", .expires),
        ("forwarded", .forwarded), ("host", .host), ("if-modified-since", .ifModifiedSince),
        ("if-none-match", .ifNoneMatch), ("keep-alive", .keepAlive), ("last-modified", .lastModified),
        ("location", .location), ("origin", .origin), ("pragma", .pragma), ("priority", .priority),
        ("proxy", .proxy), ("proxy-connection", .proxyConnection), ("range", .range), ("referer", .referer),
        ("retry-after", .retryAfter),
        ("server", .server), ("set-cookie", .setCookie), ("sluice-session", .sluiceSession),
        ("strict-transport-security", .strictTransportSecurity), ("te", .te),
        ("traceparent", .traceparent), ("tracestate", .tracestate),
        ("trailer", .trailer), ("transfer-encoding", .transferEncoding), ("upgrade", .upgrade),
        ("upgrade-insecure-requests", .upgradeInsecureRequests), ("user-agent", .userAgent), ("vary", .vary),
        ("via", .via), ("x-forwarded-for", .xForwardedFor), ("x-forwarded-host", .xForwardedHost),
        ("x-forwarded-port", .xForwardedPort), ("x-forwarded-proto", .xForwardedProto), ("x-real-ip", .xRealIP),
        ("x-request-id", .xRequestID),
    ]

    /// Those that stand for many names.
    private static let kinds: [FieldName] = [
        .other, .ambiguous, .clientCertificate, .pathOverride, .xForwardedOther,
    ]

    private static func id(_ name: String) -> FieldName? {
        var parser = ResponseParser()
        var head = ResponseHead()
        return Array("HTTP/1.1 200 OK\r\n\(name): chunked\r\n\r\n".utf8).withUnsafeBytes { bytes in
            _ = parser.parse(bytes, respondingTo: .get, into: &head)
            return head.fields.first?.id
        }
    }

    @Test func recognise_everyListedName_inAnyCase() {
        #expect(Self.listed.count == FieldName.allCases.count - Self.kinds.count, "a new case belongs in this list")
        for (name, id) in Self.listed {
            #expect(Self.id(name) == id, "\(name)")
            #expect(Self.id(name.uppercased()) == id, "\(name)")
            #expect(Self.id(name.prefix(1).uppercased() + name.dropFirst()) == id, "\(name)")
        }
    }

    @Test func recognise_nearMisses_areOther() {
        for (name, id) in Self.listed {
            for place in name.indices {
                var near = name
                near.replaceSubrange(place...place, with: name[place] == "q" ? "z" : "q")
                #expect(Self.id(near) != id, "\(near)")
            }
            #expect(Self.id(name + "x") != id)
            #expect(Self.id("x" + name) != id)
            #expect(Self.id(String(name.dropLast())) != id)
        }
    }

    /// Characters that some servers read as `-`.
    @Test func recognise_ambiguousNames_areTold() {
        for name in [
            "x_a", "Content_Length", "a-long-name-with_one", "x.forwarded.for", "X-Forwarded_For", "a!", "a~b",
        ] {
            #expect(Self.id(name) == .ambiguous)
        }
        #expect(Self.id("a-long-name-without") == .other)
        #expect(Self.id("x-a1") == .other)
    }

    @Test func recognise_kindsOfNames_areTold() {
        for name in ["X-Forwarded-Prefix", "x-forwarded-", "X-FORWARDED-SERVER", "x-forwarded-ssl"] {
            #expect(Self.id(name) == .xForwardedOther)
        }
        for name in ["X-Original-URL", "x-rewrite-url", "x-original-uri", "X-Rewrite-URI"] {
            #expect(Self.id(name) == .pathOverride)
        }
        for name in ["Client-Cert", "client-cert-chain", "CLIENT-CERT-CHAIN"] {
            #expect(Self.id(name) == .clientCertificate)
        }
        for name in ["client-certs", "client-cert-chains", "client-cart", "x-client-cert", "client-cert-choir"] {
            #expect(Self.id(name) == .other)
        }
        for name in [
            "x-forwarded", "x-forwardedx", "x-forwarders-a", "x-original-urn", "x-original-urls", "x-rewritten-url",
        ] {
            #expect(Self.id(name) == .other)
        }
    }

    @Test func fieldSet_literal_containsItsNames() {
        let set: FieldSet = [.host, .xRequestID, .other]
        #expect(FieldName.allCases.filter { set.contains($0) } == [.other, .host, .xRequestID])
        #expect(
            FieldName.allCases.filter(\.isHopByHop) == [
                .connection, .keepAlive, .proxyConnection, .te, .transferEncoding, .upgrade,
            ]
        )
        #expect(!set.isDisjoint(with: [.host]))
        #expect(set.isDisjoint(with: .hopByHop))
    }
}
