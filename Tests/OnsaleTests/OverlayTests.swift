import Foundation
import Testing

@testable import onsale

/// A played run and its simulation in one page.
@Suite struct OverlayTests {
    /// A run, as it would have been played, and the very same as a simulated one.
    private static let pair: Result<(played: RunReport, simulated: RunReport), any Error> = Result {
        let played = try SampleReport.make(
            Scenario(visitors: 300, durationSeconds: 30, seed: 3),
            withDirect: false
        )
        var simulated = played
        simulated.environment = [.init(name: RunReport.wayOfPlaying, value: "simulated in virtual time")]
        return (played, simulated)
    }

    private func overlay(_ change: (inout RunReport, inout RunReport) -> Void = { _, _ in }) throws -> Overlay {
        var (played, simulated) = try Self.pair.get()
        change(&played, &simulated)
        return try Overlay(played: played, simulated: simulated)
    }

    @Test func sameRuns_agreeInEveryFigureAndSecond() throws {
        let overlay = try self.overlay()
        #expect(overlay.isClose && overlay.rows.allSatisfy { $0.difference == 0 })
        let names = overlay.rows.map(\.name)
        for name in ["let in", "median wait, s", "ready worker-seconds", "most workers ready"] {
            #expect(names.contains(name), "\(names)")
        }
        #expect(overlay.gaps.map(\.name) == ["waiting", "inside", "let in a second", "workers ready"])
        #expect(overlay.gaps.allSatisfy { $0.difference == 0 && $0.mean == 0 })
        let page = OverlayPage(overlay: overlay).render()
        #expect(page.contains("<h1>Played and simulated agree</h1>") && !page.contains("class=\"off\""))
    }

    /// What the room let in, and how many workers there were, over the whole run.
    @Test func figures_areThoseOfTheSeconds() throws {
        let overlay = try self.overlay { _, simulated in
            for second in simulated.gateway.samples.indices {
                simulated.gateway.samples[second].gauges.workersReady = second < 10 ? 2 : second < 12 ? nil : 3
            }
        }
        let seconds = try Self.pair.get().played.gateway.samples.count
        let ready = try #require(overlay.rows.first { $0.name == "ready worker-seconds" })
        // A second in which nobody was asked counts as the one before.
        #expect(ready.simulated == Double(12 * 2 + (seconds - 12) * 3))
        #expect(try #require(overlay.rows.first { $0.name == "most workers ready" }).simulated == 3)
        let letIn = try #require(overlay.rows.first { $0.name == "let in" })
        #expect(Double(overlay.letIn.played.compactMap { $0 }.reduce(0, +)) == letIn.played)
    }

    @Test func differences_areStatedWhereTheyAre() throws {
        let overlay = try self.overlay { _, simulated in
            simulated.gateway.counts.exchanges -= 30
            simulated.gateway.samples[7].gauges.waiting += 55
            simulated.gateway.samples[9].gauges.waiting += 5
        }
        #expect(!overlay.isClose)
        let letIn = try #require(overlay.rows.first { $0.name == "let in" })
        #expect(letIn.difference == -30 && letIn.isClose == false)
        let gap = try #require(overlay.waiting.gap)
        #expect(gap.second == 7 && gap.difference == 55)
        #expect(gap.mean == 60 / Double(overlay.waiting.played.count))
        let page = OverlayPage(overlay: overlay).render()
        #expect(page.contains("<h1>Played and simulated differ</h1>"))
        #expect(page.contains("<tr class=\"off\"><td>let in</td>"))
        #expect(page.contains("<b>\(OverlayPage.difference(letIn))</b>"))
        #expect(overlay.text.contains("OFF") && overlay.text.contains("farthest apart at 0:07"))
    }

    @Test func difference_readsAsASignedFigureAndShare() {
        func text(_ played: Double, _ simulated: Double, _ places: Int = 0) -> String {
            OverlayPage.difference(.init(name: "x", played: played, simulated: simulated, places: places))
        }
        #expect(text(200, 210) == "+10 (+5 %)" && text(200, 190) == "−10 (−5 %)")
        #expect(text(0, 3) == "+3" && text(5, 5) == "0" && text(5, 5.2) == "0")
        #expect(text(1, 1.004, 2) == "0" && text(2, 1.5, 2) == "−0.5 (−25 %)")
    }

