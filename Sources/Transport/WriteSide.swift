/// The writing half of a connection: whether it may still write, and which end is owed to the peer. A value;
/// `Connection` does what `whenNothingIsPending` says.
struct WriteSide {
    enum Action: Equatable {
        case none
        /// Tell the peer that no more will come, then call `endWasSent`.
        case sendEnd
        /// Both are done: the connection leaves.
        case leave
        /// The end goes with the closing of the connection, which waits for nobody.
        case end
    }

    private enum Phase {
        case open
        /// Takes no more; the end follows what is pending.
        case finishing
        /// The end was sent; reading goes on.
        case finished
        /// As `finishing`, and the connection closes after it.
        case closing
        /// The connection closes after what is pending, and says no more.
        case ending
        /// The end was sent, and the connection is to close.
        case leaving
        /// It closes, and needs nothing more of this side.
        case left
        /// A write has failed: the connection's end is on its way.
        case failed
    }

    private enum Congestion {
        case clear
        /// Somebody was told to stop, and is owed a word when to go on.
        case told
    }

    private var phase = Phase.open
    private var congestion = Congestion.clear

    /// What is written now is sent.
    var accepts: Bool { self.phase == .open }
    var isClosing: Bool {
        switch self.phase {
        case .closing, .ending, .leaving, .left: true
        case .open, .finishing, .finished, .failed: false
        }
    }

    // MARK: Asked for

    mutating func finish() { if self.phase == .open { self.phase = .finishing } }

    /// False when that was asked for before, or the connection is ending anyway.
    mutating func close(isPeerDone: Bool = false) -> Bool {
        switch self.phase {
        case .open, .finishing: self.phase = isPeerDone ? .ending : .closing
        case .finished: self.phase = .leaving
        case .closing, .ending, .leaving, .left, .failed: return false
        }
        return true
    }

    /// The peer was not done after all: it is waited for.
    mutating func awaitPeer() { if self.phase == .ending { self.phase = .closing } }

    // MARK: Happened

    func whenNothingIsPending() -> Action {
        switch self.phase {
        case .finishing, .closing: .sendEnd
        case .leaving: .leave
        case .ending: .end
        case .open, .finished, .left, .failed: .none
        }
    }

    mutating func endWasSent() {
        switch self.phase {
        case .finishing: self.phase = .finished
        case .closing: self.phase = .leaving
        case .open, .finished, .ending, .leaving, .left, .failed:
            preconditionFailure("an end was sent that nobody asked for")
        }
    }

    mutating func didLeave() {
        precondition(self.phase == .leaving, "left without having said so")
        self.phase = .left
    }

    /// False when it has failed before.
    mutating func fail() -> Bool {
        guard self.phase != .failed else { return false }
        self.phase = .failed
        return true
    }

    // MARK: Congestion

    /// Whether more is pending than a producer should add to. Who is told so is told, too, when it is over.
    mutating func isCongested(pending: Int, highMark: Int) -> Bool {
        guard pending > highMark else { return false }
        self.congestion = .told
        return true
    }

    /// True once, when what is pending has shrunk after somebody was told that it is too much.
    mutating func isRelieved(pending: Int, lowMark: Int) -> Bool {
        guard self.congestion == .told, pending <= lowMark else { return false }
        self.congestion = .clear
        return true
    }
}
