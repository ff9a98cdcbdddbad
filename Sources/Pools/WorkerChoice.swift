import Primitives

/// Which of a pool's workers a request goes to: two choices at random, and of them the one that is less loaded for its
/// slots. A decision over plain numbers; `Candidate` says what it needs to know of a worker.
public enum WorkerChoice {
    public struct Candidate: Equatable, Sendable {
        /// Requests under way, connections on the way included; in any unit, the same for all candidates.
        public var load: Int
        /// Requests that it serves at once: workers that were started by other settings may have more or fewer.
        public var slots: Int
        /// It has an idle connection, or may be given another one.
        public var hasRoom: Bool
        /// It fails and is passed by, see `WorkerStandings`.
        public var isEjected: Bool
        /// It has just failed this request.
        public var isAvoided: Bool

        @inlinable
        public init(load: Int, slots: Int = 1, hasRoom: Bool, isEjected: Bool = false, isAvoided: Bool = false) {
            self.load = load
            self.slots = max(1, slots)
            self.hasRoom = hasRoom
            self.isEjected = isEjected
            self.isAvoided = isAvoided
        }

        /// 2: as good as any; 1: better than no worker; 0: no.
        /// As much of it is taken as of the other, or less.
        @inlinable
        func isAsFree(as other: Candidate) -> Bool {
            self.load * other.slots <= other.load * self.slots
        }

        @inlinable var fitness: Int { !self.hasRoom ? 0 : self.isEjected || self.isAvoided ? 1 : 2 }
    }

    /// The index of the worker to take, or nil when none has room. Looks at two of them, and at all only when neither
    /// will do. Ejected and avoided workers are taken when there are no others.
    @inlinable
    public static func pick(
        count: Int,
        random: inout SplitMix64,
        _ candidate: (Int) -> Candidate
    ) -> Int? {
        guard count > 1 else { return count == 1 && candidate(0).hasRoom ? 0 : nil }
        let first = Int(random.next(upperBound: UInt64(count)))
        var second = Int(random.next(upperBound: UInt64(count - 1)))
        if second >= first { second += 1 }
        let (left, right) = (candidate(first), candidate(second))
        switch (left.fitness == 2, right.fitness == 2) {
        case (true, true): return left.isAsFree(as: right) ? first : second
        case (true, false): return first
        case (false, true): return second
        case (false, false): return self.best(count: count, candidate)
        }
    }

    @inlinable
    static func best(count: Int, _ candidate: (Int) -> Candidate) -> Int? {
        var found: (index: Int, candidate: Candidate)?
        for index in 0..<count {
            let next = candidate(index)
            guard next.fitness > 0 else { continue }
            if let best = found?.candidate,
                best.fitness > next.fitness || best.fitness == next.fitness && best.isAsFree(as: next)
            {
                continue
            }
            found = (index, next)
        }
        return found?.index
    }
}
