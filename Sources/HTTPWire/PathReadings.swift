import Primitives

/// The paths that servers may make of one path.
///
/// A server takes some of these steps, in some order: it decodes escapes (once, or twice by mistake), strips `;params`
/// from segments, takes what follows `//` for a host, cuts at a decoded `?` or `#`, merges doubled slashes or resolves
/// dot segments, and drops dots and spaces at the ends of segments. What only an attacker would combine is refused, so
/// that the orders which are left make no difference:
/// - Doubled or escaped slashes beside dot segments: merging and resolving never meet.
/// - Dot segments that are written in different ways: a server resolves all of them or none.
/// - A doubled slash at the start that appears only after another step: hosts are looked for in the path as sent.
///
/// So the readings are: for each number of decodings, and each moment at which params may be stripped, the text, what is
/// left of it when it is cut, and of both what is left when slashes are merged or dots resolved, and when ends of
/// segments are trimmed.
struct PathReadings {
    static let maxReadings = 16

    /// Texts on their way to a reading, and the readings, one behind the other. Each step writes its text behind the
    /// others, so the size of the memory bounds the work, too.
    private let memory: UnsafeMutableRawBufferPointer
    private var used = 0
    private var readings = InlineArray<16, ByteRange>(repeating: .empty)
    private(set) var count = 0
    private var hasEscapedSlash = false
    private var hasEmptySegment = false
    private var mostDots = 0
    private var fewestDots = Int.max

    init(_ memory: UnsafeMutableRawBufferPointer) { self.memory = memory }

    /// Gathers the readings of `path`, which starts with a slash.
    mutating func gather(_ path: UnsafeRawBufferPointer) -> PathRefusal? {
        guard let sent = self.keep(path) else { return .tooManyReadings }
        if let refusal = Self.fault(ofSent: self.bytes(sent)) { return refusal }
        if let refusal = self.gather(from: sent) { return refusal }
        guard Self.startsWithTwoSlashes(self.bytes(sent)) else { return nil }
        // For a server that takes the target for an address without scheme, as WHATWG's URL parser does.
        return self.gather(from: self.afterAuthority(sent))
    }

    func reading(_ index: Int) -> UnsafeRawBufferPointer { self.bytes(self.readings[index]) }

    // MARK: Texts

    /// One with its params, and one for each moment to strip them at.
    private struct Texts {
        var ranges = InlineArray<4, ByteRange>(repeating: .empty)
        var count = 0

        mutating func append(_ range: ByteRange) {
            self.ranges[self.count] = range
            self.count += 1
        }
    }

    private mutating func gather(from sent: ByteRange) -> PathRefusal? {
        let mayStartDoubled = Self.startsWithTwoSlashes(self.bytes(sent))
        // The first is the one whose params stay.
        var texts = Texts()
        texts.append(sent)
        // Marks in that text which an earlier stripping has seen, and slashes that it went by.
        var marks = 0
        var slashes = 0
        for depth in 0...2 {
            if depth > 0 {
                guard Self.hasEscape(self.bytes(texts.ranges[0])) else { break }
                for index in 0..<texts.count {
                    guard let decoded = self.decoded(texts.ranges[index]) else { return .tooManyReadings }
                    texts.ranges[index] = decoded
                }
                let whole = self.bytes(texts.ranges[0])
                if let refusal = Self.fault(ofDecoded: whole) { return refusal }
                if Self.count(0x2F, in: whole) > slashes { self.hasEscapedSlash = true }
            }
            let marksBefore = marks
            let slashesBefore = slashes
            marks = Self.count(0x3B, in: self.bytes(texts.ranges[0]))
            slashes = Self.count(0x2F, in: self.bytes(texts.ranges[0]))
            // Without another mark, or another slash that ends params, stripping now is stripping then.
            if marks > marksBefore || marks > 0 && slashes > slashesBefore {
                guard let stripped = self.withoutParams(texts.ranges[0]) else { return .tooManyReadings }
                texts.append(stripped)
            }
            for index in 0..<texts.count {
                let text = texts.ranges[index]
                if !mayStartDoubled, Self.startsWithTwoSlashes(self.bytes(text)) { return .hiddenSlash }
                if let refusal = self.take(text, isDecoded: depth > 0) { return refusal }
                if mayStartDoubled, depth > 0, Self.startsWithTwoSlashes(self.bytes(text)),
                    let refusal = self.take(self.afterAuthority(text), isDecoded: true)
                {
                    return refusal
                }
            }
        }
        return self.hasEscapedSlash && self.mostDots > 0 ? .slashesBesideDots : nil
    }

