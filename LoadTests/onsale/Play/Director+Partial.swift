import Foundation

/// What a run leaves behind: its words and its files, also when it was stopped.
extension Director {
    func say(_ report: RunReport) {
        let text = VerdictText(report, isColoured: self.printer.isColoured, width: self.printer.columns)
        self.printer.say(text.render())
    }

    func write(_ report: RunReport) throws {
        let paths = try ReportFiles.write(report, folder: self.options.reportFolder)
        self.printer.say("  \(URL(fileURLWithPath: paths.html).path)")
    }

    /// Called before anything is ended, so that a second signal finds the report written. Where the run through the
    /// gateway was over, it is judged, and only the comparison is left out; where it failed after the crowd had gone,
    /// as when the journal could not be read, there is still what the crowd met. Writes nothing when nobody has come
    /// yet.
    func leavePartialReport(_ reason: String) {
        guard let soFar = self.soFar else { return }
        var report: RunReport?
        if let evidence = soFar.evidence {
            report = self.report(soFar, evidence)
        } else if let player = self.player ?? soFar.played, player.rules.hasRoom {
            player.finish()
            report = self.partialReport(soFar, player, reason)
        }
        guard let report, !report.gateway.samples.isEmpty else { return }
        self.say(report)
        do {
            try self.write(report)
        } catch {
            printError("onsale: \(error)")
        }
    }

    private func partialReport(_ soFar: RunSoFar, _ player: CrowdPlayer, _ reason: String) -> RunReport {
        var evidence = Evidence(startedMicros: 0, timeline: player.timeline)
        evidence.workerBounds = .init(fewest: self.plan.fewestWorkers, most: self.plan.mostWorkers)
        evidence.schedule = self.plan.schedule(
            openingMicros: player.rules.openingAt.nanoseconds(since: player.startedAt) / 1_000,
            writtenMicros: [],
            objectives: soFar.scenario.objectives
        )
        var result = RunResult(evidence)
        // The journal was not read: the visitors' own books tell it as well.
        result.inflow = result.samples.map(\.counts.exchanges)
        return soFar.stopped(result, command: self.options.command, settings: self.plan.facts, reason: reason)
    }
}
