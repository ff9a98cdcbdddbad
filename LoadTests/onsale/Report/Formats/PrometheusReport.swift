/// The sums of a run in the Prometheus text format, for node_exporter's textfile collector or a push gateway.
struct PrometheusReport {
    private typealias Labels = [(name: String, value: String)]

    let report: RunReport

    func render() -> String {
        var runs: [(labels: Labels, result: RunResult)] = [([("run", "gateway")], self.report.gateway)]
        if let direct = self.report.direct { runs.append(([("run", "direct")], direct)) }
        return self.verdict() + Self.people(runs) + Self.requests(runs) + Self.times(runs)
    }

    private func verdict() -> String {
        let report = self.report
        var text = Self.family(
            "onsale_run_info",
            "What was played; always 1.",
            [
                (
                    [
                        ("started_at", report.startedAt), ("seed", "\(report.scenario.seed)"),
                        ("visitors", "\(report.scenario.visitors)"),
                    ], 1
                )
            ]
        )
        text += Self.family(
            "onsale_run_seconds",
            "Length of the run through the gateway, in seconds.",
            [([], Double(report.gateway.samples.count))]
        )
        text += Self.family(
            "onsale_run_complete",
            "1 when the run was played to its end, 0 when it was stopped.",
            [([], report.partial == nil ? 1 : 0)]
        )
        text += Self.family(
            "onsale_exit_code",
            "0 kept, 1 a promise did not hold, 2 the load tool could not keep up, 3 not played to its end, 99 an objective "
                + "was missed, 130 stopped by Ctrl-C.",
            [([], Double(report.exitCode.rawValue))]
        )
        text += Self.family(
            "onsale_promise_held",
            "1 when the promise held, 0 when it did not or could not be judged though it should; of the others nothing.",
            report.verdict.checks.filter { $0.outcome != .notJudged }.map { check in
                // Several promises of one name are told apart by their words.
                ([("promise", check.name.rawValue), ("title", check.title)], check.outcome == .passed ? 1 : 0)
            }
        )
        return text
            + Self.family(
                "onsale_objective_reached",
                "1 when the objective was reached.",
                report.objectives.map { ([("objective", $0.objective)], $0.isReached ? 1 : 0) }
            )
    }

    private static func people(_ runs: [(labels: Labels, result: RunResult)]) -> String {
        let ends: [(String, KeyPath<Counts, Int>)] = [
            ("served", \.served), ("abandoned", \.abandoned), ("no_show", \.noShows), ("failed", \.failed),
            ("unfinished", \.unfinished),
        ]
        var text = Self.family(
            "onsale_visitors",
            "People who came.",
            runs.map { ($0.labels, Double($0.result.counts.arrivals)) }
        )
        text += Self.family(
            "onsale_visitors_ended",
            "People by how their way ended.",
            runs.flatMap { run in
                ends.map { (run.labels + [("end", $0.0)], Double(run.result.counts[keyPath: $0.1])) }
            }
        )
        return text
            + Self.family(
                "onsale_visitors_let_in",
                "People let in through the waiting room.",
                runs.map { ($0.labels, Double($0.result.counts.exchanges)) }
            )
    }

    private static func requests(_ runs: [(labels: Labels, result: RunResult)]) -> String {
        var text = Self.family(
            "onsale_requests",
            "Requests that ended, well or badly.",
            runs.map { ($0.labels, Double($0.result.counts.answered)) }
        )
        text += Self.family(
            "onsale_request_errors",
            "Requests that failed, by kind.",
            runs.flatMap { run in
                ErrorKind.allCases.map { kind in
                    (run.labels + [("kind", kind.rawValue)], Double(run.result.counts.errors[kind]))
                }
            }
        )
        return text
            + Self.family(
                "onsale_workers_ready_max",
                "Most workers ready at once.",
                runs.compactMap { run in
                    run.result.samples.compactMap(\.gauges.workersReady).max().map { (run.labels, Double($0)) }
                }
            )
    }

    private static func times(_ runs: [(labels: Labels, result: RunResult)]) -> String {
        var lines = ""
        for (labels, result) in runs {
            for times in Metric.Times.allCases {
                guard let histogram = times.histogram(of: result) else { continue }
                let own = labels + [("times", times.rawValue)]
                for milli in [50_000, 90_000, 95_000, 99_000, 99_900, 100_000] {
                    guard let nanoseconds = times.value(.percentile(milli), of: result) else { continue }
                    let quantile = Self.number(Double(milli) / 100_000)
                    lines += Self.line("onsale_time_seconds", own + [("quantile", quantile)], nanoseconds / 1e9)
                }
                lines += Self.line("onsale_time_seconds_sum", own, histogram.sum / 1e9)
                lines += Self.line("onsale_time_seconds_count", own, Double(histogram.count))
            }
        }
        guard !lines.isEmpty else { return "" }
        let help =
            "Times in seconds: inside, line and door are answers from the moment they were due, .raw from the moment they "
            + "were sent; wait is the time in line, lateness the load tool's own."
        return Self.head("onsale_time_seconds", help, "summary") + lines
    }

    // MARK: The format

    /// Nothing when there is no line: a family without samples says nothing.
    private static func family(_ name: String, _ help: String, _ lines: [(labels: Labels, value: Double)]) -> String {
        guard !lines.isEmpty else { return "" }
        return Self.head(name, help, "gauge") + lines.map { Self.line(name, $0.labels, $0.value) }.joined()
    }

    private static func head(_ name: String, _ help: String, _ type: String) -> String {
        "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    private static func line(_ name: String, _ labels: Labels, _ value: Double) -> String {
        let pairs = labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
        return "\(name)\(pairs.isEmpty ? "" : "{\(pairs)}") \(Self.number(value))\n"
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && value.magnitude < 1e15 ? "\(Int64(value))" : "\(value)"
    }

    static func escaped(_ text: String) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}
