import Foundation
import Glibc
import Primitives

/// From the start of a run to its report.
extension Director {
    func perform() async throws -> RunReport {
        let crowd = try Crowd(self.options.scenario)
        try self.prepareReportFolder()
        var environment = Machine.facts
        environment.append(.init(name: "program under test", value: self.options.sluice))
        let startedAt = Date()
        self.printer.say(
            "\(Format.count(crowd.count)) visitors, seed \(crowd.scenario.seed): starting the gateway ..."
        )
        let before = (clock: MonotonicClock.now(), processor: Machine.processorNanoseconds())
        let evidence = try await self.playThroughGateway(crowd)
        let wall = max(1, MonotonicClock.now().nanoseconds(since: before.clock))
        let used = Double(Machine.processorNanoseconds() - before.processor) / Double(wall)
        environment.append(.init(name: "load tool used", value: "\(Format.percent(used)) of one processor"))
        var direct: Evidence?
        if self.options.withDirect { direct = try await self.playDirect(crowd) }
        return RunReport(
            startedAt: startedAt.ISO8601Format(),
            command: self.options.command,
            scenario: crowd.scenario,
            environment: environment,
            settings: self.plan.facts,
            verdict: Judge(objectives: crowd.scenario.objectives, evidence: evidence).verdict(),
            gateway: RunResult(evidence),
            direct: direct.map(RunResult.init),
            directTarget: direct.map(self.directTarget)
        )
    }

    /// Logs of an earlier run are not added to.
    private func prepareReportFolder() throws {
        let folder = self.options.reportFolder
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for log in [self.options.sluiceLog, self.options.workersLog] {
                try Data().write(to: URL(fileURLWithPath: log))
            }
        } catch {
            throw PlayProblem("the folder \(folder) cannot be written to: \(error.localizedDescription); use --report")
        }
    }

    private func directTarget(_ direct: Evidence) -> String {
        let from = Self.firstDirectSecond(self.options.scenario)
        var text = "straight at \(self.plan.mostWorkers) workers, all there from the start; seconds \(from) to "
        text += "\(direct.timeline.samples.count) of the run"
        if from > 0 { text += ", and who came before these came with them" }
        let objective = self.options.scenario.objectives.tool.p99Nanoseconds
        if let lateness = Percentiles(direct.timeline.total.lateness), lateness.p99 > objective {
            text += "; the load tool itself ran up to \(Format.duration(nanoseconds: lateness.p99)) late (p99), "
            text += "so latencies are too high by that much"
        }
        return text
    }
}
