/// A run's seconds as a table: one line each, units in the heads of the columns, empty where there is nothing to say.
struct CSVReport {
    private typealias Column = (name: String, text: (Sample) -> String)

    let report: RunReport

    func render() -> String {
        let columns = Self.columns
        var text = "run," + columns.map(\.name).joined(separator: ",") + "\n"
        text += Self.lines("gateway", self.report.gateway, columns)
        if let direct = self.report.direct { text += Self.lines("direct", direct, columns) }
        return text
    }

    private static func lines(_ run: String, _ result: RunResult, _ columns: [Column]) -> String {
        result.samples.map { sample in
            run + "," + columns.map { $0.text(sample) }.joined(separator: ",") + "\n"
        }.joined()
    }

    private static var columns: [Column] {
        var columns: [Column] = [
            ("second", { "\($0.second)" }), ("arrivals", { "\($0.counts.arrivals)" }),
            ("connections", { "\($0.counts.connections)" }), ("requests", { "\($0.counts.requests)" }),
            ("answered", { "\($0.counts.answered)" }), ("waiting_pages", { "\($0.counts.waitingPages)" }),
            ("inside_answers", { "\($0.counts.insideAnswers)" }), ("let_in", { "\($0.counts.exchanges)" }),
            ("served", { "\($0.counts.served)" }), ("abandoned", { "\($0.counts.abandoned)" }),
            ("no_shows", { "\($0.counts.noShows)" }), ("failed", { "\($0.counts.failed)" }),
            ("errors", { "\($0.counts.errors.total)" }), ("server_errors", { "\($0.counts.serverErrors)" }),
            ("waiting", { "\($0.gauges.waiting)" }), ("inside", { "\($0.gauges.inside)" }),
            ("open_connections", { "\($0.gauges.openConnections)" }),
            ("workers_ready", { Self.text($0.gauges.workersReady) }),
            ("workers_desired", { Self.text($0.gauges.workersDesired) }),
            ("limit_per_second", { Self.text($0.gauges.limitPerSecond) }),
            ("effective_limit_per_second", { Self.text($0.gauges.effectiveLimitPerSecond) }),
        ]
        let times: [(name: String, path: KeyPath<Sample, Percentiles?>)] = [
            ("inside", \.insideCorrected), ("inside_raw", \.insideRaw), ("line", \.lineCorrected),
            ("door", \.doorCorrected), ("lateness", \.toolLateness),
        ]
        for (name, path) in times {
            columns.append(("\(name)_count", { "\($0[keyPath: path]?.count ?? 0)" }))
            for (statistic, value) in [
                ("p50", \Percentiles.p50), ("p99", \Percentiles.p99), ("max", \Percentiles.highest),
            ] {
                columns.append(("\(name)_\(statistic)_ms", { Self.milliseconds($0[keyPath: path]?[keyPath: value]) }))
            }
        }
        return columns
    }

    private static func text(_ value: Int?) -> String { value.map { "\($0)" } ?? "" }
    private static func text(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }

    /// Exact: nanoseconds have six decimals of a millisecond.
    private static func milliseconds(_ nanoseconds: Int64?) -> String {
        nanoseconds.map { "\(Double($0) / 1e6)" } ?? ""
    }
}
