import Primitives

extension IPAddress {
    /// The longest text of an address.
    static let maxTextBytes = 45

    /// The same forms as the reader of texts takes, from bytes of a message and without an allocation.
    public init?(parsing bytes: UnsafeRawBufferPointer) {
        guard (2...Self.maxTextBytes).contains(bytes.count) else { return nil }
        if let address = Self.dotted(bytes, from: 0) {
            self = .v4(address)
        } else if let address = Self.grouped(bytes) {
            self = .v6(UInt64(truncatingIfNeeded: address >> 64), UInt64(truncatingIfNeeded: address))
        } else {
            return nil
        }
    }

    /// Four numbers with dots, from `start` to the end.
    private static func dotted(_ bytes: UnsafeRawBufferPointer, from start: Int) -> UInt32? {
        var address: UInt32 = 0
        var index = start
        for part in 0..<4 {
            if part > 0 {
                guard index < bytes.count, bytes[index] == UInt8(ascii: ".") else { return nil }
                index += 1
            }
            let first = index
            var value: UInt32 = 0
            while index < bytes.count, index - first < 3, ASCII.isDigit(bytes[index]) {
                value = value * 10 + UInt32(bytes[index] & 15)
                index += 1
            }
            let isWhole = index - first == 1 || index - first > 1 && bytes[first] != ASCII.zero
            guard isWhole, value <= 255 else { return nil }
            address = address << 8 | value
        }
        return index == bytes.count ? address : nil
    }

    /// Groups with colons, of which `::` stands for one or more that are zero.
    private static func grouped(_ bytes: UnsafeRawBufferPointer) -> UInt128? {
        var groups = GroupsInProgress()
        var index = 0
        if bytes[0] == ASCII.colon {
            guard bytes[1] == ASCII.colon else { return nil }
            groups.hasGap = true
            index = 2
        }
        while index < bytes.count {
            let start = index
            var group: UInt16 = 0
            while index < bytes.count, index - start < 4, let digit = ASCII.hexValue(bytes[index]) {
                group = group << 4 | UInt16(digit)
                index += 1
            }
            if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
                guard let last = Self.dotted(bytes, from: start) else { return nil }
                groups.append(UInt16(truncatingIfNeeded: last >> 16))
                groups.append(UInt16(truncatingIfNeeded: last))
                return groups.address
            }
            guard index > start else { return nil }
            groups.append(group)
            guard index < bytes.count else { break }
            guard bytes[index] == ASCII.colon, index + 1 < bytes.count else { return nil }
            index += 1
            if bytes[index] == ASCII.colon {
                guard !groups.hasGap else { return nil }
                groups.hasGap = true
                index += 1
            }
        }
        return groups.address
    }

    /// The groups before the gap and those behind it.
    private struct GroupsInProgress {
        private var front: UInt128 = 0
        private var back: UInt128 = 0
        private var frontCount = 0
        private var backCount = 0
        var hasGap = false

        mutating func append(_ group: UInt16) {
            if self.hasGap {
                self.back = self.back << 16 | UInt128(group)
                self.backCount += 1
            } else {
                self.front = self.front << 16 | UInt128(group)
                self.frontCount += 1
            }
        }

        var address: UInt128? {
            guard self.hasGap else { return self.frontCount == 8 ? self.front : nil }
            guard self.frontCount + self.backCount <= 7 else { return nil }
            return self.front << UInt128(16 * (8 - self.frontCount)) | self.back
        }
    }

    /// An IPv4 address inside of an IPv6 one, as a socket for both kinds shows it, is the IPv4 address.
    public var unmapped: IPAddress {
        if case .v6(0, let low) = self, low >> 32 == 0xFFFF { return .v4(UInt32(truncatingIfNeeded: low)) }
        return self
    }

    /// Appends the shortest form.
    public func append(to writer: inout ByteWriter) {
        guard case .v4(let address) = self else { return writer.append(self.description) }
        for shift: UInt32 in [24, 16, 8, 0] {
            writer.append(decimal: Int(address >> shift & 255))
            if shift > 0 { writer.append(byte: UInt8(ascii: ".")) }
        }
    }
}
