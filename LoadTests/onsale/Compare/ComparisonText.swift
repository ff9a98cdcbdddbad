/// A comparison as a table that fits 80 columns.
struct ComparisonText {
    static let width = 80

    let comparison: ReportComparison
    let baseName: String
    let otherName: String
    private let ink: Ink

    init(_ comparison: ReportComparison, base: String, other: String, isColoured: Bool) {
        self.comparison = comparison
        self.baseName = base
        self.otherName = other
        self.ink = Ink(isColoured: isColoured)
    }

    func render() -> String {
        var lines = [""]
        lines += Self.wrapped("A: \(self.baseName), \(Judge.plural(self.comparison.baseCount, "run"))")
        lines += Self.wrapped("B: \(self.otherName), \(Judge.plural(self.comparison.otherCount, "run"))")
        for remark in self.comparison.remarks { lines += Self.wrapped("! \(remark)") }
        for loss in self.comparison.lost { lines += Self.wrapped("! \(loss)") }
        lines += ["", self.ink(.faint, Self.row(["", "A", "B", "change", "95 % interval", ""]))]
        lines += self.comparison.differences.map(self.line)
        lines.append("")
        for title in self.comparison.brokenSince { lines += Self.wrapped("✗ kept in A, not in B: \(title)") }
        for title in self.comparison.keptSince { lines += Self.wrapped("✓ kept in B, not in A: \(title)") }
        lines += Self.wrapped(self.method) + [""]
        lines += Self.wrapped(self.conclusion).map { self.ink(.bold, $0) }
        return lines.joined(separator: "\n") + "\n"
    }

    private func line(_ difference: MetricDifference) -> String {
        let unit = difference.metric.unit
        let text = Self.row([
            difference.metric.name, unit.text(difference.base), unit.text(difference.other),
            Self.change(difference.difference, difference),
            difference.interval.map {
                "\(Self.change($0.lowerBound, difference)) … \(Self.change($0.upperBound, difference))"
            } ?? "–",
            Self.word(difference.judgement),
        ])
        switch difference.judgement {
        case .better: return self.ink(.green, text)
        case .worse: return self.ink(.red, text)
        case .changed, .same, .unknown: return text
        }
    }

    /// As a share of the base; in units where the base is nothing.
    private static func change(_ value: Double, _ difference: MetricDifference) -> String {
        let sign = value > 0 ? "+" : ""
        guard difference.base != 0 else { return sign + difference.metric.unit.text(value) }
        let percent = value / difference.base * 100
        guard percent.magnitude < 1_000 else { return "\(sign)\(Format.significant(percent / 100))×" }
        return "\(percent > 0 ? "+" : "")\(Format.decimal(percent, places: 1))\u{A0}%"
    }

    private static func word(_ judgement: MetricDifference.Judgement) -> String {
        switch judgement {
        case .better, .worse, .changed: judgement.rawValue
        case .same, .unknown: ""
        }
    }

    private var method: String {
        let comparison = self.comparison
        switch comparison.differences.first?.method {
        case .paired:
            return "Paired by seed: Student's t of the differences of \(comparison.baseCount) pairs. \(Self.correction)"
        case .welch:
            return "The seeds of A and B differ: Welch's t for unequal spreads. \(Self.correction)"
        case .some(.none), nil:
            let few = comparison.baseCount == 1 && comparison.otherCount == 1 ? "One run each" : "Too few runs"
            return
                "\(few): no confidence, a difference may be chance. Play at least "
                + "\(MetricDifference.fewestRuns) seeds of each, the same ones for both."
        }
    }

    private static let correction =
        "Better and worse are what chance would not give once in twenty comparisons of all these figures (Holm)."

    private var conclusion: String {
        let worse = self.comparison.differences.filter { $0.judgement == .worse }
        let better = self.comparison.differences.filter { $0.judgement == .better }
        var parts: [String] = []
        if !self.comparison.brokenSince.isEmpty {
            parts.append("\(Judge.plural(self.comparison.brokenSince.count, "promise")) newly broken")
        }
        if !worse.isEmpty { parts.append("worse: \(worse.map(\.metric.name).joined(separator: ", "))") }
        if !better.isEmpty { parts.append("better: \(better.map(\.metric.name).joined(separator: ", "))") }
        if parts.isEmpty { parts.append("no difference that could not be chance") }
        return "B against A: \(parts.joined(separator: "; "))"
    }

    // MARK: Layout

    private static let widths = [20, 10, 10, 9, 19, 7]

    private static func row(_ cells: [String]) -> String {
        var line = ""
        for (index, cell) in cells.enumerated() {
            let space = String(repeating: " ", count: max(Self.widths[index] - cell.count, 0))
            // Names and words from the left, figures from the right.
            line += (index == 0 || index == 5 ? cell + space : space + cell) + (index == 5 ? "" : " ")
        }
        while line.last == " " { line.removeLast() }
        return line
    }

    private static func wrapped(_ text: String) -> [String] { Wrap.lines(text, width: Self.width) }
}
