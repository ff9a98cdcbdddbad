import Foundation
import Glibc
import Testing

@testable import onsale

/// Ctrl-C in the middle of a run, with people in it.
@Suite(.onOwnThread) struct StoppedRunTests {
    private static let files = ["report.json", "report.html", "report.csv", "report.xml", "report.prom"]

    /// Plays until the live view shows visitors, and stops it. Returns the processes that the run had started by then.
    private static func playAndStop(_ scene: Scene, _ words: [String]) throws -> Set<ProcessTable.Entry> {
        let folder = "\(scene.folder)/report"
        let run = try scene.launch(try SluiceProcess.find("onsale"), ["play", "--report", folder] + words)
        try Patience.wait(for: "visitors in the live view") {
            if let end = run.endIfEnded { throw Disappointment("\(end): \(run.output)\(run.errors)") }
            return run.output.contains(/arrived [1-9]/)
        }
        let started = ProcessTable().descendants(of: run.pid)
        run.signal(SIGINT)
        let end = try run.waitForEnd()
        #expect(end == .exited(130), "\(end): \(run.output)\(run.errors)")
        for file in Self.files { #expect(!RunningProcess.bytes("\(folder)/\(file)").isEmpty, "\(file)") }
        let report = try ReportFiles.read("\(folder)/report.json")
        #expect(report.partial?.reason == "interrupted" && report.verdict.checks.isEmpty)
        #expect(report.gateway.counts.arrivals > 0 && report.partial?.seconds == report.gateway.samples.count)
        #expect(RunningProcess.text("\(folder)/report.html").contains("</html>"))
        return started
    }

    /// The gateway, its Redis, workers, and who watches over them.
    @Test func runOfItsOwnSite_stopped_leavesAReportAndNoProcess() throws {
        try Scene.play { scene in
            let started = try Self.playAndStop(
                scene,
                ["--sluice", try SluiceProcess.program, "--no-direct", "--visitors", "80", "--seconds", "40"]
            )
            #expect(started.count >= 3)
            try Patience.wait(for: "the end of what was started: \(started.filter(ProcessTable.isAlive))") {
                !started.contains(where: ProcessTable.isAlive)
            }
        }
    }

    /// The site was there before, and stays.
    @Test func runOfAnotherSite_stopped_leavesAReport() throws {
        try Scene.play { scene in
            let site = try Nginx(scene, pages: ["index.html": "<p>Tickets</p>"])
            let url = "http://127.0.0.1:\(site.port(.plain))/"
            let started = try Self.playAndStop(scene, ["--url", url, "--visitors", "80", "--seconds", "30"])
            #expect(started.isEmpty && site.process.endIfEnded == nil)
        }
    }
}
