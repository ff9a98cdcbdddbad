import Foundation
import Primitives
import Testing

@testable import onsale

@Suite struct ObjectiveTests {
    struct Text: Sendable {
        var text: String
        var metric: String
        var comparison: Objective.Comparison
        var bound: Double
        var written: String
    }

    @Test(arguments: [
        Text(
            text: "inside.p99<250ms",
            metric: "inside.p99",
            comparison: .less,
            bound: 250e6,
            written: "inside.p99<250ms"
        ),
        Text(text: "p99<250ms", metric: "inside.p99", comparison: .less, bound: 250e6, written: "inside.p99<250ms"),
        Text(
            text: "p99.9 <= 1.5 s",
            metric: "inside.p99.9",
            comparison: .atMost,
            bound: 1.5e9,
            written: "inside.p99.9<=1.5s"
        ),
        Text(text: " wait.p95<2m ", metric: "wait.p95", comparison: .less, bound: 120e9, written: "wait.p95<2m"),
        Text(text: "wait.max<=1h", metric: "wait.max", comparison: .atMost, bound: 3_600e9, written: "wait.max<=1h"),
        Text(
            text: "line.raw.p99<500us",
            metric: "line.raw.p99",
            comparison: .less,
            bound: 5e5,
            written: "line.raw.p99<500us"
        ),
        Text(text: "door.mean<1min", metric: "door.mean", comparison: .less, bound: 60e9, written: "door.mean<1min"),
        Text(
            text: "lateness.p99.999<1ms",
            metric: "lateness.p99.999",
            comparison: .less,
            bound: 1e6,
            written: "lateness.p99.999<1ms"
        ),
        Text(
            text: "inside.worst_second<1s",
            metric: "inside.worst_second",
            comparison: .less,
            bound: 1e9,
            written: "inside.worst_second<1s"
        ),
        Text(text: "errors<0.1%", metric: "errors", comparison: .less, bound: 0.001, written: "errors<0.1%"),
        Text(text: "served >= 0.9", metric: "served", comparison: .atLeast, bound: 0.9, written: "served>=0.9"),
        Text(text: "requests>600/min", metric: "requests", comparison: .more, bound: 10, written: "requests>600/min"),
        Text(text: "workers.max<=4", metric: "workers.max", comparison: .atMost, bound: 4, written: "workers.max<=4"),
    ])
    func parse_aGoodText_isWhatItSays(text: Text) throws {
        let objective = try Objective(parsing: text.text)
        #expect(objective.metric.name == text.metric)
        #expect(objective.comparison == text.comparison)
        #expect(abs(objective.bound - text.bound) < 1e-9 * max(text.bound, 1))
        #expect(objective.description == text.written)
        #expect(try Objective(parsing: objective.description) == objective)
    }

    @Test(
        arguments: [
            ("", ["no name", "no comparison", "no value"]), ("<", ["no name", "no value"]),
            ("inside.p99", ["no comparison", "no value", "250ms"]), ("inside.p99<", ["no value", "250ms"]),
            ("insid.p99<250ms", ["insid.p99 is the name of no figure (did you mean inside.p99?)", "known are"]),
            ("inside.p101<1s", ["of inside there are", "worst_second"]), ("inside.p0<1s", ["of inside there are"]),
            ("inside.raw.worst_second<1s", ["of inside.raw there are"]),
            ("inside.p99.9999<1s", ["of inside there are"]),
            ("wait.worst_second<1s", ["of wait there are"]), ("max<1s", ["max is the name of no figure"]),
            ("p99=250ms", ["= is no comparison"]), ("p99=<250ms", ["=< is no comparison"]),
            ("p99!=250ms", ["!= is no comparison"]), ("p99<250", ["250 is no value for inside.p99", "250ms"]),
            ("p99<250 m s", ["is no value"]), ("p99<-1s", ["-1s is no value"]), ("p99<1e3ms", ["is no value"]),
            ("p99<.5s", ["is no value"]), ("p99<1.s", ["is no value"]), ("p99<1000000000000000000ms", ["is no value"]),
            ("errors<5", ["5 is no value for errors", "0.1%"]), ("errors<101%", ["is no value"]),
            ("errors<1ms", ["is no value"]), ("requests>100", ["120/s"]), ("requests>100/h", ["100/h is no value"]),
            ("workers.max<4/s", ["such as 20"]), ("wurst!250", ["wurst is the name", "! is no comparison"]),
        ] as [(String, [String])]
    )
    func parse_aBadText_saysAllThatIsWrongAndWhatIsAllowed(text: String, parts: [String]) {
        let problem = #expect(throws: ObjectiveProblem.self) { try Objective(parsing: text) }
        let description = problem?.description ?? ""
        #expect(description.hasPrefix("objective \"\(text)\": "))
        for part in parts { #expect(description.contains(part), "\(description)") }
    }

    @Test func parse_ofSeveral_namesEachBadOne() {
        let problems = #expect(throws: ObjectiveProblems.self) {
            try Objective.parse(["p99<1s", "p98<1", "foo<1s", "errors<1%"])
        }
        #expect(problems?.problems.map(\.text) == ["p98<1", "foo<1s"])
        #expect(problems?.description.split(separator: "\n").count == 2)
    }

