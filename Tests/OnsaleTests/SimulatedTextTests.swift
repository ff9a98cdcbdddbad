import Testing

@testable import onsale

/// What `simulate` prints of its runs.
@Suite struct SimulatedTextTests {
    private static func run(seed: UInt64) throws -> SimulatedRun {
        let scenario = Scenario(visitors: 300, durationSeconds: 25, seed: seed)
        let plan = try SimulationPlan(plan: SitePlan(scenario), scenario: scenario, overrides: [])
        return plan.play(try Crowd(scenario))
    }

    /// The lines that begin with that name, and the cells of one.
    private static func rows(_ text: String, _ name: String) -> [Substring] {
        text.split(separator: "\n").filter { $0.hasPrefix("  \(name) ") }
    }

    private static func cells(_ row: Substring, _ name: String) -> [String] {
        row.dropFirst(2 + name.count).split(separator: " ").map(String.init)
    }

    @Test func fewRuns_haveARowEach_andTheLastDecileIsTheLongestWait() throws {
        let runs = try ([1, 2] as [UInt64]).map { try Self.run(seed: $0) }
        let text = SimulatedText(runs: runs).render()
        let headings = ["Waits of those who got in, in seconds, by decile:", "What became of them:", "What it cost:"]
        let lines = text.split(separator: "\n")
        #expect(lines.filter { $0.hasSuffix(":") }.map { String($0.dropFirst(2)) } == headings)
        let columns = try #require(lines.first { $0.hasSuffix(" longest") })
        for run in runs {
            let name = "seed \(run.seed)"
            let rows = Self.rows(text, name)
            try #require(rows.count == headings.count)
            let deciles = try #require(run.waitDeciles)
            let longest = try #require(Percentiles(run.evidence.timeline.total.wait)).highest
            #expect(deciles.count == 10 && deciles == deciles.sorted() && deciles[9] == Double(longest) / 1e9)
            #expect(Self.cells(rows[0], name) == deciles.map { Format.decimal($0, places: 2) })
            #expect(rows[0].count == columns.count, "each figure ends where its heading does")
            let counts = run.counts
            let people = [
                counts.arrivals, counts.exchanges, counts.served, counts.abandoned, counts.noShows, counts.failed,
                counts.unfinished,
            ]
            let lastIn = Format.decimal(try #require(run.lastLetInSeconds))
            #expect(Self.cells(rows[1], name) == people.map { Format.count($0) } + [lastIn])
            let minutes = Format.decimal(run.workerSeconds / 60)
            #expect(Self.cells(rows[2], name) == ["\(run.mostWorkers)", minutes])
        }
        for name in ["least", "median", "most"] { #expect(Self.rows(text, name).count == headings.count) }
    }

    @Test func manyRuns_haveTheirEndsAndTheMiddleAlone() throws {
        let run = try Self.run(seed: 3)
        let text = SimulatedText(runs: Array(repeating: run, count: 11)).render()
        #expect(Self.rows(text, "seed 3").isEmpty)
        let deciles = try #require(run.waitDeciles).map { Format.decimal($0, places: 2) }
        for name in ["least", "median", "most"] {
            let rows = Self.rows(text, name)
            try #require(rows.count == 3)
            #expect(Self.cells(rows[0], name) == deciles)
        }
    }
}
