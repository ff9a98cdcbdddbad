import Primitives

extension Window {
    /// Where the name of `host[:port]` ends; nil unless it is a name, an IPv4 address or a bracketed IPv6 address,
    /// with at most one port of up to five digits.
    ///
    /// The dot that ends a full name (`example.com.`) is not part of the name: it means the same host.
    ///
    /// Narrower than RFC 3986: of its characters only the unreserved ones are taken, because names with `%`, `,` or
    /// `;` are understood differently by different servers, and no name that resolves has them.
    @inline(__always)
    func endOfHostName(_ host: ByteRange) -> Int? {
        let start = Int(host.start)
        let end = host.end
        if end &- start >= 8, self.isPlain(from: start, to: end, or: 0x2D, 0x2E) {
            return self.byte(at: end &- 1) == 0x2E ? self.withoutLastDot(from: start, to: end) : end
        }
        return self.endOfOtherHostName(from: start, to: end)
    }

    @inline(never)
    private func endOfOtherHostName(from start: Int, to end: Int) -> Int? {
        guard start < end else { return nil }
        let nameEnd: Int
        let whole: Int
        if self.byte(at: start) == 0x5B {
            guard let close = self.endOfBracketedAddress(from: start, to: end) else { return nil }
            nameEnd = close
            whole = close
        } else {
            var offset = start
            while offset < end, Self.isUnreserved(self.byte(at: offset)) { offset &+= 1 }
            guard offset > start, let name = self.withoutLastDot(from: start, to: offset) else { return nil }
            nameEnd = name
            whole = offset
        }
        guard whole < end else { return nameEnd }
        return self.isPort(from: whole, to: end) ? nameEnd : nil
    }

    /// Nil when nothing is left, or another dot.
    private func withoutLastDot(from start: Int, to end: Int) -> Int? {
        guard self.byte(at: end &- 1) == 0x2E else { return end }
        return end &- 1 > start && self.byte(at: end &- 2) != 0x2E ? end &- 1 : nil
    }

    private func endOfBracketedAddress(from start: Int, to end: Int) -> Int? {
        let close = self.firstIndex(of: 0x5D, from: start, to: end)
        guard close < end, close &- start > 2, close &- start <= 46 else { return nil }
        for offset in (start &+ 1)..<close {
            let byte = self.byte(at: offset)
            guard ASCII.hexValue(byte) != nil || byte == ASCII.colon || byte == 0x2E else { return nil }
        }
        return close &+ 1
    }

    private func isPort(from colon: Int, to end: Int) -> Bool {
        guard self.byte(at: colon) == ASCII.colon, end &- colon <= 6 else { return false }
        for offset in (colon &+ 1)..<end where !ASCII.isDigit(self.byte(at: offset)) { return false }
        return true
    }

    /// Letters, digits and `-._~` (RFC 3986 section 2.3).
    @inline(__always)
    private static func isUnreserved(_ byte: UInt8) -> Bool {
        ASCII.isDigit(byte) || ASCII.lowercased(byte) &- 0x61 < 26 || byte == 0x2D || byte == 0x2E || byte == 0x5F
            || byte == 0x7E
    }
}
