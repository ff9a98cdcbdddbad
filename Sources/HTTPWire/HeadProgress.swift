import Primitives

/// How far a head that arrives in pieces has been read.
///
/// A line is judged when its LF has arrived, once, and never again before the head is complete; then the whole head is
/// read into the caller's head in one pass. So each byte is examined at most four times however small the pieces are
/// (by the first attempt, the search for its LF, the reading of its line, and the last pass), a head that arrives whole
/// is read once, and the verdict depends on the bytes alone, not on the pieces.
struct HeadProgress: Sendable {
    /// Where the first unfinished line starts; 0 while that is the start line.
    var line = 0
    /// No LF of that line lies before this offset.
    var searched = 0
    /// Fields in the lines before it.
    var fieldCount = 0
    /// For tests: how many bytes have been looked at since the parser was made.
    var examinedBytes = 0

    /// The offset of the unfinished line's LF, if it is among the bytes by now.
    mutating func lineFeed(in window: Window) -> Int? {
        let from = max(self.searched, self.line)
        let lineFeed = window.firstIndex(of: ASCII.lineFeed, from: from, to: window.limit)
        self.examinedBytes &+= lineFeed &- from
        self.searched = lineFeed
        return lineFeed < window.limit ? lineFeed : nil
    }

    mutating func startOver() {
        self.line = 0
        self.searched = 0
        self.fieldCount = 0
    }
}

/// What a pass over a head came to.
enum HeadPass {
    case complete(Int)
    /// The line at this offset is unfinished or malformed.
    case stopped(Int)
    case failed(WireFailure.Reason)
}

extension Window {
    /// The reason why the finished field line `line..<lineFeed` is malformed. Off the fast path: looks at each byte.
    func fieldLineFault(line: Int, lineFeed: Int) -> WireFailure.Reason {
        if let fault = self.lineEndFault(line: line, lineFeed: lineFeed) { return fault }
        let first = self.byte(at: line)
        if first == ASCII.space || first == ASCII.tab { return .foldedLine }
        let end = lineFeed &- 1
        let colon = self.firstIndex(of: ASCII.colon, from: line, to: end)
        guard colon < end else { return .colonMissing }
        for offset in line..<colon where !ASCII.isToken(self.byte(at: offset)) {
            let isTrailing = self.trimmed(from: line, to: colon).end <= offset
            return isTrailing ? .spaceBeforeColon : .fieldNameInvalid
        }
        return colon == line ? .fieldNameInvalid : .fieldValueInvalid
    }

    /// What is wrong with the end of the finished line `line..<lineFeed`, or with a CR inside it.
    func lineEndFault(line: Int, lineFeed: Int) -> WireFailure.Reason? {
        guard lineFeed > line, self.byte(at: lineFeed &- 1) == ASCII.carriageReturn else { return .bareLineFeed }
        let carriageReturn = self.firstIndex(of: ASCII.carriageReturn, from: line, to: lineFeed)
        return carriageReturn < lineFeed &- 1 ? .bareCarriageReturn : nil
    }
}
