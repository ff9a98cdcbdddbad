/// Where the people of a run went, as ribbons whose widths are their numbers.
struct FlowPlot {
    struct Branch {
        var label: String
        var count: Int
        var tone: Plot.Tone
    }

    private static let barWidth = 10.0
    private static let gap = 20.0
    private static let top = 22.0

    var counts: Counts
    var width = 1040.0
    var height = 250.0

    /// In the order in which they are drawn: who got in first, then those who did not.
    private var ends: [Branch] {
        [
            Branch(label: "served", count: self.counts.served, tone: .green),
            Branch(label: "lost patience in line", count: self.counts.abandoned, tone: .amber),
            Branch(label: "never came back", count: self.counts.noShows, tone: .grey),
            Branch(label: "gave up after errors", count: self.counts.failed, tone: .red),
            Branch(label: "still under way", count: self.counts.unfinished, tone: .violet),
        ].filter { $0.count > 0 }
    }

    func render() -> String {
        let ends = self.ends
        let total = ends.reduce(0) { $0 + $1.count }
        guard total > 0 else { return "" }
        var svg = SVG()
        let bodyHeight = self.height - Self.top - 8
        let scale = (bodyHeight - Self.gap * Double(ends.count - 1)) / Double(total)
        let startX = 150.0
        let endX = self.width - 310
        let startHeight = Double(total) * scale
        var startY = Self.top + (bodyHeight - startHeight) / 2
        svg.rectangle(startX - Self.barWidth, startY, Self.barWidth, startHeight, "node ink")
        svg.label(Format.count(total), startX - 22, startY + startHeight / 2, .end, "flowCount")
        svg.label("people came", startX - 22, startY + startHeight / 2 + 18, .end, "flowLabel")
        let countWidth = Double(ends.map { Format.count($0.count).count }.max() ?? 0) * 9.6 + 10
        // A thin branch still needs the height of its label.
        var endY = Self.top
        for end in ends {
            let thickness = Double(end.count) * scale
            svg.path(Self.ribbon(startX, startY, endX, endY, thickness), "ribbon \(end.tone.rawValue)")
            svg.rectangle(endX, endY, Self.barWidth, max(thickness, 1), "node \(end.tone.rawValue)")
            let middle = endY + thickness / 2
            let share = Format.percent(Double(end.count) / Double(total))
            svg.label("\(Format.count(end.count))", endX + 12 + countWidth, middle + 5, .end, "flowCount")
            svg.label("\(end.label) · \(share)", endX + 22 + countWidth, middle + 5, .start, "flowLabel")
            startY += thickness
            endY += thickness + Self.gap
        }
        return svg.element(width: self.width, height: self.height, title: "Where the visitors went")
    }

    private static func ribbon(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ thickness: Double) -> String {
        let middle = SVG.number((x1 + x2) / 2)
        let thickness = max(thickness, 0.6)
        let (left, right) = (SVG.number(x1), SVG.number(x2))
        let (topLeft, topRight) = (SVG.number(y1), SVG.number(y2))
        let (lowLeft, lowRight) = (SVG.number(y1 + thickness), SVG.number(y2 + thickness))
        return "M\(left) \(topLeft)C\(middle) \(topLeft) \(middle) \(topRight) \(right) \(topRight)"
            + "V\(lowRight)C\(middle) \(lowRight) \(middle) \(lowLeft) \(left) \(lowLeft)Z"
    }
}
