import Admission
import Primitives

/// Visitors far back in a line, put aside until they are called: in the order of their numbers, with what is needed to
/// wake them and nothing else.
///
/// Of what they hear until then only the told wait changes anything: who is told a longer one than is bearable leaves. So
/// looks are counted, not played, and the line is looked over by blocks of neighbours. Who leaves, for that or for having
/// waited too long, is counted in the second in which it happens, and passed over when called. Grows and shrinks by
/// pieces, so that nothing is moved.
struct Sleepers {
    struct Sleeper {
        var rest: VisitorMachine.Rest
        var place: AdmissionToken
    }

    /// The same in 48 bytes: a line may have ten million of them.
    private struct Packed {
        let joinedAt: Instant
        /// The start of the run for who has left.
        var leavesAt: Instant
        let visitor: KeptVisitor
        let number, issuedSeconds: UInt32

        init(_ sleeper: Sleeper) {
            self.visitor = sleeper.rest.visitor.kept
            self.number = UInt32(sleeper.rest.number)
            self.joinedAt = sleeper.rest.joinedAt
            self.leavesAt = sleeper.rest.leavesAt
            self.issuedSeconds = sleeper.place.issuedSeconds
        }

        var placeNumber: Int64 { Int64(self.number) }

        /// `like`: a place of the same line.
        func sleeper(of crowd: Crowd, like place: AdmissionToken) -> Sleeper {
            var own = place
            own.number = self.placeNumber
            own.expiresSeconds = place.expiresSeconds - place.issuedSeconds + self.issuedSeconds
            own.issuedSeconds = self.issuedSeconds
            let rest = VisitorMachine.Rest(
                visitor: crowd.visitor(self.visitor),
                number: own.number,
                joinedAt: self.joinedAt,
                leavesAt: self.leavesAt
            )
            return Sleeper(rest: rest, place: own)
        }
    }

    private static let pieceCount = 16_384
    /// Neighbours who are told the same wait, as far as anybody's patience goes.
    private static let blockCount = 256

    private struct Piece {
        var sleepers: [Packed] = []
        /// For each block the end of the least patience in it, or an earlier time.
        var least: [Instant] = []

        mutating func append(_ sleeper: Packed) {
            if self.sleepers.count % Sleepers.blockCount == 0 { self.least.append(sleeper.leavesAt) }
            self.sleepers.append(sleeper)
            self.least[self.least.count - 1] = min(self.least[self.least.count - 1], sleeper.leavesAt)
        }
    }

    private var pieces: [Piece] = []
    /// Of the first that came: there is one line.
    private var place: AdmissionToken?
    /// Where the first is, in the first piece that is left.
    private var first = (piece: 0, index: 0)
    private let crowd: Crowd
    private let startedAt: Instant
    /// Those who lose patience in each second of the run: how many, and how often they look together.
    private var leavingInSecond: [Leavers] = []

    private struct Leavers {
        var count = 0
        var eagerPerSecond = 0.0
    }
    private(set) var count = 0
    /// Of those who refresh by hand around the opening, looks a second.
    private(set) var eagerPerSecond = 0.0

    init(_ crowd: Crowd, startedAt: Instant) {
        self.crowd = crowd
        self.startedAt = startedAt
    }

    private func second(_ instant: Instant) -> Int {
        Int(instant.nanoseconds(since: self.startedAt) / Nanoseconds.perSecond)
    }

    mutating func add(_ sleeper: Sleeper) {
        if self.pieces.last?.sleepers.count ?? Self.pieceCount == Self.pieceCount {
            self.pieces.append(Piece())
            self.pieces[self.pieces.count - 1].sleepers.reserveCapacity(Self.pieceCount)
        }
        self.pieces[self.pieces.count - 1].append(Packed(sleeper))
        if self.place == nil { self.place = sleeper.place }
        let second = self.second(sleeper.rest.leavesAt)
        if second < Self.mostSeconds {
            while self.leavingInSecond.count <= second { self.leavingInSecond.append(Leavers()) }
        }
        self.note(1, Self.looksPerSecond(sleeper.rest.visitor), leavingIn: second)
    }

    /// Longer patience than a day and a half is never at its end.
    private static let mostSeconds = 129_600

