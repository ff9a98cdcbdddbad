import Foundation
import Settings
import Testing

@testable import onsale

/// Objectives where a scenario file holds them.
@Suite struct AskedTests {
    @Test func objectives_ofAFile_areThoseOfTheRun() throws {
        let text = "visitors: 300\nobjectives:\n  - p99<250ms\n  - served >= 90%\n"
        let scenario = try ScenarioFile.decode(Array(text.utf8), path: "sale.yaml")
        #expect(scenario.asked.map(\.description) == ["inside.p99<250ms", "served>=90%"])
        let json = try JSONEncoder().encode(scenario)
        #expect(try JSONDecoder().decode(Scenario.self, from: json) == scenario)
        let more = try ObjectiveOptions.parse(["--objective", "errors<1%"]).added(to: scenario)
        #expect(more.asked.map(\.metric.name) == ["inside.p99", "served", "errors"])
    }

    @Test func objectives_thatAreNone_areToldWithTheirLine() {
        let text = "visitors: 300\nobjectives: [p99<250, \"servd>=90%\", {a: b}]\n"
        let error = #expect(throws: SettingsError.self) { try ScenarioFile.decode(Array(text.utf8), path: "sale.yaml") }
        let words = "\(error.map(String.init(describing:)) ?? "")"
        for part in ["sale.yaml:2", "objectives[0]", "250ms", "did you mean served?", "objectives[2]"] {
            #expect(words.contains(part), "\(words)")
        }
    }

    @Test func objectives_doNotMakeAnotherScenario() throws {
        var scenario = Scenario(visitors: 300, durationSeconds: 20, seed: 1)
        var other = scenario
        other.asked = [try Objective(parsing: "p99<1s")]
        (other.seed, other.name) = (9, "other")
        #expect(ReportComparison.differences(scenario, other) == [])
        scenario.manners.mostRetries += 1
        #expect(ReportComparison.differences(scenario, other).count == 1)
    }
}
