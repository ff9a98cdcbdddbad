import Foundation
import FoundationXML
import Testing

@testable import onsale

@Suite struct ReportFormatTests {
    /// With an objective that is reached, one that is missed, and words that every format must escape.
    static func report() throws -> RunReport {
        var report = try ReportTests.report()
        report.verdict.checks[0].outcome = .failed
        report.verdict.checks[0].title = "Nobody <is> \"overtaken\" & back\\slash"
        report.verdict.checks[0].detail = "line one\nline two\u{1}"
        report.verdict.checks[1].outcome = .notMeasured
        report.objectives = try ["inside.p99<1d", "errors>=100%"].map {
            ObjectiveResult(try Objective(parsing: $0), of: report.gateway)
        }
        return report
    }

    // MARK: CSV

    @Test func csv_hasALineForEachSecondOfEachRun() throws {
        let report = try Self.report()
        let lines = CSVReport(report: report).render().split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        let direct = try #require(report.direct)
        #expect(lines.count == 1 + report.gateway.samples.count + direct.samples.count)
        #expect(lines.allSatisfy { $0.count == lines[0].count })
        #expect(Set(lines[0]).count == lines[0].count)
        let arrivals = try #require(lines[0].firstIndex(of: "arrivals"))
        let p99 = try #require(lines[0].firstIndex(of: "inside_p99_ms"))
        for (line, sample) in zip(lines.dropFirst(), report.gateway.samples) {
            #expect(
                line[0] == "gateway" && line[1] == "\(sample.second)" && line[arrivals] == "\(sample.counts.arrivals)"
            )
            #expect(Double(line[p99]) == sample.insideCorrected.map { Double($0.p99) / 1e6 })
        }
        #expect(lines.last?[0] == "direct")
    }

    // MARK: JUnit

    private final class Elements: NSObject, XMLParserDelegate {
        var found: [(name: String, attributes: [String: String], text: String)] = []

        func parser(
            _ parser: XMLParser,
            didStartElement name: String,
            namespaceURI: String?,
            qualifiedName: String?,
            attributes: [String: String]
        ) {
            self.found.append((name, attributes, ""))
        }

        func parser(_ parser: XMLParser, foundCharacters text: String) {
            if !self.found.isEmpty { self.found[self.found.count - 1].text += text }
        }
    }

    private static func elements(_ report: RunReport) throws -> Elements {
        let parser = XMLParser(data: Data(JUnitReport(report: report).render().utf8))
        let elements = Elements()
        parser.delegate = elements
        #expect(parser.parse(), "\(String(describing: parser.parserError))")
        return elements
    }

    @Test func junit_hasACaseForEachPromiseAndObjective() throws {
        let report = try Self.report()
        let elements = try Self.elements(report).found
        let cases = elements.filter { $0.name == "testcase" }
        #expect(cases.count == 1 + report.verdict.checks.count + report.objectives.count)
        let first = try #require(cases.firstIndex { $0.attributes["classname"] == "onsale.promises" })
        #expect(cases[first].attributes["name"] == report.verdict.checks[0].title)
        let failures = elements.filter { $0.name == "failure" }
        #expect(failures.count == report.verdict.checks.count { $0.outcome == .failed } + 1)
        #expect(failures.first?.text.hasPrefix("line one\nline two\u{FFFD}") == true)
        #expect(failures.last?.attributes["message"]?.contains("asked for") == true)
        #expect(elements.count { $0.name == "error" } == report.verdict.checks.count { $0.outcome == .notMeasured })
        let root = try #require(elements.first { $0.name == "testsuites" }).attributes
        #expect(root["tests"] == "\(cases.count)" && root["failures"] == "\(failures.count)")
        #expect(root["errors"] == "\(elements.count { $0.name == "error" })")
    }

    @Test func junit_ofARunThatWasStopped_isAnError() throws {
        var report = try Self.report()
        report.verdict.checks = []
        report.objectives = []
        report.partial = RunReport.Partial(seconds: 12, reason: "interrupted")
        let elements = try Self.elements(report).found
        #expect(elements.filter { $0.name == "testcase" }.count == 1)
        #expect(elements.first { $0.name == "error" }?.attributes["message"] == "stopped after 12 s")
    }

    // MARK: Prometheus

    /// The text format 0.0.4, with the rules that a scraper holds to: one family in one place, its type before its
    /// lines, no line twice.
    @Test func prometheus_isWellFormed() throws {
        let text = PrometheusReport(report: try Self.report()).render()
        #expect(text.hasSuffix("\n") && !text.contains("nan") && !text.contains("inf "))
        let line = /([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (-?[0-9.]+(?:e[-+]?[0-9]+)?)/
        var families: [String] = []
        var seen: Set<Substring> = []
        for row in text.split(separator: "\n") {
            if let head = row.wholeMatch(of: /# TYPE ([a-z_]+) (gauge|summary)/) {
                #expect(!families.contains(String(head.1)), "\(row)")
                families.append(String(head.1))
            } else if !row.hasPrefix("# HELP ") {
                let match = try #require(row.wholeMatch(of: line), "\(row)")
                let family = try #require(families.last)
                #expect([family, family + "_sum", family + "_count"].contains(String(match.1)), "\(row)")
                // All but the value.
                #expect(seen.insert(row.dropLast(match.3.count)).inserted, "\(row)")
            }
        }
        #expect(families.contains("onsale_time_seconds") && families.contains("onsale_promise_held"))
        #expect(text.contains(#"title="Nobody <is> \"overtaken\" & back\\slash"} 0"#))
        #expect(text.contains("onsale_exit_code 1\n"))
        #expect(text.contains(#"onsale_objective_reached{objective="inside.p99<1d"} 1"#))
    }

    /// A counter of a histogram names its end, which may be above every time that was measured.
    @Test func prometheus_andJSON_nameTheSamePercentiles() throws {
        let report = try Self.report()
        let text = PrometheusReport(report: report).render()
        let inside = try #require(report.gateway.inside)
        for (times, percentiles) in [("inside", inside.corrected), ("inside.raw", inside.raw)] {
            let expected = [("0.5", percentiles.p50), ("0.99", percentiles.p99), ("1", percentiles.highest)]
            for (quantile, nanoseconds) in expected {
                let labels = #"{run="gateway",times="\#(times)",quantile="\#(quantile)"}"#
                let line = text.split(separator: "\n").first { $0.hasPrefix("onsale_time_seconds\(labels) ") }
                let seconds = try #require(line?.split(separator: " ").last.flatMap { Double($0) }, "\(labels)")
                #expect(abs(seconds * 1e9 - Double(nanoseconds)) < 1, "\(labels)")
            }
        }
        let longest = Metric(named: "inside.max")?.value(of: report.gateway)
        #expect(longest == Double(inside.corrected.highest))
    }

    // MARK: Files

    @Test func files_ofEveryFormat_areWrittenWhole() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("onsale-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let report = try Self.report()
        for _ in 0..<2 { _ = try ReportFiles.write(report, folder: folder) }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        #expect(names == ["report.csv", "report.html", "report.json", "report.prom", "report.xml"])
        #expect(try ReportFiles.read("\(folder)/report.json") == report)
    }

    /// What stood there before stays whole where the new cannot be written.
    @Test func files_thatCannotBeWritten_leaveTheOldOnes() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("onsale-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let report = try Self.report()
        _ = try ReportFiles.write(report, folder: folder)
        // A folder where the new file is to be made.
        try FileManager.default.createDirectory(atPath: "\(folder)/report.json.new", withIntermediateDirectories: true)
        var other = report
        other.command = "another"
        let problem = #expect(throws: ReportFiles.Problem.self) { try ReportFiles.write(other, folder: folder) }
        #expect(problem?.description.contains("name another folder") == true)
        #expect(try ReportFiles.read("\(folder)/report.json") == report)
    }

    @Test(arguments: [(2, "an older onsale"), (4, "a newer onsale")])
    func report_ofAnotherFormat_isRefusedInALine(version: Int, words: String) throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("onsale-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(#"{"formatVersion":\#(version),"gateway":{}}"#.utf8).write(to: URL(fileURLWithPath: path))
        let problem = #expect(throws: ReportFiles.Problem.self) { try ReportFiles.read(path) }
        #expect(problem?.description.contains(words) == true)
        #expect(problem?.description.contains("its format is \(version), this onsale reads and writes 3") == true)
    }

    @Test(arguments: [
        ("{}", "formatVersion: it is missing"), (#"{"formatVersion":3}"#, "it is missing"), ("[", "not a report"),
        (#"{"formatVersion":3,"startedAt":5}"#, "startedAt"),
    ])
    func report_thatIsNone_isRefusedWithTheKey(text: String, words: String) throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("onsale-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        let problem = #expect(throws: ReportFiles.Problem.self) { try ReportFiles.read(path) }
        #expect(problem?.description.contains(words) == true, "\(problem?.description ?? "")")
        #expect(problem?.description.contains("\n") == false)
    }

    // MARK: Words

    @Test func page_andTerminal_tellTheObjectives() throws {
        var report = try Self.report()
        for index in report.verdict.checks.indices { report.verdict.checks[index].outcome = .passed }
        #expect(report.exitCode == .objectiveMissed)
        let html = HTMLReport(report).render()
        let text = VerdictText(report, isColoured: false).render()
        let count = report.verdict.checks.count
        for words in [html, text] {
            #expect(words.contains("All \(count) promises held, 1 of 2 objectives missed"))
            #expect(words.contains("P99 of answers inside") || words.contains("p99 of answers inside"))
        }
        #expect(html.contains("inside.p99&lt;1d") && html.contains("hero bad"))
    }

    @Test func page_andTerminal_ofARunThatWasStopped_sayHowFar() throws {
        var report = try Self.report()
        report.verdict.checks = []
        report.objectives = []
        report.partial = RunReport.Partial(seconds: 72, reason: "the gateway <ended>")
        for words in [HTMLReport(report).render(), VerdictText(report, isColoured: false).render()] {
            #expect(words.contains("Not judged: stopped after 1:12"))
            #expect(words.contains("no promise and no objective was judged"))
        }
        #expect(HTMLReport(report).render().contains("the gateway &lt;ended&gt;"))
    }

    @Test(arguments: [40, 60, 80, 100, 200])
    func verdict_onATerminal_fitsIt(width: Int) throws {
        var report = try Self.report()
        report.verdict.checks[1].detail = String(repeating: "where to look ", count: 30)
        let text = VerdictText(report, isColoured: true, width: width).render()
        let verdict = text.split(separator: "\n").prefix { !$0.contains("The same crowd") }
        for line in verdict where width >= 60 { #expect(TerminalTests.visible(String(line)).count <= width, "\(line)") }
        #expect(verdict.count > report.verdict.checks.count)
    }
}
