import EventLoop
import Foundation
import Testing

@testable import onsale

@Suite struct SearchDriverTests {
    private struct Record: Decodable {
        struct Run: Decodable {
            var visitors: Int
            var outcome: String
        }
        var runs: [Run]
        var holds: Int?
        var unfinished: String?
    }

    /// Stands for `onsale play`: leaves a good report once, and then plays until it is stopped.
    private static func program(_ folder: String) throws -> String {
        var report = try ReportTests.report(withDirect: false)
        report.verdict.checks = []
        try ReportFiles.encoded(report).write(to: URL(fileURLWithPath: "\(folder)/good.json"))
        let script = """
            #!/bin/sh
            while [ "$1" != --report ]; do shift; done
            if mkdir "\(folder)/first"; then cp "\(folder)/good.json" "$2/report.json"; exit 0; fi
            trap 'exit 130' INT
            mkdir "\(folder)/second"
            while :; do sleep 0.05; done
            """
        let path = "\(folder)/play"
        try Data(script.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        return path
    }

    private static func record(_ folder: String) throws -> Record {
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/search.json"))
        return try JSONDecoder().decode(Record.self, from: data)
    }

    @Test func search_thatIsStopped_leavesWhatItHadFound() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("search-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let options = SearchDriver.Options(
            objectives: [try Objective(parsing: "errors<=100%")],
            withPromises: false,
            folder: folder,
            program: try Self.program(folder),
            playArguments: []
        )
        let loop = try EventLoop(label: "search")
        let driver = SearchDriver(options, CapacitySearchTests.bounds, on: loop)
        let code = Task { await driver.run() }
        let deadline = ContinuousClock.now + .seconds(600)
        while !FileManager.default.fileExists(atPath: "\(folder)/second"), ContinuousClock.now < deadline {
            await Task.yield()
        }
        // Also for whoever ends it with kill -9.
        let before = try Self.record(folder)
        #expect(before.runs.map(\.visitors) == [1_000] && before.holds == 1_000)
        #expect(before.unfinished == "in the run of 2,000 visitors")
        await driver.interrupt()
        #expect(await code.value == 130)
        let after = try Self.record(folder)
        #expect(after.runs.map(\.outcome) == ["holds"] && after.holds == 1_000)
        #expect(after.unfinished == "stopped in the run of 2,000 visitors")
    }
}
