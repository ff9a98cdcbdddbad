/// A figure of a run that can be named: by an objective, by a comparison, by a search.
struct Metric: Sendable {
    enum Unit: Sendable {
        /// In nanoseconds.
        case duration
        /// 0 to 1.
        case share
        /// A second.
        case rate
        case count
    }

    enum Better: Sendable { case lower, higher, neither }

    /// As it is written: `inside.p99`.
    let name: String
    /// In words: "p99 of answers inside".
    let title: String
    let unit: Unit
    let better: Better
    private let read: @Sendable (RunResult) -> Double?
    private let readLateness: @Sendable (RunResult) -> Double?

    init(
        _ name: String,
        _ title: String,
        _ unit: Unit,
        _ better: Better,
        lateness: @escaping @Sendable (RunResult) -> Double? = { _ in nil },
        read: @escaping @Sendable (RunResult) -> Double?
    ) {
        self.name = name
        self.title = title
        self.unit = unit
        self.better = better
        self.readLateness = lateness
        self.read = read
    }

    /// nil when the run says nothing of it: nobody waited, so nobody waited for 30 s.
    func value(of result: RunResult) -> Double? { self.read(result) }

    /// How late the tool itself was where this was measured, by the same statistic and in nanoseconds; nil for what is no
    /// time of answers.
    func toolLateness(in result: RunResult) -> Double? { self.readLateness(result) }

    /// Any metric by its name. A percentile alone is one of the answers inside.
    init?(named name: String) {
        if let figure = Self.figures.first(where: { $0.name == name }) {
            self = figure
            return
        }
        let full = name.wholeMatch(of: /p\d+(\.\d+)?/) != nil ? "inside." + name : name
        for times in Times.allCases where full.hasPrefix(times.rawValue + ".") {
            let rest = full.dropFirst(times.rawValue.count + 1)
            guard let statistic = Statistic(parsing: rest) else { continue }
            self = times.metric(statistic)
            return
        }
        return nil
    }
}

extension Metric: Equatable, CustomStringConvertible {
    static func == (left: Metric, right: Metric) -> Bool { left.name == right.name }
    var description: String { self.name }
}

/// Times of which a run keeps every one.
extension Metric {
    enum Times: String, CaseIterable, Sendable {
        case inside, insideRaw = "inside.raw"
        case line, lineRaw = "line.raw"
        case door, doorRaw = "door.raw"
        case wait, lateness

        var title: String {
            switch self {
            case .inside: "answers inside"
            case .insideRaw: "answers inside, from sent"
            case .line: "waiting pages"
            case .lineRaw: "waiting pages, from sent"
            case .door: "being let in"
            case .doorRaw: "being let in, from sent"
            case .wait: "waits in line"
            case .lateness: "the tool's lateness"
            }
        }

        func histogram(of result: RunResult) -> HistogramRecord? { self.times(of: result).histogram }

        /// In nanoseconds; nil where there was no such time. Nothing is above the longest time: a counter names its
        /// end, to which none may have come.
        func value(_ statistic: Statistic, of result: RunResult) -> Double? {
            let times = self.times(of: result)
            guard let histogram = times.histogram else { return nil }
            let value = statistic.value(of: histogram)
            return times.percentiles.map { min(value, Double($0.highest)) } ?? value
        }

        private func times(of result: RunResult) -> (histogram: HistogramRecord?, percentiles: Percentiles?) {
            switch self {
            case .inside: (result.inside?.correctedHistogram, result.inside?.corrected)
            case .insideRaw: (result.inside?.rawHistogram, result.inside?.raw)
            case .line: (result.line?.correctedHistogram, result.line?.corrected)
            case .lineRaw: (result.line?.rawHistogram, result.line?.raw)
            case .door: (result.door?.correctedHistogram, result.door?.corrected)
            case .doorRaw: (result.door?.rawHistogram, result.door?.raw)
            case .wait: (result.waitHistogram, result.wait)
            case .lateness: (result.latenessHistogram, result.toolLateness)
            }
        }

        /// The tool's lateness is part of them.
        private var areOfAnswers: Bool {
            switch self {
            case .inside, .insideRaw, .line, .lineRaw, .door, .doorRaw: true
            case .wait, .lateness: false
            }
        }

        func metric(_ statistic: Statistic) -> Metric {
            Metric(
                "\(self.rawValue).\(statistic.name)",
                "\(statistic.title) of \(self.title)",
                .duration,
                .lower,
                lateness: { self.areOfAnswers ? Self.lateness.value(statistic, of: $0) : nil }
            ) { self.value(statistic, of: $0) }
        }
    }

    /// What is said of many times in one figure.
    enum Statistic: Equatable, Sendable {
        /// In thousandths of a percent, so that p99.9 is exact.
        case percentile(Int)
        case highest, mean

        /// `p50`, `p99.9`, `p99.999`, `max`, `mean`.
        init?(parsing text: Substring) {
            switch text {
            case "max": self = .highest
            case "mean": self = .mean
            default:
                guard let match = text.wholeMatch(of: /p(\d{1,3})(?:\.(\d{1,3}))?/), let whole = Int(match.1) else {
                    return nil
                }
                let digits = match.2 ?? ""
                let milli = Int(digits + String(repeating: "0", count: 3 - digits.count)) ?? 0
                guard case 1...100_000 = whole * 1_000 + milli else { return nil }
                self = .percentile(whole * 1_000 + milli)
            }
        }

        var name: String {
            switch self {
            case .percentile(let milli): "p" + Format.decimal(Double(milli) / 1_000, places: 3)
            case .highest: "max"
            case .mean: "mean"
            }
        }

        var title: String {
            switch self {
            case .percentile: self.name
            case .highest: "longest"
            case .mean: "mean"
            }
        }

        fileprivate func value(of histogram: HistogramRecord) -> Double {
            switch self {
            case .percentile(let milli): Double(histogram.value(atPercentile: Double(milli) / 1_000))
            case .highest: Double(histogram.value(atPercentile: 100))
            case .mean: histogram.mean
            }
        }
    }
}
