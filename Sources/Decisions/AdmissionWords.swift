import Primitives
import Scaling

/// How fast visitors may come in, and why no faster.
enum AdmissionWords {
    /// A rate of less is none: rooms count in thousandths.
    private static let leastPerSecond = 0.001

    static func isNought(_ entry: DecisionEntry) -> Bool {
        entry.decision.admissionRatePerSecond < self.leastPerSecond
    }

    /// Whatever the rate, no room takes anybody in.
    static func areRoomsShut(_ entry: DecisionEntry) -> Bool { entry.signals?.inflowLimitPerSecond == 0 }

    static func of(_ entry: DecisionEntry) -> (text: String, advice: String?) {
        guard entry.pool.ready > 0 else { return self.withoutWorkers(entry) }
        let (text, advice) = self.isNought(entry) ? self.nought(entry) : self.rate(entry)
        guard self.areRoomsShut(entry) else { return (text, advice) }
        let shut =
            "See `sluice status` for when rooms open; one whose `inflow` is 0 lets nobody in before that is raised."
        return (
            text + "; the rooms let nobody in all the same, as none is open, or their inflow is 0",
            [advice, shut].compactMap { $0 }.joined(separator: " ")
        )
    }

    private static func rate(_ entry: DecisionEntry) -> (String, String?) {
        let decision = entry.decision
        let rate = Figures.number(decision.admissionRatePerSecond)
        let text = "\(self.ready(entry)) \(entry.pool.ready == 1 ? "lets" : "let") in up to \(rate) visitors a second"
        guard decision.latencyTrim < 1 else { return (text, nil) }
        let objective = Figures.duration(nanoseconds: entry.limits.latencyObjectiveNanoseconds)
        let cut = "\(text): cut to \(Figures.percent(decision.latencyTrim)), because answers are slow or fail"
        let advice =
            "Look at what the workers depend on, such as the database: 95 of 100 answers should take no more than "
            + "\(objective) (latency_objective)."
        return (cut, advice)
    }

    private static func ready(_ entry: DecisionEntry) -> String { Figures.count(entry.pool.ready, "ready worker") }

    private static func withoutWorkers(_ entry: DecisionEntry) -> (String, String?) {
        let pending = entry.pool.pending.count
        let state = pending > 0 ? "\(Figures.count(pending, "worker")) starting" : "none starting"
        let advice =
            if entry.mode?.name == "advise" {
                "In the mode advise somebody else starts workers: look why there are none."
            } else if entry.mode?.workers == 0 {
                "By its mode the pool is to have none: `sluice controller mode POOL automatic` lets the policy decide."
            } else if entry.mode == nil, entry.decision.desiredWorkers == 0 {
                "None is wanted before somebody comes (min_workers is 0)."
            } else {
                "If they do not get ready, look at the problems in `sluice status`, and at what the workers write "
                    + "(\(Explanation.whereWorkersWrite))."
            }
        return ("No worker is ready (\(state)), so nobody is let in", advice)
    }

    /// Workers are ready, and the rate is nought all the same.
    private static func nought(_ entry: DecisionEntry) -> (String, String?) {
        let ready = self.ready(entry)
        if entry.signals == nil {
            return (
                "\(ready), but the rate is nought, as it was when gateways reported last, so nobody is let in", nil
            )
        }
        if let cost = entry.decision.cost, cost.affordableWorkers < Double(entry.pool.ready) {
            return (
                "\(ready), but the rate is nought, so nobody is let in: what scaling.cost_cap allows is spent, or taken by "
                    + "requests that come past the rooms",
                "Raise scaling.cost_cap, or wait until what was spent is out of cost_window."
            )
        }
        return ("\(ready), but without a slot for visitors, so the rate is nought and nobody is let in", nil)
    }
}

/// Who decides in place of the policy.
enum ModeWords {
    static func text(of mode: DecisionMode) -> String {
        let until = mode.untilMicros.map { " until \(RFC3339.text(wallMicros: $0, fraction: .microsIfAny))" } ?? ""
        let by = "The mode is \(mode.name), set by \(mode.isOrdered ? "an operator" : "the configuration")\(until)"
        let workers = Figures.count(mode.workers ?? 0, "worker")
        return switch mode.name {
        case "advise": "\(by): somebody else scales, and the policy only says what it would do"
        case "manual": "\(by): there are to be \(workers), whatever the policy would do"
        case "freeze": "\(by): the size stays at \(workers), whatever the policy would do"
        default: "\(by): what the policy decides is done"
        }
    }
}
