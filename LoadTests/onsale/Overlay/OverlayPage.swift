import Foundation

/// Both runs in one page: what the difference comes to, then each series of the one over that of the other. No script, no
/// font, no request, as the report.
struct OverlayPage {
    let overlay: Overlay

    func render() -> String {
        var html = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
        html += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
        html += "<meta name=\"color-scheme\" content=\"light dark\">"
        html += "<title>\(SVG.escaped(self.headline)) · onsale</title><style>\(PageStyle.css)\(Self.css)</style></head>"
        html += "<body><main>\(self.masthead())<h1>\(SVG.escaped(self.headline))</h1>"
        html += "<p class=\"lead below\">\(SVG.escaped(self.lead))</p>"
        html += self.figures() + self.gaps()
        html += "<h2>Second by second</h2>" + self.plots().map(PlotCard.render).joined()
        return html + self.again() + "</main></body></html>\n"
    }

    /// Names above, figures below each other: four columns fit a telephone.
    private static let css = """
        .pairs{padding:4px 20px 8px}.pairs td:first-child{font-weight:560}.pairs td b{font-weight:640;color:var(--ink)}
        .pairs tr.off td b{color:var(--red)}.below{margin:0 0 18px}
        @media screen and (max-width:760px){.pairs{padding:2px 12px 6px;font-size:13px}.pairs th,.pairs td{padding:7px 4px}
        .pairs th{white-space:normal}}
        """

    var headline: String {
        self.overlay.isClose ? "Played and simulated agree" : "Played and simulated differ"
    }

    private var lead: String {
        let letIn = self.overlay.rows.first { $0.name == "let in" }
        let wait = self.overlay.rows.first { $0.name == "median wait, s" }
        var parts: [String] = []
        if let letIn {
            parts.append(
                "\(Self.text(letIn.played, 0)) people were let in, and \(Self.text(letIn.simulated, 0)) in virtual time"
            )
        }
        if let wait {
            parts.append("half of them within \(Self.text(wait.played, 2)) s and \(Self.text(wait.simulated, 2)) s")
        }
        parts.append("the same crowd, by seed, through real processes and through the rules alone")
        return parts.joined(separator: "; ") + "."
    }

    private func masthead() -> String {
        let scenario = self.overlay.played.scenario
        let size =
            "\(Format.count(scenario.visitors)) visitors · "
            + "\(Format.duration(nanoseconds: Int64(scenario.durationSeconds * 1e9))) · seed \(scenario.seed)"
        return "<header><b>Sluice</b><span>played and simulated</span><em>\(SVG.escaped(size))<br>"
            + "\(SVG.escaped(self.overlay.played.startedAt))</em></header>"
    }

    // MARK: Figures

    static func text(_ value: Double, _ places: Int) -> String {
        places == 0 ? Format.count(Int(value.rounded())) : Format.decimal(value, places: places)
    }

    /// `+12 (+3.1 %)`; `0` where there is none.
    static func difference(_ row: Overlay.Row) -> String {
        let sign = row.difference < 0 ? "−" : "+"
        let size = Self.text(row.difference.magnitude, row.places)
        guard size.contains(where: { ("1"..."9").contains($0) }) else { return "0" }
        guard row.played > 0 else { return sign + size }
        return "\(sign)\(size) (\(sign)\(Format.decimal(row.difference.magnitude / row.played * 100, places: 1)) %)"
    }

