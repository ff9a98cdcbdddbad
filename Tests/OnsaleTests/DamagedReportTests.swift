import Foundation
import Primitives
import Testing

@testable import onsale

/// Reports and plans with figures that no run can give: refused with the place of the figure, and never a trap.
@Suite struct DamagedReportTests {
    /// A report with something of everything, as bytes.
    static let sound: Result<Data, any Error> = Result {
        var scenario = Scenario(visitors: 120, durationSeconds: 12, seed: 3)
        scenario.asked = try Objective.parse(["p99<250ms"])
        var report = try SampleReport.make(scenario)
        report.objectives = scenario.asked.map { ObjectiveResult($0, of: report.gateway) }
        return try ReportFiles.encoded(report)
    }

    /// Everything that is done with a report by `compare`, `report`, `overlay` and `simulate --like`.
    private static func use(_ data: Data) {
        guard let report = try? ReportFiles.decode(data, path: "r.json") else { return }
        let named = ReportComparison.Named(name: "r", report: report)
        for metrics in [[]] + (ReportComparison.usualMetrics + Metric.figures).map({ [$0] }) {
            if let comparison = try? ReportComparison([named], [named], named: metrics, isForced: true) {
                _ = ComparisonText(comparison, base: "a", other: "b", isColoured: false).render()
            }
        }
        _ = VerdictText(report, isColoured: false).render()
        _ = HTMLReport(report).render() + CSVReport(report: report).render()
        _ = JUnitReport(report: report).render() + PrometheusReport(report: report).render()
        _ = PlayedComparison(played: report.gateway, simulated: report.gateway).render()
        _ = PlayedComparison.controllerLead(report.gateway)
        var simulated = report
        simulated.environment = [.init(name: RunReport.wayOfPlaying, value: "simulated")]
        if let overlay = try? Overlay(played: report, simulated: simulated) {
            _ = OverlayPage(overlay: overlay).render() + overlay.text
        }
        guard report.scenario.visitors <= 1_000, let crowd = try? Crowd(report.scenario) else { return }
        for visitor in crowd.prefix(50) { _ = visitor.requestCount }
        _ = SitePlan(report.scenario).facts
    }

    @Test func soundReport_isRead() throws {
        let report = try ReportFiles.decode(try Self.sound.get(), path: "r.json")
        #expect(report.gateway.counts.arrivals == 120 && report.direct != nil && report.objectives.count == 1)
    }