    /// By hand around the opening.
    private static func looksPerSecond(_ visitor: Visitor) -> Double {
        visitor.eagerRefreshNanoseconds.map { 1e9 / Double($0) } ?? 0
    }

    /// `count`: 1 for one more, who would leave in that second, and -1 for one less.
    private mutating func note(_ count: Int, _ looksPerSecond: Double, leavingIn second: Int) {
        let looks = Double(count) * looksPerSecond
        self.count += count
        self.eagerPerSecond += looks
        guard second < self.leavingInSecond.count else { return }
        self.leavingInSecond[second].count += count
        self.leavingInSecond[second].eagerPerSecond += looks
    }

    /// The one with the lowest number, when it is called and patient; those who have left before are passed over.
    mutating func wake(upTo serving: Int64, now: Instant) -> Sleeper? {
        while self.first.piece < self.pieces.count {
            guard self.first.index < self.pieces[self.first.piece].sleepers.count else {
                guard self.pieces[self.first.piece].sleepers.count == Self.pieceCount else { return nil }
                self.pieces[self.first.piece] = Piece()
                self.first = (self.first.piece + 1, 0)
                continue
            }
            let packed = self.pieces[self.first.piece].sleepers[self.first.index]
            guard packed.placeNumber <= serving, let place = self.place else { return nil }
            self.first.index += 1
            // The second in which patience ends is counted whole: who is called in it has left.
            let second = self.second(packed.leavesAt)
            if second <= self.second(now) { continue }
            let sleeper = packed.sleeper(of: self.crowd, like: place)
            self.note(-1, Self.looksPerSecond(sleeper.rest.visitor), leavingIn: second)
            return sleeper
        }
        return nil
    }

    /// How many leave because they look now, after all of `second`, and are told a wait that is longer than their patience.
    /// In each second another one of `parts` of the line looks, so that everybody does once in so many seconds.
    /// `shortestWait`: what is told at least to who has that number.
    mutating func leaveTold(
        after second: Int,
        parts: Int,
        now: Instant,
        shortestWait: (Int64) -> Int64?
    ) -> Int {
        let before = self.count
        for piece in self.first.piece..<max(self.first.piece, self.pieces.count) {
            for index in self.pieces[piece].least.indices {
                let block = piece * (Self.pieceCount / Self.blockCount) + index
                guard block % parts == second % parts else { continue }
                self.look(piece, index, after: second, now: now, shortestWait)
            }
        }
        return before - self.count
    }

    private mutating func look(
        _ piece: Int,
        _ block: Int,
        after second: Int,
        now: Instant,
        _ shortestWait: (Int64) -> Int64?
    ) {
        let called = piece == self.first.piece ? self.first.index : 0
        let end = min((block + 1) * Self.blockCount, self.pieces[piece].sleepers.count)
        let asleep = max(block * Self.blockCount, called)..<max(called, end)
        guard let first = asleep.first, let wait = shortestWait(self.pieces[piece].sleepers[first].placeNumber) else {
            return
        }
        let turn = now.advanced(byNanoseconds: wait.clamped(to: 0...1_000_000) * Nanoseconds.perSecond)
        guard self.pieces[piece].least[block] < turn else { return }
        var least = Instant(nanoseconds: .max)
        for index in asleep {
            let leavesAt = self.pieces[piece].sleepers[index].leavesAt
            let last = self.second(leavesAt)
            // Gone before.
            guard last > second else { continue }
            guard leavesAt < turn else {
                least = min(least, leavesAt)
                continue
            }
            let visitor = self.crowd.visitor(self.pieces[piece].sleepers[index].visitor)
            self.note(-1, Self.looksPerSecond(visitor), leavingIn: last)
            self.pieces[piece].sleepers[index].leavesAt = self.startedAt
        }
        self.pieces[piece].least[block] = least
    }

    /// How many lost patience in that second; called once for each, in order.
    mutating func leave(inSecond second: Int) -> Int {
        guard second < self.leavingInSecond.count else { return 0 }
        let leavers = self.leavingInSecond[second]
        self.count -= leavers.count
        self.eagerPerSecond -= leavers.eagerPerSecond
        return leavers.count
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
