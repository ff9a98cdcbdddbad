import Primitives

/// The elements of a comma-separated field value, without white space around them; empty ones are passed over.
struct ListTokens {
    private var offset: Int
    private let end: Int

    init(_ value: ByteRange) {
        self.offset = Int(value.start)
        self.end = value.end
    }

    mutating func next(_ window: Window) -> ByteRange? {
        while self.offset < self.end {
            let stop = window.firstIndex(of: 0x2C, from: self.offset, to: self.end)
            let token = window.trimmed(from: self.offset, to: stop)
            self.offset = stop &+ 1
            if !token.isEmpty { return token }
        }
        return nil
    }
}

extension Window {
    /// Space or tab. The caller has compared `offset` with `limit`.
    @inline(__always)
    func isBlank(at offset: Int) -> Bool { self.byte(at: offset) == ASCII.space || self.byte(at: offset) == ASCII.tab }

    /// The range without spaces and tabs at its ends.
    func trimmed(from start: Int, to end: Int) -> ByteRange {
        var start = start
        var end = end
        while start < end, self.isBlank(at: start) { start &+= 1 }
        while end > start, self.isBlank(at: end &- 1) { end &-= 1 }
        return ByteRange(start: start, end: end)
    }
}
