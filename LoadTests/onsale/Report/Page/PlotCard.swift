/// A plot with its heading and legend, as a figure of the page.
enum PlotCard {
    static func render(_ plot: Plot) -> String {
        let listed = plot.layers.filter(\.isListed)
        return self.figure(
            title: plot.title,
            note: plot.note,
            legend: listed.count > 1 ? listed.map { (label: $0.label, swatch: self.swatch($0)) } : [],
            drawing: PlotRenderer.render(plot)
        )
    }

    static func figure(
        title: String,
        note: String,
        legend: [(label: String, swatch: String)],
        drawing: String
    ) -> String {
        var html = "<figure class=\"card\"><figcaption><div><h3>\(SVG.escaped(title))</h3>"
        if !note.isEmpty { html += "<p>\(SVG.escaped(note))</p>" }
        html += "</div>"
        if !legend.isEmpty {
            html += "<ul class=\"legend\">"
            for item in legend { html += "<li><i class=\"\(item.swatch)\"></i>\(SVG.escaped(item.label))</li>" }
            html += "</ul>"
        }
        // Narrow screens move the drawing sideways, with the keys, too.
        let label = SVG.escaped(title)
        html += "</figcaption><div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"\(label)\">"
        return html + "\(drawing)</div></figure>"
    }

    private static func swatch(_ layer: Plot.Layer) -> String {
        let form: String
        switch layer.form {
        case .columns, .area, .steppedArea: form = "box"
        case .band, .steppedBand: form = "box light"
        case .line, .steps: form = "stroke"
        case .dotted: form = "stroke dotted"
        case .dashed, .dashedSteps: form = "stroke dashed"
        }
        return "\(form) \(layer.tone.rawValue)"
    }
}
