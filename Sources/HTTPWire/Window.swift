import Primitives

/// The bytes that a parser may look at, read without bounds checks.
///
/// Every parser here keeps two rules, which are what makes that sound: `byte(at:)` is only asked for offsets that were
/// compared with `limit`, and `word(at:)` yields zero bytes beyond `limit`, which no scan lets pass, so that a scan
/// stops at `limit` at the latest.
struct Window {
    let base: UnsafeRawPointer
    let limit: Int

    @inline(__always)
    init(_ bytes: UnsafeRawBufferPointer) {
        self.init(bytes, limit: bytes.count)
    }

    @inline(__always)
    init(_ bytes: UnsafeRawBufferPointer, limit: Int) {
        assert(limit > 0 && limit <= bytes.count)
        self.base = bytes.baseAddress.unsafelyUnwrapped
        self.limit = limit
    }

    @inline(__always)
    func byte(at offset: Int) -> UInt8 {
        assert(offset >= 0 && offset < self.limit)
        return self.base.load(fromByteOffset: offset, as: UInt8.self)
    }

    /// Two bytes, the first one lowest. The caller has compared `offset + 2` with `limit`.
    @inline(__always)
    func pair(at offset: Int) -> UInt16 {
        assert(offset >= 0 && offset + 2 <= self.limit)
        return UInt16(littleEndian: self.base.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    /// Eight bytes, the first one lowest, zero beyond `limit`.
    @inline(__always)
    func word(at offset: Int) -> UInt64 {
        offset &+ 8 <= self.limit ? self.wholeWord(at: offset) : self.lastWord(at: offset)
    }

    /// Eight bytes, of which the caller knows that all lie before `limit`.
    @inline(__always)
    func wholeWord(at offset: Int) -> UInt64 {
        assert(offset >= 0 && offset + 8 <= self.limit)
        return UInt64(littleEndian: self.base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    @inline(never)
    private func lastWord(at offset: Int) -> UInt64 {
        guard offset < self.limit else { return 0 }
        if self.limit >= 8 {
            // The last eight bytes, moved down so that `offset` comes first.
            return self.wholeWord(at: self.limit &- 8) &>> UInt64((offset &+ 8 &- self.limit) &* 8)
        }
        var word: UInt64 = 0
        for index in offset..<self.limit { word |= UInt64(self.byte(at: index)) &<< UInt64((index &- offset) &* 8) }
        return word
    }

    /// The offset of the first control byte or DEL at or after `offset`, or `limit`.
    ///
    /// In words, not in vectors: the comparisons of Swift 6.3's SIMD types are done byte by byte.
    @inline(__always)
    func endOfText(from offset: Int) -> Int {
        var offset = offset
        while offset &+ 8 <= self.limit {
            let stops = Word.controls(self.wholeWord(at: offset))
            if stops != 0 { return offset &+ Word.firstIndex(stops) }
            offset &+= 8
        }
        guard offset < self.limit else { return self.limit }
        return offset &+ Word.firstIndex(Word.controls(self.lastWord(at: offset)))
    }

    /// The offset of the first `wanted` at or after `offset` and before `end`, or `end`.
    func firstIndex(of wanted: UInt8, from offset: Int, to end: Int) -> Int {
        assert(offset <= end && end <= self.limit)
        let pattern = Word.repeating(wanted)
        var offset = offset
        while offset &+ 8 <= end {
            let matches = Word.zeros(self.wholeWord(at: offset) ^ pattern)
            if matches != 0 { return offset &+ Word.firstIndex(matches) }
            offset &+= 8
        }
        while offset < end, self.byte(at: offset) != wanted { offset &+= 1 }
        return offset
    }

    /// Whether `start..<end`, eight bytes or more, is of letters, digits and the bytes `low...high` alone.
    @inline(__always)
    func isPlain(from start: Int, to end: Int, or low: UInt8, _ high: UInt8) -> Bool {
        assert(end &- start >= 8)
        var offset = start
        while offset &+ 8 < end {
            if !Word.isPlain(Word.folded(self.wholeWord(at: offset)), or: low, high) { return false }
            offset &+= 8
        }
        // The last eight bytes may overlap those before.
        return Word.isPlain(Word.folded(self.wholeWord(at: end &- 8)), or: low, high)
    }

    /// Whether the bytes of `range` are `lowercase` when letters are compared without case.
    @inline(__always)
    func equals(_ range: ByteRange, ignoringCase lowercase: StaticString) -> Bool {
        let start = self.base + Int(range.start)
        return ASCII.equalsIgnoringCase(UnsafeRawBufferPointer(start: start, count: Int(range.count)), lowercase)
    }
}
