import EventLoop
import Foundation
import Glibc
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
    private static func program(_ folder: RunPartsTests.Folder) throws -> String {
        var report = try ReportTests.report(withDirect: false)
        report.verdict.checks = []
        try ReportFiles.encoded(report).write(to: URL(fileURLWithPath: "\(folder.path)/good.json"))
        return try folder.program(
            """
            #!/bin/sh
            while [ "$1" != --report ]; do shift; done
            if mkdir "\(folder.path)/first"; then cp "\(folder.path)/good.json" "$2/report.json"; exit 0; fi
            trap 'exit 130' INT
            mkdir "\(folder.path)/second"
            while :; do sleep 0.05; done
            """
        )
    }

    private static func record(_ folder: String) throws -> Record {
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/search.json"))
        return try JSONDecoder().decode(Record.self, from: data)
    }

    @Test func search_thatIsStopped_leavesWhatItHadFound() async throws {
        let folder = try RunPartsTests.Folder()
        let options = SearchDriver.Options(
            objectives: [try Objective(parsing: "errors<=100%")],
            withPromises: false,
            folder: folder.path,
            program: try Self.program(folder),
            playArguments: []
        )
        let loop = try EventLoop(label: "search")
        let driver = SearchDriver(options, CapacitySearchTests.bounds, on: loop)
        async let code = driver.run()
        // Tests that only compute keep the few threads for minutes.
        let deadline = ContinuousClock.now + .seconds(600)
        while access("\(folder.path)/second", F_OK) == -1, ContinuousClock.now < deadline {
            // A look costs a turn of the loop.
            await withCheckedContinuation { turned in loop.submit { turned.resume() } }
        }
        // Also for whoever ends it with kill -9.
        let before = try Self.record(folder.path)
        #expect(before.runs.map(\.visitors) == [1_000] && before.holds == 1_000)
        #expect(before.unfinished == "in the run of 2,000 visitors")
        await driver.interrupt()
        #expect(await code == 130)
        let after = try Self.record(folder.path)
        #expect(after.runs.map(\.outcome) == ["holds"] && after.holds == 1_000)
        #expect(after.unfinished == "stopped in the run of 2,000 visitors")
    }
}
