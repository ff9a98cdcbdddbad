import Foundation

/// Latency by percentile on an axis that gives each further nine the same room, as HdrHistogram draws it.
struct SpectrumPlot {
    struct Curve {
        var label: String
        var tone: Plot.Tone
        var isDotted = false
        var points: [SpectrumPoint]
    }

    private static let left = 64.0
    private static let right = 70.0
    private static let top = 16.0
    private static let bottom = 30.0

    var curves: [Curve]
    var objectiveNanoseconds: Int64?
    var width = 1040.0
    var height = 330.0

    func render() -> String {
        var svg = SVG()
        // The fastest few answers would stretch the axis by decades and tell nothing.
        let curves = self.curves.map { curve in
            var curve = curve
            curve.points.removeAll { $0.share < 0.03 }
            return curve
        }
        let shown = curves.flatMap(\.points)
        let values =
            shown.map { Double($0.nanoseconds) } + [self.objectiveNanoseconds].compactMap { $0.map(Double.init) }
        guard let lowest = values.min(), let highest = values.max() else { return "" }
        let yAxis = Axis.logarithmic(lowest: max(lowest, 1_000), highest: highest)
        // The share just below 1 of the last step sets how many nines there are to show.
        let deepest = shown.map(\.share).filter { $0 < 1 }.max() ?? 0.9
        let nines = max(1, (-log10(1 - deepest)).rounded(.up))
        let plotWidth = self.width - Self.left - Self.right
        let plotHeight = self.height - Self.top - Self.bottom
        func x(_ share: Double) -> Double {
            Self.left + plotWidth * min(-log10(max(1 - share, 1e-12)), nines) / nines
        }
        func y(_ nanoseconds: Double) -> Double { Self.top + plotHeight * (1 - yAxis.position(nanoseconds)) }

        for tick in yAxis.ticks {
            svg.line(Self.left, y(tick), Self.left + plotWidth, y(tick), tick == yAxis.low ? "axis" : "grid")
            svg.label(Format.duration(nanoseconds: Int64(tick)), Self.left - 8, y(tick) + 4, .end, "tick")
        }
        for share in Self.ticks(nines: Int(nines)) {
            if share > 0 { svg.line(x(share), Self.top, x(share), Self.top + plotHeight, "grid") }
            svg.label(Self.label(share), x(share), Self.top + plotHeight + 19, .middle, "tick")
        }
        if let objective = self.objectiveNanoseconds {
            svg.line(Self.left, y(Double(objective)), Self.left + plotWidth, y(Double(objective)), "rule")
            svg.label(
                "objective for p99: \(Format.duration(nanoseconds: objective))",
                Self.left + 8,
                y(Double(objective)) - 6,
                .start,
                "ruleLabel"
            )
        }
        for curve in curves {
            let data = curve.points.enumerated().map { index, point in
                "\(index == 0 ? "M" : "L")\(SVG.number(x(point.share))) \(SVG.number(y(Double(point.nanoseconds))))"
            }.joined()
            svg.path(data, "line \(curve.isDotted ? "dotted" : "strong") \(curve.tone.rawValue)")
            if let last = curve.points.last, !curve.isDotted {
                svg.label(
                    Format.duration(nanoseconds: last.nanoseconds),
                    x(last.share) + 6,
                    y(Double(last.nanoseconds)) + 4,
                    .start,
                    "end \(curve.tone.rawValue)"
                )
            }
        }
        return svg.element(
            width: self.width,
            height: self.height,
            title: "Latency by percentile for \(self.curves.map(\.label).joined(separator: ", "))"
        )
    }

    private static func ticks(nines: Int) -> [Double] {
        [0, 0.5] + (1...max(nines, 1)).map { 1 - pow(10, -Double($0)) }
    }

    private static func label(_ share: Double) -> String {
        "\(Format.decimal(share * 100, places: 8)) %"
    }
}
