/// Finds numbers that do not follow the coming: whoever asks for a place after somebody else was told a number gets a
/// higher one.
struct NumberSearch {
    struct Misfit: Equatable, Sendable {
        var number: Int64
        /// A number that had been told before this one was asked for.
        var told: Int64
        var askedMicros: Int64
    }

    private(set) var misfits: [Misfit] = []

    /// - Parameters:
    ///   - looks: in the order of their answers.
    ///   - slackMicros: loops and gateways ask the room at their own times.
    init(_ looks: [Look], slackMicros: Int64) {
        var seen: Set<UInt32> = []
        // The answers by which each visitor heard of a number for the first time.
        let first = looks.filter { look in
            look.number > 0 && look.kind != .error && look.kind != .letIn && seen.insert(look.visitor).inserted
        }
        var next = 0
        var highest: Int64 = 0
        for look in first.sorted(by: { $0.sentMicros < $1.sentMicros }) {
            while next < first.count, first[next].answeredMicros < look.sentMicros - slackMicros {
                highest = max(highest, Int64(first[next].number))
                next += 1
            }
            guard Int64(look.number) < highest else { continue }
            self.misfits.append(
                Misfit(number: Int64(look.number), told: highest, askedMicros: look.sentMicros)
            )
        }
    }
}
