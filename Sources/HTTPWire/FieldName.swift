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
    case server, setCookie, te, traceparent, trailer, transferEncoding, upgrade, upgradeInsecureRequests, userAgent
    case vary, via, xForwardedFor, xForwardedHost, xForwardedPort, xForwardedProto, xRealIP, xRequestID

    /// Meant for the next hop only, so never forwarded (RFC 9110 section 7.6.1).
    public var isHopByHop: Bool { FieldSet.hopByHop.contains(self) }

    @inlinable @inline(__always)
    var bit: UInt64 { 1 &<< UInt64(self.rawValue) }
}

/// A set of recognised names in one word. Write it as an array literal, once, in a `static let`.
public struct FieldSet: Hashable, Sendable, ExpressibleByArrayLiteral {
    @usableFromInline var bits: UInt64

    @inlinable @inline(__always)
    init(bits: UInt64) { self.bits = bits }

    @inlinable
    public init(arrayLiteral names: FieldName...) {
        self.bits = 0
        for name in names { self.bits |= name.bit }
    }

    @inlinable @inline(__always)
    public func contains(_ name: FieldName) -> Bool { self.bits & name.bit != 0 }

    @inlinable @inline(__always)
    public mutating func insert(_ name: FieldName) { self.bits |= name.bit }

    @inlinable
    public func union(_ other: FieldSet) -> FieldSet { FieldSet(bits: self.bits | other.bits) }

    @inlinable
    public func isDisjoint(with other: FieldSet) -> Bool { self.bits & other.bits == 0 }

    /// The names of RFC 9110 section 7.6.1. `Trailer` is not among them: trailers travel on with the body.
    public static var hopByHop: FieldSet {
        @inline(__always) get {
            FieldSet(
                bits: FieldName.connection.bit | FieldName.keepAlive.bit | FieldName.proxyConnection.bit
                    | FieldName.te.bit | FieldName.transferEncoding.bit | FieldName.upgrade.bit)
        }
    }
}

/// One field line. The name's case is the sender's; the value has no white space at its ends.
public struct Field: Sendable {
    public var name: ByteRange
    public var value: ByteRange
    public var id: FieldName

    @inlinable @inline(__always)
    public init(name: ByteRange, value: ByteRange, id: FieldName) {
        self.name = name
        self.value = value
        self.id = id
    }
}
