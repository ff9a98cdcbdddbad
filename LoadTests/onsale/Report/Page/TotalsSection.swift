/// The sums of a run, name and figure joined by dots.
struct TotalsSection {
    let result: RunResult

    func render() -> String {
        let groups = [self.people(), self.requests(), self.latencies()].filter { !$0.rows.isEmpty }
        let lists = groups.map { group in
            let rows = group.rows.map { name, value in
                "<div><dt>\(SVG.escaped(name))</dt><dd>\(SVG.escaped(value))</dd></div>"
            }
            return "<div class=\"list\"><h3>\(group.title)</h3><dl>\(rows.joined())</dl></div>"
        }
        return "<section class=\"card totals\">\(lists.joined())</section>"
    }

    private typealias Group = (title: String, rows: [(String, String)])

    private func people() -> Group {
        let counts = self.result.counts
        var rows = [
            ("came", Format.count(counts.arrivals)), ("were let in", Format.count(counts.exchanges)),
            ("served", Format.count(counts.served)), ("lost patience", Format.count(counts.abandoned)),
            ("never came back", Format.count(counts.noShows)), ("gave up after errors", Format.count(counts.failed)),
        ]
        if counts.unfinished > 0 { rows.append(("still under way", Format.count(counts.unfinished))) }
        if let wait = self.result.wait {
            rows.append(("median wait in line", Format.duration(nanoseconds: wait.p50)))
            rows.append(("longest wait in line", Format.duration(nanoseconds: wait.highest)))
        }
        return ("People", rows)
    }

    private func requests() -> Group {
        let counts = self.result.counts
        let peak = self.result.samples.map(\.counts.answered).max() ?? 0
        return (
            "Requests",
            [
                ("answered", Format.count(counts.answered - counts.errors.total)),
                ("waiting pages", Format.count(counts.waitingPages)),
                ("pages of the sale", Format.count(counts.insideAnswers)),
                ("failed", Format.count(counts.errors.total)),
                ("busiest second", Format.perSecond(Double(peak))),
                ("connections", Format.count(counts.connections)),
                ("most open at once", Format.count(self.result.samples.map(\.gauges.openConnections).max() ?? 0)),
            ]
        )
    }

    /// The two ways of counting side by side.
    private func latencies() -> Group {
        guard let inside = self.result.inside else { return ("", []) }
        func pair(_ value: KeyPath<Percentiles, Int64>) -> String {
            "\(Format.duration(nanoseconds: inside.corrected[keyPath: value])) | "
                + Format.duration(nanoseconds: inside.raw[keyPath: value])
        }
        var rows = [
            ("p50", pair(\.p50)), ("p90", pair(\.p90)), ("p95", pair(\.p95)), ("p99", pair(\.p99)),
            ("p99.9", pair(\.p999)), ("longest", pair(\.highest)),
        ]
        if let line = self.result.line {
            rows.append(("p99 of waiting pages", Format.duration(nanoseconds: line.corrected.p99)))
        }
        if let door = self.result.door {
            rows.append(("p99 of being let in", Format.duration(nanoseconds: door.corrected.p99)))
        }
        return ("Latency inside, from due | from sent", rows)
    }
}
