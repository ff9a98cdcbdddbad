/// Bytes with a name, and the character classes that the wire formats share.
public enum ASCII {
    public static let tab: UInt8 = 0x09
    public static let lineFeed: UInt8 = 0x0A
    public static let carriageReturn: UInt8 = 0x0D
    public static let space: UInt8 = 0x20
    public static let zero: UInt8 = 0x30
    public static let colon: UInt8 = 0x3A

    /// `A...Z` to `a...z`; every other byte as it is.
    @inlinable @inline(__always)
    public static func lowercased(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }

    @inlinable @inline(__always)
    public static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    @inlinable @inline(__always)
    public static func isLetter(_ byte: UInt8) -> Bool { self.lowercased(byte) &- 0x61 < 26 }

    /// The value of a hexadecimal digit in either case; nil for every other byte.
    @inlinable @inline(__always)
    public static func hexValue(_ byte: UInt8) -> UInt8? {
        if self.isDigit(byte) { return byte & 15 }
        let letter = self.lowercased(byte) &- 0x61
        return letter < 6 ? letter + 10 : nil
    }

    /// RFC 9110 `tchar`: what method and field names are made of.
    @inlinable @inline(__always)
    public static func isToken(_ byte: UInt8) -> Bool {
        byte < 128 && (byte < 64 ? self.tokenLow : self.tokenHigh) & (1 << UInt64(byte & 63)) != 0
    }

    /// One bit a byte: `!#$%&'*+-.` and the digits.
    @usableFromInline static let tokenLow: UInt64 = 0x03FF_6CFA_0000_0000
    /// The letters and `^_` with backquote, `|` and `~`.
    @usableFromInline static let tokenHigh: UInt64 = 0x57FF_FFFF_C7FF_FFFE

    /// Equal when letters are compared without case. `lowercase` must hold no capital letters.
    @inlinable
    public static func equalsIgnoringCase(_ bytes: UnsafeRawBufferPointer, _ lowercase: StaticString) -> Bool {
        guard bytes.count == lowercase.utf8CodeUnitCount else { return false }
        let expected = lowercase.utf8Start
        for index in 0..<bytes.count where self.lowercased(bytes[index]) != expected[index] { return false }
        return true
    }
}
