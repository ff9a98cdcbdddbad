import Foundation
import Testing

@testable import onsale

@Suite struct ReportTests {
    static func report(withDirect: Bool = true) throws -> RunReport {
        try SampleReport.make(Scenario(visitors: 600, durationSeconds: 20, seed: 11), withDirect: withDirect)
    }

    @Test func json_writtenAndRead_isTheSame() throws {
        let report = try Self.report()
        let data = try ReportFiles.encoded(report)
        #expect(try JSONDecoder().decode(RunReport.self, from: data) == report)
    }

    @Test func files_writtenToANewFolder_areReadBack() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("onsale-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let report = try Self.report(withDirect: false)
        let paths = try ReportFiles.write(report, folder: "\(folder)/deep")
        #expect(try ReportFiles.read(paths.json) == report)
        #expect(throws: ReportFiles.Problem.self) { try ReportFiles.read(paths.html) }
        #expect(throws: ReportFiles.Problem.self) { try ReportFiles.read("\(folder)/none.json") }
        #expect(throws: ReportFiles.Problem.self) { try ReportFiles.write(report, folder: paths.json) }
    }

    @Test func page_needsNothingElse() throws {
        let html = HTMLReport(try Self.report()).render()
        for outside in ["<script", "http:", "https:", "src=", "href=", "@import", "url("] {
            #expect(!html.contains(outside), "\(outside)")
        }
        #expect(html.contains("prefers-color-scheme:dark"))
        #expect(!html.contains("NaN") && !html.contains("inf\""))
    }

    @Test func page_tagsAreBalanced() throws {
        let faulty = try SampleReport.make(
            Scenario(visitors: 600, durationSeconds: 20, seed: 11),
            fault: .unsignedErrors
        )
        for report in [try Self.report(), faulty] {
            let html = HTMLReport(report).render()
            var open: [Substring] = []
            for tag in html.matches(of: /<(\/?)([a-z0-9]+)[^<>]*?(\/?)>/) {
                if ["meta", "br"].contains(tag.2) || tag.3 == "/" { continue }
                if tag.1 == "/" {
                    #expect(open.popLast() == tag.2, "at \(html[tag.range])")
                } else {
                    open.append(tag.2)
                }
            }
            #expect(open.isEmpty)
        }
    }

    @Test func page_startsWithTheVerdict() throws {
        let html = HTMLReport(try Self.report()).render()
        let verdict = try #require(html.range(of: "class=\"hero"))
        let plot = try #require(html.range(of: "class=\"card totals"))
        #expect(verdict.lowerBound < plot.lowerBound)
    }

    @Test func page_ofTextWithMarkup_isEscaped() throws {
        var report = try Self.report(withDirect: false)
        report.command = "run <b>&\"x\""
        let html = HTMLReport(report).render()
        #expect(html.contains("run &lt;b&gt;&amp;&quot;x&quot;"))
        #expect(!html.contains("<b>&\"x"))
    }

    /// A run of an hour makes a page that a browser still opens at once.
    @Test func page_ofALongRun_staysSmall() throws {
        var report = try Self.report()
        let sample = try #require(report.gateway.samples.dropFirst(10).first)
        report.gateway.samples = (0..<3_600).map { second in
            var sample = sample
            sample.second = second
            return sample
        }
        report.gateway.inflow = Array(repeating: 100, count: 3_600)
        #expect(HTMLReport(report).render().utf8.count < 2_000_000)
    }

    @Test func page_ofARunWithoutAnything_isStillAPage() {
        let evidence = Evidence(startedMicros: 0, timeline: Timeline())
        let report = RunReport(
            startedAt: "2026-11-23T18:00:00Z",
            command: "run",
            scenario: Scenario(visitors: 1, durationSeconds: 5, seed: 1),
            environment: [],
            settings: [],
            verdict: Judge(objectives: Objectives(), evidence: evidence).verdict(),
            gateway: RunResult(evidence),
            direct: RunResult(evidence)
        )
        let html = HTMLReport(report).render()
        #expect(html.hasSuffix("</html>\n"))
        #expect(html.contains("could not be judged") || html.contains("does not count"))
    }

