import Testing

@testable import onsale

/// `onsale play --agents` and its agents as a user starts them: site, crowd and Redis are all real, on one machine.
@Suite(.onOwnThread, .underSanitizersWhenLong) struct AgentsTests {
    /// What does not depend on how fast this machine is.
    private static let structural: Set<Check.Name> = [
        .order, .numbers, .placeKept, .letInOnce, .opening, .pace, .slots, .identity, .blame, .books,
    ]

    @Test func crowdOfTwoAgents_isOneRun_withOneReport() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/agents.sock"
            _ = try scene.startRedis(socket: socket)
            let program = try SluiceProcess.find("onsale")
            let redis = ["--redis", "unix:\(socket)"]
            let folder = "\(scene.folder)/report"
            let crowd = ["--visitors", "60", "--seconds", "12", "--report", folder]
            let play = try scene.launch(
                program,
                ["play", "--agents", "2", "--sluice", try SluiceProcess.program] + crowd + redis
            )
            let agents = try ["east", "west"].map { try scene.launch(program, ["agent", "--name", $0] + redis) }
            let end = try play.waitForEnd()
            let found = try? ReportFiles.read("\(folder)/report.json")
            let report = try #require(found, "\(end): \(play.output)\(play.errors)")
            for agent in agents {
                let agentEnd = try agent.waitForEnd()
                #expect(agentEnd == .exited(0), "\(agentEnd): \(agent.output)\(agent.errors)")
            }
            #expect(report.partial == nil)
            // Everybody came once, whoever played them; and the room's own count is that of all books together.
            let counts = report.gateway.counts
            #expect(counts.arrivals == 60 && counts.left == 60 && counts.exchanges > 0, "\(play.output)")
            let promise = try #require(report.verdict.checks.first { $0.name == .agents })
            #expect(promise.outcome == .passed && promise.detail == "2 agents on one clock", "\(promise)")
            for check in report.verdict.checks where Self.structural.contains(check.name) {
                #expect(check.outcome != .failed, "\(check.name): \(check.detail)")
            }
            // Not all of them by one.
            #expect(Set(agents.map { $0.output.contains("agent 1 of 2") }) == [true, false])
        }
    }
}
