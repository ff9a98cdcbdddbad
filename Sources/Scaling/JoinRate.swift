import Primitives

/// How fast visitors come to the line, from what nobody reports: those let in plus what the line grew by.
///
/// The median of six seconds, because a burst of a second or two is in the line already, where it is counted; taken as
/// a rate it would be ordered for twice. A growth that lasts shows within four seconds.
struct JoinRate: Codable, Sendable, Equatable {
    private static let window = 6
    /// A line that was not seen for this long tells nothing about the rate in between.
    private static let gapNanoseconds = 5 * Nanoseconds.perSecond

    private struct Sight: Codable, Sendable, Equatable {
        let at: Instant
        let waiting: Int
        let closedRooms: Int
    }

    private var last: Sight?
    private var samples: [Double] = []
    private var smoothed = Smoothed(weight: 0.25)

    /// Visitors a second over the last six seconds, as they are.
    private(set) var sustainedPerSecond = 0.0
    /// The same, smoothed over some four seconds more.
    var perSecond: Double { self.smoothed.value ?? 0 }

    /// `waiting` counts open rooms only. When `closedRooms` differs from last time a line came in or went out whole,
    /// which is not people walking up.
    mutating func observe(waiting: Int, closedRooms: Int, admissionsPerSecond: Double, now: Instant) {
        var joins = admissionsPerSecond
        if let last = self.last, last.closedRooms == closedRooms, now > last.at,
            now.nanoseconds(since: last.at) <= Self.gapNanoseconds
        {
            let seconds = Double(now.nanoseconds(since: last.at)) / 1e9
            joins = max(0, joins + Double(waiting - last.waiting) / seconds)
        }
        self.last = Sight(at: now, waiting: waiting, closedRooms: closedRooms)
        if self.samples.isEmpty {
            // A new leader takes the line it finds for settled, or one second of rush would be all it knows.
            self.samples = Array(repeating: joins, count: Self.window)
        } else {
            self.samples.removeFirst()
            self.samples.append(joins)
        }
        let sorted = self.samples.sorted()
        self.sustainedPerSecond = (sorted[Self.window / 2 - 1] + sorted[Self.window / 2]) / 2
        self.smoothed.add(self.sustainedPerSecond)
    }
}
