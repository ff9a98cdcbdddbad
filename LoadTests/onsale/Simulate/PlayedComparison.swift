/// A simulated run beside one of the same crowd that was really played.
struct PlayedComparison {
    /// Of the crowd: so far a count may be off.
    static let countShare = 0.005
    /// Of a wait: so far its median and its 90th percentile may be off, or as far as people ask in step with a tick.
    static let waitShare = 0.03
    static let waitNanoseconds: Int64 = 100_000_000

    struct Row: Equatable {
        var name: String
        var played: Double
        var simulated: Double
        var tolerance: Double

        var isClose: Bool { abs(self.played - self.simulated) <= self.tolerance }
    }

    let rows: [Row]

    init(played: RunResult, simulated: RunResult) {
        let tolerance = max(1, Double(played.counts.arrivals) * Self.countShare)
        let counts: [(String, KeyPath<Counts, Int>)] = [
            ("came", \.arrivals), ("let in", \.exchanges), ("served", \.served), ("impatient", \.abandoned),
            ("no-shows", \.noShows), ("failed", \.failed),
        ]
        var rows = counts.map { name, path in
            Row(
                name: name,
                played: Double(played.counts[keyPath: path]),
                simulated: Double(simulated.counts[keyPath: path]),
                tolerance: tolerance
            )
        }
        for (name, path) in [("median wait, s", \Percentiles.p50), ("90 % wait, s", \Percentiles.p90)] {
            guard let one = played.wait?[keyPath: path], let other = simulated.wait?[keyPath: path] else { continue }
            let tolerance = max(Double(one) * Self.waitShare, Double(Self.waitNanoseconds))
            rows.append(
                Row(name: name, played: Double(one) / 1e9, simulated: Double(other) / 1e9, tolerance: tolerance / 1e9)
            )
        }
        self.rows = rows
    }

    /// The controller of a run that was played looked for the first time when the room was told that nobody may be let in
    /// for want of workers. When that was is a matter of how fast the machine started everything; whole runs differ by it.
    static func controllerLead(_ played: RunResult) -> Int64? {
        guard let first = played.limits.first(where: { $0.ratePerSecond == 0 && $0.atSeconds < 0 }) else { return nil }
        return Int64(-first.atSeconds * 1e9)
    }

    var isClose: Bool { self.rows.allSatisfy(\.isClose) }

    func render() -> String {
        func padded(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        func line(_ cells: [String]) -> String {
            "  " + cells[0] + padded(cells[1], 30 - cells[0].count) + cells[2...].map { padded($0, 13) }.joined()
        }
        let lines = self.rows.map { row in
            line(
                [row.name] + [row.played, row.simulated, row.tolerance].map { Format.decimal($0, places: 2) }
                    + [row.isClose ? "close" : "OFF"]
            )
        }
        return ([line(["", "played", "simulated", "may be off by", ""])] + lines).joined(separator: "\n")
    }
}
