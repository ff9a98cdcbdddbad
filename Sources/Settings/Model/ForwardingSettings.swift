import Addresses

/// What a gateway makes of what is told about the way of a request, and what it tells its workers of it.
public struct ForwardingSettings: Equatable, Sendable {
    /// Which fields of a trusted proxy tell where a request comes from. A proxy sets one kind, and may pass the other one
    /// on as the client has sent it.
    public enum ClientSource: String, CaseIterable, Sendable {
        case xForwardedFor = "x-forwarded-for"
        case forwarded
    }

    /// What becomes of `traceparent` and `tracestate` (W3C Trace Context).
    public enum Tracing: String, CaseIterable, Sendable {
        /// Passed on as they come.
        case off
        /// A trace that a client or a proxy has begun goes on, with this gateway as a step of it.
        case `continue`
        /// The same, and a request without a trace begins one.
        case start
    }

    /// Whose word counts about where a request comes from.
    public var trustedProxies: [AddressRange] = [.unix]
    public var clientSource = ClientSource.xForwardedFor
    /// Workers get the `Forwarded` field of RFC 7239, too.
    public var writesForwarded = false
    /// The name of the field that carries the request's id, as it is written; nil: requests have none.
    public var requestIDField: String? = "X-Request-ID"
    public var tracing = Tracing.continue

    public init() {}
}

extension ForwardingSettings: SettingsSection {
    package static var fields: [SettingsField<Self>] {
        [
            .value("trusted_proxies", \.trustedProxies, .list(of: .addressRange, count: 0...256), .live),
            .value("client_from", \.clientSource, .word, .live),
            .value("forwarded", \.writesForwarded, .flag, .live),
            .value("request_id", \.requestIDField, .either("null", or: .fieldNameForID), .live),
            .value("trace", \.tracing, .word, .live),
        ]
    }
}

extension ValueKind where Value == AddressRange {
    static var addressRange: Self {
        .scalar("an address, a range such as 10.0.0.0/8 or 2001:db8::/32, or unix", write: \.description) {
            text throws(Refusal) in
            do throws(AddressRange.ParseError) {
                return try AddressRange(parsing: text)
            } catch {
                throw Refusal(error.reason)
            }
        }
    }
}

extension ValueKind where Value == String {
    /// A field of its own: one that says something else about a message would be lost, or would mislead.
    static var fieldNameForID: Self {
        .scalar("a field's name such as X-Request-ID, of at most 64 letters, digits and -", write: { $0 }) {
            text throws(Refusal) in
            let isName = text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
            guard isName, (2...64).contains(text.utf8.count) else { throw Refusal() }
            guard !FieldNamesInUse.contains(text.lowercased()) else {
                throw Refusal("which says something else about a message")
            }
            return text
        }
    }
}

/// Names of fields that have a meaning to clients, gateways or workers.
enum FieldNamesInUse {
    private static let names: Set = [
        "age", "allow", "authorization", "cache-control", "client-cert", "client-cert-chain", "connection",
        "cookie", "date", "etag", "expect", "expires", "forwarded", "from", "host", "keep-alive",
        "last-modified", "link", "location", "origin", "pragma", "priority", "range", "referer", "retry-after",
        "server", "set-cookie", "strict-transport-security", "te", "traceparent", "tracestate", "trailer",
        "transfer-encoding", "upgrade", "upgrade-insecure-requests", "user-agent", "vary", "via",
        "www-authenticate", "x-real-ip",
    ]
    private static let beginnings = [
        "accept", "access-control-", "content-", "if-", "proxy", "sec-", "sluice-", "x-forwarded-", "x-original-",
        "x-rewrite-",
    ]

    static func contains(_ name: String) -> Bool {
        self.names.contains(name) || self.beginnings.contains { name.hasPrefix($0) }
    }
}
