import Primitives

/// A parsed response head: ranges into the buffer that was parsed, and what they mean together.
///
/// Made once and filled again and again by `ResponseParser`; not copyable, shareable between the connections of a loop,
/// and valid until the next `parse`, like `RequestHead`.
public struct ResponseHead: ~Copyable {
    /// 100...599.
    public internal(set) var status: UInt16 = 0
    /// May be empty.
    public internal(set) var reasonRange = ByteRange.empty
    /// 0 or 1; higher minor versions are treated as 1.
    public internal(set) var minorVersion: UInt8 = 1
    /// What follows the head, given the request's method. After a 101 it is `.none`: what follows is not HTTP.
    public internal(set) var framing = BodyFraming.none
    /// The worker keeps the connection open after this response. Always false when the body ends with the connection.
    public internal(set) var keepAlive = true
    /// The length of the head in bytes, from the start of the buffer to the end of the blank line.
    public internal(set) var byteCount = 0
    /// Set by the parser before it reads.
    var requestMethod = Method.get
    var section: FieldSection

    /// - Parameter limits: those of the parsers that will fill it.
    public init(limits: HeadLimits = HeadLimits()) {
        self.section = FieldSection(capacity: limits.maxFields)
    }

    /// The field lines in the order sent. Valid until the next `parse` and while the head lives.
    public var fields: UnsafeBufferPointer<Field> { self.section.fields }

    /// The recognised names that occur.
    public var names: FieldSet { self.section.names }

    /// A 1xx other than 101: the final response is still to come.
    public var isInterim: Bool { self.status < 200 && self.status != 101 }

    /// The server has switched to WebSocket, and to nothing else.
    /// - Parameter bytes: those that were parsed.
    func namesWebSocket(in bytes: UnsafeRawBufferPointer) -> Bool {
        guard self.names.contains(.upgrade) else { return false }
        for field in self.fields where field.id == .upgrade {
            if !ASCII.equalsIgnoringCase(field.value.slice(of: bytes), "websocket") { return false }
        }
        return true
    }

    /// The value of the first field of that name.
    public func firstValue(of name: FieldName) -> ByteRange? { self.section.firstValue(of: name) }
}

extension ResponseHead: WireHead {
    static var sender: WireFailure.Sender { .worker }
    static var startLineTooLong: WireFailure.Reason { .headTooLong }
    var fieldCount: Int { self.section.count }

    @inline(__always)
    static func startLineOffset(in window: Window) -> Int { 0 }

    static func firstByteFault(_ byte: UInt8) -> WireFailure.Reason? {
        byte == 0x48 ? nil : .statusLineInvalid
    }

    /// Reads `HTTP/1.1 200 reason`. The space before an empty reason may be missing, as some servers leave it out.
    @inline(__always)
    mutating func parseStartLine(_ window: Window, from start: Int, limits: HeadLimits) -> Int {
        guard start &+ 14 <= window.limit else { return 0 }
        let version = window.wholeWord(at: start)
        let minor = UInt8(truncatingIfNeeded: version &>> 56)
        guard version & (1 &<< 56 &- 1) == Word.text("HTTP/1.\0"), ASCII.isDigit(minor),
            window.byte(at: start &+ 8) == ASCII.space
        else { return 0 }
        self.minorVersion = minor == ASCII.zero ? 0 : 1
        guard let status = window.statusCode(at: start &+ 9) else { return 0 }
        self.status = status
        let afterCode = start &+ 12
        var reasonStart = afterCode
        if window.byte(at: afterCode) == ASCII.space { reasonStart &+= 1 }
        var stop = window.endOfText(from: reasonStart)
        while stop < window.limit, window.byte(at: stop) == ASCII.tab { stop = window.endOfText(from: stop &+ 1) }
        guard stop &+ 2 <= window.limit, window.pair(at: stop) == 0x0A0D,
            reasonStart > afterCode || stop == afterCode
        else { return 0 }
        self.reasonRange = ByteRange(start: reasonStart, end: stop)
        return stop &+ 2
    }

    static func startLineFault(
        _ window: Window,
        line: Int,
        lineFeed: Int,
        limits: HeadLimits
    ) -> WireFailure.Reason {
        if let reason = window.lineEndFault(line: line, lineFeed: lineFeed) { return reason }
        guard lineFeed &- line >= 9, let major = window.majorVersion(ByteRange(start: line, end: line &+ 8)) else {
            return .statusLineInvalid
        }
        guard major == 1 else { return .versionUnsupported }
        guard lineFeed &- line >= 13, window.byte(at: line &+ 8) == ASCII.space,
            window.statusCode(at: line &+ 9) == nil
        else { return .statusLineInvalid }
        return .statusCodeInvalid
    }

    @inline(__always)
    mutating func parseFields(_ window: Window, from start: Int, budget: Int) -> FieldSection.Step {
        self.section.reset()
        return self.section.parse(window, from: start, budget: budget)
    }

    @inline(__always)
    mutating func conclude(_ window: Window, byteCount: Int) -> WireFailure.Reason? {
        self.byteCount = byteCount
        if let reason = self.section.contradiction { return reason }
        if let reason = self.concludeFraming() { return reason }
        let connection = self.section.connection
        self.keepAlive =
            !connection.contains(.close) && self.framing != .untilClose
            && (self.minorVersion >= 1 || connection.contains(.keepAlive))
        return nil
    }

    /// RFC 9112 section 6.3, but for messages with two framings, which are refused.
    @inline(__always)
    private mutating func concludeFraming() -> WireFailure.Reason? {
        let hasLength = self.section.contentLength >= 0
        let isChunked = self.names.contains(.transferEncoding)
        if isChunked, hasLength { return .lengthAndEncoding }
        if isChunked, self.minorVersion == 0 { return .transferEncodingInOldVersion }
        if self.requestMethod == .head || self.status < 200 || self.status == 204 || self.status == 304 {
            self.framing = .none
        } else if isChunked {
            self.framing = .chunked
        } else {
            self.framing = hasLength ? .length(self.section.contentLength) : .untilClose
        }
        return nil
    }
}

extension Window {
    /// Three digits in 100...599. The caller has compared `offset + 3` with `limit`.
    @inline(__always)
    fileprivate func statusCode(at offset: Int) -> UInt16? {
        let hundreds = self.byte(at: offset) &- ASCII.zero
        let tens = self.byte(at: offset &+ 1) &- ASCII.zero
        let ones = self.byte(at: offset &+ 2) &- ASCII.zero
        guard hundreds &- 1 < 5, tens < 10, ones < 10 else { return nil }
        return UInt16(hundreds) &* 100 &+ UInt16(tens) &* 10 &+ UInt16(ones)
    }
}
