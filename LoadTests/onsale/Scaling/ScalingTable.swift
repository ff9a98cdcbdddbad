import Simulation

/// What a comparison of scalers came to, as text: each row over all traces, seeds and start-up times, and the goals.
struct ScalingTable {
    private let cells: [CapacityComparison]

    init(_ cells: [CapacityComparison]) { self.cells = cells }

    // MARK: Figures of one cell

    private static func violating(_ cell: CapacityComparison, _ row: CapacityComparison.Row) -> Double {
        Double(cell.scores[row]?.violatingSeconds ?? 0)
    }

    private static func cost(_ cell: CapacityComparison, _ row: CapacityComparison.Row) -> Double {
        guard let score = cell.scores[row], let oracle = cell.scores[.oracle], oracle.workerSeconds > 0 else {
            return 1
        }
        return score.workerSeconds / oracle.workerSeconds
    }

    /// Infinite when the crowd was not served within the run while the oracle served it.
    private static func served(_ cell: CapacityComparison, _ row: CapacityComparison.Row) -> Double? {
        guard let oracle = cell.scores[.oracle]?.servedSeconds else { return nil }
        return (cell.scores[row]?.servedSeconds).map { $0 / oracle } ?? .infinity
    }

    private static func better(_ cell: CapacityComparison) -> Double {
        min(Self.violating(cell, .horizontal), Self.violating(cell, .knative))
    }

