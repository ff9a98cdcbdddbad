import Primitives

/// The highest need of the recent past, in at most 65 stretches of time, however long the past that is asked for.
struct NeedHistory: Codable, Sendable, Equatable {
    private static let stretches: Int64 = 64

    private struct Stretch: Codable, Sendable, Equatable {
        let from: Instant
        var until: Instant
        var highest: Int
    }

    private var recent: [Stretch] = []

    /// Notes that `workers` were needed at `now`, and forgets what is older than `windowNanoseconds`.
    mutating func record(_ workers: Int, now: Instant, windowNanoseconds: Int64) {
        let width = windowNanoseconds / Self.stretches
        if let last = self.recent.last, now.nanoseconds(since: last.from) < width {
            self.recent[self.recent.count - 1].until = max(last.until, now)
            self.recent[self.recent.count - 1].highest = max(last.highest, workers)
        } else {
            self.recent.append(Stretch(from: now, until: now, highest: workers))
        }
        self.recent.removeAll { now.nanoseconds(since: $0.until) > windowNanoseconds }
    }

    /// The most that was needed at any time in the last `windowNanoseconds`; 0 when nothing was noted.
    func highest(withinNanoseconds windowNanoseconds: Int64, now: Instant) -> Int {
        var highest = 0
        for stretch in self.recent where now.nanoseconds(since: stretch.until) <= windowNanoseconds {
            highest = max(highest, stretch.highest)
        }
        return highest
    }
}
