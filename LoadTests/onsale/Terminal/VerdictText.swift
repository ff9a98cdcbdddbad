/// The verdict for the terminal: a line a check, then the same crowd without the gateway.
struct VerdictText {
    private static let titleWidth = 54
    /// Of the longest title, where there is room for it and the figures.
    private static let wideTitleWidth = 68
    /// The widest figures with their limits.
    private static let figureWidth = 34

    let report: RunReport
    /// Columns of the terminal; what is written elsewhere is as wide as it is.
    let width: Int?
    private let ink: Ink

    init(_ report: RunReport, isColoured: Bool, width: Int? = nil) {
        self.report = report
        self.width = width
        self.ink = Ink(isColoured: isColoured)
    }

    func render() -> String {
        let tone: Ink.Tone =
            switch self.report.exitCode {
            case .good: .green
            case .toolTooSlow, .notPlayed, .interrupted: .amber
            case .broken, .objectiveMissed: .red
            }
        let section = VerdictSection(report: self.report)
        let headline = self.wrapped(section.headline, indent: 2).map { self.ink(.bold, self.ink(tone, $0)) }
        var lines = [""] + headline + [""]
        if self.report.partial != nil { lines += self.wrapped(section.story, indent: 2) + [""] }
        lines += self.report.verdict.checks.flatMap(self.lines)
        lines += self.objectives
        if let direct = self.report.direct { lines += self.comparison(direct) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// What was asked for, and what became of it; nothing where nothing was.
    var objectives: [String] {
        guard !self.report.objectives.isEmpty else { return [] }
        return ["", "  \(self.ink(.faint, "Objectives"))"] + self.report.objectives.flatMap(self.lines)
    }

    private func lines(_ check: Check) -> [String] {
        let (sign, tone): (String, Ink.Tone)
        switch check.outcome {
        case .passed: (sign, tone) = ("✓", .green)
        case .failed: (sign, tone) = ("✗", .red)
        case .notMeasured: (sign, tone) = ("?", .amber)
        case .notJudged: (sign, tone) = ("–", .faint)
        }
        if check.outcome == .notJudged {
            return ["  \(self.ink(tone, sign)) \(check.title)"] + self.wrapped("not judged: \(check.detail)", indent: 6)
        }
        var lines = self.row(self.ink(tone, sign), check.title, check.measured, "limit \(check.limit)")
        if check.outcome != .passed { lines += self.wrapped(check.detail, indent: 6) }
        return lines
    }

    private func lines(_ result: ObjectiveResult) -> [String] {
        let sign = result.isReached ? self.ink(.green, "✓") : self.ink(.red, "✗")
        return self.row(sign, result.title, result.measuredText, "asked for \(result.boundText)")
    }

    /// Sign, words and figures on a line; the figures on one of their own where the terminal is too narrow.
    private func row(_ sign: String, _ title: String, _ measured: String, _ limit: String) -> [String] {
        let figures = "\(self.ink(.bold, measured)) \(self.ink(.faint, limit))"
        let width = self.width ?? .max
        let room = max(width - 6 - Self.figureWidth, 0)
        let titleWidth = room >= Self.wideTitleWidth ? Self.wideTitleWidth : min(Self.titleWidth, room)
        let dots = max(titleWidth - title.count, 2)
        guard 6 + title.count + dots + measured.count + 1 + limit.count > width else {
            return ["  \(sign) \(title) \(self.ink(.faint, String(repeating: ".", count: dots))) \(figures)"]
        }
        let words = Wrap.lines(title, width: width, indent: 4)
        return ["  \(sign) \(words[0].dropFirst(4))"] + words.dropFirst() + ["      \(figures)"]
    }

    private func wrapped(_ text: String, indent: Int) -> [String] {
        guard let width = self.width else { return [String(repeating: " ", count: indent) + text] }
        return Wrap.lines(text, width: min(width, Wrap.longestProse), indent: indent)
    }

    private func comparison(_ direct: RunResult) -> [String] {
        func row(_ name: String, _ through: String, _ without: String) -> String {
            "  " + Self.padded(name, 26) + Self.padded(through, 18) + without
        }
        func p99(_ result: RunResult) -> String {
            result.inside.map { Format.duration(nanoseconds: $0.corrected.p99) } ?? "–"
        }
        let gateway = self.report.gateway
        return [
            "", self.ink(.faint, row("The same crowd", "through Sluice", "direct")),
            row("people served", Format.count(gateway.counts.served), Format.count(direct.counts.served)),
            row("gave up after errors", Format.count(gateway.counts.failed), Format.count(direct.counts.failed)),
            row(
                "still trying at the end",
                Format.count(gateway.counts.unfinished),
                Format.count(direct.counts.unfinished)
            ),
            row("requests failed", Format.percent(gateway.errorShare), Format.percent(direct.errorShare)),
            row("p99 of answers", p99(gateway), p99(direct)),
        ]
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(width - text.count, 1))
    }
}
