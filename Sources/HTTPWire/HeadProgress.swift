import Primitives

/// What `HeadProgress` needs to know of a head to drive its parsing. Always specialised: it costs nothing.
protocol WireHead: ~Copyable {
    static var sender: WireFailure.Sender { get }
    /// The offset of the start line's first byte: 2 or 4 when empty lines before it are passed over, which do not count
    /// as bytes of the head. More of them are known only when they are here, so it may grow with the window.
    static func startLineOffset(in window: Window) -> Int
    /// Reads the start line; the offset after its line end, or 0 when it is unfinished or malformed.
    mutating func parseStartLine(_ window: Window, from start: Int, limits: HeadLimits) -> Int
    /// Why the finished start line is malformed.
    static func startLineFault(_ window: Window, line: Int, lineFeed: Int, limits: HeadLimits) -> WireFailure.Reason
    /// A fault that the first byte of the start line shows already.
    static func firstByteFault(_ byte: UInt8) -> WireFailure.Reason?
    /// What a start line that does not end within the limit fails with.
    static var startLineTooLong: WireFailure.Reason { get }
    mutating func parseFields(_ window: Window, from start: Int, budget: Int) -> FieldSection.Step
    var fieldCount: Int { get }
    /// Draws the conclusions from all lines together, once `byteCount` bytes are known to be the head.
    mutating func conclude(_ window: Window, byteCount: Int) -> WireFailure.Reason?
}

/// How far a head that arrives in pieces has been read.
///
/// A line is judged when its LF has arrived, once, and never again before the head is complete; then the whole head is
/// read into the caller's head in one pass. So each byte is examined at most four times however small the pieces are
/// (by the first attempt, the search for its LF, the reading of its line, and the last pass), a head that arrives whole
/// is read once, and the verdict depends on the bytes alone, not on the pieces.
struct HeadProgress: Sendable {
    /// Where the first unfinished line starts; 0 while that is the start line.
    private var line = 0
    /// No LF of that line lies before this offset; 0 when nothing has been read yet.
    private var searched = 0
    /// Fields in the lines before it.
    private var fieldCount = 0
    /// For tests: how many bytes have been looked at since the parser was made.
    private(set) var examinedBytes = 0

    private enum Pass {
        case complete(Int)
        /// The line at this offset is unfinished or malformed; so many fields came before it in this pass.
        case stopped(line: Int, fieldCount: Int)
        case failed(WireFailure.Reason)
    }

    @inline(__always)
    mutating func parse<Head: WireHead & ~Copyable>(
        _ bytes: UnsafeRawBufferPointer,
        limits: HeadLimits,
        into head: inout Head
    ) -> ParseStep {
        guard bytes.count > 0 else { return .incomplete }
        let emptyLines = Head.startLineOffset(in: Window(bytes))
        let window = Window(bytes, limit: min(bytes.count, limits.maxHeadBytes &+ emptyLines))
        guard self.searched == 0 else { return self.resume(window, limits: limits, into: &head) }
        return self.settle(Self.wholePass(window, limits: limits, into: &head), Head.self, window, limits: limits)
    }

    /// One pass over a head from its first byte.
    @inline(__always)
    private static func wholePass<Head: WireHead & ~Copyable>(
        _ window: Window,
        limits: HeadLimits,
        into head: inout Head
    ) -> Pass {
        let fieldsStart = head.parseStartLine(window, from: Head.startLineOffset(in: window), limits: limits)
        guard fieldsStart > 0 else { return .stopped(line: 0, fieldCount: 0) }
        switch head.parseFields(window, from: fieldsStart, budget: limits.maxFields) {
        case .complete(let end):
            if let reason = head.conclude(window, byteCount: end) { return .failed(reason) }
            return .complete(end)
        case .stopped(let line): return .stopped(line: line, fieldCount: head.fieldCount)
        case .tooMany: return .failed(.tooManyFields)
        }
    }

    /// Goes on where the last call stopped, and reads the whole head once its last line is here.
    @inline(never)
    private mutating func resume<Head: WireHead & ~Copyable>(
        _ window: Window,
        limits: HeadLimits,
        into head: inout Head
    ) -> ParseStep {
        guard window.limit > self.searched else { return .incomplete }
        let from = self.line
        let start = from == 0 ? Head.startLineOffset(in: window) : from
        guard self.findLineFeed(window, lineStart: start) != nil else {
            return self.settle(.stopped(line: from, fieldCount: 0), Head.self, window, limits: limits)
        }
        self.examinedBytes &+= window.limit &- from
        let fieldsStart = from == 0 ? head.parseStartLine(window, from: start, limits: limits) : from
        guard fieldsStart > 0 else {
            return self.settle(.stopped(line: 0, fieldCount: 0), Head.self, window, limits: limits)
        }
        let pass: Pass
        switch head.parseFields(window, from: fieldsStart, budget: limits.maxFields - self.fieldCount) {
        case .complete: pass = Self.wholePass(window, limits: limits, into: &head)
        case .stopped(let line): pass = .stopped(line: line, fieldCount: head.fieldCount)
        case .tooMany: pass = .failed(.tooManyFields)
        }
        return self.settle(pass, Head.self, window, limits: limits)
    }

