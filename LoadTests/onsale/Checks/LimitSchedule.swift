/// Limits that hold from `micros` on.
struct LimitStep: Sendable, Equatable, Codable {
    var micros: Int64
    /// Exchanges per 1000 seconds.
    var rateMilli: Int64
    var burst: Int64
    var slots: Int64
}

/// What the tool has written into the configuration of the room, and when. What may be let in, and what must be,
/// follows from this and from nothing that the gateway says. Times are microseconds from the start of the run.
struct LimitSchedule: Sendable, Equatable, Codable {
    /// Before any run begins.
    private static let longAgo: Int64 = -3_600_000_000

    /// In order of time; the first held before the run. Each from the moment at which its file was in place.
    var written: [LimitStep]
    var openingMicros: Int64
    /// The time that a written change has to take hold.
    var reloadMicros: Int64
    /// After the opening, and after a raise: as long as workers start, the controller may hold the rate lower.
    var startMicros: Int64
    /// Exchanges per 1000 seconds that the workers carry for sure: no more is due. nil: all that is written.
    var carriedMilli: Int64?

    /// As long as a change may not have taken hold, the looser of both limits counts; before the opening, nothing is
    /// allowed, but that is for another promise.
    var mostAllowed: [LimitStep] { self.steps(Self.looser, settledAfter: { _, _ in self.reloadMicros }) }

    /// Where the stricter of both counts, and workers may still be on their way. Nothing is due before the opening.
    var leastDue: [LimitStep] {
        let steps = self.steps(Self.stricter) { before, after in
            self.reloadMicros + (after.rateMilli > before.rateMilli ? self.startMicros : 0)
        }
        let begin = self.openingMicros + self.startMicros
        guard let first = steps.last(where: { $0.micros <= begin }) ?? steps.first else { return [] }
        let none = LimitStep(micros: Self.longAgo, rateMilli: 0, burst: first.burst, slots: first.slots)
        var start = first
        start.micros = begin
        return ([none, start] + steps.filter { $0.micros > begin }).map { step in
            var step = step
            step.rateMilli = min(step.rateMilli, self.carriedMilli ?? .max)
            return step
        }
    }

    /// Each change in turn; nil when there was none.
    var changes: [(before: LimitStep, after: LimitStep)] { Array(zip(self.written, self.written.dropFirst())) }

    /// From each writing on `merge` of both holds, and the new limits alone after the time to settle. Changes are
    /// further apart than that.
    private func steps(
        _ merge: (LimitStep, LimitStep) -> LimitStep,
        settledAfter: (LimitStep, LimitStep) -> Int64
    ) -> [LimitStep] {
        guard var first = self.written.first else { return [] }
        first.micros = Self.longAgo
        var steps = [first]
        for (before, after) in self.changes {
            var merged = merge(before, after)
            merged.micros = after.micros
            steps.append(merged)
            var settled = after
            settled.micros += settledAfter(before, after)
            steps.append(settled)
        }
        return steps
    }

    private static func looser(_ one: LimitStep, _ other: LimitStep) -> LimitStep {
        LimitStep(
            micros: 0,
            rateMilli: max(one.rateMilli, other.rateMilli),
            burst: max(one.burst, other.burst),
            slots: max(one.slots, other.slots)
        )
    }

    private static func stricter(_ one: LimitStep, _ other: LimitStep) -> LimitStep {
        LimitStep(
            micros: 0,
            rateMilli: min(one.rateMilli, other.rateMilli),
            burst: min(one.burst, other.burst),
            slots: min(one.slots, other.slots)
        )
    }
}
