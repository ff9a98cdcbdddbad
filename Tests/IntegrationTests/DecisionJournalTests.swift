import Foundation
import Glibc
import Testing

/// The journal of real processes under real load, and the commands that read it.
@Suite(.onOwnThread) struct DecisionJournalTests {
    private static func configuration(_ change: (inout Configuration) -> Void = { _ in }) -> Configuration {
        var configuration = Configuration()
        configuration.room = nil
        configuration.redis = "embedded"
        configuration.signingKeys = [(1, Contract.secret)]
        configuration.pool = ["min_workers": "1", "max_workers": "4", "drain_timeout": "3s"]
        configuration.worker = ["slots": "2", "service_time": "20ms", "spread": "0", "queue": "100"]
        change(&configuration)
        return configuration
    }

    private struct Line: Decodable { let n: Int? }

    private static func journals(_ scene: Scene) -> [String] {
        let folder = "\(scene.folder)/state/decisions"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasPrefix("workers-") }.sorted().map { "\(folder)/\($0)" }
    }

    /// Decisions in the journal, torn ones included.
    private static func count(_ scene: Scene) -> Int {
        self.journals(scene).reduce(0) {
            $0 + RunningProcess.text($1).split(separator: "\n").count { !$0.contains("{\"head\"") }
        }
    }

    private func controller(
        _ scene: Scene,
        _ words: [String]
    ) throws -> (end: RunningProcess.End, output: String, errors: String) {
        try scene.run(try SluiceProcess.program, ["controller"] + words)
    }

    /// Killed under load and started again: the journal of both is replayed to the last bit, another configuration decides
    /// otherwise, and both are told in words.
    @Test func run_killedUnderLoad_isReplayedExactlyAndExplained() throws {
        try Scene.play { scene in
            let configuration = Self.configuration()
            let first = try scene.start(configuration)
            let streams = (0..<8).map { _ in RequestStream(port: first.port) }
            try streams[0].waitForMore(50)
            try Patience.wait(for: "a dozen decisions under load") { Self.count(scene) >= 12 }
            first.mayEnd = true
            first.process.kill()
            for stream in streams { _ = try stream.stop() }

            let next = try scene.start(configuration, name: "next")
            let more = RequestStream(port: next.port)
            let before = Self.count(scene)
            try Patience.wait(for: "more decisions") { Self.count(scene) >= before + 8 }
            _ = try more.stop()
            let told = try self.controller(scene, ["explain", "workers", "--admin", "127.0.0.1:\(next.adminPort)"])
            #expect(told.end == .exited(0), "\(told.errors)")
            #expect(told.output.hasPrefix("pool workers, times in UTC\n"))
            #expect(told.output.contains(" worker") && told.output.contains("visitors a second"))
            #expect(try next.stop() == .exited(0))

            let files = Self.journals(scene)
            let same = try self.controller(scene, ["replay"] + files)
            #expect(same.end == .exited(0), "\(same.output)\(same.errors)")
            #expect(same.output.contains("every decision is as it was"))
            #expect(same.output.contains("controllers that were started anew on the way: 1"))
            let unchanged = try self.controller(scene, ["replay"] + files + ["--config", next.configurationFile])
            #expect(unchanged.output.contains("every decision is as it was"), "\(unchanged.output)")

            let other = "\(scene.folder)/other.yaml"
            try scene.write(Self.configuration { $0.pool["min_workers"] = "3" }.text, to: other)
            let changed = try self.controller(scene, ["replay"] + files + ["--config", other])
            #expect(changed.end == .exited(0))
            #expect(changed.output.contains("first difference: "), "\(changed.output)")
            #expect(changed.output.contains("is not known"), "what a replay cannot know is said")
            try self.checkJSON(try self.controller(scene, ["replay"] + files + ["--config", other, "--json"]).output)

            let story = try self.controller(scene, ["explain", "workers", "--state", "\(scene.folder)/state"])
            #expect(story.end == .exited(0), "\(story.errors)")
            #expect(story.output.contains("here another term begins"), "\(story.output)")
        }
    }

    private func checkJSON(_ text: String) throws {
        struct Document: Decodable {
            struct Span: Decodable { let decisions: Int }
            let decisions, differing: Int
            let worker_seconds_decided, worker_seconds_replayed: Double
            let spans: [Span]
        }
        let document = try JSONDecoder().decode(Document.self, from: Data(text.utf8))
        #expect(document.decisions >= 20 && document.differing > 0)
        #expect(document.spans.reduce(0) { $0 + $1.decisions } == document.decisions)
        #expect(document.worker_seconds_replayed > document.worker_seconds_decided)
    }

    /// A disk that cannot be written is a problem in the status, and stops nothing.
    @Test func journal_thatCannotBeWritten_isToldOf_andScalingGoesOn() throws {
        try Scene.play { scene in
            mkdir("\(scene.folder)/state", 0o700)
            // Nobody makes a folder where a file is, not even root.
            try scene.write("", to: "\(scene.folder)/state/decisions")
            let sluice = try scene.start(Self.configuration { $0.pool["min_workers"] = "2" })
            try Patience.wait(for: "two workers") { try sluice.status().pool?.ready == 2 }
            try Patience.wait(for: "the problem") {
                String(decoding: try sluice.admin("/status").body, as: UTF8.self)
                    .contains("pool workers: decisions cannot be journalled")
            }
            let told = try self.controller(scene, ["explain", "workers", "--admin", "127.0.0.1:\(sluice.adminPort)"])
            #expect(told.end == .exited(0) && told.output.contains("2 workers"), "\(told.output)\(told.errors)")
            unlink("\(scene.folder)/state/decisions")
            try Patience.wait(for: "the journal") { Self.count(scene) > 2 }
            try Patience.wait(for: "the problem to be over") {
                !String(decoding: try sluice.admin("/status").body, as: UTF8.self).contains("cannot be journalled")
            }
        }
    }

    @Test func commands_givenSomethingWrong_sayWhatAndWhere() throws {
        try Scene.play { scene in
            let sluice = try scene.start(Self.configuration())
            try Patience.wait(for: "decisions") { Self.count(scene) > 2 }
            let journal = try #require(Self.journals(scene).first)
            let admin = ["--admin", "127.0.0.1:\(sluice.adminPort)"]
            let state = "\(scene.folder)/state"
            let elsewhere = "\(scene.folder)/elsewhere.yaml"
            let text = Self.configuration().text.replacingOccurrences(of: "workers:\n", with: "machines:\n")
                .replacingOccurrences(of: "pool: workers", with: "pool: machines")
            try scene.write(text, to: elsewhere)
            let cases: [(words: [String], says: String)] = [
                (["explain", "tickets"] + admin, "there is no pool tickets; known: workers"),
                (["explain", "tickets", "--state", state], "there is no journal of the pool tickets"),
                (["explain", "tickets", "--journal", journal], "is the journal of the pool workers, not of tickets"),
                (["explain", "workers", "--journal", "\(scene.folder)/none.jsonl"], "none.jsonl: No such file"),
                (["explain", "workers", "--journal", elsewhere], "elsewhere.yaml:1: this is no journal of decisions"),
                (["explain", "workers", "--state", "\(scene.folder)/nowhere"], "nowhere/decisions"),
                (["explain", "workers", "--state", "a", "--journal", "b"], "leave one out"),
                (["explain", "workers", "--minutes", "0"], "--minutes"), (["explain", "Workers"], "no name of a pool"),
                (["replay", journal, "--config", elsewhere], "there is no pool workers"),
                (["replay", journal, "--config", journal], ".jsonl:"), (["replay"], "Missing expected argument"),
                (["\(scene.folder)/missing.yaml"], "missing.yaml"),
                (["run", "\(scene.folder)/gone.yaml"], "gone.yaml"),
            ]
            for (words, says) in cases {
                let result = try self.controller(scene, words)
                #expect(result.end != .exited(0), "\(words)")
                #expect(result.errors.contains(says), "\(words): \(result.errors)")
            }
        }
    }
}