    @Test func verdictText_namesEachCheckAndTheComparison() throws {
        let report = try Self.report()
        let text = VerdictText(report, isColoured: false).render()
        for check in report.verdict.checks { #expect(text.contains(check.title)) }
        #expect(text.contains("through Sluice") && text.contains("direct"))
        #expect(!text.contains("\u{1B}"))
        #expect(VerdictText(report, isColoured: true).render().contains("\u{1B}["))
    }
}

@Suite struct PlotMarkTests {
    /// The limits of a short run change every few seconds.
    @Test func labels_thatWouldRunIntoEachOther_areLeftOut() {
        let layer = Plot.Layer(label: "a", tone: .blue, form: .line, points: [(x: 0.5, y: 1)])
        var plot = Plot(
            title: "A",
            note: "",
            seconds: 60,
            columnSeconds: 1,
            layers: [layer],
            yAxis: .linear(highest: 1)
        )
        plot.marks = [30, 10, 12, 55, 13, 58].map { Plot.Mark(second: $0, label: "limit changed") }
        let drawn = PlotRenderer.render(plot)
        #expect(drawn.matches(of: /class="mark"/).count == 6)
        #expect(drawn.matches(of: /class="markLabel"/).count == 3, "at 10, 30 and 55")
    }
}

@Suite struct AxisTests {
    @Test(arguments: [0.3, 1, 4, 7, 12, 99, 100, 101, 863, 9_999, 1e6])
    func linear_anyHighest_hasRoundTicksUpToIt(highest: Double) {
        let axis = Axis.linear(highest: highest)
        #expect(axis.high >= highest && axis.high <= highest * 2)
        #expect((2...6).contains(axis.ticks.count))
        #expect(axis.position(0) == 0 && axis.position(axis.high) == 1)
    }

    @Test(arguments: [(1e3, 1e3), (8e5, 3e8), (1e3, 1.2e11), (4.9e7, 5.1e7)])
    func logarithmic_anySpan_coversItWithFewTicks(span: (Double, Double)) {
        for most in [5, 9] {
            let axis = Axis.logarithmic(lowest: span.0, highest: span.1, mostTicks: most)
            #expect(axis.low <= span.0 * 1.001 && axis.high >= span.1 * 0.999)
            #expect(axis.ticks.count >= 2)
            #expect(axis.ticks.first == axis.low && axis.ticks.last == axis.high)
            #expect(zip(axis.ticks, axis.ticks.dropFirst()).allSatisfy { axis.position($0) < axis.position($1) })
        }
    }

    @Test func position_ofNothing_isTheBase() {
        #expect(Axis.linear(highest: .nan).position(.nan) == 0)
        #expect(Axis.linear(highest: 0).high > 0)
    }
}

@Suite struct ReportFolderTests {
    @Test func folderThatCannotBeMade_isToldInPlainWords() throws {
        let problem = try #require(throws: ReportFiles.Problem.self) { try ReportFiles.prepare("/proc/no/folder") }
        let words = problem.description
        #expect(
            words == "/proc/no/folder cannot be used for the report: No such file or directory; "
                + "name another folder with --report"
        )
        #expect(!words.contains("operation"))
    }

    @Test func placeThatIsAFile_isToldInPlainWords() throws {
        let folder = try RunPartsTests.Folder()
        _ = FileManager.default.createFile(atPath: "\(folder.path)/file", contents: Data())
        let problem = try #require(throws: ReportFiles.Problem.self) { try ReportFiles.prepare("\(folder.path)/file") }
        #expect(!problem.description.contains("operation"), "\(problem.description)")
        #expect(throws: ReportFiles.Problem.self) { try ReportFiles.read("\(folder.path)/none") }
    }
}
