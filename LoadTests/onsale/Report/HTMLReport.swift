/// The report as one HTML file that needs nothing else: no script, no font, no request. Verdict first.
struct HTMLReport {
    let report: RunReport

    init(_ report: RunReport) { self.report = report }

    func render() -> String {
        let verdict = VerdictSection(report: self.report)
        var html = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
        html += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
        html += "<meta name=\"color-scheme\" content=\"light dark\">"
        html +=
            "<title>\(SVG.escaped(verdict.headline)) · onsale</title><style>\(PageStyle.css)</style></head><body><main>"
        html += self.masthead()
        html += verdict.render()
        html += self.run()
        if let direct = self.report.direct {
            html += ComparisonSection(
                scenario: self.report.scenario,
                gateway: self.report.gateway,
                direct: direct,
                directTarget: self.report.directTarget
            ).render()
        }
        html += RepeatSection(report: self.report).render()
        return html + "</main></body></html>\n"
    }

    private func masthead() -> String {
        let scenario = self.report.scenario
        let size =
            "\(Format.count(scenario.visitors)) visitors · "
            + "\(Format.duration(nanoseconds: Int64(scenario.durationSeconds * 1e9))) · seed \(scenario.seed)"
        let gates =
            "<svg viewBox=\"0 0 32 32\" class=\"logo\"><path d=\"M4 6v20M28 6v20\"/>"
            + "<path d=\"M10 6v9M16 6v13M22 6v9\"/><path class=\"water\" d=\"M8 25c3-3 5-3 8 0s5 3 8 0\"/></svg>"
        return "<header>\(gates)<b>Sluice</b><span>on-sale report</span><em>\(SVG.escaped(size))<br>"
            + "\(SVG.escaped(self.report.startedAt))</em></header>"
    }

    private func run() -> String {
        let result = self.report.gateway
        let plots = RunPlots(result, scenario: self.report.scenario)
        var html = "<h2>The run</h2>" + TotalsSection(result: result).render()
        let flow = FlowPlot(counts: result.counts).render()
        html += PlotCard.figure(title: "Where they went", note: "", legend: [], drawing: flow)
        html += PlotCard.render(plots.arrivals()) + PlotCard.render(plots.crowd())
        if !result.inflow.isEmpty { html += PlotCard.render(plots.inflow()) }
        if let order = plots.order() { html += PlotCard.render(order) }
        if let workers = plots.workers() { html += PlotCard.render(workers) }
        html += PlotCard.render(plots.latency())
        if let errors = plots.errors() {
            html += PlotCard.render(errors)
        } else {
            html += "<figure class=\"card calm\"><h3>Errors</h3><p>None: each of "
            html += "\(Format.count(result.counts.answered)) requests was answered as it should be.</p></figure>"
        }
        return html
            + SpectrumCard.render(
                title: "Every percentile",
                scenario: self.report.scenario,
                curves: [("inside", .green, result.inside), ("in line", .blue, result.line)]
            )
    }
}