    /// Both runs of each series, in one drawing; nothing from elsewhere.
    @Test func page_drawsEachSeriesOfBoth_andNeedsNothingElse() throws {
        let page = OverlayPage(overlay: try self.overlay())
        let plots = page.plots()
        #expect(plots.map(\.title) == ["People in line", "People inside", "Let in a second", "Workers ready"])
        for plot in plots {
            let listed = plot.layers.filter(\.isListed)
            #expect(listed.map(\.label) == ["played", "simulated"], "\(plot.title)")
            for layer in listed { #expect(layer.points.contains { $0.y != nil }, "\(plot.title)") }
        }
        let html = page.render()
        for word in ["<script", "http://", "https://", "url(", "<img"] { #expect(!html.contains(word), "\(word)") }
        #expect(html.contains("prefers-color-scheme:dark") && html.contains("name=\"viewport\""))
        #expect(html.components(separatedBy: "<svg").count - 1 == plots.count)
    }

    /// A run of hours has no more columns than a page can show, and both runs have the same.
    @Test func longRuns_areMergedIntoColumns() throws {
        let page = OverlayPage(
            overlay: try self.overlay { played, simulated in
                let sample = played.gateway.samples[5]
                played.gateway.samples = (0..<5_000).map { second in
                    var sample = sample
                    sample.second = second
                    return sample
                }
                simulated.gateway.samples = Array(played.gateway.samples.prefix(4_000))
            }
        )
        for plot in page.plots() {
            for layer in plot.layers { #expect(layer.points.count <= RunPlots.mostColumns + 1, "\(plot.title)") }
            #expect(plot.columnSeconds == 14 || plot.title == "Let in a second", "\(plot.title)")
        }
    }

    // MARK: What cannot be laid over each other

    @Test func reportsThatDoNotGoTogether_areRefusedWithTheReason() throws {
        let cases: [(says: String, change: (inout RunReport, inout RunReport) -> Void)] = [
            (
                "the first report is of a simulated run",
                { played, simulated in played.environment = simulated.environment }
            ),
            (
                "the second report is of a run that was played",
                { played, simulated in
                    simulated.environment = played.environment
                }
            ),
            ("their seeds are 3 and 4", { $1.scenario.seed = $0.scenario.seed + 1 }),
            ("300 visitors come to one, 301 to the other", { $1.scenario.visitors = $0.scenario.visitors + 1 }),
            ("one lasts 30 s, the other 31 s", { $1.scenario.durationSeconds = 31 }),
            ("differ in when they come", { $1.scenario.manners.noShowShare = 0.5 }),
            (
                "stopped after 9 s (interrupted)",
                { played, _ in played.partial = .init(seconds: 9, reason: "interrupted") }
            ),
        ]
        for (says, change) in cases {
            let problem = try #require(throws: Overlay.Problem.self) { try self.overlay(change) }
            #expect(problem.description.contains(says), "\(problem)")
        }
    }

    /// From the files to the page, and what is told of a file that is none.
    @Test func command_writesThePage_orSaysWhyNot() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("overlay-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (played, simulated) = try Self.pair.get()
        try ReportFiles.encoded(played).write(to: URL(fileURLWithPath: "\(folder)/p.json"))
        try ReportFiles.encoded(simulated).write(to: URL(fileURLWithPath: "\(folder)/s.json"))
        func run(_ words: String...) throws {
            try OverlayCommand.parse(words.map { $0.replacing("@", with: folder) }).run()
        }
        try run("@/p.json", "@/s.json", "--out", "@/page.html")
        #expect(
            try String(contentsOfFile: "\(folder)/page.html", encoding: .utf8).contains("Played and simulated agree")
        )
        #expect(throws: (any Error).self) { try run("@/s.json", "@/p.json", "--out", "@/other.html") }
        #expect(throws: (any Error).self) { try run("@/p.json", "@/none.json", "--out", "@/other.html") }
        #expect(throws: (any Error).self) { try run("@/p.json", "@/s.json", "--out", "@/none/page.html") }
        #expect(!FileManager.default.fileExists(atPath: "\(folder)/other.html"))
    }
}
