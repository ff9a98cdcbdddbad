/// The verdict for the terminal: a line a check, then the same crowd without the gateway.
struct VerdictText {
    private static let titleWidth = 54

    let report: RunReport
    private let ink: Ink

    init(_ report: RunReport, isColoured: Bool) {
        self.report = report
        self.ink = Ink(isColoured: isColoured)
    }

    func render() -> String {
        let verdict = self.report.verdict
        let tone: Ink.Tone = verdict.isInvalid ? .amber : verdict.passed ? .green : .red
        let headline = VerdictSection(report: self.report).headline
        var lines = ["", "  \(self.ink(.bold, self.ink(tone, headline)))", ""]
        lines += verdict.checks.map(self.line)
        if let direct = self.report.direct { lines += self.comparison(direct) }
        return lines.joined(separator: "\n") + "\n"
    }

    private func line(_ check: Check) -> String {
        let (sign, tone): (String, Ink.Tone)
        switch check.outcome {
        case .passed: (sign, tone) = ("✓", .green)
        case .failed: (sign, tone) = ("✗", .red)
        case .notMeasured: (sign, tone) = ("?", .amber)
        case .notJudged: (sign, tone) = ("–", .faint)
        }
        let dots = String(repeating: ".", count: max(Self.titleWidth - check.title.count, 2))
        var line = "  \(self.ink(tone, sign)) \(check.title) \(self.ink(.faint, dots)) "
        if check.outcome == .notJudged { return line + self.ink(.faint, "not judged: \(check.detail)") }
        line += "\(self.ink(.bold, check.measured)) \(self.ink(.faint, "limit \(check.limit)"))"
        if check.outcome != .passed { line += "\n      \(check.detail)" }
        return line
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
