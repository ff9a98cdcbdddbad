import Primitives

/// An IPv4 or IPv6 address, read and written without a system call.
public enum IPAddress: Hashable, Sendable, CustomStringConvertible {
    /// Host byte order.
    case v4(UInt32)
    /// Two halves in host byte order.
    case v6(UInt64, UInt64)

    /// Takes the textual forms of RFC 4291 section 2.2, without a zone (`%eth0`), and dotted IPv4 without leading zeros:
    /// to some readers 010 is 8.
    public init?(parsing text: some StringProtocol) {
        if let address = Self.v4(text) {
            self = .v4(address)
        } else if let (high, low) = Self.v6(text) {
            self = .v6(high, low)
        } else {
            return nil
        }
    }

    private static func v4(_ text: some StringProtocol) -> UInt32? {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.allSatisfy(ASCII.isDigit) else { return nil }
            guard part.count == 1 || part.first != ASCII.zero else { return nil }
            let value = part.reduce(UInt32(0)) { $0 * 10 + UInt32($1 & 15) }
            guard value <= 255 else { return nil }
            address = address << 8 | value
        }
        return address
    }

    private static func v6(_ text: some StringProtocol) -> (UInt64, UInt64)? {
        let bytes = Array(text.utf8)
        let colons = bytes.indices.dropLast().filter { bytes[$0] == ASCII.colon && bytes[$0 + 1] == ASCII.colon }
        guard colons.count <= 1 else { return nil }
        let groups: [UInt16]
        if let gap = colons.first {
            guard let front = Self.groups(bytes[..<gap], isLast: false),
                let back = Self.groups(bytes[(gap + 2)...], isLast: true)
            else { return nil }
            // The gap stands for one group at least.
            guard front.count + back.count <= 7 else { return nil }
            groups = front + Array(repeating: 0, count: 8 - front.count - back.count) + back
        } else {
            guard let all = Self.groups(bytes[...], isLast: true), all.count == 8 else { return nil }
            groups = all
        }
        let half = { (part: ArraySlice<UInt16>) in part.reduce(UInt64(0)) { $0 << 16 | UInt64($1) } }
        return (half(groups[..<4]), half(groups[4...]))
    }

    /// The groups of a half of an address, none for an empty one. The last may end with an IPv4 address.
    private static func groups(_ bytes: ArraySlice<UInt8>, isLast: Bool) -> [UInt16]? {
        guard !bytes.isEmpty else { return [] }
        var groups: [UInt16] = []
        let parts = bytes.split(separator: ASCII.colon, omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if isLast, index == parts.count - 1, part.contains(UInt8(ascii: ".")) {
                guard let address = Self.v4(String(decoding: part, as: UTF8.self)) else { return nil }
                groups += [UInt16(address >> 16), UInt16(truncatingIfNeeded: address)]
                continue
            }
            guard (1...4).contains(part.count) else { return nil }
            var group: UInt16 = 0
            for byte in part {
                guard let digit = ASCII.hexValue(byte) else { return nil }
                group = group << 4 | UInt16(digit)
            }
            groups.append(group)
        }
        return groups.count <= 8 ? groups : nil
    }

    /// The shortest form (RFC 5952): `127.0.0.1`, `2001:db8::1`, `::ffff:10.0.0.1`.
    public var description: String {
        switch self {
        case .v4(let address):
            return "\(address >> 24).\(address >> 16 & 255).\(address >> 8 & 255).\(address & 255)"
        case .v6(0, let low) where low >> 32 == 0xFFFF:
            return "::ffff:\(Self.v4(UInt32(truncatingIfNeeded: low)))"
        case .v6(let high, let low):
            let groups = [high, low].flatMap { half in
                [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: half >> UInt64($0)) }
            }
            let words = groups.map { String($0, radix: 16) }
            guard let gap = Self.longestGap(groups) else { return words.joined(separator: ":") }
            let front = words[..<gap.lowerBound].joined(separator: ":")
            return "\(front)::\(words[gap.upperBound...].joined(separator: ":"))"
        }
    }

    /// The first of the longest runs of two or more groups that are zero.
    private static func longestGap(_ groups: [UInt16]) -> Range<Int>? {
        var longest = 0..<1
        var start = 0
        for index in groups.indices {
            if groups[index] != 0 { start = index + 1 }
            if index + 1 - start > longest.count { longest = start..<(index + 1) }
        }
        return longest.count > 1 ? longest : nil
    }
}
