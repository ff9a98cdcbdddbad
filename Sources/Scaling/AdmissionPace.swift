/// How many times the rate of visitors that their learned cost allows may be let in: above 1 while those inside keep the
/// workers less busy than planned.
///
/// What a visitor costs is learned slowly, and the requests of a long visit come long after the visitor: a rate that only
/// reckons lets people stand before workers that have nothing to do. So the loop is closed over what is measured. It gives
/// way at once when the workers are as busy as planned, and ends when latency or errors have cut the rate.
struct AdmissionPace: Codable, Sendable, Equatable {
    /// Seconds for which everything has to stand still before the factor grows: requests of those let in at the present
    /// rate are to be seen first.
    private static let settling = 10
    private static let growth = 1.04
    /// Of the planned load, below which there is room.
    private static let room = 0.8

    private(set) var factor = 1.0
    private var quiet = 0
    private var lastSlots = 0

    /// Takes in one second of a pool that has `slots` in its ready workers. `isBound`: people stand in line because of the
    /// rate. `busyShare`: measured load over planned. `most`: what a visitor costs at least is one request, so that the factor is at most the requests of a visitor.
    mutating func observe(isBound: Bool, busyShare: Double, isTrimmed: Bool, slots: Int, most: Double) {
        defer { self.lastSlots = slots }
        guard isBound, !isTrimmed, slots > 0 else {
            self.quiet = 0
            // Not at once: a line that is gone for a second is the same line.
            self.factor = isTrimmed ? 1 : max(1, self.factor / Self.growth)
            return
        }
        self.quiet = slots == self.lastSlots ? self.quiet + 1 : 0
        if busyShare > 1 {
            self.factor = max(1, self.factor / busyShare)
            self.quiet = 0
        } else if busyShare < Self.room, self.quiet >= Self.settling {
            self.factor = max(1, min(most, self.factor * Self.growth))
        }
    }
}
