import Primitives

/// The path as routes see it: what a worker may make of an encoded or dotted path must not lead around a room.
extension RequestHead {
    /// The path has one reading: itself. The usual case.
    ///
    /// It has no escape, no backslash, no params, no doubled slash, no segment that starts or ends with a dot, and, which
    /// would do no harm but is as rare, no two dots in a row.
    public func pathIsPlain(in bytes: UnsafeRawBufferPointer) -> Bool {
        precondition(self.byteCount > 0 && self.byteCount <= bytes.count, "the bytes of another head")
        guard !self.pathRange.isEmpty else { return false }
        let window = Window(bytes)
        let end = self.pathRange.end
        var offset = Int(self.pathRange.start)
        // A match in the top byte of one word looks at the low byte of the next.
        var before: UInt64 = 0
        while offset < end {
            var word = window.word(at: offset)
            if end &- offset < 8 { word &= 1 &<< UInt64((end &- offset) &* 8) &- 1 }
            let percent = word ^ Word.repeating(0x25)
            let semicolon = word ^ Word.repeating(0x3B)
            let backslash = word ^ Word.repeating(0x5C)
            let others =
                (percent &- Word.ones) & ~percent | (semicolon &- Word.ones) & ~semicolon
                | (backslash &- Word.ones) & ~backslash
            // `.` and `/` differ in the lowest bit.
            let dotsAndSlashes = Word.zeros((word | Word.ones) ^ Word.repeating(0x2F))
            let pairs = ((dotsAndSlashes &<< 8) | before) & dotsAndSlashes
            // False marks above a true one cost a visit to the slow path, never a plain verdict.
            if pairs | others & Word.highs != 0 { return false }
            before = dotsAndSlashes &>> 56
            offset &+= 8
        }
        return window.byte(at: end &- 1) != 0x2E
    }

    /// Calls `visit` with each plausible reading of the path (see `PathReadings`), the path as sent first, and no
    /// reading twice. A room on any of them must guard the request. Letters are as sent: some servers do not tell them
    /// apart, so compare without case.
    ///
    /// - Parameters:
    ///   - scratch: memory for texts, of which none is longer than the path: 64 KiB are enough for any honest one.
    ///   - visit: is given bytes of `scratch` that are good for the call only.
    /// - Returns: nil when done. Otherwise why the path is refused, before any visit: respond with 400.
    public func forEachReading(
        in bytes: UnsafeRawBufferPointer,
        scratch: UnsafeMutableRawBufferPointer,
        _ visit: (UnsafeRawBufferPointer) -> Void
    ) -> PathRefusal? {
        precondition(self.byteCount > 0 && self.byteCount <= bytes.count, "the bytes of another head")
        var readings = PathReadings(scratch)
        let refusal =
            self.pathRange.isEmpty
            ? readings.gather(UnsafeRawBufferPointer(start: ("/" as StaticString).utf8Start, count: 1))
            : readings.gather(self.pathRange.slice(of: bytes))
        if let refusal { return refusal }
        for index in 0..<readings.count { visit(readings.reading(index)) }
        return nil
    }
}