    private mutating func take(_ text: ByteRange, isDecoded: Bool) -> PathRefusal? {
        let shape = Shape(self.bytes(text))
        if shape.hasOddDots { return .oddDots }
        if shape.hasEmptySegment { self.hasEmptySegment = true }
        if shape.dotSegments > 0 {
            self.mostDots = max(self.mostDots, shape.dotSegments)
            self.fewestDots = min(self.fewestDots, shape.dotSegments)
            if self.fewestDots < self.mostDots { return .mixedDots }
        }
        if self.hasEmptySegment, self.mostDots > 0 { return .slashesBesideDots }
        if let refusal = self.takeVariants(of: text, shape) { return refusal }
        guard isDecoded, let end = self.bytes(text).firstIndex(where: { $0 == 0x3F || $0 == 0x23 }) else { return nil }
        return self.take(ByteRange(start: Int(text.start), end: Int(text.start) + end), isDecoded: false)
    }

    private mutating func takeVariants(of text: ByteRange, _ shape: Shape) -> PathRefusal? {
        guard self.add(text, shape) else { return .tooManyReadings }
        if shape.hasEmptySegment {
            guard let merged = self.merged(text), self.add(merged, shape) else { return .tooManyReadings }
        }
        if shape.dotSegments > 0 {
            guard let copy = self.keep(self.bytes(text)) else { return .tooManyReadings }
            guard let resolved = self.resolve(copy) else { return .aboveRoot }
            guard self.add(resolved, shape) else { return .tooManyReadings }
        }
        return nil
    }

    /// Adds a reading, and what Windows makes of it, unless they are there already. False when there are too many.
    private mutating func add(_ text: ByteRange, _ shape: Shape) -> Bool {
        guard self.addOne(text) else { return false }
        guard shape.hasLooseEnds else { return true }
        guard let trimmed = self.trimmed(text) else { return false }
        return self.addOne(trimmed)
    }

    private mutating func addOne(_ text: ByteRange) -> Bool {
        for index in 0..<self.count where self.equal(self.readings[index], text) { return true }
        guard self.count < Self.maxReadings else { return false }
        self.readings[self.count] = text
        self.count += 1
        return true
    }
}

/// What a look at each segment of a text shows.
private struct Shape {
    /// Two slashes in a row.
    private(set) var hasEmptySegment = false
    /// Segments that are `.` or `..`.
    private(set) var dotSegments = 0
    /// Other segments of nothing but dots and spaces.
    private(set) var hasOddDots = false
    /// Other segments that end with a dot or a space.
    private(set) var hasLooseEnds = false

    init(_ text: UnsafeRawBufferPointer) {
        var start = 1
        while start <= text.count {
            var end = start
            var solidEnd = start
            while end < text.count, text[end] != 0x2F {
                if text[end] != 0x2E, text[end] != ASCII.space { solidEnd = end + 1 }
                end += 1
            }
            self.note(UnsafeRawBufferPointer(rebasing: text[start..<end]), isLast: end == text.count, solidEnd - start)
            start = end + 1
        }
    }

