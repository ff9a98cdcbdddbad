/// What simulated runs came to, for the terminal: one column a figure, a row a seed where there are few.
struct SimulatedText {
    /// Of more seeds only the middle and the ends are shown.
    private static let mostRows = 10
    let runs: [SimulatedRun]

    func render() -> String {
        var lines = ["", "  Waits of those who got in, in seconds, by decile:", ""]
        lines.append(Self.row("", (1...10).map { $0 == 10 ? "longest" : "\($0 * 10) %" }))
        let deciles = self.runs.compactMap { run in run.waitDeciles.map { (run.seed, $0) } }
        if self.runs.count <= Self.mostRows {
            lines += deciles.map { seed, waits in Self.row("seed \(seed)", waits.map { Format.decimal($0, places: 2) })
            }
        }
        if deciles.count > 1 {
            lines += Self.ranks(deciles.map(\.1)).map { name, waits in
                Self.row(name, waits.map { Format.decimal($0, places: 2) })
            }
        }
        lines += ["", "  What became of them:", ""]
        lines.append(
            Self.row("", ["came", "let in", "served", "impatient", "no-show", "failed", "unfinished", "last in"])
        )
        let rows = self.runs.map(Self.figures)
        if self.runs.count <= Self.mostRows {
            for (run, figures) in zip(self.runs, rows) {
                lines.append(Self.row("seed \(run.seed)", figures.map(Self.text)))
            }
        }
        if rows.count > 1 { lines += Self.ranks(rows).map { Self.row($0, $1.map(Self.text)) } }
        lines += ["", "  What it cost:", ""]
        lines.append(Self.row("", ["workers", "minutes"]))
        let costs = self.runs.map { [Double($0.mostWorkers), $0.workerSeconds / 60] }
        if self.runs.count <= Self.mostRows {
            for (run, cost) in zip(self.runs, costs) { lines.append(Self.row("seed \(run.seed)", cost.map(Self.text))) }
        }
        if costs.count > 1 { lines += Self.ranks(costs).map { Self.row($0, $1.map(Self.text)) } }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func figures(_ run: SimulatedRun) -> [Double] {
        let counts = run.counts
        let numbers = [
            counts.arrivals, counts.exchanges, counts.served, counts.abandoned, counts.noShows, counts.failed,
            counts.unfinished,
        ]
        return numbers.map(Double.init) + [run.lastLetInSeconds ?? 0]
    }

    /// The least, the median and the most of each column.
    private static func ranks(_ rows: [[Double]]) -> [(String, [Double])] {
        let columns = (0..<(rows.first?.count ?? 0)).map { column in rows.map { $0[column] }.sorted() }
        return [
            ("least", columns.map { $0[0] }), ("median", columns.map { $0[($0.count - 1) / 2] }),
            ("most", columns.map { $0[$0.count - 1] }),
        ]
    }

    private static func text(_ value: Double) -> String { Format.decimal(value) }

    private static func row(_ name: String, _ cells: [String]) -> String {
        func padded(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        return "  " + name + String(repeating: " ", count: max(0, 10 - name.count))
            + cells.map { padded($0, 11) }.joined()
    }
}
