import Foundation
import Primitives
import Testing

@testable import onsale

/// Reports made from sales in virtual time.
enum SampleReport {
    private static func evidence(_ scenario: Scenario, _ plan: SitePlan, _ fault: Fault?) throws -> Evidence {
        var sale = try ProxiedSale(try Crowd(scenario), plan: plan, fault: fault)
        sale.play()
        return sale.evidence
    }

    static func make(
        _ scenario: Scenario,
        fault: Fault? = nil,
        withDirect: Bool = true
    ) throws -> RunReport {
        let plan = SitePlan(scenario)
        let gateway = try Self.evidence(scenario, plan, fault)
        var result: RunResult?
        if withDirect {
            // Nobody is in line straight at a worker; of a run beside it the page shows no more than the seconds.
            let timeline = try Self.evidence(scenario, plan, .connectionsRefused).timeline
            result = RunResult(Evidence(startedMicros: gateway.startedMicros, timeline: timeline))
        }
        return RunReport(
            startedAt: "2026-11-23T18:00:00Z",
            command: "LoadTests/run --visitors \(scenario.visitors) --seconds "
                + "\(Int(scenario.durationSeconds)) --seed \(scenario.seed)",
            scenario: scenario,
            environment: [RunReport.Fact(name: "processors", value: "2")],
            settings: plan.facts,
            verdict: Judge(objectives: scenario.objectives, evidence: gateway).verdict(),
            gateway: RunResult(gateway),
            direct: result,
            directTarget: "straight at one worker"
        )
    }

    /// A way to look at the page without playing a run: `ONSALE_SAMPLE_REPORT=folder swift test`.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["ONSALE_SAMPLE_REPORT"] != nil))
    static func sampleReport_whenAskedFor_isWritten() throws {
        let folder = try #require(ProcessInfo.processInfo.environment["ONSALE_SAMPLE_REPORT"])
        let size = ProcessInfo.processInfo.environment["ONSALE_SAMPLE_VISITORS"].flatMap(Int.init) ?? 12_000
        // The page of a run that went wrong.
        let isFaulty = ProcessInfo.processInfo.environment["ONSALE_SAMPLE_FAULTY"] != nil
        let scenario = Scenario(visitors: size, durationSeconds: 90, seed: 7)
        let report = try Self.make(scenario, fault: isFaulty ? .unsignedErrors : nil)
        let paths = try ReportFiles.write(report, folder: folder)
        print(VerdictText(report, isColoured: false).render(), paths.html)
    }
}
