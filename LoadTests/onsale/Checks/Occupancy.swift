/// How many visitors are somewhere over time, counted from their own books. A step function: `counts[i]` holds from
/// `times[i]` on.
struct Occupancy: Sendable {
    private(set) var times: [Int64] = []
    private(set) var counts: [Int] = []

    /// Each stay from its first moment to its last; who leaves at a moment makes room for who comes at it.
    init(_ stays: [ClosedRange<Int64>]) {
        let starts = stays.map(\.lowerBound).sorted()
        let ends = stays.map(\.upperBound).sorted()
        var (come, gone) = (0, 0)
        while come < starts.count || gone < ends.count {
            let now = come < starts.count && starts[come] < ends[gone] ? starts[come] : ends[gone]
            while gone < ends.count, ends[gone] == now { gone += 1 }
            while come < starts.count, starts[come] == now { come += 1 }
            self.times.append(now)
            self.counts.append(max(0, come - gone))
        }
    }

    var most: (count: Int, micros: Int64)? {
        self.counts.indices.max { self.counts[$0] < self.counts[$1] }.map { (self.counts[$0], self.times[$0]) }
    }

    /// The fewest and the most at any moment of the stretch.
    func extremes(from start: Int64, to end: Int64) -> (fewest: Int, most: Int) {
        var index = self.times.count(upTo: start)
        let first = index > 0 ? self.counts[index - 1] : 0
        var (fewest, most) = (first, first)
        while index < self.times.count, self.times[index] <= end {
            fewest = min(fewest, self.counts[index])
            most = max(most, self.counts[index])
            index += 1
        }
        return (fewest, most)
    }
}

extension Occupancy {
    /// Visitors who wait for their turn and ask when they are told to: from their first place to their last look.
    static func inLine(_ visits: [Visit]) -> Occupancy {
        Occupancy(
            visits.compactMap { visit in
                guard let joined = visit.joinedMicros, let last = visit.lastLookSentMicros, last > joined else {
                    return nil
                }
                return joined...last
            }
        )
    }

    /// Those who hold a slot for sure: from the page that let them in until they ask for the one that gives it back. A pass
    /// that nobody gives back is good for a session from the request by which it was given, and for five sixths of one from
    /// the last request; whose session may have run out between two pages is counted for no longer than that. Who was let
    /// in by a request that was lost, or while sent round from the door, has had the pass since then.
    static func surelyInside(_ visits: [Visit], sessionMicros: Int64) -> Occupancy {
        Occupancy(
            visits.compactMap { visit in
                guard let letIn = visit.letIn, let last = visit.lastInside else { return nil }
                let session = min(letIn.sentMicros, visit.sentRoundMicros ?? .max) + sessionMicros
                let renewed = sessionMicros > 0 ? last.sentMicros + Judge.owedMicros(sessionMicros) : 0
                let held = max(session, renewed)
                var end = visit.exit?.sentMicros ?? max(last.answeredMicros, visit.mayHaveLeft ? 0 : held)
                if visit.longestGapMicros >= Judge.owedMicros(sessionMicros) { end = min(end, session) }
                return end > letIn.answeredMicros ? letIn.answeredMicros...end : nil
            }
        )
    }

    /// Those who may hold one: from the request that let them in until the exit page was there, or a whole session after
    /// the last request. Passes are renewed for the length of a session, and a tick may pass until a slot is free.
    static func atMostInside(
        _ visits: [Visit],
        reentries: [Visit.Span] = [],
        sessionMicros: Int64
    ) -> Occupancy {
        // Who shows no pass takes a slot with each page, for a whole session.
        let again = reentries.map { $0.sentMicros...($0.answeredMicros + sessionMicros + 1_000_000) }
        return Occupancy(
            again
                + visits.compactMap { visit in
                    guard let letIn = visit.letIn else { return nil }
                    let last = visit.lastInside ?? letIn
                    let end = (visit.exit?.answeredMicros ?? last.answeredMicros + sessionMicros) + 1_000_000
                    return letIn.sentMicros...max(end, letIn.sentMicros)
                }
        )
    }
}
