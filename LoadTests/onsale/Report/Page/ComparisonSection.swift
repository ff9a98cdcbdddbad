/// The same crowd through the gateway and without it, side by side.
struct ComparisonSection {
    let scenario: Scenario
    let gateway: RunResult
    let direct: RunResult
    let directTarget: String?

    func render() -> String {
        var html = "<h2>The same crowd, without the waiting room</h2>"
        let target = self.directTarget.map { ", \($0)" } ?? ""
        html += "<p class=\"lead\">Same seed, same people\(SVG.escaped(target)).</p>"
        html += "<section class=\"versus\">\(self.column("Through Sluice", self.gateway))"
        html += "\(self.column("Direct", self.direct))</section>"
        return html + self.spectrum()
    }

    private func column(_ title: String, _ result: RunResult) -> String {
        let isDirect = result == self.direct
        let p99 = result.inside.map { Format.duration(nanoseconds: $0.corrected.p99) } ?? "–"
        let through = self.gateway
        let isSlower = (result.inside?.corrected.p99 ?? 0) > (through.inside?.corrected.p99 ?? .max)
        var html = "<div class=\"side\(isDirect ? " direct" : "")\"><h3><i></i>\(title)</h3><div class=\"duel\">"
        let errors = Format.percent(result.errorShare)
        html += Self.figure(errors, "of requests failed", isWorse: result.errorShare > through.errorShare)
        html += Self.figure(p99, "p99 of answers", isWorse: isSlower)
        let served = Self.servedShare(result)
        html += Self.figure(
            Format.percent(served),
            "of people served",
            isWorse: served < Self.servedShare(through)
        )
        html += "</div>"
        html += self.plots(result)
        html += "<p class=\"note\">\(SVG.escaped(Self.endings(result.counts)))</p></div>"
        return html
    }

    private static func servedShare(_ result: RunResult) -> Double {
        Double(result.counts.served) / Double(max(result.counts.arrivals, 1))
    }

    /// Red where it is worse than through the gateway.
    private static func figure(_ value: String, _ words: String, isWorse: Bool) -> String {
        "<div><b\(isWorse ? " class=\"worse\"" : "")>\(value)</b><span>\(words)</span></div>"
    }

    private static func endings(_ counts: Counts) -> String {
        var parts = ["\(Format.count(counts.served)) served"]
        if counts.abandoned > 0 { parts.append("\(Format.count(counts.abandoned)) lost patience") }
        if counts.noShows > 0 { parts.append("\(Format.count(counts.noShows)) never came back") }
        if counts.failed > 0 { parts.append("\(Format.count(counts.failed)) gave up after errors") }
        if counts.unfinished > 0 { parts.append("\(Format.count(counts.unfinished)) still under way at the end") }
        return parts.joined(separator: " · ")
    }

    /// Both columns on the same scales, or the eye would compare nothing.
    private func plots(_ result: RunResult) -> String {
        let all = [RunPlots(self.gateway, scenario: self.scenario), RunPlots(self.direct, scenario: self.scenario)]
        let plots = RunPlots(result, scenario: self.scenario)
        let seconds = all.map(\.seconds).max() ?? 1
        let yield = plots.yield(highest: all.map(\.highestYield).max() ?? 1)
        var latency = plots.latency()
        latency.layers.removeAll { !["p50", "p99", "p50 to p99"].contains($0.label) }
        latency.title = "Answers, p50 and p99"
        latency.note = ""
        let values = all.flatMap { $0.latency().layers.flatMap(\.points).compactMap(\.y) }
        latency.yAxis = .logarithmic(lowest: values.min() ?? 1e6, highest: values.max() ?? 1e9, mostTicks: 5)
        latency.rules = []
        return [yield, latency].map { plot in
            var plot = plot
            plot.width = 512
            plot.height = 190
            plot.seconds = seconds
            plot.marks = plot.marks.filter { $0.label == "opening" }
            return PlotCard.render(plot)
        }.joined()
    }

    private func spectrum() -> String {
        SpectrumCard.render(
            title: "Every percentile, both ways",
            scenario: self.scenario,
            curves: [("through Sluice", .green, self.gateway.inside), ("direct", .red, self.direct.inside)]
        )
    }
}
