import Foundation

/// Two groups of reports held against each other: a base, and what is compared with it.
struct ReportComparison: Sendable {
    /// Why two groups cannot be compared.
    struct Problem: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    /// One report, and what to call it.
    struct Named: Sendable {
        var name: String
        var report: RunReport
    }

    static let usualMetrics = [
        "p50", "p95", "p99", "p99.9", "inside.worst_second", "line.p99", "door.p99", "wait.p50", "wait.p95", "wait.max",
        "errors", "server_errors", "served", "abandoned", "failed", "requests", "let_in", "waiting.max", "workers.max",
        "workers.mean", "lateness.p99",
    ].compactMap { Metric(named: $0) }

    let baseCount: Int
    let otherCount: Int
    let isPaired: Bool
    let differences: [MetricDifference]
    /// Promises that no run of the base broke, and some run of the other group did not keep: it failed, or could not be
    /// measured.
    let brokenSince: [String]
    /// Promises that some run of the base broke, and of the other group some run kept and none broke.
    let keptSince: [String]
    /// What is on one side alone: figures that some run says nothing of, promises that are no longer judged, or were none
    /// then.
    let lost: [String]
    /// How the runs themselves differ, where a comparison was wanted all the same.
    let remarks: [String]

    /// - Parameters:
    ///   - named: the figures that were asked for, each of which must be there; none: the usual ones.
    ///   - isForced: compares what differs in more than its seeds, and runs that do not count.
    init(
        _ base: [Named],
        _ other: [Named],
        named: [Metric] = [],
        isForced: Bool = false
    ) throws(Problem) {
        guard let first = base.first, !other.isEmpty else { throw Problem(description: "there is nothing to compare") }
        var remarks: [String] = []
        for named in base + other {
            if let reason = named.report.reasonNotToCount { remarks.append("\(named.name) does not count: \(reason)") }
            let keys = Self.differences(first.report.scenario, named.report.scenario)
            if !keys.isEmpty {
                remarks.append(
                    "\(named.name) is of another scenario than \(first.name): \(keys.joined(separator: ", "))"
                )
            }
        }
        guard remarks.isEmpty || isForced else {
            throw Problem(
                description: remarks.joined(separator: "\n")
                    + "\nwhat differs by more than its seed says little when compared; do it all the same with --force"
            )
        }
        let ordered = [base, other].map { $0.map(\.report).sorted { $0.scenario.seed < $1.scenario.seed } }
        let seeds = ordered.map { $0.map(\.scenario.seed) }
        self.isPaired = seeds[0] == seeds[1] && Set(seeds[0]).count == seeds[0].count
        self.baseCount = base.count
        self.otherCount = other.count
        self.remarks = remarks
        var differences: [MetricDifference] = []
        var silent: [(reason: String, metrics: [String])] = []
        for metric in named.isEmpty ? Self.usualMetrics : named {
            let values = ordered.map { $0.compactMap { metric.value(of: $0.gateway) } }
            // What some runs say nothing of has no mean.
            if let reason = Self.silence(values.map(\.count), of: [base.count, other.count]) {
                let place = silent.firstIndex { $0.reason == reason } ?? silent.endIndex
                if place == silent.endIndex { silent.append((reason, [])) }
                silent[place].metrics.append(metric.name)
            } else {
                differences.append(
                    MetricDifference(metric, base: values[0], other: values[1], isPaired: self.isPaired)
                )
            }
        }
        let words = silent.map { "\($0.metrics.joined(separator: ", ")) left out: \($0.reason)" }
        guard named.isEmpty || words.isEmpty else { throw Problem(description: words.joined(separator: "\n")) }
        self.differences = MetricDifference.judged(differences)
        func titles(_ group: [RunReport], _ outcomes: Set<Check.Outcome>) -> Set<String> {
            Set(group.flatMap { $0.verdict.checks.filter { outcomes.contains($0.outcome) }.map(\.title) })
        }
        let broken = ordered.map { titles($0, [.failed, .notMeasured]) }
        let kept = ordered.map { titles($0, [.passed]) }
        // An older report knows nothing of promises that came later.
        let known = titles(ordered[0], [.passed, .failed, .notMeasured, .notJudged])
        self.brokenSince = broken[1].subtracting(broken[0]).intersection(known).sorted()
        self.keptSince = broken[0].intersection(kept[1]).subtracting(broken[1]).sorted()
        let unjudged = kept[0].subtracting(kept[1]).subtracting(broken[1]).sorted()
        self.lost =
            words + unjudged.map { "judged in A, not in B: \($0)" }
            + broken[1].subtracting(known).sorted().map { "not kept in B, and no promise of A: \($0)" }
    }

    /// Why a figure of so many runs of each group is not compared; nil when all runs have it.
    private static func silence(_ told: [Int], of runs: [Int]) -> String? {
        let parts = zip(["A", "B"], zip(told, runs)).compactMap { name, counts -> String? in
            let (told, runs) = counts
            guard told < runs else { return nil }
            return told == 0 ? "no run of \(name) has it" : "\(runs - told) of \(runs) runs of \(name) do not have it"
        }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }

    /// Something became worse, and not by chance.
    var isWorse: Bool { !self.brokenSince.isEmpty || self.differences.contains { $0.judgement == .worse } }

    /// The settings in which two scenarios differ, by their names in report.json; seed, name and what is asked aside.
    static func differences(_ left: Scenario, _ right: Scenario) -> [String] {
        var right = right
        // What is asked of a run changes nothing in it.
        (right.seed, right.name, right.asked) = (left.seed, left.name, left.asked)
        guard left != right else { return [] }
        let maps = [left, right].map(Self.flat)
        let keys = Set(maps[0].keys).union(maps[1].keys).sorted()
        return keys.compactMap { key in
            let values = maps.map { $0[key] ?? "nothing" }
            return values[0] == values[1] ? nil : "\(key) \(values[1]) instead of \(values[0])"
        }
    }

    private static func flat(_ scenario: Scenario) -> [String: String] {
        guard let data = try? JSONEncoder().encode(scenario),
            let tree = try? JSONSerialization.jsonObject(with: data)
        else { return [:] }
        var found: [String: String] = [:]
        func walk(_ value: Any, _ path: String) {
            if let members = value as? [String: Any] {
                for (key, member) in members { walk(member, path.isEmpty ? key : "\(path).\(key)") }
            } else if let items = value as? [Any] {
                for (index, item) in items.enumerated() { walk(item, "\(path)[\(index)]") }
            } else {
                found[path] = "\(value)"
            }
        }
        walk(tree, "")
        return found
    }
}

extension RunReport {
    /// Why the figures say nothing; nil when they do.
    var reasonNotToCount: String? {
        if let partial = self.partial { return "it was stopped after \(partial.seconds) s (\(partial.reason))" }
        return self.verdict.isInvalid ? "the load tool could not keep up" : nil
    }
}
