import Foundation
import Glibc
import Primitives

/// From the start of a run to its report.
extension Director {
    func perform() async throws -> RunReport {
        let crowd = try Crowd(self.options.scenario)
        try self.prepareReportFolder()
        try await self.connectToAgents()
        var environment = Machine.facts
        environment.append(.init(name: "program under test", value: self.options.sluice))
        self.soFar = RunSoFar(startedAt: Date(), environment: environment, scenario: crowd.scenario)
        self.printer.say(
            "\(Format.count(crowd.count)) visitors, seed \(crowd.scenario.seed): starting the gateway ..."
        )
        if let division = self.options.division { self.printer.sayProse(division) }
        for fact in self.plan.told + self.announcedFaults { self.printer.sayProse("\(fact.name): \(fact.value)") }
        let use = ToolUse()
        let evidence = try await self.playThroughGateway(crowd)
        let used = use.fact
        environment.append(used)
        self.printer.say("  \(used.name): \(used.value)")
        var soFar = RunSoFar(
            startedAt: self.soFar?.startedAt ?? Date(),
            environment: environment,
            scenario: crowd.scenario,
            evidence: evidence
        )
        self.soFar = soFar
        if self.options.withDirect { soFar.direct = try await self.playDirect(crowd) }
        return self.report(soFar, evidence)
    }

    /// The whole run, judged.
    func report(_ soFar: RunSoFar, _ evidence: Evidence) -> RunReport {
        let result = RunResult(evidence)
        let objectives = soFar.scenario.asked.map { ObjectiveResult($0, of: result) }
        let judge = Judge(objectives: soFar.scenario.objectives, evidence: evidence, asked: objectives)
        return RunReport(
            startedAt: soFar.startedAt.ISO8601Format(),
            command: self.options.command,
            scenario: soFar.scenario,
            environment: soFar.environment,
            settings: self.plan.facts + self.faultFacts,
            verdict: judge.verdict(),
            gateway: result,
            direct: soFar.direct.map(RunResult.init),
            directTarget: soFar.direct.map(self.directTarget),
            objectives: objectives
        )
    }

    /// Logs of an earlier run are not added to.
    private func prepareReportFolder() throws {
        let folder = self.options.reportFolder
        try ReportFiles.prepare(folder)
        do {
            for log in [self.options.sluiceLog, self.options.workersLog] {
                try Data().write(to: URL(fileURLWithPath: log))
            }
        } catch {
            throw PlayProblem(
                "\(folder) cannot be used for the report: \(error.plainReason); name another folder with --report"
            )
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
