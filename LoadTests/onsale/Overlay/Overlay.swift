/// A run that was really played, and the same crowd simulated: second by second, and what the difference comes to.
struct Overlay: Sendable {
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    /// A figure of both runs.
    struct Row: Equatable, Sendable {
        var name: String
        var played: Double
        var simulated: Double
        /// Places behind the point.
        var places = 0
        /// How far apart they may be; nil where nothing is promised.
        var tolerance: Double?

        var difference: Double { self.simulated - self.played }
        var isClose: Bool? { self.tolerance.map { self.difference.magnitude <= $0 } }
    }

    /// Where two series are farthest apart.
    struct Gap: Equatable, Sendable {
        var name: String
        var second: Int
        var played: Double
        var simulated: Double
        /// The mean of all distances, whichever way.
        var mean: Double

        var difference: Double { self.simulated - self.played }
    }

    /// A value of each second; nil where it is not known.
    struct Series: Equatable, Sendable {
        var name: String
        var played: [Double?]
        var simulated: [Double?]

        /// Over the seconds in which both are known; nil when there is none.
        var gap: Gap? {
            var widest: Gap?
            var (sum, count) = (0.0, 0.0)
            for (second, pair) in zip(self.played, self.simulated).enumerated() {
                guard let one = pair.0, let other = pair.1 else { continue }
                sum += (other - one).magnitude
                count += 1
                if (other - one).magnitude > widest?.difference.magnitude ?? -1 {
                    widest = Gap(name: self.name, second: second, played: one, simulated: other, mean: 0)
                }
            }
            widest?.mean = count > 0 ? sum / count : 0
            return widest
        }
    }

    let played: RunReport
    let simulated: RunReport

    /// Refuses what cannot be laid over each other, and says why.
    init(played: RunReport, simulated: RunReport) throws(Problem) {
        guard !played.isSimulated else {
            throw Problem(description: "the first report is of a simulated run: give the one that was played first")
        }
        guard simulated.isSimulated else {
            throw Problem(
                description: "the second report is of a run that was played: make one with `onsale simulate --like "
                    + "report.json --report FOLDER`"
            )
        }
        if let partial = played.partial {
            throw Problem(
                description: "the run was stopped after \(partial.seconds) s (\(partial.reason)): play it to its end"
            )
        }
        if let problem = Self.difference(played.scenario, simulated.scenario) {
            throw Problem(
                description: "these are two on-sales: \(problem). Simulate the played one with `onsale simulate --like`"
            )
        }
        self.played = played
        self.simulated = simulated
    }

    private static func difference(_ one: Scenario, _ other: Scenario) -> String? {
        guard one != other else { return nil }
        if one.seed != other.seed { return "their seeds are \(one.seed) and \(other.seed)" }
        if one.visitors != other.visitors {
            return "\(one.visitors) visitors come to one, \(other.visitors) to the other"
        }
        if one.durationSeconds != other.durationSeconds {
            return "one lasts \(Format.significant(one.durationSeconds)) s, the other "
                + "\(Format.significant(other.durationSeconds)) s"
        }
        return "their crowds differ in when they come or how they behave"
    }

    // MARK: Figures

    var rows: [Row] {
        let comparison = PlayedComparison(played: self.played.gateway, simulated: self.simulated.gateway)
        var rows = comparison.rows.map { row in
            Row(
                name: row.name,
                played: row.played,
                simulated: row.simulated,
                places: row.name.hasSuffix(", s") ? 2 : 0,
                tolerance: row.tolerance
            )
        }
        for (name, value) in [
            ("ready worker-seconds", \Gauges.workersReady), ("wanted worker-seconds", \.workersDesired),
        ] {
            guard let one = Self.sum(self.played, value), let other = Self.sum(self.simulated, value) else { continue }
            rows.append(Row(name: name, played: one, simulated: other))
        }
        let most = { (report: RunReport) in report.gateway.samples.compactMap(\.gauges.workersReady).max() }
        if let one = most(self.played), let other = most(self.simulated) {
            rows.append(Row(name: "most workers ready", played: Double(one), simulated: Double(other)))
        }
        return rows
    }

    /// A gauge that is read each second, over all seconds; one that was missed counts as the one before.
    private static func sum(_ report: RunReport, _ value: KeyPath<Gauges, Int?>) -> Double? {
        var (sum, last): (Double, Int?) = (0, nil)
        for sample in report.gateway.samples {
            last = sample.gauges[keyPath: value] ?? last
            sum += Double(last ?? 0)
        }
        return last.map { _ in sum }
    }

    // MARK: Series

    var waiting: Series { self.series("waiting") { $0.samples.map { Double($0.gauges.waiting) } } }
    var inside: Series { self.series("inside") { $0.samples.map { Double($0.gauges.inside) } } }
    /// By the rooms' own journals.
    var letIn: Series { self.series("let in a second") { $0.inflow.map(Double.init) } }
    var workers: Series { self.series("workers ready") { $0.samples.map { $0.gauges.workersReady.map(Double.init) } } }

    var gaps: [Gap] { [self.waiting, self.inside, self.letIn, self.workers].compactMap(\.gap) }

    private func series(_ name: String, _ values: (RunResult) -> [Double?]) -> Series {
        Series(name: name, played: values(self.played.gateway), simulated: values(self.simulated.gateway))
    }

    /// Whether all that is promised of the simulation holds.
    var isClose: Bool { self.rows.allSatisfy { $0.isClose ?? true } }
}

extension RunReport {
    /// As `simulate` writes it down of its runs.
    static let wayOfPlaying = "way of playing"

    var isSimulated: Bool { self.environment.contains { $0.name == Self.wayOfPlaying } }
}
