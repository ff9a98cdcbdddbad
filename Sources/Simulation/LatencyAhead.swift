import DequeModule
import Primitives

/// Latencies of requests whose ends are known before they come: each is told in the second in which the request ends,
/// and not a second earlier, since nobody could know it then.
///
/// Limit: one histogram for each second until the last known end; a gateway gives up on a response after minutes.
struct LatencyAhead {
    private var seconds: Deque<LatencyHistogram> = []

    /// - Parameter since: when `next` was last called; it is to be called once a second.
    mutating func record(nanoseconds: Int64, endsAt: Instant, since: Instant) {
        let second = Int(max(0, endsAt.nanoseconds(since: since)) / Nanoseconds.perSecond)
        while self.seconds.count <= second { self.seconds.append(LatencyHistogram()) }
        self.seconds[second].record(nanoseconds: nanoseconds)
    }

    /// Of the requests that ended since the last call.
    mutating func next() -> LatencyHistogram { self.seconds.popFirst() ?? LatencyHistogram() }
}
