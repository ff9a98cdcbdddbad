import Primitives

/// Reads request heads, strictly by RFC 9112: what two servers could understand differently is refused.
///
/// The value itself is a few words for one connection; the head that it fills may be shared (see `RequestHead`).
public struct RequestParser: Sendable {
    public let limits: HeadLimits
    private(set) var progress = HeadProgress()

    public init(limits: HeadLimits = HeadLimits()) { self.limits = limits }

    /// Reads the head at the start of `bytes`.
    ///
    /// After `.incomplete`, call again with the same bytes and more behind them. After `.complete`, the next call reads
    /// the next head. `head` must have been made with the same limits.
    public mutating func parse(_ bytes: UnsafeRawBufferPointer, into head: inout RequestHead) -> ParseStep {
        precondition(head.section.capacity >= self.limits.maxFields, "the head was made with smaller limits")
        guard bytes.count > 0 else { return .incomplete }
        let window = Window(bytes, limit: min(bytes.count, self.limits.maxHeadBytes))
        if self.progress.searched > 0 { return self.resume(bytes, window, into: &head) }
        return self.settle(self.wholePass(window, into: &head), bytes, window, from: 0)
    }

    /// One pass over a head from its first byte.
    @inline(__always)
    private func wholePass(_ window: Window, into head: inout RequestHead) -> HeadPass {
        let start = RequestLine.start(in: window)
        let fieldsStart = head.parseRequestLine(window, from: start, limits: self.limits)
        guard fieldsStart > 0 else { return .stopped(0) }
        head.section.reset()
        switch head.section.parse(window, from: fieldsStart, budget: self.limits.maxFields) {
        case .complete(let end):
            head.byteCount = end
            if let reason = head.conclude(window) { return .failed(reason) }
            return .complete(end)
        case .stopped(let line): return .stopped(line)
        case .tooMany: return .failed(.tooManyFields)
        }
    }

    /// Goes on where the last call stopped, and reads the whole head once its last line is here.
    @inline(never)
    private mutating func resume(
        _ bytes: UnsafeRawBufferPointer, _ window: Window, into head: inout RequestHead
    ) -> ParseStep {
        guard self.progress.lineFeed(in: window) != nil else {
            return self.settle(.stopped(self.progress.line), bytes, window, from: window.limit)
        }
        let from = self.progress.line
        var fieldsStart = from
        if from == 0 {
            fieldsStart = head.parseRequestLine(window, from: RequestLine.start(in: window), limits: self.limits)
            guard fieldsStart > 0 else { return self.settle(.stopped(0), bytes, window, from: 0) }
        }
        head.section.reset()
        let budget = self.limits.maxFields - self.progress.fieldCount
        switch head.section.parse(window, from: fieldsStart, budget: budget) {
        case .complete(let end):
            self.progress.examinedBytes &+= end &- from
            return self.settle(self.wholePass(window, into: &head), bytes, window, from: 0)
        case .stopped(let line):
            self.progress.fieldCount &+= head.section.count
            return self.settle(.stopped(line), bytes, window, from: from)
        case .tooMany:
            return self.settle(.failed(.tooManyFields), bytes, window, from: from)
        }
    }

    /// Turns what a pass came to into an answer, and keeps what the next call needs.
    @inline(__always)
    private mutating func settle(
        _ pass: HeadPass, _ bytes: UnsafeRawBufferPointer, _ window: Window, from start: Int
    ) -> ParseStep {
        switch pass {
        case .complete(let end):
            self.progress.examinedBytes &+= end &- start
            self.progress.startOver()
            return .complete
        case .failed(let reason):
            self.progress.startOver()
            return .failed(WireFailure(reason))
        case .stopped(let line):
            return self.stop(at: line, bytes, window, from: start)
        }
    }
}
