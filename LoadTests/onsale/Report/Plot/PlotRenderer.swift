/// Draws a `Plot` as SVG.
struct PlotRenderer {
    private static let left = 58.0
    private static let right = 14.0
    private static let top = 34.0
    private static let bottom = 24.0
    /// Of a mark's label, with room to spare in the size of narrow screens.
    private static let letterWidth = 8.0
    private static let clockSteps: [Double] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600]

    private let plot: Plot
    private let xAxis: Axis
    private var svg = SVG()

    init(_ plot: Plot) {
        self.plot = plot
        // Labels need some 60 units each.
        let room = max(2, plot.width / 85)
        let steps = Self.clockSteps.filter { plot.seconds / $0 <= room }
        self.xAxis = .fixed(high: max(plot.seconds, 1), steps: steps)
    }

    static func render(_ plot: Plot) -> String {
        var renderer = PlotRenderer(plot)
        renderer.drawFrame()
        renderer.drawLayers()
        renderer.drawRules()
        renderer.drawMarks()
        renderer.drawReadouts()
        return renderer.svg.element(width: plot.width, height: plot.height, title: "\(plot.title). \(plot.note)")
    }

    private var plotWidth: Double { self.plot.width - Self.left - Self.right }
    private var plotHeight: Double { self.plot.height - Self.top - Self.bottom }
    private var base: Double { Self.top + self.plotHeight }

    private func x(_ seconds: Double) -> Double { Self.left + self.xAxis.position(seconds) * self.plotWidth }
    private func y(_ value: Double) -> Double { self.base - self.plot.yAxis.position(value) * self.plotHeight }

    private mutating func drawFrame() {
        for tick in self.plot.yAxis.ticks {
            let y = self.y(tick)
            let isBase = tick == self.plot.yAxis.low
            self.svg.line(Self.left, y, Self.left + self.plotWidth, y, isBase ? "axis" : "grid")
            self.svg.label(self.plot.format(tick), Self.left - 8, y + 4, .end, "tick")
        }
        for tick in self.xAxis.ticks {
            // The last label would run out of the frame when it sits on the edge.
            let isLast = self.x(tick) > Self.left + self.plotWidth - 12
            self.svg.label(
                Format.clock(seconds: Int(tick)),
                self.x(tick),
                self.base + 17,
                isLast ? .end : .middle,
                "tick"
            )
        }
    }

    private mutating func drawLayers() {
        self.drawColumns(self.plot.layers.filter { $0.form == .columns })
        for layer in self.plot.layers {
            let tone = layer.tone.rawValue
            switch layer.form {
            case .columns: break
            case .area:
                self.svg.path(self.closed(layer.points, stepped: false), "fill \(tone)")
                self.svg.path(self.open(layer.points, stepped: false), "line \(tone)")
            case .steppedArea: self.svg.path(self.closed(layer.points, stepped: true), "wash \(tone)")
            case .band: self.svg.path(self.band(layer, stepped: false), "wash \(tone)")
            case .steppedBand: self.svg.path(self.band(layer, stepped: true), "wash \(tone)")
            case .line: self.svg.path(self.open(layer.points, stepped: false), "line \(tone)")
            case .dotted: self.svg.path(self.open(layer.points, stepped: false), "line dotted \(tone)")
            case .dashed: self.svg.path(self.open(layer.points, stepped: false), "line dashed \(tone)")
            case .steps: self.svg.path(self.open(layer.points, stepped: true), "line strong \(tone)")
            case .dashedSteps: self.svg.path(self.open(layer.points, stepped: true), "line dashed \(tone)")
            }
        }
    }

    /// One path a layer: stacked columns whose tops add up.
    private mutating func drawColumns(_ layers: [Plot.Layer]) {
        guard let count = layers.map(\.points.count).max(), count > 0 else { return }
        var floors = [Double](repeating: 0, count: count)
        let gap = min(1.0, self.plotWidth / self.plot.seconds * self.plot.columnSeconds * 0.18)
        for layer in layers {
            var data = ""
            for (index, point) in layer.points.enumerated() {
                guard let value = point.y, value > 0 else { continue }
                let x1 = SVG.number(self.x(point.x - self.plot.columnSeconds / 2))
                let x2 = SVG.number(self.x(point.x + self.plot.columnSeconds / 2) - gap)
                let bottom = SVG.number(self.y(floors[index]))
                floors[index] += value
                data += "M\(x1) \(bottom)V\(SVG.number(self.y(floors[index])))H\(x2)V\(bottom)Z"
            }
            self.svg.path(data, "column \(layer.tone.rawValue)")
        }
    }

    private func open(_ points: [(x: Double, y: Double?)], stepped: Bool) -> String {
        self.runs(points).map { self.outline($0, stepped: stepped) }.joined()
    }

    private func closed(_ points: [(x: Double, y: Double?)], stepped: Bool) -> String {
        let base = SVG.number(self.base)
        return self.runs(points).map { run in
            let back = "L\(SVG.number(self.x(run[run.count - 1].x))) \(base)L\(SVG.number(self.x(run[0].x))) \(base)Z"
            return self.outline(run, stepped: stepped) + back
        }.joined()
    }

    /// A band by its pieces between neighbouring points: the edges may end and begin again anywhere.
    private func band(_ layer: Plot.Layer, stepped: Bool) -> String {
        precondition(layer.floor.count == layer.points.count, "a band has two edges of the same seconds")
        var data = ""
        for index in layer.points.indices.dropLast() {
            let (left, right) = (layer.points[index], layer.points[index + 1])
            guard let high = left.y, let low = layer.floor[index].y else { continue }
            guard let nextHigh = stepped ? high : right.y, let nextLow = stepped ? low : layer.floor[index + 1].y else {
                continue
            }
            let (x1, x2) = (SVG.number(self.x(left.x)), SVG.number(self.x(right.x)))
            data += "M\(x1) \(SVG.number(self.y(low)))V\(SVG.number(self.y(high)))"
            data += "L\(x2) \(SVG.number(self.y(nextHigh)))V\(SVG.number(self.y(nextLow)))Z"
        }
        return data
    }

    private func outline(_ run: [(x: Double, y: Double)], stepped: Bool) -> String {
        var data = ""
        for (index, point) in run.enumerated() {
            let x = SVG.number(self.x(point.x))
            let y = SVG.number(self.y(point.y))
            if index == 0 {
                data += "M\(x) \(y)"
                // A lone point would draw nothing; round caps make a dot of a line of no length.
                if run.count == 1 { data += "h0" }
            } else {
                data += stepped ? "H\(x)V\(y)" : "L\(x) \(y)"
            }
        }
        return data
    }

    /// Stretches without a missing value.
    private func runs(_ points: [(x: Double, y: Double?)]) -> [[(x: Double, y: Double)]] {
        var runs: [[(x: Double, y: Double)]] = []
        var current: [(x: Double, y: Double)] = []
        for point in points {
            if let y = point.y {
                current.append((point.x, y))
            } else if !current.isEmpty {
                runs.append(current)
                current = []
            }
        }
        if !current.isEmpty { runs.append(current) }
        return runs
    }

    private mutating func drawRules() {
        for rule in self.plot.rules {
            let y = self.y(rule.value)
            self.svg.line(Self.left, y, Self.left + self.plotWidth, y, "rule")
            self.svg.label(rule.label, Self.left + self.plotWidth - 4, y - 5, .end, "ruleLabel")
        }
    }

    /// A label that would run into the one before it is left out: its line is there, and marks so near are of one kind.
    private mutating func drawMarks() {
        var free = 0.0
        let marks = self.plot.marks.filter { $0.second >= 0 && $0.second <= self.plot.seconds }
        for mark in marks.sorted(by: { $0.second < $1.second }) {
            let x = self.x(mark.second)
            let isRight = mark.second > self.plot.seconds * 0.85
            self.svg.line(x, Self.top - 16, x, self.base, "mark")
            let width = Double(mark.label.count) * Self.letterWidth
            let start = isRight ? x - 5 - width : x + 5
            guard start >= free else { continue }
            free = start + width
            self.svg.label(mark.label, x + (isRight ? -5 : 5), Self.top - 7, isRight ? .end : .start, "markLabel")
        }
    }

    /// A strip over each column that shows its figures above the plot while the pointer is on it: no script needed.
    private mutating func drawReadouts() {
        let listed = self.plot.layers.filter(\.isListed)
        let count = Int((self.plot.seconds / self.plot.columnSeconds).rounded(.up))
        self.svg.raw("<g class=\"readouts\">")
        for column in 0..<count {
            let start = Double(column) * self.plot.columnSeconds
            let middle = start + self.plot.columnSeconds / 2
            let values = listed.compactMap { layer in
                Self.value(of: layer, at: middle).map { "\(layer.label) \(self.plot.format($0))" }
            }
            guard !values.isEmpty else { continue }
            let text = ([Format.clock(seconds: Int(start))] + values).joined(separator: "   ")
            let x1 = self.x(start)
            self.svg.raw("<g>")
            self.svg.rectangle(x1, Self.top, self.x(start + self.plot.columnSeconds) - x1, self.plotHeight, "strip")
            self.svg.line(self.x(middle), Self.top, self.x(middle), self.base, "cursor")
            self.svg.label(text, Self.left + self.plotWidth, 9, .end, "readout")
            self.svg.raw("</g>")
        }
        self.svg.raw("</g>")
    }

    /// The layer's value in the column around `seconds`; a stepped one holds its last.
    private static func value(of layer: Plot.Layer, at seconds: Double) -> Double? {
        switch layer.form {
        case .steps, .dashedSteps, .steppedArea, .steppedBand:
            return layer.points.last { $0.x <= seconds }?.y
        default:
            return layer.points.first { abs($0.x - seconds) < 1e-6 }?.y
        }
    }
}