    /// Turns what a pass came to into a verdict, and keeps what the next call needs.
    @inline(__always)
    private mutating func settle<Head: WireHead & ~Copyable>(
        _ pass: Pass,
        _: Head.Type,
        _ window: Window,
        limits: HeadLimits
    ) -> ParseStep {
        switch pass {
        case .complete(let end):
            self.examinedBytes &+= end
            self.startOver()
            return .complete
        case .failed(let reason):
            self.startOver()
            return .failed(WireFailure(reason, from: Head.sender))
        case .stopped(let line, let fieldCount):
            if self.searched == 0 { self.examinedBytes &+= window.limit }
            self.fieldCount &+= fieldCount
            self.line = line
            guard let reason = self.fault(Head.self, window, limits: limits) else { return .incomplete }
            self.startOver()
            return .failed(WireFailure(reason, from: Head.sender))
        }
    }

    /// Why the line at `line` cannot become a good one; nil when more bytes may still make it one.
    @inline(never)
    private mutating func fault<Head: WireHead & ~Copyable>(
        _: Head.Type,
        _ window: Window,
        limits: HeadLimits
    ) -> WireFailure.Reason? {
        let isStartLine = self.line == 0
        let start = isStartLine ? Head.startLineOffset(in: window) : self.line
        // A lone CR may yet become an empty line that is passed over, before a request.
        let mayBeEmptyLine =
            Head.sender == .client && start < 4 && window.limit == start &+ 1
            && window.byte(at: start) == ASCII.carriageReturn
        if isStartLine, start < window.limit, !mayBeEmptyLine,
            let reason = Head.firstByteFault(window.byte(at: start))
        {
            return reason
        }
        if let lineFeed = self.findLineFeed(window, lineStart: start) {
            return isStartLine
                ? Head.startLineFault(window, line: start, lineFeed: lineFeed, limits: limits)
                : window.fieldLineFault(line: start, lineFeed: lineFeed)
        }
        guard window.limit >= limits.maxHeadBytes &+ Head.startLineOffset(in: window) else { return nil }
        return isStartLine ? Head.startLineTooLong : .headTooLong
    }

    /// The offset of the unfinished line's LF, if it is among the bytes by now.
    private mutating func findLineFeed(_ window: Window, lineStart: Int) -> Int? {
        let from = max(self.searched, lineStart)
        guard from < window.limit else {
            self.searched = window.limit
            return nil
        }
        let lineFeed = window.firstIndex(of: ASCII.lineFeed, from: from, to: window.limit)
        self.examinedBytes &+= lineFeed &- from
        self.searched = lineFeed
        return lineFeed < window.limit ? lineFeed : nil
    }

    @inline(__always)
    private mutating func startOver() {
        self.line = 0
        self.searched = 0
        self.fieldCount = 0
    }
}

extension Window {
    /// Why the finished field line `line..<lineFeed` is malformed. Off the fast path: looks at each byte.
    func fieldLineFault(line: Int, lineFeed: Int) -> WireFailure.Reason {
        if let reason = self.lineEndFault(line: line, lineFeed: lineFeed) { return reason }
        let first = self.byte(at: line)
        if first == ASCII.space || first == ASCII.tab { return .foldedLine }
        let colon = self.firstIndex(of: ASCII.colon, from: line, to: lineFeed)
        guard colon < lineFeed else { return .colonMissing }
        let name = self.trimmed(from: line, to: colon)
        for offset in line..<name.end where !ASCII.isToken(self.byte(at: offset)) { return .fieldNameInvalid }
        if name.end < colon { return .spaceBeforeColon }
        return name.isEmpty ? .fieldNameInvalid : .fieldValueInvalid
    }

    /// What is wrong with the end of the finished line `line..<lineFeed`, or with a CR inside it.
    func lineEndFault(line: Int, lineFeed: Int) -> WireFailure.Reason? {
        guard lineFeed > line, self.byte(at: lineFeed &- 1) == ASCII.carriageReturn else { return .bareLineFeed }
        let carriageReturn = self.firstIndex(of: ASCII.carriageReturn, from: line, to: lineFeed)
        return carriageReturn < lineFeed &- 1 ? .bareCarriageReturn : nil
    }
}
