/// The metrics that are no statistic of times.
extension Metric {
    /// A second with fewer answers has no 99th percentile, and no share of errors to speak of.
    static let fewestAnswersOfASecond = WorstStretch.fewestValues

    static let figures: [Metric] = worstSeconds + shares + rates + counts

    private static let worstSeconds: [Metric] = [
        worstOfAnswers("inside", "answers inside", \.insideCorrected),
        worstOfAnswers("line", "waiting pages", \.lineCorrected),
        worstOfAnswers("door", "being let in", \.doorCorrected),
        Metric("lateness.worst_second", "p99 of the tool's lateness, worst second", .duration, .lower) { result in
            worst(result, \.toolLateness).map { Double($0.p99) }
        },
        Metric("errors.worst_second", "failed requests, worst second", .share, .lower) { result in
            result.samples.filter { $0.counts.answered >= Self.fewestAnswersOfASecond }
                .map { Double($0.counts.errors.total) / Double($0.counts.answered) }.max()
        },
    ]

    private static let shares: [Metric] = [
        ofRequests("errors", "failed requests") { $0.errors.total },
        ofRequests("server_errors", "5xx") { $0.serverErrors },
        ofVisitors("served", "people served", .higher) { $0.served },
        ofVisitors("abandoned", "people who lost patience", .lower) { $0.abandoned },
        ofVisitors("no_shows", "people who never came back", .neither) { $0.noShows },
        ofVisitors("failed", "people who gave up after errors", .lower) { $0.failed },
        ofVisitors("unfinished", "people still under way", .lower) { $0.unfinished },
    ]

    private static let rates: [Metric] = [
        Metric("requests", "requests, mean of the run", .rate, .higher) { result in
            let seconds = result.samples.count { $0.counts.answered > 0 }
            return seconds > 0 ? Double(result.counts.answered) / Double(seconds) : nil
        },
        Metric("requests.max", "requests, busiest second", .rate, .neither) { result in
            result.samples.map { Double($0.counts.answered) }.max()
        },
        Metric("let_in.max", "people let in, busiest second", .rate, .neither) { result in
            result.samples.map { Double($0.counts.exchanges) }.max()
        },
    ]

    private static let counts: [Metric] = [
        Metric("arrivals", "people who came", .count, .neither) { Double($0.counts.arrivals) },
        Metric("let_in", "people let in", .count, .higher) { Double($0.counts.exchanges) },
        Metric("errors.count", "failed requests", .count, .lower) { Double($0.counts.errors.total) },
        Metric("waiting.max", "most in line at once", .count, .neither) { highest($0, \.gauges.waiting) },
        Metric("sessions.max", "most inside at once", .count, .neither) { highest($0, \.gauges.inside) },
        Metric("connections.max", "most connections open", .count, .neither) { highest($0, \.gauges.openConnections) },
        Metric("workers.max", "most workers ready", .count, .lower) { result in
            result.samples.compactMap(\.gauges.workersReady).max().map(Double.init)
        },
        Metric("workers.mean", "workers ready, mean", .count, .lower) { result in
            let ready = result.samples.compactMap(\.gauges.workersReady)
            return ready.isEmpty ? nil : Double(ready.reduce(0, +)) / Double(ready.count)
        },
    ]

    private static func highest(_ result: RunResult, _ path: KeyPath<Sample, Int>) -> Double? {
        result.samples.map { Double($0[keyPath: path]) }.max()
    }

    private static func worstOfAnswers(
        _ name: String,
        _ title: String,
        _ path: any KeyPath<Sample, Percentiles?> & Sendable
    ) -> Metric {
        Metric(
            "\(name).worst_second",
            "p99 of \(title), worst second",
            .duration,
            .lower,
            lateness: { result in
                worst(result, path).flatMap { result.samples.toolLateness(in: $0.second...$0.second) }.map(Double.init)
            },
            read: { result in worst(result, path).map { Double($0.p99) } }
        )
    }

    /// Of the seconds with enough answers, the first with the highest 99th percentile.
    private static func worst(
        _ result: RunResult,
        _ path: KeyPath<Sample, Percentiles?>
    ) -> (second: Int, p99: Int64)? {
        result.samples.reduce(nil) { worst, sample in
            guard let times = sample[keyPath: path], times.count >= Self.fewestAnswersOfASecond,
                times.p99 > worst?.p99 ?? -1
            else { return worst }
            return (sample.second, times.p99)
        }
    }

    private static func ofRequests(
        _ name: String,
        _ title: String,
        _ part: @escaping @Sendable (Counts) -> Int
    ) -> Metric {
        Metric(name, title, .share, .lower) { result in
            result.counts.answered > 0 ? Double(part(result.counts)) / Double(result.counts.answered) : nil
        }
    }

    private static func ofVisitors(
        _ name: String,
        _ title: String,
        _ better: Better,
        _ part: @escaping @Sendable (Counts) -> Int
    ) -> Metric {
        Metric(name, title, .share, better) { result in
            result.counts.arrivals > 0 ? Double(part(result.counts)) / Double(result.counts.arrivals) : nil
        }
    }
}
