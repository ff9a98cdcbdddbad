/// The plots over time of one run.
struct RunPlots {
    /// More columns than this are merged, so that the file of a long run stays small.
    static let mostColumns = 360

    let result: RunResult
    let scenario: Scenario
    /// Seconds in a column.
    let stride: Int

    init(_ result: RunResult, scenario: Scenario) {
        self.result = result
        self.scenario = scenario
        self.stride = max(1, (result.samples.count + Self.mostColumns - 1) / Self.mostColumns)
    }

    enum Merge { case mean, highest, last }

    var seconds: Double { Double(max(self.result.samples.count, 1)) }

    /// The values of one series by column, each at the middle of its column.
    func points(_ merge: Merge, _ value: (Sample) -> Double?) -> [(x: Double, y: Double?)] {
        Swift.stride(from: 0, to: self.result.samples.count, by: self.stride).map { start in
            let end = min(start + self.stride, self.result.samples.count)
            let values = self.result.samples[start..<end].compactMap(value)
            let x = Double(start) + Double(self.stride) / 2
            guard !values.isEmpty else { return (x, nil) }
            switch merge {
            case .mean: return (x, values.reduce(0, +) / Double(values.count))
            case .highest: return (x, values.max())
            case .last: return (x, values.last)
            }
        }
    }

    /// A gauge as a jumping line: what was read at the end of a column holds from there.
    func steps(_ value: (Sample) -> Double?) -> [(x: Double, y: Double?)] {
        let read = self.points(.last, value).map { (x: $0.x + Double(self.stride) / 2, y: $0.y) }
        guard let first = read.first else { return [] }
        return [(0, first.y)] + read
    }

    var marks: [Plot.Mark] {
        var marks: [Plot.Mark] = []
        if self.scenario.curve.openingSeconds > 0 {
            marks.append(Plot.Mark(second: self.scenario.curve.openingSeconds, label: "opening"))
        }
        for second in self.result.changeSeconds { marks.append(Plot.Mark(second: second, label: "limit changed")) }
        return marks
    }

    func plot(_ title: String, _ note: String, _ layers: [Plot.Layer], _ yAxis: Axis) -> Plot {
        Plot(
            title: title,
            note: note,
            seconds: self.seconds,
            columnSeconds: Double(self.stride),
            layers: layers,
            yAxis: yAxis,
            marks: self.marks
        )
    }

    func highest(_ layers: [Plot.Layer]) -> Double { layers.flatMap(\.points).compactMap(\.y).max() ?? 1 }

    func arrivals() -> Plot {
        let layer = Plot.Layer(
            label: "arrivals/s",
            tone: .blue,
            form: .columns,
            points: self.points(.mean) { Double($0.counts.arrivals) }
        )
        return self.plot(
            "People arrive",
            "Visitors a second whose time to come had come, served or not",
            [layer],
            .linear(highest: self.highest([layer]))
        )
    }

    func crowd() -> Plot {
        let waiting = Plot.Layer(
            label: "waiting",
            tone: .amber,
            form: .area,
            points: self.points(.last) { Double($0.gauges.waiting) }
        )
        let inside = Plot.Layer(
            label: "inside",
            tone: .green,
            form: .area,
            points: self.points(.last) { Double($0.gauges.inside) }
        )
        return self.plot(
            "They wait, then they are in",
            "People in line and people let in, at the end of each second",
            [waiting, inside],
            .linear(highest: self.highest([waiting, inside]))
        )
    }

    func inflow() -> Plot {
        let started = Swift.stride(from: 0, to: self.result.inflow.count, by: self.stride)
        let columns = started.map { start in
            let end = min(start + self.stride, self.result.inflow.count)
            let sum = self.result.inflow[start..<end].reduce(0, +)
            return (x: Double(start) + Double(self.stride) / 2, y: Optional(Double(sum) / Double(end - start)))
        }
        let exchanges = Plot.Layer(label: "let in", tone: .teal, form: .columns, points: columns)
        let limits = self.result.limits
        let burst = Plot.Layer(
            label: "burst",
            tone: .violet,
            form: .steppedBand,
            points: self.steps(limits) { $0.ratePerSecond + Double($0.burst) / Double(self.stride) },
            floor: self.steps(limits, \.ratePerSecond),
            isListed: false
        )
        let effective = Plot.Layer(
            label: "rate in force",
            tone: .violet,
            form: .dashedSteps,
            points: self.steps(limits, \.ratePerSecond)
        )
        let configured = Plot.Layer(
            label: "configured limit",
            tone: .red,
            form: .steps,
            points: self.steps(self.result.configured, \.ratePerSecond)
        )
        var plot = self.plot(
            "Let in, against the limit",
            "Exchanges a second by the room's own journal. The rate in force follows the workers that are ready, up to "
                + "the configured limit; the light band is the burst that a rested room may add",
            [burst, exchanges, effective, configured],
            .linear(highest: self.highest([burst, exchanges, configured]))
        )
        plot.height = 262
        return plot
    }

    private func steps(
        _ limits: [RunResult.DrawnLimit],
        _ value: (RunResult.DrawnLimit) -> Double
    ) -> [(x: Double, y: Double?)] {
        var steps = limits.map { (x: max($0.atSeconds, 0), y: Optional(value($0))) }
        if let last = steps.last { steps.append((self.seconds, last.y)) }
        return steps
    }