    // MARK: Text

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        guard let middle = sorted.indices.last.map({ $0 / 2 }) else { return 0 }
        return (sorted[middle] + sorted[sorted.count - 1 - middle]) / 2
    }

    private static func decimals(_ value: Double, _ places: Int) -> String {
        guard value.isFinite else { return "never" }
        let scale = places == 0 ? 1.0 : places == 1 ? 10.0 : 100.0
        let whole = Int((value.magnitude * scale).rounded())
        let sign = value < 0 && whole > 0 ? "-" : ""
        guard places > 0 else { return sign + String(whole) }
        let rest = String(whole % Int(scale))
        return "\(sign)\(whole / Int(scale))." + String(repeating: "0", count: places - rest.count) + rest
    }

    private static func pad(_ text: String, _ width: Int, left: Bool = false) -> String {
        let space = String(repeating: " ", count: max(0, width - text.count))
        return left ? text + space : space + text
    }

    private static func pair(_ values: [Double], _ places: Int) -> String {
        guard !values.isEmpty else { return "-" }
        return self.decimals(self.median(values), places) + " / " + self.decimals(values.max() ?? 0, places)
    }

    /// With a room and without, as far as either was played.
    private var halves: [(hasRoom: Bool, cells: [CapacityComparison])] {
        [true, false].compactMap { hasRoom in
            let cells = self.cells.filter { $0.of.hasRoom == hasRoom }
            return cells.isEmpty ? nil : (hasRoom: hasRoom, cells: cells)
        }
    }

    /// Every goal of what was played.
    var isMet: Bool {
        self.halves.allSatisfy { Self.goals($0.cells, hasRoom: $0.hasRoom).allSatisfy(\.isMet) }
    }

    /// For each half two lines for each scaler, and the goals.
    var lines: [String] {
        var lines: [String] = []
        for (hasRoom, cells) in self.halves {
            lines.append(hasRoom ? "With a room" : "Without a room")
            lines.append(
                Self.pad("", 8) + Self.pad("violating s", 14) + Self.pad("sum", 8) + Self.pad("failed, sum", 13)
                    + Self.pad("cost / oracle", 16) + Self.pad("actions", 12) + Self.pad("99 % in / oracle", 19)
            )
            for row in CapacityComparison.Row.allCases {
                let violating = cells.map { Self.violating($0, row) }
                let failed = cells.reduce(0) { $0 + ($1.scores[row]?.failedRequests ?? 0) }
                let actions = cells.map { Double($0.scores[row]?.scaleActions ?? 0) }
                lines.append(
                    Self.pad(row.rawValue, 8, left: true) + Self.pad(Self.pair(violating, 0), 14)
                        + Self.pad(Self.decimals(violating.reduce(0, +), 0), 8) + Self.pad(String(failed), 13)
                        + Self.pad(Self.pair(cells.map { Self.cost($0, row) }, 2), 16)
                        + Self.pad(Self.pair(actions, 0), 12)
                        + Self.pad(Self.pair(cells.compactMap { Self.served($0, row) }, 2), 19)
                )
            }
            lines += Self.provisioning(cells) + Self.goals(cells, hasRoom: hasRoom).map(\.line)
            lines.append("")
        }
        return lines
    }

    /// Ready workers beside the oracle's.
    private static func provisioning(_ cells: [CapacityComparison]) -> [String] {
        let heads = ["too few", "% of time", "too many", "% of time", "jitter / min"].map { Self.pad($0, 15) }
        var lines = [Self.pad("", 8) + heads.joined()]
        for row in CapacityComparison.Row.allCases where row != .oracle {
            let scores = cells.compactMap { $0.scores[row]?.provisioning }
            let figures = [
                Self.pair(scores.map(\.missingWorkers), 2), Self.pair(scores.map { 100 * $0.missingShare }, 0),
                Self.pair(scores.map(\.surplusWorkers), 2), Self.pair(scores.map { 100 * $0.surplusShare }, 0),
                Self.pair(scores.map(\.jitterPerMinute), 1),
            ]
            lines.append(Self.pad(row.rawValue, 8, left: true) + figures.map { Self.pad($0, 15) }.joined())
        }
        return lines
    }

    private struct Goal {
        var isMet: Bool
        var text: String
        var line: String { (self.isMet ? "  met     " : "  MISSED  ") + self.text }
    }

    private static func goals(_ cells: [CapacityComparison], hasRoom: Bool) -> [Goal] {
        let violating = cells.reduce(0) { $0 + Self.violating($1, .sluice) }
        let better = cells.reduce(0) { $0 + Self.better($1) }
        let share = better > 0 ? violating / better : violating > 0 ? .infinity : 0
        let costs = cells.map { Self.cost($0, .sluice) }
        var dearer = 0
        for cell in cells {
            for row in [CapacityComparison.Row.horizontal, .knative] where cell.scores[row]?.holds == true {
                if Self.cost(cell, .sluice) > Self.cost(cell, row) { dearer += 1 }
            }
        }
        let actions = cells.reduce(0) { $0 + ($1.scores[.sluice]?.scaleActions ?? 0) }
        let knative = cells.reduce(0) { $0 + ($1.scores[.knative]?.scaleActions ?? 0) }
        let served = cells.compactMap { Self.served($0, .sluice) }
        let failed = cells.reduce(0) { $0 + ($1.scores[.sluice]?.failedRequests ?? 0) }
        let goal = hasRoom ? 0.05 : 0.7
        var goals = [
            Goal(
                isMet: share <= goal,
                text: "violating seconds \(self.decimals(share, 2)) x the better of hpa and kpa; goal \(goal)"
            ),
            Goal(
                isMet: self.median(costs) <= 1.35,
                text: "worker-seconds \(self.decimals(self.median(costs), 2)) x oracle, median; goal 1.35"
            ),
            Goal(isMet: dearer == 0, text: "\(dearer) times dearer than a baseline that held the objective; goal 0"),
            Goal(isMet: actions <= knative, text: "\(actions) scale actions; kpa \(knative)"),
            Goal(
                isMet: self.median(served) <= 1.1,
                text: "99 % served after \(self.decimals(self.median(served), 2)) x oracle, median; goal 1.1"
            ),
        ]
        if hasRoom {
            goals.insert(Goal(isMet: failed == 0, text: "\(failed) failed requests; goal 0"), at: 0)
        } else {
            let worse = Dictionary(grouping: cells) { $0.of.trace.name }.values
                .filter { $0.reduce(0) { $0 + Self.violating($1, .sluice) } > $0.reduce(0) { $0 + Self.better($1) } }
            let text = "\(worse.count) traces worse than the better one; goal 0"
            goals.insert(Goal(isMet: worse.isEmpty, text: text), at: 1)
        }
        return goals
    }

    /// A line for each trace and start-up time, over its seeds.
    var details: [String] {
        var lines: [String] = []
        let groups = Dictionary(grouping: self.cells) {
            "\($0.of.hasRoom ? "room" : "open") \(Self.pad($0.of.trace.name, 10, left: true)) "
                + Self.pad("\($0.of.startSeconds) s", 5)
        }
        for (name, cells) in groups.sorted(by: { $0.key < $1.key }) {
            var line = name
            for row in CapacityComparison.Row.allCases {
                let failed = cells.reduce(0) { $0 + ($1.scores[row]?.failedRequests ?? 0) }
                let violating = self.mean(cells.map { Self.violating($0, row) })
                let served = cells.compactMap { Self.served($0, row) }
                line +=
                    "  \(row.rawValue) v\(Self.decimals(violating, 0)) f\(failed) c"
                    + Self.decimals(self.mean(cells.map { Self.cost($0, row) }), 2)
                    + " a\(Self.decimals(self.mean(cells.map { Double($0.scores[row]?.scaleActions ?? 0) }), 0))"
                    + " t\(served.isEmpty ? "-" : Self.decimals(self.mean(served), 2))"
            }
            lines.append(line)
        }
        return lines
    }

    private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }
}
