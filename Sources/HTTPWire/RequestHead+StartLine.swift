import Primitives

extension RequestHead: WireHead {
    static var sender: WireFailure.Sender { .client }
    static var startLineTooLong: WireFailure.Reason { .targetTooLong }
    var fieldCount: Int { self.section.count }

    /// Some clients send an empty line after a body, and some two (RFC 9112 section 2.2); they are passed over.
    static var maxEmptyLines: Int { 2 }

    @inline(__always)
    static func startLineOffset(in window: Window) -> Int {
        guard window.limit >= 2, window.pair(at: 0) == 0x0A0D else { return 0 }
        return window.limit >= 4 && window.pair(at: 2) == 0x0A0D ? 4 : 2
    }

    static func firstByteFault(_ byte: UInt8) -> WireFailure.Reason? {
        ASCII.isToken(byte) ? nil : .methodInvalid
    }

    @inline(__always)
    mutating func parseStartLine(_ window: Window, from start: Int, limits: HeadLimits) -> Int {
        let targetStart = self.parseMethod(window, from: start)
        guard targetStart > 0, targetStart < window.limit else { return 0 }
        self.methodRange = ByteRange(start: start, end: targetStart &- 1)
        let targetEnd: Int
        if window.byte(at: targetStart) == 0x2F {
            targetEnd = self.parsePath(window, from: targetStart)
            self.isAbsoluteForm = false
        } else {
            targetEnd = self.parseOtherTarget(window, from: targetStart)
        }
        guard targetEnd > 0, targetEnd &- targetStart <= limits.maxTargetBytes else { return 0 }
        self.targetRange = ByteRange(start: targetStart, end: targetEnd)
        return self.parseVersion(window, from: targetEnd)
    }

    /// The offset after the method and its space, or 0.
    @inline(__always)
    private mutating func parseMethod(_ window: Window, from start: Int) -> Int {
        let word = window.word(at: start)
        if UInt32(truncatingIfNeeded: word) == UInt32(truncatingIfNeeded: Word.text("GET \0\0\0\0")) {
            self.method = .get
            return start &+ 4
        }
        if word & 0xFF_FFFF_FFFF == Word.text("POST \0\0\0") {
            self.method = .post
            return start &+ 5
        }
        return self.parseRareMethod(window, word, from: start)
    }

    @inline(never)
    private mutating func parseRareMethod(_ window: Window, _ word: UInt64, from start: Int) -> Int {
        var end = start
        while end < window.limit, ASCII.isToken(window.byte(at: end)) { end &+= 1 }
        guard end > start, end < window.limit, window.byte(at: end) == ASCII.space else { return 0 }
        let count = end &- start
        let name = count < 8 ? word & (1 &<< UInt64(count &* 8) &- 1) : 0
        if name == Word.text("HEAD\0\0\0\0") {
            self.method = .head
        } else if name == Word.text("PUT\0\0\0\0\0") {
            self.method = .put
        } else if name == Word.text("DELETE\0\0") {
            self.method = .delete
        } else if name == Word.text("OPTIONS\0") {
            self.method = .options
        } else if name == Word.text("PATCH\0\0\0") {
            self.method = .patch
        } else if name == Word.text("TRACE\0\0\0") {
            self.method = .trace
        } else if name == Word.text("CONNECT\0") {
            return 0
        } else {
            self.method = .other
        }
        return end &+ 1
    }

    /// Reads path and query up to the space after them; its offset, or 0.
    @inline(__always)
    private mutating func parsePath(_ window: Window, from start: Int) -> Int {
        let question = Word.repeating(0x3F)
        var stop = start
        while true {
            let word = window.word(at: stop)
            let stops = Word.targetStops(word) | Word.zeros(word ^ question)
            if stops != 0 {
                stop &+= Word.firstIndex(stops)
                break
            }
            stop &+= 8
        }
        guard stop < window.limit else { return 0 }
        self.pathRange = ByteRange(start: start, end: stop)
        if window.byte(at: stop) == 0x3F { return self.parseQuery(window, from: stop &+ 1) }
        self.queryRange = .empty
        return window.byte(at: stop) == ASCII.space ? stop : 0
    }

    @inline(__always)
    private mutating func parseQuery(_ window: Window, from start: Int) -> Int {
        var stop = start
        while true {
            let stops = Word.targetStops(window.word(at: stop))
            if stops != 0 {
                stop &+= Word.firstIndex(stops)
                break
            }
            stop &+= 8
        }
        self.queryRange = ByteRange(start: start, end: stop)
        return stop < window.limit && window.byte(at: stop) == ASCII.space ? stop : 0
    }

