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
    }

    private enum CodingKeys: String, CodingKey {
        case objective, metric, title, comparison, unit, measured, bound, isReached = "reached"
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
