/// One visitor's way from outside to inside, as seen from there: the room's decision lies between the two moments.
struct Passage: Sendable, Equatable {
    /// Not before this was the turn given: the request had not been sent, or the answer would have been here earlier.
    var earliestMicros: Int64
    /// Not after this: the visitor was in.
    var latestMicros: Int64
}

/// All passages, ready to be counted: how many lie surely within a stretch of time, and how many at most.
struct Passages: Sendable {
    private let all: [Passage]
    let inOrderOfEarliest: [Int64]
    let inOrderOfLatest: [Int64]

    /// - Parameter reentries: of those who are let in again and again, because they show no pass.
    init(_ visits: [Visit], reentries: [Visit.Span] = [], _ way: AnswerWay) {
        let again = reentries.map { span in
            let (sent, answered) = (span.sentMicros, span.answeredMicros)
            let earliest = way.earliestTurn(sentMicros: sent, answeredMicros: answered, sentRoundMicros: nil)
            return Passage(earliestMicros: earliest, latestMicros: answered)
        }
        self.init(
            again
                + visits.compactMap { visit in
                    guard let letIn = visit.letIn else { return nil }
                    let earliest = way.earliestTurn(
                        sentMicros: letIn.sentMicros,
                        answeredMicros: letIn.answeredMicros,
                        sentRoundMicros: visit.sentRoundMicros
                    )
                    return Passage(earliestMicros: earliest, latestMicros: letIn.answeredMicros)
                }
        )
    }

    init(_ passages: [Passage]) {
        self.all = passages
        self.inOrderOfEarliest = passages.map(\.earliestMicros).sorted()
        self.inOrderOfLatest = passages.map(\.latestMicros).sorted()
    }

    var count: Int { self.inOrderOfLatest.count }

    /// Those that can lie within a stretch of that length.
    func fitting(lengthMicros: Int64) -> Passages {
        Passages(self.all.filter { $0.latestMicros - $0.earliestMicros <= lengthMicros })
    }

    /// Those whose turn was surely given from then on.
    func since(_ micros: Int64) -> Passages { Passages(self.all.filter { $0.earliestMicros >= micros }) }

    /// Those that lie within the stretch, both ends included, whatever happened on the way. Exact when no passage is
    /// longer than the stretch, for which `fitting` sees; else too few.
    func surely(from start: Int64, to end: Int64) -> Int {
        max(0, self.inOrderOfLatest.count(upTo: end) - self.inOrderOfEarliest.count(upTo: start - 1))
    }

    /// Those that may lie within the stretch.
    func atMost(from start: Int64, to end: Int64) -> Int {
        max(0, self.inOrderOfEarliest.count(upTo: end) - self.inOrderOfLatest.count(upTo: start - 1))
    }
}

extension [Int64] {
    /// How many of an ascending list are at or below `value`.
    func count(upTo value: Int64) -> Int {
        var low = 0
        var high = self.count
        while low < high {
            let middle = (low + high) / 2
            if self[middle] <= value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
