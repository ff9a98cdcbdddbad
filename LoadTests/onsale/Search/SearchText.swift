/// A search in words, at 80 columns.
enum SearchText {
    /// One run, as it is known.
    struct Line: Codable, Equatable, Sendable {
        var visitors: Int
        /// `holds`, `misses`, `INVALID` or `not played`.
        var outcome: String
        /// What was measured of each objective, or why it does not count.
        var detail: String
        var brokenPromises: Int
        var reportFolder: String

        private enum CodingKeys: String, CodingKey {
            case visitors, outcome, detail, brokenPromises = "broken_promises", reportFolder = "report"
        }
    }

    static func line(_ number: Int, _ line: Line) -> String {
        let sign =
            switch line.outcome {
            case "holds": "✓"
            case "misses": "✗"
            default: "?"
            }
        let place = "\(number)."
        let size = Format.count(line.visitors)
        var text = "  \(sign) " + String(repeating: " ", count: max(3 - place.count, 0)) + place
        text += String(repeating: " ", count: max(11 - size.count, 1)) + "\(size) visitors  \(line.outcome)"
        if line.brokenPromises > 0 { text += "; \(Judge.plural(line.brokenPromises, "promise")) broken" }
        return ([text] + Wrap.lines(line.detail, width: 80, indent: 8)).joined(separator: "\n")
    }

    static func end(_ search: CapacitySearch, _ end: CapacitySearch.End) -> String {
        let tolerance = Format.percent(search.bounds.tolerance)
        let sentence =
            switch end {
            case .found(let holds, let misses):
                "Capacity: \(Format.count(holds)) visitors. Missed at \(Format.count(misses)); the gap is within "
                    + "\(misses - holds == 1 ? "one visitor" : tolerance)."
            case .nothingHolds:
                "No capacity found: missed even at \(Format.count(search.bounds.least)) visitors, the least asked for."
            case .everythingHolds:
                "Capacity: at least \(Format.count(search.bounds.most)) visitors, the most asked for."
            case .outOfRuns:
                "Ended after \(Judge.plural(search.runs.count, "run")), the most allowed: "
                    + "\(search.holds.map { "holds at \(Format.count($0))" } ?? "holds nowhere yet"), "
                    + "\(search.misses.map { "missed at \(Format.count($0))" } ?? "missed nowhere yet")."
            case .invalid(let visitors, let reason):
                "INVALID at \(Format.count(visitors)) visitors: \(reason). "
                    + (search.holds.map { "Up to \(Format.count($0)) visitors it holds." }
                        ?? "Nothing was found before.")
            case .notPlayed(let visitors, let reason):
                "The run of \(Format.count(visitors)) visitors could not be played: \(reason)"
            }
        return Wrap.lines(sentence, width: 80, indent: 2).joined(separator: "\n")
    }
}
