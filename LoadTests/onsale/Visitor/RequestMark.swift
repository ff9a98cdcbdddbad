/// What a request is known by: which visitor, and the how manyeth of that visitor. The sample worker ends its response
/// with it, so that a page of somebody else does not pass for the visitor's own.
struct RequestMark: Equatable, Sendable {
    /// Hexadecimal digits.
    static let length = 16
    private static let ending: StaticString = " -->\n"
    /// So many bytes at the end of a body are looked at.
    static let reach = Self.length + Self.ending.utf8CodeUnitCount

    let value: UInt64

    init(visitor: Int, ordinal: UInt32) {
        self.value = UInt64(UInt32(truncatingIfNeeded: visitor)) << 32 | UInt64(ordinal)
    }

    /// The digits, most significant first.
    func forEachDigit(_ body: (UInt8) -> Void) {
        for shift in stride(from: 60, through: 0, by: -4) { body(Self.digit(UInt8(self.value >> UInt64(shift) & 0xF))) }
    }

    /// `tail`: the last bytes of a body.
    func isEnd(of tail: UnsafeRawBufferPointer) -> Bool {
        guard tail.count >= Self.reach else { return false }
        let end = UnsafeRawBufferPointer(rebasing: tail[(tail.count - Self.reach)...])
        let ending = UnsafeRawBufferPointer(start: Self.ending.utf8Start, count: Self.ending.utf8CodeUnitCount)
        guard UnsafeRawBufferPointer(rebasing: end[Self.length...]).elementsEqual(ending) else { return false }
        var shift: UInt64 = 64
        for byte in end[..<Self.length] {
            shift -= 4
            guard byte == Self.digit(UInt8(self.value >> shift & 0xF)) else { return false }
        }
        return true
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}
