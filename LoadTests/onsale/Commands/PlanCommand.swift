import ArgumentParser

/// `onsale plan`: shows who would come when, without a single connection.
struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Show the crowd that a seed gives, without playing it."
    )

    @OptionGroup var options: ScenarioOptions

    func run() throws {
        print(PlanText.render(try Crowd(self.options.scenario())))
    }
}

/// A crowd in a page of text.
enum PlanText {
    private static let barWidth = 52.0
    private static let mostRows = 45

    static func render(_ crowd: Crowd) -> String {
        let scenario = crowd.scenario
        let arrivals = crowd.arrivalsPerSecond()
        let stride = max(1, (arrivals.count + Self.mostRows - 1) / Self.mostRows)
        var lines = [
            "\(Format.count(crowd.visitors.count)) visitors in "
                + "\(Format.duration(nanoseconds: Int64(scenario.durationSeconds * 1e9))), seed \(scenario.seed); "
                + "arrivals a second:", "",
        ]
        let rows = Swift.stride(from: 0, to: arrivals.count, by: stride).map { start in
            let part = arrivals[start..<min(start + stride, arrivals.count)]
            return (start: start, rate: Double(part.reduce(0, +)) / Double(part.count))
        }
        let shown = rows[...(rows.lastIndex { $0.rate > 0 } ?? 0)]
        let highest = max(rows.map(\.rate).max() ?? 1, 1)
        let opening = Int(scenario.curve.openingSeconds)
        for row in shown {
            let clock = Format.clock(seconds: row.start)
            let bar = String(repeating: "█", count: Int((row.rate / highest * Self.barWidth).rounded()))
            let mark = (row.start..<(row.start + stride)).contains(opening) ? "  ← opening" : ""
            let figure = row.rate > 0 ? " \(Format.significant(row.rate))" : ""
            lines.append(String(repeating: " ", count: max(8 - clock.count, 0)) + "\(clock)  \(bar)\(figure)\(mark)")
        }
        let requests = crowd.visitors.reduce(0) { $0 + $1.requestCount }
        let noShows = crowd.visitors.count { $0.isNoShow }
        let eager = crowd.visitors.count { $0.eagerRefreshNanoseconds != nil }
        lines.append("")
        lines.append(
            "\(Format.count(requests)) requests once inside, \(Format.count(noShows)) people who never come back, "
                + "\(Format.count(eager)) who refresh by hand"
        )
        return lines.joined(separator: "\n")
    }
}
