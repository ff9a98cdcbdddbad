import Foundation
import Testing

/// The load tool and the program under test together, on an operator's file.
@Suite struct RehearsalTests {
    private struct Report: Decodable {
        struct Check: Decodable { let name, outcome, detail: String }
        struct Verdict: Decodable { let checks: [Check] }
        struct Fact: Decodable { let name, value: String }
        struct Counts: Decodable {
            let exchanges, arrivals: Int
            let errors: [String: Int]
        }
        struct Gateway: Decodable { let counts: Counts }
        let verdict: Verdict
        let settings: [Fact]
        let gateway: Gateway
    }

    /// A tiny sale of eight seconds on a file whose addresses nobody here could use. Latencies are left out: a busy machine
    /// breaks them by itself.
    @Test func operatorsFile_isPlayedAndJudged() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rehearsal-\(UUID().uuidString)")
            .path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = "\(folder)/operator.yaml"
        let text = """
            listen: [{address: 0.0.0.0:443, tls: {certificate: nowhere.pem, key: nowhere.key}}]
            redis: rediss://redis.invalid:6380
            pools:
              shop: {driver: static, workers: [192.0.2.1:80], worker: {slots: 20, service_time: 5ms}}
            rooms:
              sale: {slots: 500, inflow: 40/s, burst: 10, bind: cookie/account, opens_at: 2031-01-01T00:00:00Z}
            routes:
              - {host: shop.example, path: /tickets, pool: shop, room: sale}
            """
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        let sluice = try SluiceProcess.program
        let onsale = URL(fileURLWithPath: sluice).deletingLastPathComponent().appendingPathComponent("onsale").path
        let report = "\(folder)/report"
        let words = [
            "play", "--sluice", sluice, "--config", file, "--visitors", "80", "--seconds", "12.2", "--no-direct",
            "--report", report, "--fault", "5s kill gateway for 1s", "--fault", "3s limits inflow=45/s",
            "--fault", "2s errors 20% for 5s",
        ]
        let play = try RunningProcess(onsale, words, folder: folder, name: "onsale")
        let end = try play.waitForEnd()
        let path = "\(report)/report.json"
        try #require(FileManager.default.fileExists(atPath: path), "\(end): \(play.output) \(play.errors)")
        let played = try JSONDecoder().decode(Report.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        #expect(played.gateway.counts.arrivals == 80 && played.gateway.counts.exchanges > 0)
        // Each of them ends with the mark of its request: else nobody would be to blame.
        #expect(played.gateway.counts.errors["5xx by a worker"] ?? 0 > 0, "\(played.gateway.counts.errors)")
        let facts = played.settings.map(\.name)
        for name in [
            "replaced: redis", "replaced: pools.shop.workers", "not judged: Workers grew with the crowd and came back",
            "fault at 5 s",
        ] {
            #expect(facts.contains(name), "\(facts)")
        }
        #expect(facts.contains { $0.hasPrefix("done at ") })
        // What is told when it happens, and of the tool itself.
        for words in [
            "fault: limits: inflow 45/s", "fault: the gateway was killed", "fault: workers answer 20% of the requests",
            "load tool used: ", "(--seconds)",
        ] {
            #expect(play.output.contains(words), "\(play.output)")
        }
        #expect(play.output.contains("\"No broken connection, no refusal, no timeout\""), "\(play.output)")
        let structural: Set = [
            "order", "numbers", "placeKept", "letInOnce", "opening", "pace", "slots", "identity", "blame",
        ]
        for check in played.verdict.checks where structural.contains(check.name) {
            #expect(check.outcome != "failed", "\(check.name): \(check.detail)")
        }
    }
}
