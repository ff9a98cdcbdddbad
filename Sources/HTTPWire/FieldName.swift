/// Field names that the gateway acts on or often meets, recognised while parsing; all others are `other`.
///
/// At most 64 cases: a `FieldSet` is one word.
public enum FieldName: UInt8, Sendable, CaseIterable {
    /// A name that is in no case below.
    case other
    /// An unknown name with characters beside letters, digits and `-`. Many servers read `_` as `-`, and some every such
    /// character, which lets a client pass a field that the gateway believes to have dropped; a gateway drops these.
    case ambiguous
    /// `Client-Cert` and `Client-Cert-Chain` (RFC 9440): who has shown a certificate to the gateway.
    case clientCertificate
    case accept, acceptEncoding, acceptLanguage, age, authorization, cacheControl, connection, contentEncoding
    case contentLength, contentType, cookie, date, etag, expect, expires, forwarded, host, ifModifiedSince, ifNoneMatch
    case keepAlive, lastModified, location, origin
    /// `X-Original-URL`, `X-Rewrite-URL` and the same with `URI`: some frameworks take their path from there instead of
    /// from the request line, which leads around every rule about paths.
    case pathOverride
    case pragma, priority
    /// CGI scripts find it as `HTTP_PROXY`, and send their own requests through it.
    case proxy
    case proxyConnection, range, referer, retryAfter
    case server, setCookie, sluiceSession, strictTransportSecurity, te, traceparent, tracestate, trailer
    case transferEncoding, upgrade
    case upgradeInsecureRequests, userAgent, vary, via
    case xForwardedFor, xForwardedHost, xForwardedPort, xForwardedProto
    /// Any other name that starts with `X-Forwarded-`.
    case xForwardedOther
    case xRealIP, xRequestID

    /// Those that stand for many names.
    static let kinds: FieldSet = [.other, .ambiguous, .clientCertificate, .pathOverride, .xForwardedOther]

    /// Meant for the next hop only, so never forwarded (RFC 9110 section 7.6.1).
    public var isHopByHop: Bool { FieldSet.hopByHop.contains(self) }

    @inlinable @inline(__always)
    var bit: UInt64 { 1 &<< UInt64(self.rawValue) }
}
