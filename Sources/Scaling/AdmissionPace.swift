/// How many times the rate of visitors that their learned cost allows may be let in: above 1 while those inside keep the
/// workers less busy than planned, below 1 while they ask for more than was planned.
///
/// What a visitor costs is learned slowly, and the requests of a long visit come long after the visitor: a rate that only
/// reckons lets people stand before workers that have nothing to do, and goes on letting them in when those who are in
/// come back for their next page. So the loop is closed over what is measured. It gives way before the workers are as
/// busy as planned, because what was let in at a high rate is still to come, and ends when latency or errors have cut the
/// rate.
struct AdmissionPace: Codable, Sendable, Equatable {
    /// Seconds for which everything has to stand still before the factor grows: requests of those let in at the present
    /// rate are to be seen first.
    private static let settling = 10
    private static let growth = 1.04
    /// Of the planned load, below which there is room.
    private static let room = 0.8
    /// Of the planned load, from which on there is none, and the factor gives way.
    private static let full = 0.9
    /// Of the planned load, what chance makes of one that is as planned.
    private static let crowded = 1.05
    /// Those inside leave in the end, and a cost that was believed too low is learned meanwhile.
    private static let least = 0.3

    private(set) var factor = 1.0
    private var quiet = 0
    private var lastSlots = 0

    /// One second of a pool.
    struct Second {
        /// People stand in line because of the rate.
        var isBound: Bool
        /// Load over what is planned: what arrives, or what is at the workers where that is more.
        var busyShare: Double
        /// The same of what arrives alone, which swings less.
        var arrivingShare: Double
        /// Latency or errors have cut the rate.
        var isTrimmed: Bool
        /// In the ready workers.
        var slots: Int
        /// What a visitor costs at least is one request, so that the factor is at most the requests of a visitor.
        var most: Double
    }

    mutating func observe(_ second: Second) {
        defer { self.lastSlots = second.slots }
        guard second.isBound, !second.isTrimmed, second.slots > 0 else {
            self.quiet = 0
            // Not at once: a line that is gone for a second is the same line.
            self.factor = second.isTrimmed ? min(1, self.factor) : self.steppedTo(1)
            return
        }
        self.quiet = second.slots == self.lastSlots ? self.quiet + 1 : 0
        if second.busyShare > 1 { self.quiet = 0 }
        if second.arrivingShare > Self.crowded {
            self.factor = max(Self.least, min(self.factor, self.yielded(to: second)) / Self.growth)
        } else if self.factor < 1 {
            self.factor = self.steppedTo(1)
        } else if second.busyShare > Self.full {
            self.factor = self.yielded(to: second)
        } else if second.busyShare < Self.room, self.quiet >= Self.settling {
            self.factor = max(1, min(second.most, self.factor * Self.growth))
        }
    }

    /// What keeps the workers as busy as that, but never less than the cost that was learned allows.
    private func yielded(to second: Second) -> Double { max(1, self.factor * Self.full / second.busyShare) }

    private func steppedTo(_ goal: Double) -> Double {
        self.factor > goal ? max(goal, self.factor / Self.growth) : min(goal, self.factor * Self.growth)
    }
}