    private mutating func note(_ segment: UnsafeRawBufferPointer, isLast: Bool, _ solidCount: Int) {
        if segment.count == 0 {
            if !isLast { self.hasEmptySegment = true }
        } else if Shape.isDots(segment) {
            self.dotSegments += 1
        } else if solidCount == 0 {
            self.hasOddDots = true
        } else if solidCount < segment.count {
            self.hasLooseEnds = true
        }
    }

    static func isDots(_ segment: UnsafeRawBufferPointer) -> Bool {
        (1...2).contains(segment.count) && segment[0] == 0x2E && segment[segment.count - 1] == 0x2E
    }
}

// MARK: The steps that servers take

extension PathReadings {
    /// Valid escapes decoded; others, which only a second decoding can meet, stay as they are.
    private mutating func decoded(_ text: ByteRange) -> ByteRange? {
        self.written(from: text) { source, target in
            var offset = 0
            while offset < source.count {
                if let byte = Self.escape(source, at: offset) {
                    target.append(byte: byte)
                    offset += 3
                } else {
                    target.append(byte: source[offset])
                    offset += 1
                }
            }
        }
    }

    private mutating func withoutParams(_ text: ByteRange) -> ByteRange? {
        self.written(from: text) { source, target in
            var isParam = false
            for byte in source {
                if byte == 0x2F { isParam = false } else if byte == 0x3B { isParam = true }
                if !isParam { target.append(byte: byte) }
            }
        }
    }

    private mutating func merged(_ text: ByteRange) -> ByteRange? {
        self.written(from: text) { source, target in
            var before: UInt8 = 0
            for byte in source {
                if byte != 0x2F || before != 0x2F { target.append(byte: byte) }
                before = byte
            }
        }
    }

    /// Segments without dots and spaces at their ends, as Windows opens files; dot segments stay.
    private mutating func trimmed(_ text: ByteRange) -> ByteRange? {
        self.written(from: text) { source, target in
            var start = 0
            while start < source.count {
                var end = start
                while end < source.count, source[end] != 0x2F { end += 1 }
                let segment = UnsafeRawBufferPointer(rebasing: source[start..<end])
                var count = segment.count
                if !Shape.isDotsOrEmpty(segment) {
                    while count > 0, segment[count - 1] == 0x2E || segment[count - 1] == ASCII.space { count -= 1 }
                }
                target.append(UnsafeRawBufferPointer(rebasing: segment[..<count]))
                if end < source.count { target.append(byte: 0x2F) }
                start = end + 1
            }
        }
    }

    /// Dot segments resolved in place; nil when they lead above the root.
    private mutating func resolve(_ text: ByteRange) -> ByteRange? {
        let base = UnsafeMutableRawBufferPointer(rebasing: self.memory[Int(text.start)..<text.end])
        // Up to here the result is written; it ends with a slash before each segment.
        var end = 1
        var start = 1
        while start <= base.count {
            var next = start
            while next < base.count, base[next] != 0x2F { next += 1 }
            let segment = UnsafeRawBufferPointer(rebasing: base[start..<next])
            if Shape.isDots(segment) {
                if segment.count == 2 {
                    guard end > 1 else { return nil }
                    end -= 1
                    while base[end - 1] != 0x2F { end -= 1 }
                }
            } else {
                for offset in start..<next {
                    base[end] = base[offset]
                    end += 1
                }
                if next < base.count {
                    base[end] = 0x2F
                    end += 1
                }
            }
            start = next + 1
        }
        return ByteRange(start: Int(text.start), end: Int(text.start) + end)
    }

    /// What follows `//host`: empty paths become `/`, which the byte before the end of any path is.
    private func afterAuthority(_ sent: ByteRange) -> ByteRange {
        let path = self.bytes(sent)
        var offset = 0
        while offset < path.count, path[offset] == 0x2F { offset += 1 }
        while offset < path.count, path[offset] != 0x2F { offset += 1 }
        let start = Int(sent.start)
        return offset < path.count
            ? ByteRange(start: start + offset, end: sent.end) : ByteRange(start: start, end: start + 1)
    }
}

