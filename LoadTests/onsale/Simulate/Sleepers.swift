import Admission
import Primitives

/// Visitors far back in a line, put aside until they are called: in the order of their numbers, with what is needed to
/// wake them and nothing else.
///
/// What they would hear until then changes nothing: their looks are counted, not played. Who loses patience meanwhile is
/// counted in the second in which that happens, and passed over when called. Grows and shrinks by pieces, so that nothing
/// is moved.
struct Sleepers {
    struct Sleeper {
        var rest: VisitorMachine.Rest
        var place: AdmissionToken
    }

    private static let pieceCount = 16_384

    private var pieces: [[Sleeper]] = []
    /// Where the first is, in the first piece that is left.
    private var first = (piece: 0, index: 0)
    private let startedAt: Instant
    /// How many lose patience in each second of the run.
    private var leavingInSecond: [Int] = []
    private(set) var count = 0
    /// Of those who refresh by hand around the opening, looks a second.
    private(set) var eagerPerSecond = 0.0

    init(startedAt: Instant) { self.startedAt = startedAt }

    private func second(_ instant: Instant) -> Int {
        Int(instant.nanoseconds(since: self.startedAt) / Nanoseconds.perSecond)
    }

    mutating func add(_ sleeper: Sleeper) {
        if self.pieces.last?.count ?? Self.pieceCount == Self.pieceCount {
            self.pieces.append([])
            self.pieces[self.pieces.count - 1].reserveCapacity(Self.pieceCount)
        }
        self.pieces[self.pieces.count - 1].append(sleeper)
        self.count += 1
        self.noteEager(sleeper, 1)
        let second = self.second(sleeper.rest.leavesAt)
        guard second < Self.mostSeconds else { return }
        while self.leavingInSecond.count <= second { self.leavingInSecond.append(0) }
        self.leavingInSecond[second] += 1
    }

    /// Longer patience than a day and a half is never at its end.
    private static let mostSeconds = 129_600

    private mutating func noteEager(_ sleeper: Sleeper, _ sign: Double) {
        guard let eager = sleeper.rest.visitor.eagerRefreshNanoseconds else { return }
        self.eagerPerSecond += sign * 1e9 / Double(eager)
    }

    /// The one with the lowest number, when it is called and patient; those who have left before are passed over.
    mutating func wake(upTo serving: Int64, now: Instant) -> Sleeper? {
        while self.first.piece < self.pieces.count {
            guard self.first.index < self.pieces[self.first.piece].count else {
                guard self.pieces[self.first.piece].count == Self.pieceCount else { return nil }
                self.pieces[self.first.piece] = []
                self.first = (self.first.piece + 1, 0)
                continue
            }
            let sleeper = self.pieces[self.first.piece][self.first.index]
            guard sleeper.rest.number <= serving else { return nil }
            self.first.index += 1
            // The second in which patience ends is counted whole: who is called in it has left.
            let second = self.second(sleeper.rest.leavesAt)
            if second <= self.second(now) { continue }
            self.noteEager(sleeper, -1)
            self.count -= 1
            if second < self.leavingInSecond.count { self.leavingInSecond[second] -= 1 }
            return sleeper
        }
        return nil
    }

    /// How many lost patience in that second; called once for each, in order.
    mutating func leave(inSecond second: Int) -> Int {
        guard second < self.leavingInSecond.count else { return 0 }
        self.count -= self.leavingInSecond[second]
        return self.leavingInSecond[second]
    }

    /// Nobody is called any more: how many are left.
    mutating func removeAll() -> Int {
        defer {
            self.pieces = []
            self.first = (0, 0)
            self.leavingInSecond = []
            self.count = 0
        }
        return self.count
    }
}
