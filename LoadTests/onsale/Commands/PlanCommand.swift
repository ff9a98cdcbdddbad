import ArgumentParser

/// `onsale plan`: shows who would come when, without a single connection.
struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Show the crowd that a seed gives, without playing it."
    )

    @OptionGroup var options: ScenarioOptions

    func run() throws {
        let scenario = try self.options.playedScenario()
        guard scenario.pages.isEmpty else {
            // Played in one way only.
            return Output.standard.say(PlanText.render(try Crowd(self.options.playedScenario(isWhole: true))))
        }
        Output.standard.say(PlanText.render(try Crowd(scenario)))
        if let division = self.options.division("are for the same crowd without it") {
            Output.standard.say("\n\(division)")
        }
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
        var lines = scenario.name.map { [$0, ""] } ?? []
        lines += scenario.curve.waves.count > 1 ? scenario.curve.waves.map(Self.wave) + [""] : []
        lines += [
            "\(Format.count(crowd.count)) visitors in "
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
        lines.append("")
        if !scenario.classes.isEmpty { lines += Self.classes(crowd) + [""] }
        var (requests, noShows, eager) = (0, 0, 0)
        let pages = scenario.pages.map(\.name)
        for visitor in crowd {
            requests += pages.isEmpty ? visitor.requestCount : pages.count
            if visitor.isNoShow { noShows += 1 }
            if visitor.eagerRefreshNanoseconds != nil { eager += 1 }
        }
        lines.append(
            "\(Format.count(requests)) requests once inside, \(Format.count(noShows)) people who never come back, "
                + "\(Format.count(eager)) who refresh by hand"
        )
        if !pages.isEmpty {
            lines.append(
                "\(Judge.plural(pages.count, "page")) a visit, which `onsale play --url` alone asks for: "
                    + pages.joined(separator: ", ")
            )
        }
        return lines.joined(separator: "\n")
    }

    private static func wave(_ wave: Wave) -> String { "  \(Format.count(wave.visitors)) \(wave.shape)" }

    /// How many people and places of each class there are, and what the room owes them.
    private static func classes(_ crowd: Crowd) -> [String] {
        let classes = crowd.scenario.classes
        var people = [Int](repeating: 0, count: classes.count)
        var places = people
        for visitor in crowd {
            places[visitor.group] += 1
            if visitor.person == visitor.index { people[visitor.group] += 1 }
        }
        let widest = classes.map(\.name.count).max() ?? 0
        return classes.enumerated().map { index, group in
            var line = "  " + group.name + String(repeating: " ", count: widest - group.name.count)
            line += "  \(Format.count(people[index])) people"
            if places[index] != people[index] { line += " in \(Format.count(places[index])) places" }
            if group.manners.cookies == .shared { line += ", one jar of cookies each" }
            if !group.manners.keepsPlace { line += "; they break the rules, and no place is owed to them" }
            return line
        }
    }
}