    /// The help names every figure that there is.
    @Test func grammar_namesEveryFigure() {
        for figure in Metric.figures {
            let words = figure.name.split(separator: ".").last == "worst_second" ? ["worst_second"] : [figure.name]
            for word in words { #expect(Objective.grammar.contains(word)) }
        }
        for times in Metric.Times.allCases { #expect(Objective.grammar.contains(times.rawValue)) }
    }

    @Test func metricNames_areUniqueAndFoundByThem() {
        #expect(Set(Metric.figures.map(\.name)).count == Metric.figures.count)
        for figure in Metric.figures { #expect(Metric(named: figure.name)?.title == figure.title) }
        for times in Metric.Times.allCases {
            for statistic in ["p50", "p99.9", "max", "mean"] {
                #expect(Metric(named: "\(times.rawValue).\(statistic)")?.name == "\(times.rawValue).\(statistic)")
            }
        }
    }

    // MARK: Of a run

    static let start = Instant(nanoseconds: 1_000_000_000)
    static func at(milliseconds: Int64) -> Instant { Self.start.advanced(byNanoseconds: milliseconds * 1_000_000) }

    /// 20 visitors of whom 15 are served; 200 requests, of which 2 failed in the one second that is full enough to
    /// count.
    static func result() -> RunResult {
        var timeline = Timeline()
        for second in 0..<3 {
            var tally = Tally()
            for _ in 0..<(second == 1 ? 150 : 24) {
                tally.heard(
                    .inside,
                    due: Self.start,
                    sentAt: Self.at(milliseconds: 40),
                    now: Self.at(milliseconds: second == 1 ? 100 : 200)
                )
            }
            if second == 1 {
                for _ in 0..<2 {
                    tally.heard(.error(.gatewayError), due: Self.start, sentAt: Self.start, now: Self.start)
                }
            }
            if second == 0 { for _ in 0..<20 { tally.arrived() } }
            timeline.append(tally, Gauges(waiting: second, inside: 7, openConnections: 9, workersReady: second + 1))
        }
        var result = RunResult(Evidence(startedMicros: 0, timeline: timeline))
        result.counts.served = 15
        return result
    }

    @Test(arguments: [
        ("inside.p50<=101ms", true), ("inside.p50<100ms", false), ("inside.max>=200ms", true),
        ("inside.mean<130ms", true),
        ("inside.raw.p50<61ms", true), ("inside.raw.p50<59ms", false), ("inside.worst_second<101ms", true),
        ("inside.worst_second<99ms", false), ("errors<=1%", true), ("errors<1%", false), ("server_errors>0.9%", true),
        ("errors.worst_second>1.3%", true), ("errors.worst_second>1.4%", false), ("served>=75%", true),
        ("served>75%", false), ("arrivals>=20", true), ("errors.count<2", false), ("requests>66/s", true),
        ("requests>67/s", false), ("requests.max>=152/s", true), ("workers.max<=3", true), ("workers.max<3", false),
        ("workers.mean<=2", true), ("waiting.max<=2", true), ("sessions.max<7", false), ("connections.max<=9", true),
    ])
    func result_ofARun_isReachedWhenItHolds(text: String, isReached: Bool) throws {
        let result = ObjectiveResult(try Objective(parsing: text), of: Self.result())
        #expect(result.isReached == isReached, "\(result.measuredText)")
        #expect(result.measured != nil)
    }

    /// Nobody waited: that is no short wait.
    @Test(arguments: ["wait.p99<1d", "door.p99<1h", "line.worst_second<1h"])
    func result_ofWhatWasNotMeasured_isMissed(text: String) throws {
        let result = ObjectiveResult(try Objective(parsing: text), of: Self.result())
        #expect(!result.isReached && result.measured == nil && result.measuredText == "not measured")
    }

    @Test(
        arguments: [
            ([], [], Verdict.ExitCode.broken), ([.passed], [], .good), ([.passed], [true], .good),
            ([.passed], [true, false], .objectiveMissed), ([.failed], [false], .broken), ([.failed], [true], .broken),
            ([.notMeasured], [false], .broken),
        ] as [([Check.Outcome], [Bool], Verdict.ExitCode)]
    )
    func exitCode_putsPromisesBeforeObjectives(checks: [Check.Outcome], reached: [Bool], code: Verdict.ExitCode) throws
    {
        var report = try ReportTests.report(withDirect: false)
        report.verdict.checks = checks.map {
            Check(name: .order, title: "", outcome: $0, measured: "", limit: "", detail: "")
        }
        report.objectives = try reached.map {
            ObjectiveResult(try Objective(parsing: $0 ? "errors<=100%" : "errors>100%"), of: report.gateway)
        }
        #expect(report.exitCode == code)
        report.partial = RunReport.Partial(seconds: 3, reason: "the gateway ended")
        #expect(report.exitCode == .notPlayed)
    }

    /// Whoever reads the report hears what the run itself ended with.
    @Test func exitCode_ofARunThatWasInterrupted_isThatOfTheRun() throws {
        var report = try ReportTests.report(withDirect: false)
        report.partial = RunReport.Partial(seconds: 3, reason: RunReport.Partial.interrupted)
        #expect(report.exitCode.rawValue == 130)
        #expect(PrometheusReport(report: report).render().contains("onsale_exit_code 130\n"))
        let read = try JSONDecoder().decode(RunReport.self, from: ReportFiles.encoded(report))
        #expect(read.exitCode == report.exitCode)
    }

    /// A tool that could not keep up says nothing about anything, whatever was asked for.
    @Test func exitCode_ofAToolTooSlow_comesFirst() throws {
        var report = try ReportTests.report(withDirect: false)
        report.verdict.checks = [.tool, .latency].map {
            Check(name: $0, title: "", outcome: .failed, measured: "", limit: "", detail: "")
        }
        report.objectives = [ObjectiveResult(try Objective(parsing: "errors>100%"), of: report.gateway)]
        #expect(report.exitCode == .toolTooSlow)
        #expect(report.exitCode.rawValue == 2 && Verdict.ExitCode.objectiveMissed.rawValue == 99)
    }
}
