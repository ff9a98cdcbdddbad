/// Finds the moment at which most of the slots were taken for sure: when somebody was let in, and over the whole run.
///
/// Fewer slots than people inside is nobody's fault until one more is let in: those who are in stay.
struct SlotSearch {
    struct Moment: Equatable, Sendable {
        var inside: Int
        var slots: Int64
        var micros: Int64
        var share: Double { Double(self.inside) / Double(max(1, self.slots)) }
    }

    private(set) var worst: Moment?
    /// Of the slots, the largest share that may have been taken when somebody was let in.
    private(set) var mostTaken = 0.0

    /// - Parameters:
    ///   - reentries: of those who show no pass, and are let in again and again.
    ///   - steps: the most that may hold, in order of time.
    init(
        _ visits: [Visit],
        reentries: [Visit.Span] = [],
        _ way: AnswerWay,
        steps: [LimitStep],
        sessionMicros: Int64
    ) {
        let surely = Occupancy.surelyInside(visits, sessionMicros: sessionMicros)
        let atMost = Occupancy.atMostInside(visits, reentries: reentries, sessionMicros: sessionMicros)
        let entries =
            visits.compactMap { visit in visit.letIn.map { (letIn: $0, sentRoundMicros: visit.sentRoundMicros) } }
            + reentries.map { (letIn: $0, sentRoundMicros: nil) }
        for (letIn, sentRoundMicros) in entries {
            let earliest = way.earliestTurn(
                sentMicros: letIn.sentMicros,
                answeredMicros: letIn.answeredMicros,
                sentRoundMicros: sentRoundMicros
            )
            // The visitor's own stay begins with the answer.
            let end = max(earliest, letIn.answeredMicros - 1)
            let slots = Self.slots(steps, from: earliest, to: end)
            let inside = surely.extremes(from: earliest, to: end).fewest + 1
            self.take(Moment(inside: inside, slots: slots, micros: letIn.answeredMicros))
            let taken = Double(atMost.extremes(from: earliest, to: end).most) / Double(max(1, slots))
            self.mostTaken = max(self.mostTaken, taken)
        }
        if let most = surely.most, let slots = steps.map(\.slots).max() {
            self.take(Moment(inside: most.count, slots: slots, micros: most.micros))
        }
    }

    private mutating func take(_ moment: Moment) {
        if moment.share > self.worst?.share ?? -1 { self.worst = moment }
    }

    private static func slots(_ steps: [LimitStep], from start: Int64, to end: Int64) -> Int64 {
        let first = steps.lastIndex { $0.micros <= start } ?? 0
        return steps[first...].prefix { $0.micros <= end || $0.micros == steps[first].micros }.map(\.slots).max() ?? 0
    }
}
