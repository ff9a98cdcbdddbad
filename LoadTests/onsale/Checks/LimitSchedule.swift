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
    /// A controller looks at its pool once a second, starts workers, sees them ready and then lends the rate.
    private static let controllerSeconds: Int64 = 3

    /// In order of time; the first held before the run. Each from the moment at which its file was in place.
    var written: [LimitStep]
    var openingMicros: Int64
    /// The time that a written change has to take hold.
    var reloadMicros: Int64
    /// After the opening, and after a raise: as long as workers start, the controller may hold the rate lower.
    var startMicros: Int64
    /// After the opening, the time in which somebody must be in who waited for it; nil: the room has none.
    var openedMicros: Int64?
    /// Exchanges per 1000 seconds that the workers carry for sure: no more is due. nil: all that is written.
    var carriedMilli: Int64?

    /// As long as a change may not have taken hold, the looser of both limits counts; before the opening, nothing is
    /// allowed, but that is for another promise.
    var mostAllowed: [LimitStep] { self.steps(Self.looser) { _, after in after.micros + self.reloadMicros } }

    /// Where the stricter of both counts, and workers may still be on their way. Nothing is due before the opening.
    var leastDue: [LimitStep] {
        let steps = self.steps(Self.stricter, settled: self.settledMicros)
        let begin = self.openingMicros + self.startMicros
        guard let first = steps.last(where: { $0.micros <= begin }) ?? steps.first else { return [] }
        let none = LimitStep(micros: Self.longAgo, rateMilli: 0, burst: first.burst, slots: first.slots)
        var start = first
        start.micros = begin
        return ([none, start] + steps.filter { $0.micros > begin }).map(self.carried)
    }

    /// What is due of these limits.
    private func carried(_ step: LimitStep) -> LimitStep {
        var step = step
        step.rateMilli = min(step.rateMilli, self.carriedMilli ?? .max)
        return step
    }

    /// Each change in turn; nil when there was none.
    var changes: [(before: LimitStep, after: LimitStep)] { Array(zip(self.written, self.written.dropFirst())) }

    /// Stretches in which one set of limits holds and nothing else may, each with what is due of these; the last has no
    /// end.
    var settled: [(from: Int64, to: Int64, limits: LimitStep)] {
        self.written.indices.compactMap { index in
            let changed = index > 0 ? self.settledMicros(self.written[index - 1], self.written[index]) : .min
            let from = max(changed, self.openingMicros + self.startMicros)
            let to = index + 1 < self.written.count ? self.written[index + 1].micros : .max
            return from < to ? (from, to, self.carried(self.written[index])) : nil
        }
    }

    /// From when on a change must have taken hold, workers included.
    func settledMicros(_ before: LimitStep, _ after: LimitStep) -> Int64 {
        after.micros + self.reloadMicros + (after.rateMilli > before.rateMilli ? self.startMicros : 0)
    }

    /// From each writing on `merge` of all that may hold: the limits of the last change that has settled, and those
    /// written after it.
    private func steps(
        _ merge: (LimitStep, LimitStep) -> LimitStep,
        settled: (LimitStep, LimitStep) -> Int64
    ) -> [LimitStep] {
        guard var first = self.written.first else { return [] }
        first.micros = Self.longAgo
        let settledMicros = [Self.longAgo] + self.changes.map(settled)
        let moments = Set(self.written.dropFirst().map(\.micros) + settledMicros.dropFirst())
        return [first]
            + moments.sorted().map { micros in
                let oldest = settledMicros.lastIndex { $0 <= micros } ?? 0
                let newest = self.written.dropFirst().lastIndex { $0.micros <= micros } ?? 0
                var step = self.written[oldest...max(oldest, newest)].dropFirst()
                    .reduce(self.written[oldest], merge)
                step.micros = micros
                return step
            }
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

extension LimitSchedule {
    /// What is due of a site, played or simulated.
    ///
    /// - Parameters:
    ///   - openingMicros: nil: the room has no opening.
    ///   - workerStartSeconds: from the start of a worker's process until it serves.
    init(
        written: [LimitStep],
        openingMicros: Int64?,
        workerStartSeconds: Int64,
        fewestWorkers: Int,
        carriedMilli: Int64?,
        objectives: Objectives
    ) {
        let startMicros = (workerStartSeconds + Self.controllerSeconds) * 1_000_000
        // Where no worker is kept, one has to start before anybody can be in.
        let openedMicros = Objectives.openedMicros + (fewestWorkers > 0 ? 0 : startMicros)
        self.init(
            written: written,
            openingMicros: openingMicros ?? 0,
            reloadMicros: objectives.reloadNanoseconds / 1_000,
            startMicros: startMicros,
            openedMicros: openingMicros == nil ? nil : openedMicros,
            carriedMilli: carriedMilli
        )
    }
}
