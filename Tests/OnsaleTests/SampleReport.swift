import Foundation
import Primitives
import Testing

@testable import onsale

/// Reports made from virtual runs.
enum SampleReport {
    static func make(
        _ scenario: Scenario,
        room: VirtualRun.Room = VirtualRun.Room(),
        workers: VirtualWorkers.Shape = VirtualWorkers.Shape(),
        withDirect: Bool = true
    ) throws -> RunReport {
        let crowd = try Crowd(scenario)
        var gateway = VirtualRun(crowd, room: room, workers: workers)
        gateway.play()
        var result: RunResult?
        if withDirect {
            var direct = VirtualRun(crowd, room: nil)
            direct.play()
            result = RunResult(direct.evidence)
        }
        return RunReport(
            startedAt: "2026-11-23T18:00:00Z",
            command: "LoadTests/run --visitors \(scenario.visitors) --seconds "
                + "\(Int(scenario.durationSeconds)) --seed \(scenario.seed)",
            scenario: scenario,
            environment: [RunReport.Fact(name: "processors", value: "2")],
            settings: [
                RunReport.Fact(name: "inflow", value: "250/s, then 320/s"), RunReport.Fact(name: "burst", value: "40"),
                RunReport.Fact(name: "slots", value: "2,000"), RunReport.Fact(name: "workers", value: "1 to 6"),
            ],
            verdict: Judge(objectives: scenario.objectives, evidence: gateway.evidence).verdict(),
            gateway: RunResult(gateway.evidence),
            direct: result,
            directTarget: "straight at one worker"
        )
    }

    /// A way to look at the page without playing a run: `ONSALE_SAMPLE_REPORT=folder swift test`.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["ONSALE_SAMPLE_REPORT"] != nil))
    static func sampleReport_whenAskedFor_isWritten() throws {
        let folder = try #require(ProcessInfo.processInfo.environment["ONSALE_SAMPLE_REPORT"])
        let size = ProcessInfo.processInfo.environment["ONSALE_SAMPLE_VISITORS"].flatMap(Int.init) ?? 12_000
        var room = VirtualRun.Room()
        room.changes = [(seconds: 45, ratePerSecond: 320, burst: 45)]
        var workers = VirtualWorkers.Shape()
        // Workers that cannot carry what the room lets in: the page of a run that went wrong.
        if ProcessInfo.processInfo.environment["ONSALE_SAMPLE_FAULTY"] != nil { workers.slotsPerWorker = 5 }
        let scenario = Scenario(visitors: size, durationSeconds: 90, seed: 7)
        let report = try Self.make(scenario, room: room, workers: workers)
        let paths = try ReportFiles.write(report, folder: folder)
        print(VerdictText(report, isColoured: false).render(), paths.html)
    }
}