    /// `*` for OPTIONS, or an absolute address (RFC 9112 sections 3.2.2 and 3.2.4); the offset of the space after it,
    /// or 0. The authority is left in `hostRange`.
    @inline(never)
    private mutating func parseOtherTarget(_ window: Window, from start: Int) -> Int {
        self.pathRange = .empty
        self.queryRange = .empty
        self.isAbsoluteForm = false
        if window.byte(at: start) == 0x2A {
            guard self.method == .options, start &+ 1 < window.limit else { return 0 }
            return window.byte(at: start &+ 1) == ASCII.space ? start &+ 1 : 0
        }
        guard let authorityStart = window.endOfScheme(from: start) else { return 0 }
        var end = authorityStart
        while end < window.limit, window.byte(at: end) != ASCII.space, window.byte(at: end) != 0x2F,
            window.byte(at: end) != 0x3F
        {
            end &+= 1
        }
        guard end < window.limit else { return 0 }
        let authority = ByteRange(start: authorityStart, end: end)
        guard let nameEnd = window.endOfHostName(authority) else { return 0 }
        self.isAbsoluteForm = true
        self.hostRange = authority
        self.hostNameRange = ByteRange(start: authorityStart, end: nameEnd)
        switch window.byte(at: end) {
        case 0x2F: return self.parsePath(window, from: end)
        case 0x3F: return self.parseQuery(window, from: end &+ 1)
        default: return end
        }
    }

    /// Reads ` HTTP/1.x` and the line end; the offset after it, or 0.
    @inline(__always)
    private mutating func parseVersion(_ window: Window, from space: Int) -> Int {
        guard space &+ 11 <= window.limit, window.pair(at: space &+ 9) == 0x0A0D else { return 0 }
        let version = window.wholeWord(at: space &+ 1)
        if version == Word.text("HTTP/1.1") {
            self.minorVersion = 1
        } else {
            guard version & (1 &<< 56 &- 1) == Word.text("HTTP/1.\0") else { return 0 }
            let minor = UInt8(truncatingIfNeeded: version &>> 56)
            guard ASCII.isDigit(minor) else { return 0 }
            self.minorVersion = minor == ASCII.zero ? 0 : 1
        }
        return space &+ 11
    }

    static func startLineFault(
        _ window: Window,
        line: Int,
        lineFeed: Int,
        limits: HeadLimits
    ) -> WireFailure.Reason {
        if let reason = window.lineEndFault(line: line, lineFeed: lineFeed) { return reason }
        let end = lineFeed &- 1
        let methodEnd = window.firstIndex(of: ASCII.space, from: line, to: end)
        for offset in line..<methodEnd where !ASCII.isToken(window.byte(at: offset)) { return .methodInvalid }
        if window.equals(ByteRange(start: line, end: methodEnd), "CONNECT") { return .connectRefused }
        guard methodEnd < end else { return .versionMissing }
        let targetEnd = window.firstIndex(of: ASCII.space, from: methodEnd &+ 1, to: end)
        guard targetEnd > methodEnd &+ 1 else { return .targetInvalid }
        guard targetEnd < end else { return .versionMissing }
        guard targetEnd &- methodEnd &- 1 <= limits.maxTargetBytes else { return .targetTooLong }
        guard let major = window.majorVersion(ByteRange(start: targetEnd &+ 1, end: end)) else {
            let more = window.firstIndex(of: ASCII.space, from: targetEnd &+ 1, to: end)
            return more < end ? .targetInvalid : .versionInvalid
        }
        return major == 1 ? .targetInvalid : .versionUnsupported
    }
}

extension Window {
    /// The offset after `http://` or `https://`.
    fileprivate func endOfScheme(from start: Int) -> Int? {
        let word = Word.folded(self.word(at: start))
        if word & (1 &<< 56 &- 1) == Word.text("http://\0") { return start &+ 7 }
        return word == Word.text("https://") ? start &+ 8 : nil
    }

    fileprivate func equals(_ range: ByteRange, _ text: StaticString) -> Bool {
        guard Int(range.count) == text.utf8CodeUnitCount else { return false }
        for index in 0..<Int(range.count) where self.byte(at: Int(range.start) &+ index) != text.utf8Start[index] {
            return false
        }
        return true
    }

    /// The first digit of `HTTP/d.d`; nil when the range is nothing of that form.
    func majorVersion(_ range: ByteRange) -> UInt8? {
        guard range.count == 8, self.equals(ByteRange(start: Int(range.start), end: Int(range.start) &+ 5), "HTTP/"),
            ASCII.isDigit(self.byte(at: Int(range.start) &+ 5)), self.byte(at: Int(range.start) &+ 6) == 0x2E,
            ASCII.isDigit(self.byte(at: Int(range.start) &+ 7))
        else { return nil }
        return self.byte(at: Int(range.start) &+ 5) &- ASCII.zero
    }
}
