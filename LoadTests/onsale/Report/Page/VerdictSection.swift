/// The top of the page: what came out, in words, and the checks one by one.
struct VerdictSection {
    let report: RunReport

    private static let tick = "<svg viewBox=\"0 0 24 24\" class=\"glyph\"><path d=\"M5 12.5l4.6 4.6L19 7.6\"/></svg>"
    private static let cross =
        "<svg viewBox=\"0 0 24 24\" class=\"glyph\"><path d=\"M6.5 6.5l11 11M17.5 6.5l-11 11\"/></svg>"
    private static let dash = "<svg viewBox=\"0 0 24 24\" class=\"glyph\"><path d=\"M6 12h12\"/></svg>"

    func render() -> String {
        let (mood, glyph): (String, String) =
            switch self.report.exitCode {
            case .good: ("good", Self.tick)
            case .toolTooSlow, .notPlayed, .interrupted: ("void", Self.dash)
            case .broken, .objectiveMissed: ("bad", Self.cross)
            }
        var html = "<section class=\"hero \(mood)\"><div class=\"seal\">\(glyph)"
        html += "</div><div><h1>\(SVG.escaped(self.headline))</h1><p>\(SVG.escaped(self.story))</p></div></section>"
        return html + self.keyFigures() + ObjectiveSection(results: self.report.objectives).render() + self.table()
    }

    var headline: String {
        if let partial = self.report.partial {
            return "Not judged: stopped after \(Format.clock(seconds: partial.seconds))"
        }
        let missed = self.report.objectives.count { !$0.isReached }
        guard missed > 0, !self.report.verdict.isInvalid else { return self.promisesHeadline }
        return
            "\(self.promisesHeadline), \(missed) of \(Judge.plural(self.report.objectives.count, "objective")) missed"
    }

    private var promisesHeadline: String {
        let verdict = self.report.verdict
        if verdict.isInvalid { return "INVALID: this run does not count" }
        let judged = verdict.checks.count - verdict.notJudgedCount
        let left = verdict.notJudgedCount > 0 ? ", \(verdict.notJudgedCount) not judged" : ""
        if verdict.passed { return "All \(judged) promises held\(left)" }
        let failed = verdict.checks.count { $0.outcome == .failed }
        let open = judged - failed - verdict.passedCount
        if failed == 0 { return "\(open) of \(judged) promises could not be judged" }
        return "\(failed) of \(judged) promises did not hold\(left)"
    }

    var story: String {
        if let partial = self.report.partial {
            let whole = Format.clock(seconds: Int(self.report.scenario.durationSeconds.rounded(.up)))
            return
                "The run was to take \(whole). It was stopped: \(partial.reason). The page holds what had come to pass "
                + "until then; no promise and no objective was judged."
        }
        if self.report.verdict.isIncomplete {
            return
                "An agent was lost on the way, and its share of the crowd is missing, so the figures say nothing about "
                + "the gateway. Start the run again when all agents are well."
        }
        if self.report.verdict.isInvalid {
            return "The load tool could not keep up with its own plan, so its figures say nothing about the gateway. "
                + "Play fewer visitors, give it more processors, or raise its limits."
        }
        let counts = self.report.gateway.counts
        var story = "\(Format.count(counts.arrivals)) people came. "
        guard counts.exchanges + counts.waitingPages > 0 else {
            return story + "\(Format.count(counts.served)) got what they came for."
        }
        story += "\(Format.count(counts.exchanges)) were let in"
        if let wait = self.report.gateway.wait, wait.count > 0 {
            story += ", half of those who waited within \(Format.duration(nanoseconds: wait.p50))"
        }
        story += ", and \(Format.count(counts.served)) got what they came for."
        if let direct = self.report.direct {
            story += " Sent straight at the workers, the same crowd lost "
            story += "\(Format.percent(direct.errorShare)) of its requests."
        }
        return story
    }

    private func keyFigures() -> String {
        let result = self.report.gateway
        let hasLine = result.counts.exchanges + result.counts.waitingPages > 0
        var figures: [(String, String)] = [
            hasLine
                ? ("people let in", Format.count(result.counts.exchanges))
                : ("people served", Format.count(result.counts.served))
        ]
        if let order = self.report.verdict.checks.first(where: { $0.name == .order }) {
            figures.append(("overtaken", order.measured))
        }
        if let inside = result.inside {
            figures.append(("p99 once inside", Format.duration(nanoseconds: inside.corrected.p99)))
        }
        figures.append(("failed requests", Format.count(result.counts.errors.total)))
        if hasLine, let peak = result.samples.map(\.gauges.waiting).max() {
            figures.append(("most in line at once", Format.count(peak)))
        }
        let items = figures.map { "<div><b>\(SVG.escaped($0.1))</b><span>\(SVG.escaped($0.0))</span></div>" }
        return "<section class=\"figures\">\(items.joined())</section>"
    }

    private func table() -> String {
        guard !self.report.verdict.checks.isEmpty else { return "" }
        var html = "<section class=\"card checks\"><table><thead><tr><th><span class=\"unseen\">Outcome</span></th>"
        html += "<th>Promise</th><th class=\"n\">Measured"
        html += "</th><th class=\"n\">Limit</th><th class=\"meter\">Used</th></tr></thead><tbody>"
        for check in self.report.verdict.checks { html += Self.row(check) }
        return html + "</tbody></table></section>"
    }

    /// The sign at the left of a row, with its word for those who cannot see it.
    static func badge(_ outcome: Check.Outcome, _ word: String) -> String {
        let glyph =
            switch outcome {
            case .passed: Self.tick
            case .failed: Self.cross
            case .notMeasured, .notJudged: Self.dash
            }
        return "<td class=\"badge\"><span role=\"img\" aria-label=\"\(word)\">\(glyph)</span></td>"
    }

    private static func row(_ check: Check) -> String {
        let (style, word): (String, String)
        switch check.outcome {
        case .passed: (style, word) = ("good", "held")
        case .failed: (style, word) = ("bad", "did not hold")
        case .notMeasured: (style, word) = ("void", "not measured")
        case .notJudged: (style, word) = ("void", "not judged")
        }
        var html = "<tr class=\"\(style)\">" + Self.badge(check.outcome, word)
        html += "<td><strong>\(SVG.escaped(check.title))</strong><small>\(SVG.escaped(check.detail))</small></td>"
        html += "<td class=\"n measured\">\(SVG.escaped(check.measured))</td>"
        html += "<td class=\"n limit\">\(SVG.escaped(check.limit))</td><td class=\"meter\">"
        if let used = check.used {
            let width = SVG.number(min(max(used, 0), 1) * 100)
            html += "<span class=\"bar\" title=\"\(Format.percent(used)) of the limit\">"
            html += "<i style=\"width:\(width)%\"></i></span>"
        }
        return html + "</td></tr>"
    }
}
