/// The objectives of whoever started the run, one by one; nothing when there were none.
struct ObjectiveSection {
    let results: [ObjectiveResult]

    func render() -> String {
        guard !self.results.isEmpty else { return "" }
        var html = "<section class=\"card checks\"><table><thead><tr><th><span class=\"unseen\">Outcome</span></th>"
        html += "<th>Objective</th><th class=\"n\">Measured</th><th class=\"n\">Asked for</th></tr></thead><tbody>"
        for result in self.results {
            html += "<tr class=\"\(result.isReached ? "good" : "bad")\">"
            html += VerdictSection.badge(result.isReached ? .passed : .failed, result.isReached ? "reached" : "missed")
            html += "<td><strong>\(SVG.escaped(Self.capitalised(result.title)))</strong>"
            html += "<small>\(SVG.escaped(result.objective))</small></td>"
            html += "<td class=\"n measured\">\(SVG.escaped(result.measuredText))</td>"
            html += "<td class=\"n limit asked\">\(SVG.escaped(result.boundText))</td></tr>"
        }
        return html + "</tbody></table></section>"
    }

    /// A percentile keeps its small letter: p99 is its name.
    private static func capitalised(_ title: String) -> String {
        guard title.wholeMatch(of: /p\d.*/) == nil else { return title }
        return title.prefix(1).uppercased() + title.dropFirst()
    }
}
