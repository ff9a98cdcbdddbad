import Foundation
import Testing

/// `onsale simulate` as a user starts it.
@Suite(.onOwnThread, .underSanitizersWhenLong) struct SimulatedSaleTests {
    /// Two processes never have the same order of what a dictionary or a set holds, as two runs in one process have it.
    /// With people of every kind, each of whom is booked in another way.
    @Test func sale_inTwoProcesses_isTheSameToTheLastByte() throws {
        try Scene.play { scene in
            let root = #filePath.components(separatedBy: "/Tests/IntegrationTests/")[0]
            let scenario = "\(root)/LoadTests/Scenarios/everybody.yaml"
            let program = try SluiceProcess.find("onsale")
            let folders = [1, 2].map { "\(scene.folder)/report-\($0)" }
            for folder in folders {
                let crowd = ["--scenario", scenario, "--visitors", "1500", "--seed", "9"]
                let ran = try scene.run(program, ["simulate"] + crowd + ["--report", folder])
                // Whether every promise held is for other tests.
                #expect(ran.end == .exited(0) || ran.end == .exited(1), "\(ran.errors)")
            }
            for file in ["report.json", "report.html", "report.csv", "report.xml", "report.prom"] {
                let texts = folders.map { RunningProcess.bytes("\($0)/\(file)") }
                #expect(!texts[0].isEmpty && texts[0] == texts[1], "\(file)")
            }
        }
    }
}
