/// One answer to a visitor who was outside when they asked: what was heard, and between which moments.
///
/// 32 bytes, so that a whole run of them is kept. Times are microseconds from the start of the run.
struct Look: Equatable, Sendable {
    enum Kind: UInt8, Sendable {
        /// In line: not called yet.
        case waiting
        /// Called, and sent round.
        case atDoor
        /// No place could be given yet.
        case joining
        case letIn
        /// No answer, or none that counts.
        case error
    }

    /// By index in the crowd.
    var visitor: UInt32
    /// On the visitor's place as of this answer; 0: none was told.
    var number: UInt32
    /// As the page says it, the visitor included; 0: not told.
    var position: UInt32
    var kind: Kind
    /// When to look again, as the page says it; 0: not told, or later than pages may say.
    var refreshSeconds: UInt8
    /// The range that the page names for the wait, up to 65,535 s; an empty one: none.
    private var leastSeconds: UInt16
    private var mostSeconds: UInt16
    /// From the request to the answer: an answer is not waited for so long that this would not hold it.
    private var tookMicros: UInt32
    var answeredMicros: Int64

    init(
        visitor: UInt32,
        number: UInt32,
        position: UInt32,
        kind: Kind,
        sentMicros: Int64,
        answeredMicros: Int64,
        refreshSeconds: Int64 = 0,
        estimateSeconds: ClosedRange<Int64>? = nil
    ) {
        self.visitor = visitor
        self.number = number
        self.position = position
        self.kind = kind
        self.refreshSeconds = UInt8(exactly: refreshSeconds) ?? 0
        self.leastSeconds = UInt16(clamping: estimateSeconds?.lowerBound ?? 1)
        self.mostSeconds = UInt16(clamping: estimateSeconds?.upperBound ?? 0)
        self.tookMicros = UInt32(clamping: answeredMicros - sentMicros)
        self.answeredMicros = answeredMicros
    }

    /// Who comes later than this after the time that was told has not come when told.
    static let punctualMicros: Int64 = 1_000_000

    /// The visitor came later than that page had told.
    func isLate(after page: Look) -> Bool { self.lateMicros(after: page) > Self.punctualMicros }

    func lateMicros(after page: Look) -> Int64 {
        guard page.refreshSeconds > 0 else { return 0 }
        return max(0, self.sentMicros - page.answeredMicros - Int64(page.refreshSeconds) * 1_000_000)
    }

    var sentMicros: Int64 { self.answeredMicros - Int64(self.tookMicros) }

    var estimateSeconds: ClosedRange<Int64>? {
        guard self.leastSeconds <= self.mostSeconds else { return nil }
        return Int64(self.leastSeconds)...Int64(self.mostSeconds)
    }
}

/// How long an answer inside took, and when it came, to the millisecond: by these it is known when the site stood still.
struct InsideAnswer: Equatable, Sendable {
    private(set) var answeredMillis: UInt32
    private(set) var tookMillis: UInt32

    init(answeredMillis: UInt32, tookMillis: UInt32) {
        self.answeredMillis = answeredMillis
        self.tookMillis = tookMillis
    }

    init(sentMicros: Int64, answeredMicros: Int64) {
        self.answeredMillis = UInt32(clamping: answeredMicros / 1_000)
        self.tookMillis = UInt32(clamping: (answeredMicros - sentMicros) / 1_000)
    }

    var answeredMicros: Int64 { Int64(self.answeredMillis) * 1_000 }
    var tookMicros: Int64 { Int64(self.tookMillis) * 1_000 }
}

/// A list that grows by a piece at a time, so that nothing is ever moved: a copy of hundreds of megabytes in the middle of
/// a run would make every timer late.
struct PieceList<Element: Sendable>: Sendable {
    private static var pieceCount: Int { 65_536 }

    private var pieces: [[Element]] = []
    private(set) var count = 0

    mutating func append(_ element: Element) {
        if self.count == self.pieces.count * Self.pieceCount {
            var piece: [Element] = []
            piece.reserveCapacity(Self.pieceCount)
            self.pieces.append(piece)
        }
        self.pieces[self.pieces.count - 1].append(element)
        self.count += 1
    }

    var all: [Element] { Array(self.pieces.joined()) }

    func makeIterator() -> some IteratorProtocol<Element> { self.pieces.joined().makeIterator() }
}

/// Looks in the order in which they were answered.
typealias LookList = PieceList<Look>
