/// What became of an objective in a run.
struct ObjectiveResult: Codable, Equatable, Sendable {
    /// The objective as it was written.
    var objective: String
    /// The metric's name and its words.
    var metric: String
    var title: String
    var comparison: Objective.Comparison
    /// Of `measured` and `bound`: `nanoseconds`, `share` (0 to 1), `per_second` or `count`.
    var unit: String
    /// nil when the run says nothing of it; such an objective is missed.
    var measured: Double?
    var bound: Double
    var isReached: Bool
    /// By how much the load tool itself was late, by the same statistic, where that is part of what was measured; in
    /// nanoseconds.
    var toolLateness: Double?

    init(_ objective: Objective, of result: RunResult) {
        let measured = objective.metric.value(of: result)
        self.objective = objective.description
        self.metric = objective.metric.name
        self.title = objective.metric.title
        self.comparison = objective.comparison
        self.unit = objective.metric.unit.nameInJSON
        self.measured = measured
        self.bound = objective.bound
        self.isReached = measured.map { objective.comparison.holds($0, objective.bound) } ?? false
        self.toolLateness = objective.metric.toolLateness(in: result)
    }

    /// Missed, and nobody can say whether the site or the tool did.
    var isInDoubt: Bool {
        guard let measured = self.measured, let lateness = self.toolLateness, !self.isReached,
            [.less, .atMost].contains(self.comparison)
        else { return false }
        return Judge.isInDoubt(missedBy: measured, limit: self.bound, lateness: lateness)
    }

    private enum CodingKeys: String, CodingKey {
        case objective, metric, title, comparison, unit, measured, bound, isReached = "reached"
        case toolLateness = "tool_lateness_ns"
    }

    /// For people.
    var measuredText: String {
        guard let measured = self.measured else { return "not measured" }
        return (Metric(named: self.metric)?.unit ?? .count).text(measured)
    }

    var boundText: String {
        "\(self.comparison.sign)\u{A0}\((Metric(named: self.metric)?.unit ?? .count).text(self.bound))"
    }
}

extension Metric.Unit {
    var nameInJSON: String {
        switch self {
        case .duration: "nanoseconds"
        case .share: "share"
        case .rate: "per_second"
        case .count: "count"
        }
    }
}
