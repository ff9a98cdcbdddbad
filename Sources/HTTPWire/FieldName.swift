/// Field names that the gateway acts on or often meets, recognised while parsing; all others are `other`.
///
/// At most 64 cases: a `FieldSet` is one word.
public enum FieldName: UInt8, Sendable, CaseIterable {
    /// A name that is in no case below.
    case other
    /// An unknown name with `_` in it. Some servers read `_` as `-`, which lets a client pass a field that the gateway
    /// believes to have dropped; a gateway drops these.
    case underscored
    case accept, acceptEncoding, acceptLanguage, age, authorization, cacheControl, connection, contentEncoding
    case contentLength, contentType, cookie, date, etag, expect, expires, forwarded, host, ifModifiedSince, ifNoneMatch
    case keepAlive, lastModified, location, origin, pragma, priority, proxyConnection, range, referer, retryAfter
    case server, setCookie, sluiceSession, te, traceparent, trailer, transferEncoding, upgrade
    case upgradeInsecureRequests, userAgent, vary, via
    case xForwardedFor, xForwardedHost, xForwardedPort, xForwardedProto, xRealIP, xRequestID

    /// Meant for the next hop only, so never forwarded (RFC 9110 section 7.6.1).
    public var isHopByHop: Bool { FieldSet.hopByHop.contains(self) }

    @inlinable @inline(__always)
    var bit: UInt64 { 1 &<< UInt64(self.rawValue) }
}
