import Settings
import SettingsFile

/// A setting that may be searched, and how far.
struct Knob: Equatable, Sendable {
    /// Such as `rooms.onsale.inflow`.
    let path: String
    let range: ClosedRange<Double>
    let unit: Unit

    enum Unit: Sendable {
        /// Whole numbers.
        case count
        /// With `/s` behind.
        case perSecond
        /// 0 to 1, two decimals.
        case share
    }

    /// As it stands in a file.
    func text(_ value: Double) -> String {
        switch self.unit {
        case .count: "\(Int(self.bounded(value)))"
        case .perSecond: "\(Int(self.bounded(value)))/s"
        case .share: Format.decimal(self.bounded(value), places: 2)
        }
    }

    /// Values that nobody would write are brought to the nearest that somebody would: two digits that count.
    func bounded(_ value: Double) -> Double {
        let clamped = min(max(value, self.range.lowerBound), self.range.upperBound)
        switch self.unit {
        case .share: return (clamped * 100).rounded() / 100
        case .count, .perSecond:
            var step = 1.0
            while clamped / step >= 100 { step *= 10 }
            return min(
                max((clamped / step).rounded() * step, self.range.lowerBound.rounded(.up)),
                self.range.upperBound
            )
        }
    }
}

/// What a search is to make least, while every run keeps the promises.
enum Goal: String, CaseIterable, Sendable {
    /// The 90th percentile of the waits.
    case p90Wait = "p90-wait"
    case medianWait = "median-wait"
    /// Worker-minutes.
    case cost
    /// When the last one is in.
    case lastIn = "last-in"

    /// nil when nobody was let in.
    func figure(_ run: SimulatedRun) -> Double? {
        let waits = run.evidence.timeline.total.wait
        switch self {
        case .p90Wait: return waits.totalCount > 0 ? Double(waits.valueAtPercentile(90)) / 1e9 : nil
        case .medianWait: return waits.totalCount > 0 ? Double(waits.valueAtPercentile(50)) / 1e9 : nil
        case .cost: return run.workerSeconds / 60
        case .lastIn: return run.lastLetInSeconds
        }
    }

    var unit: String { self == .cost ? "worker-minutes" : "s" }
}

/// Searches settings by simulation: one knob after the other, in steps that shrink, from where the file stands. Every
/// candidate is played with every seed, and counts only when all promises hold in all of them and as many people are
/// served as with the settings as they are: who is turned away costs nothing and waits for nothing.
///
/// A search of this kind finds a place from which no single step is better, not the best of all. Limits: `mostTrials`.
struct Tuning {
    static let mostTrials = 400
    /// Of those whom the settings as they are serve, the share that a better choice has to serve.
    static let leastServedShare = 0.99
    private static let firstStep = 1.5
    private static let lastStep = 1.04

    /// What a choice of values came to.
    struct Trial: Equatable, Sendable {
        var values: [Double]
        /// The mean over the seeds.
        var figure: Double
        /// People, of all seeds together.
        var served: Int
        /// Runs in which a promise did not hold, or could not be measured.
        var broken: Int
        /// Runs in which something that was asked for was not reached.
        var missed = 0
        /// Of crowds too large for books: no promise was judged.
        var isCounted = false

        /// Kept promises first, then what was asked for. Where both are kept, then that so many people at least are
        /// served; where they are not, the way out may lead past fewer.
        func isBetter(than other: Trial, servingAtLeast least: Double) -> Bool {
            func rank(_ trial: Trial) -> (Int, Int, Double) {
                let isKept = trial.broken + trial.missed == 0
                return (trial.broken, trial.missed, isKept ? max(0, least - Double(trial.served)) : 0)
            }
            let (own, others) = (rank(self), rank(other))
            return own == others ? self.figure < other.figure * 0.999 : own < others
        }

        /// What it came to, for the person who asked.
        func words(_ goal: Goal, seeds: Int) -> String {
            var parts = ["\(Format.decimal(self.figure, places: 2)) \(goal.unit)"]
            parts.append("\(Format.count(self.served)) served")
            if self.isCounted {
                parts.append("counted, not judged")
            } else {
                parts.append(
                    self.broken == 0 ? "every promise kept" : "promises broken with \(self.broken) of \(seeds) seeds"
                )
            }
            if self.missed > 0 { parts.append("objectives missed with \(self.missed) of \(seeds) seeds") }
            return parts.joined(separator: ", ")
        }
    }

    let knobs: [Knob]
    /// What a choice of values comes to; nil when the settings refuse it.
    let play: ([Double]) throws -> Trial?
    private(set) var trials: [Trial] = []

    init(knobs: [Knob], play: @escaping ([Double]) throws -> Trial?) {
        self.knobs = knobs
        self.play = play
    }

    /// The best that was found; nil when not even the first values could be played.
    mutating func search(from start: [Double]) throws -> Trial? {
        guard var best = try self.trial(start) else { return nil }
        let leastServed = Double(best.served) * Self.leastServedShare
        var step = Self.firstStep
        while step > Self.lastStep, self.trials.count < Self.mostTrials {
            var isBetter = false
            for index in self.knobs.indices {
                // Both ways from the same place: where promises are broken, only one of them leads out.
                let from = best.values
                for factor in [step, 1 / step] {
                    var values = from
                    values[index] = self.knobs[index].bounded(from[index] * factor)
                    guard values != from, let trial = try self.trial(values),
                        trial.isBetter(than: best, servingAtLeast: leastServed)
                    else { continue }
                    best = trial
                    isBetter = true
                }
            }
            if !isBetter { step = step.squareRoot() }
        }
        return best
    }

    /// What was tried before is not played again.
    private mutating func trial(_ values: [Double]) throws -> Trial? {
        if let known = self.trials.first(where: { $0.values == values }) { return known }
        guard self.trials.count < Self.mostTrials, let trial = try self.play(values) else { return nil }
        self.trials.append(trial)
        return trial
    }
}
