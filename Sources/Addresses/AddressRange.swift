/// The addresses that begin with the same bits, or everybody behind a unix socket.
public enum AddressRange: Hashable, Sendable, CustomStringConvertible {
    /// `bits` leading bits of `base` count; the others are zero in it.
    case addresses(base: IPAddress, bits: Int)
    /// Whoever connects to a unix socket: a process of this machine.
    case unix

    /// The text was not a range.
    public struct ParseError: Error, Equatable {
        /// Goes on from "found ...": `which has no address before the slash`.
        public let reason: String

        public init(reason: String) { self.reason = reason }
    }

    /// Takes `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.7` for that one address, and `unix`.
    public init(parsing text: String) throws(ParseError) {
        if text == "unix" {
            self = .unix
            return
        }
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(parsing: parts[0]) else {
            throw ParseError(reason: "which is no IP address (names are not looked up)")
        }
        var bits = address.bitCount
        if parts.count == 2 {
            guard let given = Int(parts[1]), "\(given)" == parts[1], (0...bits).contains(given) else {
                throw ParseError(reason: "whose prefix is not 0 to \(bits) bits")
            }
            bits = given
        }
        let base = address.prefix(bits: bits)
        guard base == address else {
            throw ParseError(reason: "which has bits behind its prefix: write \(base)/\(bits)")
        }
        // Addresses are compared as IPv4 where they are that.
        if base.unmapped != base, bits >= 96 {
            self = .addresses(base: base.unmapped, bits: bits - 96)
        } else {
            self = .addresses(base: base, bits: bits)
        }
    }

    public func contains(_ address: IPAddress) -> Bool {
        guard case .addresses(let base, let bits) = self else { return false }
        switch (base, address.unmapped) {
        case (.v4(let base), .v4(let address)): return bits == 0 || (base ^ address) >> UInt32(32 - bits) == 0
        case (.v6(let high, let low), .v6(let otherHigh, let otherLow)):
            let isHighEqual = bits == 0 || (high ^ otherHigh) >> UInt64(64 - min(bits, 64)) == 0
            return isHighEqual && (bits <= 64 || (low ^ otherLow) >> UInt64(128 - bits) == 0)
        case (.v4, .v6), (.v6, .v4): return false
        }
    }

    public var description: String {
        switch self {
        case .unix: "unix"
        case .addresses(let base, let bits): bits == base.bitCount ? "\(base)" : "\(base)/\(bits)"
        }
    }
}

extension IPAddress {
    fileprivate var bitCount: Int {
        switch self {
        case .v4: 32
        case .v6: 128
        }
    }

    /// Only the first bits, the rest zero.
    fileprivate func prefix(bits: Int) -> IPAddress {
        switch self {
        case .v4(let address): .v4(bits == 0 ? 0 : address & ~UInt32.zero << UInt32(32 - bits))
        case .v6(let high, let low):
            .v6(
                bits == 0 ? 0 : high & ~UInt64.zero << UInt64(64 - min(bits, 64)),
                bits <= 64 ? 0 : low & ~UInt64.zero << UInt64(128 - bits)
            )
        }
    }
}