    /// nil when the journal holds no exchange.
    func order() -> Plot? {
        let order = self.result.order.filter { $0.second >= 0 }
        guard !order.isEmpty else { return nil }
        var medians: [(x: Double, y: Double?)] = []
        var lowest: [(x: Double, y: Double?)] = []
        var highest: [(x: Double, y: Double?)] = []
        for start in Swift.stride(from: 0, to: self.result.samples.count, by: self.stride) {
            let steps = order.filter { $0.second >= start && $0.second < start + self.stride }
            let x = Double(start) + Double(self.stride) / 2
            medians.append((x, steps.isEmpty ? nil : Double(steps[steps.count / 2].median)))
            lowest.append((x, steps.map(\.low).min().map(Double.init)))
            highest.append((x, steps.map(\.high).max().map(Double.init)))
        }
        let band = Plot.Layer(
            label: "nine in ten",
            tone: .teal,
            form: .band,
            points: highest,
            floor: lowest,
            isListed: false
        )
        let line = Plot.Layer(label: "number let in", tone: .teal, form: .line, points: medians)
        var plot = self.plot(
            "In order of place",
            "Numbers of the places let in: the median of each second, and nine in ten as a band. Who was away when "
                + "called keeps the right to come in, which lets the lower edge reach back",
            [band, line],
            .linear(highest: self.highest([band]))
        )
        plot.format = { Format.count(Int($0)) }
        return plot
    }

    func workers() -> Plot? {
        guard self.result.samples.contains(where: { $0.gauges.workersReady != nil }) else { return nil }
        let desired = Plot.Layer(
            label: "desired",
            tone: .violet,
            form: .dashedSteps,
            points: self.steps { $0.gauges.workersDesired.map(Double.init) }
        )
        let readySteps = self.steps { $0.gauges.workersReady.map(Double.init) }
        let wash = Plot.Layer(label: "ready", tone: .blue, form: .steppedArea, points: readySteps, isListed: false)
        let ready = Plot.Layer(label: "ready", tone: .blue, form: .steps, points: readySteps)
        let most = Double(self.result.workerBounds?.most ?? 0)
        var plot = self.plot(
            "Workers follow",
            "Ready to serve, and wanted by the controller",
            [wash, ready, desired],
            .linear(highest: max(self.highest([ready, desired]), most))
        )
        plot.height = 190
        return plot
    }

    func latency() -> Plot {
        func series(
            _ label: String,
            _ tone: Plot.Tone,
            _ form: Plot.Layer.Form,
            _ value: (Sample) -> Int64?
        ) -> Plot.Layer {
            Plot.Layer(
                label: label,
                tone: tone,
                form: form,
                points: self.points(.highest) { value($0).map { max(Double($0), 1_000) } }
            )
        }
        let layers = [
            series("p50", .green, .line) { $0.insideCorrected?.p50 },
            series("p95", .amber, .line) { $0.insideCorrected?.p95 },
            series("p99", .red, .line) { $0.insideCorrected?.p99 },
            series("p99 from sending", .grey, .dotted) { $0.insideRaw?.p99 },
            series("p99 in line", .blue, .dotted) { $0.lineCorrected?.p99 },
        ].filter { layer in layer.points.contains { $0.y != nil } }
        var band = series("p50 to p99", .red, .band) { $0.insideCorrected?.p99 }
        band.floor = series("", .red, .line) { $0.insideCorrected?.p50 }.points
        band.isListed = false
        let objective = Double(self.scenario.objectives.inside.p99Nanoseconds)
        let values = layers.flatMap(\.points).compactMap(\.y) + [objective]
        var plot = self.plot(
            "How long answers take",
            "Requests of admitted visitors, from the moment each was due; dotted: p99 from the moment it was sent, and "
                + "of the waiting page",
            [band] + layers,
            .logarithmic(lowest: values.min() ?? 1e6, highest: values.max() ?? 1e9)
        )
        plot.rules = [
            Plot.Rule(
                value: objective,
                label: "objective for p99: \(Format.duration(nanoseconds: Int64(objective)))"
            )
        ]
        plot.format = { Format.duration(nanoseconds: Int64($0)) }
        plot.height = 282
        return plot
    }

    /// nil when there were none.
    func errors() -> Plot? {
        let kinds = self.result.counts.errors.met
        guard !kinds.isEmpty else { return nil }
        let tones: [Plot.Tone] = [.red, .amber, .violet, .blue, .teal, .green, .grey, .ink]
        let layers = kinds.enumerated().map { index, met in
            Plot.Layer(
                label: met.kind.rawValue,
                tone: tones[min(index, tones.count - 1)],
                form: .columns,
                points: self.points(.mean) { Double($0.counts.errors[met.kind]) }
            )
        }
        let highest = self.points(.mean) { Double($0.counts.errors.total) }.compactMap(\.y).max() ?? 1
        return self.plot("Errors", "Failed requests a second, by kind", layers, .linear(highest: highest))
    }

    /// What answers were worth: good ones below, failed ones above.
    func yield(highest: Double) -> Plot {
        let good = Plot.Layer(
            label: "answered",
            tone: .green,
            form: .columns,
            points: self.points(.mean) { Double($0.counts.insideAnswers) }
        )
        let bad = Plot.Layer(
            label: "failed",
            tone: .red,
            form: .columns,
            points: self.points(.mean) { Double($0.counts.errors.total) }
        )
        return self.plot("Requests a second that reached the sale", "", [good, bad], .linear(highest: highest))
    }

    var highestYield: Double {
        self.points(.mean) { Double($0.counts.insideAnswers + $0.counts.errors.total) }.compactMap(\.y).max() ?? 1
    }
}
