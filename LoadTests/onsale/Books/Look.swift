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
    var sentMicros: Int64
    var answeredMicros: Int64
}

/// Looks in the order in which they were answered. Grows by a piece at a time, so that nothing is ever moved: a copy of
/// hundreds of megabytes in the middle of a run would make every timer late.
struct LookList: Sendable {
    private static let pieceCount = 65_536

    private var pieces: [[Look]] = []
    private(set) var count = 0

    mutating func append(_ look: Look) {
        if self.count == self.pieces.count * Self.pieceCount {
            var piece: [Look] = []
            piece.reserveCapacity(Self.pieceCount)
            self.pieces.append(piece)
        }
        self.pieces[self.pieces.count - 1].append(look)
        self.count += 1
    }

    var all: [Look] { Array(self.pieces.joined()) }

    func makeIterator() -> some IteratorProtocol<Look> { self.pieces.joined().makeIterator() }
}
