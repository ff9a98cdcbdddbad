/// The reading half of a connection: what the socket may hold, whether it is wanted, and what comes next. A value;
/// `Connection` does what `next` says.
struct ReadSide {
    enum Step: Equatable {
        /// Offer the handler once more what it left.
        case offer
        /// Read from the socket.
        case read
        /// Go on in the next turn: this connection has had its share of this one.
        case giveWay
        /// There is nothing to do until something happens.
        case rest
    }

    /// What is known of the socket. Events are edges: that there is something to read is told once, and remembered here.
    private enum Source {
        /// The next byte makes an event.
        case empty
        case ready
        /// The peer's end, which has had its event, follows what is still to be read.
        case ending
        /// The end was read.
        case ended
    }

    private enum Demand {
        case flowing, paused
        /// The connection is closing: what comes is read and thrown away.
        case discarding
    }

    private enum Activity {
        case idle
        /// `Connection` is asking `next` again and again; the handler may be running.
        case running
    }

    /// What one connection reads in a turn, while others wait.
    static let maxReadsPerTurn = 16
    static let maxBytesPerTurn = 64 * 1024

    private var source = Source.empty
    private var demand = Demand.flowing
    private var activity = Activity.idle
    /// The handler is to look once more at what it left.
    private var owesOffer = false
    private var turn: UInt64 = 0
    private var readsThisTurn = 0
    private var bytesThisTurn = 0

    // MARK: What the socket says

    /// An event, or a reason to look without one.
    mutating func becameReadable(endIsNear: Bool) {
        switch self.source {
        case .ended: return
        case .ending: return
        case .empty, .ready: self.source = endIsNear ? .ending : .ready
        }
    }

    /// `isEmptied` says that the read took all that the socket had.
    mutating func didRead(_ count: Int, isEmptied: Bool) {
        precondition(self.source == .ready || self.source == .ending, "read from a socket that had nothing")
        self.bytesThisTurn += count
        if isEmptied, self.source == .ready { self.source = .empty }
    }

    mutating func foundNothing() {
        precondition(self.source == .ready || self.source == .ending, "read from a socket that had nothing")
        self.source = .empty
    }

    mutating func foundEnd() {
        precondition(self.source == .ready || self.source == .ending, "the end was read twice")
        self.source = .ended
    }

    // MARK: What the handler says

    mutating func pause() { if self.demand == .flowing { self.demand = .paused } }

    /// False when it was not paused.
    mutating func resume() -> Bool {
        guard self.demand == .paused else { return false }
        self.demand = .flowing
        self.owesOffer = true
        return true
    }

    mutating func offerAgain() { self.owesOffer = true }

    /// From now on what comes is thrown away, and the end is waited for.
    mutating func discard() {
        precondition(self.demand != .discarding && self.source != .ended, "nothing is left to discard")
        self.demand = .discarding
        self.owesOffer = false
    }

    // MARK: What comes next

    /// False when it is running already: what was asked for is found by the run that is under way.
    mutating func beginRun() -> Bool {
        guard self.activity == .idle else { return false }
        self.activity = .running
        return true
    }

    mutating func endRun() {
        precondition(self.activity == .running, "a run ended twice")
        self.activity = .idle
    }

    mutating func next(retained: Int, limit: Int, turn: UInt64) -> Step {
        precondition(self.activity == .running, "only a run takes steps")
        if self.owesOffer, self.demand == .flowing {
            self.owesOffer = false
            if retained > 0 { return .offer }
        }
        guard self.source == .ready || self.source == .ending else { return .rest }
        guard self.wants(retained: retained, limit: limit) else { return .rest }
        if turn != self.turn {
            self.turn = turn
            self.readsThisTurn = 0
            self.bytesThisTurn = 0
        }
        guard self.readsThisTurn < Self.maxReadsPerTurn, self.bytesThisTurn < Self.maxBytesPerTurn else {
            return .giveWay
        }
        self.readsThisTurn += 1
        return .read
    }

    /// True when the socket will be read as soon as it has something. Otherwise nobody would find that the peer is gone.
    func isReading(retained: Int, limit: Int) -> Bool {
        self.source != .ended && self.wants(retained: retained, limit: limit)
    }

    private func wants(retained: Int, limit: Int) -> Bool {
        switch self.demand {
        case .flowing: retained < limit
        case .paused: false
        case .discarding: true
        }
    }

    /// Something is there to be read that makes no event any more.
    var mayHaveMore: Bool { self.source == .ready || self.source == .ending }
    var isRunning: Bool { self.activity == .running }
    var isEnding: Bool { self.source == .ending }
    var hasEnded: Bool { self.source == .ended }
}
