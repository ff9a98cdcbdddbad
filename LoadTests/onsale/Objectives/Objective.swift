import Settings

/// What a run must reach by the word of whoever started it: `inside.p99<250ms`.
///
/// The promises are judged beside it: they are about what a waiting room owes to everyone, an objective is about what
/// this site needs.
struct Objective: Equatable, Sendable, CustomStringConvertible {
    enum Comparison: String, CaseIterable, Codable, Sendable {
        case less = "<"
        case atMost = "<="
        case more = ">"
        case atLeast = ">="

        /// For people.
        var sign: String {
            switch self {
            case .less: "<"
            case .atMost: "≤"
            case .more: ">"
            case .atLeast: "≥"
            }
        }

        func holds(_ value: Double, _ bound: Double) -> Bool {
            switch self {
            case .less: value < bound
            case .atMost: value <= bound
            case .more: value > bound
            case .atLeast: value >= bound
            }
        }
    }

    let metric: Metric
    let comparison: Comparison
    /// In the metric's unit.
    let bound: Double
    /// As it was written, without spaces.
    let description: String

    /// How objectives are written, for help texts.
    static let grammar = """
        NAME COMPARISON VALUE, such as "p99<250ms", "wait.p95<=2m", "errors<0.1%" or "served>=90%". Names: p50, p99.9 \
        or any other percentile of the answers inside; the same, mean, max and worst_second (the p99 of the worst \
        second) of inside, line (waiting pages), door (being let in) and lateness (of this tool itself); percentiles, \
        mean and max of wait (time in line), inside.raw, line.raw and door.raw (from sent, not from due); the shares \
        errors, errors.worst_second and server_errors (of requests), served, abandoned, no_shows, failed and \
        unfinished (of people); the rates requests, requests.max and let_in.max; the counts arrivals, let_in, \
        errors.count, waiting.max, sessions.max, connections.max, workers.max and workers.mean. Comparisons: <, <=, >, \
        >=.
        """

    /// Throws everything that is wrong with the text.
    init(parsing text: String) throws(ObjectiveProblem) {
        let name = text.prefix { !"<>=!".contains($0) }
        let sign = text[name.endIndex...].prefix { "<>=!".contains($0) }
        let value = Self.trimmed(text[sign.endIndex...])
        let metric = Metric(named: Self.trimmed(name))
        let comparison = Comparison(rawValue: String(sign))
        var reasons: [String] = []
        if metric == nil { reasons.append(Self.unknown(Self.trimmed(name))) }
        if comparison == nil {
            let found = sign.isEmpty ? "there is no comparison" : "\(sign) is no comparison"
            reasons.append("\(found): write <, <=, > or >=")
        }
        var bound: Double?
        if value.isEmpty {
            reasons.append(
                "there is no value behind the comparison" + (metric.map { ": write \($0.unit.allowed)" } ?? "")
            )
        } else if let metric {
            bound = metric.unit.parse(value)
            if bound == nil { reasons.append("\(value) is no value for \(metric.name): write \(metric.unit.allowed)") }
        }
        guard let metric, let comparison, let bound else { throw ObjectiveProblem(text: text, reasons: reasons) }
        self.metric = metric
        self.comparison = comparison
        self.bound = bound
        self.description = metric.name + comparison.rawValue + value.filter { $0 != " " }
    }

    /// All of them, or everything that is wrong with any.
    static func parse(_ texts: [String]) throws(ObjectiveProblems) -> [Objective] {
        var objectives: [Objective] = []
        var problems: [ObjectiveProblem] = []
        for text in texts {
            do throws(ObjectiveProblem) {
                objectives.append(try Objective(parsing: text))
            } catch {
                problems.append(error)
            }
        }
        guard problems.isEmpty else { throw ObjectiveProblems(problems: problems) }
        return objectives
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return String(text)
    }

    /// Names that are probably meant.
    private static var usualNames: [String] {
        Metric.figures.map(\.name)
            + Metric.Times.allCases.flatMap { times in
                ["p50", "p90", "p95", "p99", "p99.9", "max", "mean"].map { "\(times.rawValue).\($0)" }
            }
    }

    private static func unknown(_ name: String) -> String {
        let nearest = NearestWord.of(name, among: Self.usualNames).map { " (did you mean \($0)?)" } ?? ""
        let start =
            name.isEmpty ? "there is no name before the comparison" : "\(name) is the name of no figure\(nearest)"
        // Most mistakes are in what follows the point.
        if let times = Metric.Times.allCases.last(where: { name.hasPrefix($0.rawValue + ".") }) {
            return "\(start): of \(times.rawValue) there are p50, p99.9 or any other percentile, mean and max"
                + (Metric(named: times.rawValue + ".worst_second") == nil ? "" : ", and worst_second")
        }
        let times = Metric.Times.allCases.map(\.rawValue).joined(separator: ", ")
        let figures = Metric.figures.map(\.name).filter { !$0.hasSuffix("worst_second") || $0.hasPrefix("errors") }
        return "\(start): known are p50 to p99.9 (of answers inside), the same of \(times) (such as wait.p95), "
            + figures.joined(separator: ", ")
    }
}

/// Why a text is no objective: everything that is wrong with it.
struct ObjectiveProblem: Error, Equatable, CustomStringConvertible {
    let text: String
    let reasons: [String]

    var description: String { "objective \"\(self.text)\": " + self.reasons.joined(separator: "; ") }
}

/// The same for several texts, a line each.
struct ObjectiveProblems: Error, Equatable, CustomStringConvertible {
    let problems: [ObjectiveProblem]

    var description: String { self.problems.map(\.description).joined(separator: "\n") }
}
