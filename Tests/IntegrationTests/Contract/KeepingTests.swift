import Foundation
import Testing

/// How long what is kept is kept.
@Suite(.onOwnThread, .underSanitizersWhenLong) struct KeepingTests {
    /// Seen before: a room's keys stayed for ever.
    @Test func keys_ofARoom_endWhenNobodyTicksIt() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let redis = try scene.startForgetfulRedis(socket: socket).shell
            let room = ["slots": "5", "inflow": "1000/s", "burst": "100"]
            let configuration = try Contract.configuration(scene, socket: socket, room: room)
            let sluice = try Contract.start(scene, configuration)
            var crowd = Crowd(ports: [sluice.port], count: 10)
            try crowd.round()
            // Renewed once a minute: as if one were over.
            try redis("HSET", RedisShell.key("state"), "kept", "0")
            try Patience.pass(milliseconds: 1_500)
            let keys = try redis("KEYS", RedisShell.key("*"))
            #expect(keys.count >= 5)
            for key in keys {
                let left = try #require(try redis.number("PTTL", key))
                #expect(left > 60_000, "\(key) lives for \(left) ms")
            }
        }
    }

    /// Seen before: trimmed near 100,000 entries without a word, whatever anybody still needed of it.
    @Test func journal_moreThanIsKept_isWrittenOutBeforeItGoes() throws {
        try Scene.play { scene in
            let socket = "\(scene.folder)/r.sock"
            let redis = try scene.startForgetfulRedis(socket: socket).shell
            let export = "\(scene.folder)/export"
            try FileManager.default.createDirectory(atPath: export, withIntermediateDirectories: false)
            let room = [
                "slots": "100000", "inflow": "10000/s", "burst": "10000", "journal_entries": "1000",
                "journal_export": "export",
            ]
            var configuration = try Contract.configuration(scene, socket: socket, room: room)
            configuration.logLevel = "error"
            let sluice = try Contract.start(scene, configuration)
            // One entry each, because one comes after the other.
            let count = 1_500
            for _ in 0..<count {
                let visitor = Visitor(port: sluice.port)
                try visitor.get()
                guard visitor.isIn else { throw Disappointment("not let in: \(visitor.state)") }
            }
            func length() throws -> Int64 { try redis.number("XLEN", RedisShell.key("journal")) ?? 0 }
            try Patience.wait(for: "the journal to be trimmed: \((try? length()) ?? 0)") { try length() <= 1_200 }
            #expect(try length() >= 1_000, "what is to be kept is kept")
            // What the journal does not hold now has been written out, or will never be: the journal is read first, as
            // more of it may go while the files are read.
            let kept = Set(try Journal(scene, socket: socket).numbers)
            let dropped = Set(1...Int64(count)).subtracting(kept)
            #expect(!dropped.isEmpty, "the journal was trimmed")
            var missing = dropped
            try Patience.wait(for: "what was dropped to be in the export: \(missing.sorted().prefix(20))") {
                missing = dropped.subtracting(try self.numbers(in: export))
                return missing.isEmpty
            }
        }
    }

    /// The numbers that exported journals tell of.
    private func numbers(in folder: String) throws -> Set<Int64> {
        var found: Set<Int64> = []
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            for line in RunningProcess.text("\(folder)/\(name)").split(separator: "\n") {
                for match in line.matches(of: /(\d+):\d+/) { Int64(match.1).map { _ = found.insert($0) } }
            }
        }
        return found
    }
}