extension Shape {
    fileprivate static func isDotsOrEmpty(_ segment: UnsafeRawBufferPointer) -> Bool {
        segment.count == 0 || self.isDots(segment)
    }
}

// MARK: Faults

extension PathReadings {
    private static func fault(ofSent path: UnsafeRawBufferPointer) -> PathRefusal? {
        for offset in 0..<path.count {
            if path[offset] == 0x5C { return .backslash }
            if path[offset] == 0x25, self.escape(path, at: offset) == nil { return .escapeBroken }
        }
        return nil
    }

    private static func fault(ofDecoded path: UnsafeRawBufferPointer) -> PathRefusal? {
        for offset in 0..<path.count {
            let byte = path[offset]
            if byte == 0x5C { return .backslash }
            if byte < 0x20 || byte == 0x7F { return .controlCharacter }
            if byte >= 0xC0, offset + 1 < path.count, self.isOverlong(byte, path[offset + 1]) {
                return .overlongCharacter
            }
        }
        return nil
    }

    /// The start of a UTF-8 sequence that is longer than its character needs: lenient decoders find a slash or a dot in
    /// some of them.
    private static func isOverlong(_ first: UInt8, _ second: UInt8) -> Bool {
        switch first {
        case 0xC0, 0xC1: (0x80...0xBF).contains(second)
        case 0xE0: (0x80...0x9F).contains(second)
        case 0xF0: (0x80...0x8F).contains(second)
        default: false
        }
    }

    private static func escape(_ path: UnsafeRawBufferPointer, at offset: Int) -> UInt8? {
        guard path[offset] == 0x25, offset + 2 < path.count, let high = ASCII.hexValue(path[offset + 1]),
            let low = ASCII.hexValue(path[offset + 2])
        else { return nil }
        return high << 4 | low
    }

    private static func hasEscape(_ path: UnsafeRawBufferPointer) -> Bool {
        for offset in 0..<path.count where self.escape(path, at: offset) != nil { return true }
        return false
    }

    private static func startsWithTwoSlashes(_ path: UnsafeRawBufferPointer) -> Bool {
        path.count >= 2 && path[0] == 0x2F && path[1] == 0x2F
    }

    private static func count(_ wanted: UInt8, in path: UnsafeRawBufferPointer) -> Int {
        var count = 0
        for byte in path where byte == wanted { count += 1 }
        return count
    }
}

// MARK: Memory

extension PathReadings {
    private func bytes(_ range: ByteRange) -> UnsafeRawBufferPointer {
        range.slice(of: UnsafeRawBufferPointer(self.memory))
    }

    private func equal(_ left: ByteRange, _ right: ByteRange) -> Bool {
        if left == right { return true }
        guard left.count == right.count else { return false }
        return Window(UnsafeRawBufferPointer(self.memory)).matches(self.bytes(left), at: Int(right.start))
    }

    /// Nil when the memory is full.
    private mutating func keep(_ text: UnsafeRawBufferPointer) -> ByteRange? {
        guard text.count <= self.memory.count - self.used else { return nil }
        UnsafeMutableRawBufferPointer(rebasing: self.memory[self.used...]).copyMemory(from: text)
        defer { self.used += text.count }
        return ByteRange(start: self.used, end: self.used + text.count)
    }

    /// What `body` makes of a text, which gets no longer by it. Nil when the memory is full.
    private mutating func written(
        from text: ByteRange,
        _ body: (_ source: UnsafeRawBufferPointer, _ target: inout ByteWriter) -> Void
    ) -> ByteRange? {
        guard Int(text.count) <= self.memory.count - self.used, text.count > 0 else { return nil }
        var target = ByteWriter(UnsafeMutableRawBufferPointer(rebasing: self.memory[self.used...]))
        body(self.bytes(text), &target)
        defer { self.used += target.count }
        return ByteRange(start: self.used, end: self.used + target.count)
    }
}