    @Test(
        arguments: [
            (["gateway", "counts", "served"], "9223372036854775807"), (["gateway", "counts", "served"], "-1"),
            (["gateway", "counts", "errors", "refused"], "1e18"), (["gateway", "wait", "p50_ns"], "-5"),
            (["gateway", "wait", "p90_ns"], "1e17"), (["gateway", "limits", "0", "atSeconds"], "-1e300"),
            (["gateway", "limits", "0", "ratePerSecond"], "-1"), (["gateway", "order", "0", "second"], "1e9"),
            (["gateway", "samples", "1", "gauges", "workersReady"], "-3"),
            (["gateway", "samples", "1", "counts", "arrivals"], "4611686018427387904"),
            (["gateway", "workerBounds", "most"], "1e15"), (["scenario", "visitors"], "-7"),
            (["scenario", "curve", "openingSeconds"], "1e300"), (["objectives", "0", "measured"], "1e300"),
            (["verdict", "checks", "0", "figure", "measured"], "-1e300"), (["direct", "counts", "failed"], "1e13"),
        ] as [([String], String)]
    )
    func figureThatNoRunGives_isNamedWithItsPlace(path: [String], value: String) throws {
        let damaged = try Self.replacing(path, with: value)
        let problem = try #require(throws: ReportFiles.Problem.self) {
            try ReportFiles.decode(damaged, path: "r.json")
        }
        let place = path.reduce("") { words, key in
            Int(key) != nil ? "\(words)[\(key)]" : words.isEmpty ? key : "\(words).\(key)"
        }
        #expect(problem.description.hasPrefix("r.json is damaged: \(place): "), "\(problem)")
        #expect(problem.description.contains("it must be"))
    }

    /// What a person may ask for is no damage, however far it goes.
    @Test func reportOfAnythingThatCanBePlayed_isRead() throws {
        var scenario = Scenario(visitors: 40, durationSeconds: 10, seed: .max)
        scenario.pages = [PageStep(name: "x", checks: [.bytes(200 ... .max), .status([200])])]
        scenario.asked = try Objective.parse(["wait.max<999999999d", "requests>=999999999999999/s"])
        var report = try SampleReport.make(scenario, withDirect: false)
        report.objectives = scenario.asked.map { ObjectiveResult($0, of: report.gateway) }
        #expect(try ReportFiles.decode(try ReportFiles.encoded(report), path: "r.json") == report)
    }

    /// NaN and what overflows a double are no JSON.
    @Test(arguments: ["NaN", "-Infinity", "1e999", "0x10", "01"])
    func figureThatIsNone_isRefused(value: String) throws {
        let damaged = try Self.replacing(["gateway", "counts", "served"], with: value)
        let problem = try #require(throws: ReportFiles.Problem.self) {
            try ReportFiles.decode(damaged, path: "r.json")
        }
        #expect(problem.description.contains("r.json"))
    }

    /// Numbers, one or several at a time, take the place of what is there; bytes are changed, cut out, and repeated.
    @Test(arguments: Array(1...12) as [UInt64])
    func mutatedReport_isReadOrRefused_andNeverTraps(seed: UInt64) throws {
        let sound = Array(try Self.sound.get())
        let numbers = Self.numbers(sound)
        try #require(numbers.count > 500)
        var draw = SplitMix64(seed: seed)
        for _ in 0..<12 {
            var bytes = sound
            let chosen = (0..<draw.drawInteger(1...4)).map { _ in numbers[draw.drawInteger(0...(numbers.count - 1))] }
            for range in Set(chosen).sorted(by: { $0.lowerBound > $1.lowerBound }) {
                let value = Self.absurd[draw.drawInteger(0...(Self.absurd.count - 1))]
                bytes.replaceSubrange(range, with: value.utf8)
            }
            Self.use(Data(bytes))
            var spoiled = sound
            for _ in 0..<draw.drawInteger(1...3) {
                let place = draw.drawInteger(0...(spoiled.count - 65))
                switch draw.drawInteger(0...2) {
                case 0: spoiled[place] = UInt8(truncatingIfNeeded: draw.next())
                case 1: spoiled.removeSubrange(place..<(place + draw.drawInteger(1...64)))
                default: spoiled.insert(contentsOf: spoiled[place..<(place + 64)], at: place)
                }
            }
            Self.use(Data(spoiled))
        }
    }

    private static let absurd = [
        "-1", "0", "1", "9223372036854775807", "-9223372036854775808", "18446744073709551615", "1e308", "-1e308",
        "1e-308", "4294967296", "1099511627776", "1099511627777", "9007199254740992", "1000000", "-1000000", "0.5",
        "99999999999999999999999999", "1e999",
    ]

    /// Where figures stand, those inside of texts left alone.
    private static func numbers(_ bytes: [UInt8]) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var isText = false
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\""), index == 0 || bytes[index - 1] != UInt8(ascii: "\\") { isText.toggle() }
            guard !isText, ASCII.isDigit(byte) || byte == UInt8(ascii: "-") else {
                index += 1
                continue
            }
            let end = bytes[index...].firstIndex { !(ASCII.isDigit($0) || "+-.eE".utf8.contains($0)) } ?? bytes.count
            found.append(index..<end)
            index = end
        }
        return found
    }

    /// The report with another figure at that place; what is not there is put there.
    private static func replacing(_ path: [String], with value: String) throws -> Data {
        let mark = "the figure"
        func changed(_ node: Any, _ path: ArraySlice<String>) throws -> Any {
            guard let key = path.first else { return mark }
            if let index = Int(key) {
                var items = try #require(node as? [Any])
                items[index] = try changed(items[index], path.dropFirst())
                return items
            }
            var members = try #require(node as? [String: Any])
            members[key] = try changed(members[key] ?? [String: Any](), path.dropFirst())
            return members
        }
        let tree = try changed(try JSONSerialization.jsonObject(with: try Self.sound.get()), path[...])
        let text = String(decoding: try JSONSerialization.data(withJSONObject: tree), as: UTF8.self)
        return Data(text.replacing("\"\(mark)\"", with: value).utf8)
    }

    // MARK: Histograms

    @Test func histogram_ofMoreThanCanBeAddedUp_isRefused() throws {
        let shape = HistogramRecord.Shape(lowestDiscernible: 1_000, highestTrackable: 1 << 40, significantDigits: 3)
        let most = HistogramRecord.mostCounted
        func readAgain(_ counts: [Int64]) -> HistogramRecord? {
            let counters = counts.enumerated().map {
                HistogramRecord.Counter(value: Int64($0 + 1) * 1_024 - 1, count: $1)
            }
            return HistogramRecord(encoded: HistogramRecord(shape: shape, counters: counters).encoded())
        }
        #expect(readAgain([5, 7])?.count == 12 && readAgain([most])?.count == most)
        #expect(readAgain([most, 1]) == nil && readAgain([.max]) == nil)
    }

    // MARK: Agents

    @Test(arguments: [
        ("visitors", "-1"), ("durationSeconds", "1e300"), ("probeSeconds", "[1e300]"), ("agents", "1e17"),
    ])
    func plan_withAnAbsurdFigure_isRefused(key: String, value: String) throws {
        let plan = AgentPlan(
            run: "1",
            agents: 3,
            scenario: Scenario(visitors: 9, durationSeconds: 30, seed: 3),
            site: AgentPlan.Site(addresses: ["127.0.0.1:8000"], hasRoom: true, probeSeconds: [1])
        )
        let json = String(decoding: try plan.json(), as: UTF8.self)
        let place = try #require(json.firstRange(of: "\"\(key)\":"))
        let end = json[place.upperBound...].firstIndex { key == "probeSeconds" ? $0 == "]" : $0 == "," || $0 == "}" }
        let rest = key == "probeSeconds" ? json[end!...].dropFirst() : json[end!...]
        let damaged = json[..<place.upperBound] + value + rest
        let problem = try #require(throws: PlayProblem.self) { try AgentPlan(json: Array(damaged.utf8)) }
        #expect(problem.description.contains("damaged") && problem.description.contains(key), "\(problem)")
    }

    /// Two agents that lie as far as they may: what they tell can still be added up.
    @Test func secondsThatLie_areRefusedOrAddUp() throws {
        var held = HeldSecond(second: 1, tally: Tally(), gauges: Gauges())
        held.tally.wasLate(nanoseconds: 5)
        var writer = PieceWriter()
        held.write(to: &writer)
        // The last two numbers: the latency, and how often.
        var bytes = writer.bytes
        #expect(bytes.last == 1)
        bytes.removeLast()
        for (count, isTaken) in [(1 << 24, true), (1 << 24 + 1, false), (UInt64.max, false)] as [(UInt64, Bool)] {
            var last = PieceWriter()
            last.put(count)
            var reader = PieceReader(bytes + last.bytes)
            let read = try? HeldSecond(from: &reader)
            #expect((read != nil) == isTaken, "\(count)")
            guard let read else { continue }
            var sum = Tally()
            // More than a counter of 32 bits holds.
            for _ in 0..<300 { sum.merge(read.tally) }
            #expect(sum.lateness.totalCount <= UInt64(UInt32.max) && sum.lateness.totalCount >= 255 << 24)
        }
    }

    @Test func counts_ofASecond_areBounded() {
        var counts = Counts()
        for (served, isTaken) in [(1 << 32, true), (1 << 32 + 1, false)] {
            counts.served = served
            var writer = PieceWriter()
            counts.write(to: &writer)
            var reader = PieceReader(writer.bytes)
            #expect(((try? Counts(from: &reader)) != nil) == isTaken)
        }
    }
}
