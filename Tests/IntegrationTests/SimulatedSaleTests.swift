import Foundation
import Testing

/// `onsale simulate` and `onsale tune` as a user starts them.
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

    /// Workers that stand by before anybody comes cost most here: these the search lets go, and nobody else.
    @Test func tune_ofOneSetting_findsItCheaper_andServesAsMany() throws {
        try Scene.play { scene in
            let file = "\(scene.folder)/sale.yaml"
            try scene.write(
                """
                listen: [{ address: 127.0.0.1:0 }]
                pools: { tickets: { min_workers: 4, max_workers: 6 } }
                rooms:
                  sale: { slots: 500, inflow: 30/s, opens_at: 2031-01-01T10:00:00Z }
                routes:
                  - { path: /, pool: tickets, room: sale }
                """,
                to: file
            )
            let bound = "pools.tickets.min_workers=1..4"
            let ran = try scene.run(
                try SluiceProcess.find("onsale"),
                ["tune", file, "--visitors", "300", "--seconds", "45", "--goal", "cost", "--bound", bound]
            )
            #expect(ran.end == .exited(0), "\(ran.errors)")
            // As it is, and as it was found.
            let served = ran.output.matches(of: /([0-9]+) served/).compactMap { Double($0.output.1) }
            let cost = ran.output.matches(of: /([0-9.]+) worker-minutes/).compactMap { Double($0.output.1) }
            try #require(served.count == 2 && cost.count == 2, "\(ran.output)")
            #expect(served[0] > 400 && served[1] >= 0.99 * served[0] && cost[1] < cost[0], "\(ran.output)")
            #expect(ran.output.contains("-      min_workers: 4\n+      min_workers: 1\n"), "\(ran.output)")
        }
    }
}
