import Primitives

/// The path as routes see it: what a worker may make of an encoded or dotted path must not lead around a room.
extension RequestHead {
    /// The path has no escape, no dot segment and no doubled slash, so it is its own routing path. The usual case.
    public func pathIsPlain(in bytes: UnsafeRawBufferPointer) -> Bool {
        precondition(self.byteCount > 0 && self.byteCount <= bytes.count, "the bytes of another head")
        let window = Window(bytes)
        let end = self.pathRange.end
        var offset = Int(self.pathRange.start)
        // A match in the top byte of one word looks at the low byte of the next.
        var slashBefore: UInt64 = 0
        while offset < end {
            var word = window.word(at: offset)
            if end &- offset < 8 { word &= 1 &<< UInt64((end &- offset) &* 8) &- 1 }
            let slashes = Word.zeros(word ^ Word.repeating(0x2F))
            let dots = Word.zeros(word ^ Word.repeating(0x2E))
            let escapes = Word.zeros(word ^ Word.repeating(0x25))
            // False marks above a true one cost a visit to the slow path, never a plain verdict.
            if ((slashes &<< 8) | slashBefore) & (slashes | dots) | escapes != 0 { return false }
            slashBefore = slashes &>> 56
            offset &+= 8
        }
        return true
    }

    /// Appends the path with escapes decoded once, doubled slashes merged and dot segments resolved, as most servers
    /// do before they look for a resource. At most as long as the path; `/` for an empty one.
    ///
    /// - Returns: false, with the writer as it was, for a broken escape, an encoded NUL, or `..` above the root: answer
    ///   with 400.
    public func writeRoutingPath(to writer: inout ByteWriter, from bytes: UnsafeRawBufferPointer) -> Bool {
        let path = self.pathRange.slice(of: bytes)
        let start = writer.count
        var offset = 0
        while offset < path.count {
            guard let (byte, next) = Self.decode(path, at: offset) else {
                writer.rewind(to: start)
                return false
            }
            offset = next
            writer.append(byte: byte)
            guard byte == 0x2F || offset == path.count else { continue }
            guard Self.closeSegment(of: &writer, from: start, isLast: byte != 0x2F) else {
                writer.rewind(to: start)
                return false
            }
        }
        if writer.count == start { writer.append(byte: 0x2F) }
        return true
    }

    /// The byte at `offset`, decoded when it is escaped, and the offset after it.
    private static func decode(_ path: UnsafeRawBufferPointer, at offset: Int) -> (byte: UInt8, next: Int)? {
        guard path[offset] == 0x25 else { return (path[offset], offset + 1) }
        guard offset + 2 < path.count, let high = ASCII.hexValue(path[offset + 1]),
            let low = ASCII.hexValue(path[offset + 2]), high | low != 0
        else { return nil }
        return (high << 4 | low, offset + 3)
    }

    /// Resolves the segment that has just been written, with the slash behind it unless it is the last.
    private static func closeSegment(of writer: inout ByteWriter, from start: Int, isLast: Bool) -> Bool {
        let written = UnsafeRawBufferPointer(rebasing: writer.written[start...])
        let end = isLast ? written.count : written.count - 1
        var segment = end
        while segment > 0, written[segment - 1] != 0x2F { segment -= 1 }
        let count = end - segment
        let isDots = (1...2).contains(count) && written[segment..<end].allSatisfy { $0 == 0x2E }
        if isDots, count == 2 {
            guard segment >= 2 else { return false }
            var parent = segment - 1
            while parent > 0, written[parent - 1] != 0x2F { parent -= 1 }
            writer.rewind(to: start + parent)
        } else if isDots || count == 0 && segment > 0 {
            // The slash before the segment stays: `/a/./b` and `/a//b` are `/a/b`.
            writer.rewind(to: start + segment)
        }
        return true
    }
}
