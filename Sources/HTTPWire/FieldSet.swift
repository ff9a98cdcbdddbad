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
    public func subtracting(_ other: FieldSet) -> FieldSet { FieldSet(bits: self.bits & ~other.bits) }

    @inlinable
    public func isDisjoint(with other: FieldSet) -> Bool { self.bits & other.bits == 0 }

    /// What a client may claim about itself and the way that it came, and only a gateway knows.
    public static let claims: FieldSet = [
        .forwarded, .xForwardedFor, .xForwardedHost, .xForwardedPort, .xForwardedProto, .xForwardedOther, .xRealIP,
        .clientCertificate,
    ]

    /// The names of RFC 9110 section 7.6.1.
    public static var hopByHop: FieldSet {
        @inline(__always) get {
            FieldSet(
                bits: FieldName.connection.bit | FieldName.keepAlive.bit | FieldName.proxyConnection.bit
                    | FieldName.te.bit | FieldName.transferEncoding.bit | FieldName.upgrade.bit
            )
        }
    }
}
