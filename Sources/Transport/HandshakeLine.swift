import EventLoop
import Primitives

/// What became of the TLS handshakes that clients of a loop asked for.
public struct HandshakeCounts: Equatable, Sendable {
    /// Handshakes that were begun.
    public var begun: UInt64 = 0
    /// Clients that left before their turn.
    public var left: UInt64 = 0
    /// Clients that were sent away because they had waited for too long.
    public var late: UInt64 = 0
    /// Clients that were sent away because the line was full.
    public var crowdedOut: UInt64 = 0
    /// Clients that wait for their turn now.
    public var waiting = 0

    public init() {}

    public mutating func add(_ other: HandshakeCounts) {
        self.begun += other.begun
        self.left += other.left
        self.late += other.late
        self.crowdedOut += other.crowdedOut
        self.waiting += other.waiting
    }
}

/// The connections of a loop whose client has said hello, over all its listeners, and their turns: after everything else
/// in a turn of the loop, for as long as `HandshakeOrder` says. Whoever waits holds no TLS state, and nothing has been
/// read: the hello lies in the kernel. On an idle loop the turn is the one in which the hello came.
final class HandshakeLine: LoopPart {
    private var order = HandshakeOrder<Connection>()
    private var counted = HandshakeCounts()

    init() {}

    /// The line of that loop; on the loop only.
    static func of(_ loop: EventLoop) -> HandshakeLine { loop.part(HandshakeLine.self) }

    var rules: HandshakeRules {
        get { self.order.rules }
        set { self.order.rules = newValue }
    }

    var counts: HandshakeCounts {
        var counts = self.counted
        counts.waiting = self.order.count
        return counts
    }

    func join(_ connection: Connection) {
        switch self.order.arrive(connection, now: connection.loop.now) {
        case .turnedAway:
            self.counted.crowdedOut += 1
            connection.end(.noTurn)
        case .waits(let place, let mustCall, let displaced):
            connection.placeInLine = place
            if mustCall { self.call(on: connection.loop) }
            guard let displaced else { return }
            self.counted.crowdedOut += 1
            self.dismiss(displaced)
        }
    }

    func leave(_ place: HandshakePlace) { self.order.leave(place) }

    /// A client that had said hello went away before its turn.
    func countLeft() { self.counted.left += 1 }

    /// Twice to the end of the turn: what others have put off until then, batches and answers, goes first.
    private func call(on loop: EventLoop) { loop.atTurnEnd { loop.atTurnEnd { self.serve(on: loop) } } }

    private func serve(on loop: EventLoop) {
        // The loop's clock, read anew each time: its own `now` stands still during a turn.
        self.order.begin(now: MonotonicClock.now())
        while true {
            switch self.order.next(now: MonotonicClock.now()) {
            case .serve(let connection):
                connection.placeInLine = nil
                if connection.takeTurn() { self.counted.begun += 1 }
            case .dismiss(let connection):
                self.counted.late += 1
                self.dismiss(connection)
            case .giveWay: return loop.onNextTurn { self.call(on: loop) }
            case .rest: return
            }
        }
    }

    private func dismiss(_ connection: Connection) {
        connection.placeInLine = nil
        connection.end(.noTurn)
    }
}
