/// Eight bytes looked at together in one integer, the first byte lowest.
///
/// The tests set the high bit of each byte that matches. Borrows and carries only travel upwards, so the lowest
/// match, which `firstIndex` takes, is always a true one; bytes above it may be marked falsely.
/// Source: Warren, "Hacker's Delight", section 6-1.
enum Word {
    static var ones: UInt64 { @inline(__always) get { 0x0101_0101_0101_0101 } }
    static var highs: UInt64 { @inline(__always) get { 0x8080_8080_8080_8080 } }

    @inline(__always)
    static func repeating(_ byte: UInt8) -> UInt64 { UInt64(byte) &* self.ones }

    /// Eight characters as a word. A shorter text is written with `\0` up to eight.
    @inline(__always)
    static func text(_ text: StaticString) -> UInt64 {
        assert(text.utf8CodeUnitCount == 8)
        return UInt64(littleEndian: UnsafeRawPointer(text.utf8Start).loadUnaligned(as: UInt64.self))
    }

    @inline(__always)
    static func firstIndex(_ marks: UInt64) -> Int { marks.trailingZeroBitCount &>> 3 }

    @inline(__always)
    static func zeros(_ word: UInt64) -> UInt64 { (word &- self.ones) & ~word & self.highs }

    /// Bytes below 0x20, and DEL. Bytes from 0x80 on are text.
    @inline(__always)
    static func controls(_ word: UInt64) -> UInt64 {
        let low = (word &- self.repeating(0x20)) & ~word
        let flipped = word ^ self.repeating(0x7F)
        return (low | ((flipped &- self.ones) & ~flipped)) & self.highs
    }

    /// Bytes that end a stretch of a target: everything but visible ASCII, and `#`.
    @inline(__always)
    static func targetStops(_ word: UInt64) -> UInt64 {
        // Adding one sets the high bit of DEL; a carry can only come from 0xFF, which is marked itself, below.
        let low = (word &- self.repeating(0x21)) | word | (word &+ self.ones)
        let hash = word ^ self.repeating(0x23)
        return (low | ((hash &- self.ones) & ~hash)) & self.highs
    }

    /// `A...Z` to `a...z`, and no two bytes of a lowercase name or `-` become one: bytes below 0x40 stay.
    @inline(__always)
    static func folded(_ word: UInt64) -> UInt64 { word | ((word & self.repeating(0x40)) &>> 1) }

    /// Whether all eight bytes of a folded word are letters, digits or lie in `low...high`, below 0x40.
    @inline(__always)
    static func isPlain(_ folded: UInt64, or low: UInt8, _ high: UInt8) -> Bool {
        // In sums of bytes below 0x80 no carry leaves its byte: bytes from 0x80 on are refused by the last test.
        let seven = folded & ~self.highs
        let letters = (seven &+ self.repeating(0x80 - 0x61)) & ~(seven &+ self.repeating(0x80 - 0x7B))
        let digits = (seven &+ self.repeating(0x80 - 0x30)) & ~(seven &+ self.repeating(0x80 - 0x3A))
        let extra = (seven &+ self.repeating(0x80 - low)) & ~(seven &+ self.repeating(0x7F - high))
        return (letters | digits | extra) & ~folded & self.highs == self.highs
    }
}