    private func figures() -> String {
        var html = "<section class=\"card pairs\"><table><thead><tr><th>Figure</th><th class=\"n\">Played</th>"
        html += "<th class=\"n\">Simulated</th><th class=\"n\">Difference</th></tr></thead><tbody>"
        for row in self.overlay.rows {
            html += "<tr\(row.isClose == false ? " class=\"off\"" : "")><td>\(SVG.escaped(row.name))</td>"
            html += "<td class=\"n\">\(Self.text(row.played, row.places))</td>"
            html += "<td class=\"n\">\(Self.text(row.simulated, row.places))</td>"
            html += "<td class=\"n\"><b>\(Self.difference(row))</b></td></tr>"
        }
        html += "</tbody></table></section>"
        let share = Format.percent(PlayedComparison.countShare)
        let wait = Format.percent(PlayedComparison.waitShare)
        html +=
            "<p class=\"note\">Counts of people agree within \(share) of the crowd, waits within \(wait) or a tick of "
        html +=
            "100 ms: else they stand in red. Of workers nothing is promised: how long a process takes to start is the "
        return html + "machine's.</p>"
    }

    private func gaps() -> String {
        var html =
            "<h2>Where they are farthest apart</h2><section class=\"card pairs\"><table><thead><tr><th>Series</th>"
        html += "<th class=\"n\">At</th><th class=\"n\">Played and simulated</th><th class=\"n\">On average</th></tr>"
        html += "</thead><tbody>"
        for gap in self.overlay.gaps {
            html += "<tr><td>\(SVG.escaped(gap.name))</td><td class=\"n\">\(Format.clock(seconds: gap.second))</td>"
            html += "<td class=\"n\"><b>\(Self.text(gap.played, 0))</b> and <b>\(Self.text(gap.simulated, 0))</b></td>"
            html += "<td class=\"n\">\(Self.text(gap.mean, 1))</td></tr>"
        }
        return html + "</tbody></table></section>"
    }

    // MARK: Plots

    func plots() -> [Plot] {
        let overlay = self.overlay
        var plots = [
            self.plot("People in line", "At the end of each second", overlay.waiting, .amber),
            self.plot("People inside", "Let in and not gone, at the end of each second", overlay.inside, .green),
            self.plot("Let in a second", "Exchanges by the room's own journal", overlay.letIn, .teal),
        ]
        if overlay.workers.gap != nil {
            plots.append(self.plot("Workers ready", "", overlay.workers, .blue, stepped: true))
        }
        return plots
    }

    private func plot(
        _ title: String,
        _ note: String,
        _ series: Overlay.Series,
        _ tone: Plot.Tone,
        stepped: Bool = false
    ) -> Plot {
        let seconds = max(1, series.played.count, series.simulated.count)
        let stride = max(1, (seconds + RunPlots.mostColumns - 1) / RunPlots.mostColumns)
        let played = Self.points(series.played, stride, stepped: stepped)
        let simulated = Self.points(series.simulated, stride, stepped: stepped)
        var plot = Plot(
            title: title,
            note: note,
            seconds: Double(seconds),
            columnSeconds: Double(stride),
            layers: [
                Plot.Layer(label: "played", tone: tone, form: stepped ? .steppedArea : .area, points: played),
                Plot.Layer(label: "simulated", tone: .ink, form: stepped ? .dashedSteps : .dashed, points: simulated),
            ],
            yAxis: .linear(highest: (played + simulated).compactMap(\.y).max() ?? 1)
        )
        if stepped {
            plot.layers[0].isListed = false
            plot.layers.insert(Plot.Layer(label: "played", tone: tone, form: .steps, points: played), at: 1)
            plot.height = 190
        }
        let opening = self.overlay.played.scenario.curve.openingSeconds
        if opening > 0 { plot.marks = [Plot.Mark(second: opening, label: "opening")] }
        return plot
    }

    /// The mean of each column at its middle; of a gauge, what was read at its end holds from there.
    private static func points(_ values: [Double?], _ stride: Int, stepped: Bool) -> [(x: Double, y: Double?)] {
        let columns = Swift.stride(from: 0, to: values.count, by: stride).map { start in
            let end = min(start + stride, values.count)
            let known = values[start..<end].compactMap { $0 }
            let mean = known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
            return stepped ? (x: Double(end), y: known.last) : (x: Double(start) + Double(stride) / 2, y: mean)
        }
        guard stepped, let first = columns.first else { return columns }
        return [(0, first.y)] + columns
    }

    private func again() -> String {
        var html = "<h2>To make it again</h2><section class=\"card again\">"
        html += "<pre><code>\(SVG.escaped(self.overlay.played.command))\n"
        html += "onsale simulate --like report.json --report simulated\n"
        html += "onsale overlay report.json simulated/report.json --out overlay.html</code></pre>"
        return html + "</section>"
    }
}

extension Overlay {
    /// For a terminal: the rows and the gaps.
    var text: String {
        func padded(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(1, width - text.count)) + text
        }
        func line(_ cells: [String]) -> String {
            "  " + cells[0] + padded(cells[1], 36 - cells[0].count) + padded(cells[2], 12) + padded(cells[3], 20)
        }
        var lines = [line(["", "played", "simulated", "difference"])]
        lines += self.rows.map { row in
            let off = row.isClose == false ? "  OFF" : ""
            return line([
                row.name, OverlayPage.text(row.played, row.places), OverlayPage.text(row.simulated, row.places),
                OverlayPage.difference(row),
            ]) + off
        }
        lines += self.gaps.map { gap in
            "  \(gap.name): farthest apart at \(Format.clock(seconds: gap.second)) with "
                + "\(OverlayPage.text(gap.played, 0)) and \(OverlayPage.text(gap.simulated, 0)), on average "
                + "\(OverlayPage.text(gap.mean, 1))"
        }
        return lines.joined(separator: "\n")
    }
}
