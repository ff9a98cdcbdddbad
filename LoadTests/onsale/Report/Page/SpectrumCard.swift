/// A percentile spectrum with its heading and legend: each summary as a line from due, and dotted from sent.
enum SpectrumCard {
    static func render(
        title: String,
        scenario: Scenario,
        curves: [(label: String, tone: Plot.Tone, summary: LatencySummary?)]
    ) -> String {
        var drawn: [SpectrumPlot.Curve] = []
        var legend: [(label: String, swatch: String)] = []
        for (label, tone, summary) in curves {
            guard let summary else { continue }
            drawn.append(SpectrumPlot.Curve(label: "\(label), from due", tone: tone, points: summary.correctedSpectrum))
            drawn.append(
                SpectrumPlot.Curve(
                    label: "\(label), from sent",
                    tone: tone,
                    isDotted: true,
                    points: summary.rawSpectrum
                )
            )
            legend.append(("\(label), from due", "stroke \(tone.rawValue)"))
            legend.append(("from sent", "stroke dotted \(tone.rawValue)"))
        }
        guard !drawn.isEmpty else { return "" }
        let plot = SpectrumPlot(curves: drawn, objectiveNanoseconds: scenario.objectives.inside.p99Nanoseconds)
        return PlotCard.figure(
            title: title,
            note: "So much of all answers came within this time. From due: from the moment a person would have had "
                + "the request sent, whatever held it up",
            legend: legend,
            drawing: plot.render()
        )
    }
}
