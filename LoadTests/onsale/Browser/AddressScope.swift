import Addresses
import Transport

/// How far away an address is: what is sent beyond the own network needs the word of the one who starts the run.
enum AddressScope: Comparable, Sendable {
    /// This machine.
    case loopback
    /// Ranges that the internet does not route (RFC 1918, RFC 4193, RFC 3927, RFC 6598).
    case ownNetwork
    case internet

    init(_ address: SocketAddress) {
        switch address {
        case .unix: self = .loopback
        case .ipv4(let address, _): self = Self.scope(ofV4: address)
        case .ipv6(0, 1, _): self = .loopback
        // An IPv4 address in IPv6 clothes.
        case .ipv6(0, let low, _) where low >> 32 == 0xFFFF: self = Self.scope(ofV4: UInt32(truncatingIfNeeded: low))
        case .ipv6(let high, _, _):
            let isOwn = high >> 57 == 0xFC >> 1 || high >> 54 == 0xFE80 >> 6
            self = isOwn ? .ownNetwork : .internet
        }
    }

    private static func scope(ofV4 address: UInt32) -> AddressScope {
        func lies(in network: UInt32, _ bits: UInt32) -> Bool { address >> (32 - bits) == network >> (32 - bits) }
        if lies(in: 0x7F00_0000, 8) { return .loopback }
        let own: [(UInt32, UInt32)] = [
            (0x0A00_0000, 8), (0xAC10_0000, 12), (0xC0A8_0000, 16), (0xA9FE_0000, 16), (0x6440_0000, 10),
        ]
        return own.contains { lies(in: $0.0, $0.1) } ? .ownNetwork : .internet
    }
}
