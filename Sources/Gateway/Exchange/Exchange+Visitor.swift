import Addresses
import HTTPWire
import Primitives
import Rooms
import Settings
import Tokens

/// Who sends a request, and how much that visitor may have under way.
extension Exchange {
    /// Claims longer than this are cut: a cookie of a site may be anything.
    static let mostClaimBytes = 1_024

    /// So many cookies of the name that `bind` gives are looked at: a page of another host below the same domain can plant
    /// some, as many as there are parent domains and folders of the path.
    static let mostClaims = 8

    /// What the request says of its sender under this rule, several things where there are several cookies of one name;
    /// empty when nothing is asked.
    func claims(for binding: VisitorBinding, _ request: RequestInHand) -> [TokenClaim] {
        switch binding {
        case .none: return []
        case .cookie(let name):
            var claims: [TokenClaim] = []
            _ = request.anyCookie(named: Array(name.utf8)) { text in
                guard !text.isEmpty else { return false }
                let value = Array(text.prefix(Self.mostClaimBytes))
                claims.append(TokenClaim(rule: binding.ruleNumber, value: value))
                return claims.count == Self.mostClaims
            }
            return claims.isEmpty ? [TokenClaim(rule: binding.ruleNumber, value: nil)] : claims
        case .address, .header:
            return [TokenClaim(rule: binding.ruleNumber, value: self.claimValue(for: binding, request))]
        }
    }

    private func claimValue(for binding: VisitorBinding, _ request: RequestInHand) -> [UInt8]? {
        switch binding {
        case .none, .cookie: return nil
        case .address(let v4Bits, let v6Bits):
            return self.origin.address?.prefixBytes(v4Bits: v4Bits, v6Bits: v6Bits)
        case .header(let name): return request.lastValue(ofField: name).map { Array($0.prefix(Self.mostClaimBytes)) }
        }
    }

    /// Counts the request, and the connection, among those of its visitor, once: at the door or inside. False when there
    /// are too many.
    func takeSeat(_ gate: RoomGate, _ key: LineKey) -> Bool {
        let number = key.seat
        guard self.visitor.seat != number else { return true }
        self.leaveSeat()
        let limits = gate.perVisitor
        guard limits.requests > 0 || limits.connections > 0 else { return true }
        // A connection of a front carries many visitors.
        if limits.connections > 0, let client = self.client, !self.origin.isProxied,
            !client.carries(number, in: gate.visitors, limit: limits.connections)
        {
            gate.countLimitedVisitor()
            return false
        }
        guard limits.requests > 0 else { return true }
        guard gate.visitors.requests.take(number, limit: limits.requests) else {
            gate.countLimitedVisitor()
            return false
        }
        self.visitor.seat = number
        return true
    }

    func leaveSeat() {
        if let seat = self.visitor.seat.take() { self.visitor.gate?.visitors.requests.leave(seat) }
    }
}

extension IPAddress {
    /// The first bits of the address, the rest zero. An IPv4 address inside of an IPv6 one is the IPv4 address.
    func prefixBytes(v4Bits: Int, v6Bits: Int) -> [UInt8] {
        switch self {
        case .v4(let address): return Self.bytes(of: address, v4Bits)
        case .v6(0, let low) where low >> 32 == 0xFFFF: return Self.bytes(of: UInt32(truncatingIfNeeded: low), v4Bits)
        case .v6(let high, _): return Self.bytes(of: high, v6Bits)
        }
    }

    private static func bytes<Word: FixedWidthInteger>(of word: Word, _ bits: Int) -> [UInt8] {
        let kept = bits >= Word.bitWidth ? word : word & ~(Word.max >> Word(bits))
        return withUnsafeBytes(of: kept.bigEndian) { Array($0) }
    }
}
