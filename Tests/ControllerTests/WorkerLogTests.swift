import EventLoop
import Foundation
import Glibc
import Pools
import Primitives
import Settings
import TestKit
import Testing

@testable import Controller

@Suite(.timeLimit(.minutes(30))) struct WorkerLogTests {
    @Test(
        arguments: [
            (["listening on 127.0.0.1:80\n"], "127.0.0.1:80"), (["hello\nlistening on a\nbye\n"], "a"),
            // In pieces, the first of several, and not without its end.
            (["listen", "ing on ", "b", "\n"], "b"), (["listening on a\nlistening on b\n"], "a"),
            (["listening on a"], nil), (["not listening on a\n", "Listening on a\n", "\n\n"], nil),
            // Too long to be one; the next one is.
            (["listening on " + String(repeating: "x", count: 4_096), "\nlistening on a\n"], "a"),
        ] as [([String], String?)]
    )
    func lines_ofAWorker_announceOnce(pieces: [String], expected: String?) {
        var reader = AnnouncementReader()
        for piece in pieces { Array(piece.utf8).withUnsafeBytes { reader.read($0) } }
        #expect(reader.announced == expected)
    }

    /// A file of a worker's output on a loop of its own.
    private final class Rig {
        let fixture: LoopFixture
        private let folder = TestFolder()
        let path: String
        let announced = Record<[String]>([])
        private let log: LoopBound<WorkerLog>

        init(_ text: String) throws {
            let fixture = try LoopFixture()
            let path = self.folder.file("w.log")
            let announced = self.announced
            self.fixture = fixture
            self.path = path
            self.log = try fixture.run {
                let log = WorkerLog(path: path, loop: fixture.loop)
                let file = try log.openForWriting()
                #expect(Glibc.write(file, text, text.utf8.count) == text.utf8.count)
                close(file)
                log.watch { text in announced.update { $0.append(text) } }
                return LoopBound(log, loop: fixture.loop)
            }
        }

        deinit {
            unlink(self.path)
            unlink(self.path + ".1")
        }

        func append(_ text: String) throws {
            let file = open(self.path, O_WRONLY | O_APPEND)
            defer { close(file) }
            try #require(write(file, text, text.utf8.count) == text.utf8.count)
        }

        func lastLines(of path: String) throws -> String {
            try self.fixture.run { [loop = self.fixture.loop] in WorkerLog(path: path, loop: loop).lastLines() }
        }

        func tidy() throws { try self.fixture.run { [log = self.log] in log.open().tidy() } }

        var size: Int {
            var information = stat()
            return stat(self.path, &information) == -1 ? -1 : Int(information.st_size)
        }
    }

    /// The worker tells its address when it likes, after as much as it likes.
    @Test func file_thatGrows_isReadUntilTheAddressComes() throws {
        let rig = try Rig(String(repeating: String(repeating: "y", count: 199) + "\n", count: 5_000))
        try rig.append("listening on ")
        try rig.append("127.0.0.1:80\n")
        try rig.fixture.waitUntil { rig.announced.value == ["127.0.0.1:80"] }
        try rig.fixture.end()
    }

    @Test func file_beyondItsLimit_isCutAndGoesOn() throws {
        let rig = try Rig("")
        let piece = String(repeating: String(repeating: "y", count: 1_023) + "\n", count: 1_024)
        for _ in 0..<(WorkerLog.maxBytes >> 20) { try rig.append(piece) }
        try rig.tidy()
        #expect(rig.size == WorkerLog.maxBytes, "not beyond it yet")
        try rig.append("the last\n")
        #expect(try rig.lastLines(of: rig.path).hasSuffix("y | the last"))
        try rig.tidy()
        #expect(rig.size == 0)
        #expect(try rig.lastLines(of: rig.path + ".1").hasSuffix("y | the last"))
        try rig.append("listening on a\n")
        try rig.fixture.waitUntil { rig.announced.value == ["a"] }
        try rig.fixture.end()
    }

    /// A worker that runs a script of the shell.
    private static func plan(_ script: String, log: String) -> WorkerPlan {
        WorkerPlan(
            id: "p-1",
            pool: "p",
            executable: "/bin/sh",
            arguments: ["-c", script],
            shape: 1,
            log: log,
            address: nil
        )
    }

    /// Seen before: with a full disk no worker could say where it listens, and all of them were ended for it. What the
    /// controller of before started is read by the next one, too.
    @Test func diskIsFull_workerIsHeardByWhoStartsAndByWhoAdoptsIt() throws {
        let fixture = try LoopFixture()
        let folder = TestFolder()
        // Writing to it says that the disk is full.
        let path = folder.file("full.log")
        #expect(symlink("/dev/full", path) == 0)
        defer { unlink(path) }
        let script = "echo hello; echo the last >&2; echo listening on 127.0.0.1:9; exec sleep 600"
        let plan = Self.plan(script, log: path)
        let heard = Record<[String]>([])
        let tell = { @Sendable (who: String, event: WorkerEvent) in heard.update { $0.append("\(who) \(event)") } }
        let first = try fixture.run { [loop = fixture.loop] in
            LoopBound(try ManagedWorker(plan, on: loop) { tell("first", $0) }, loop: loop)
        }
        try fixture.waitUntil { heard.value == ["first announced"] }
        let identity = try fixture.run {
            first.open().letGo()
            return first.open().identity
        }
        defer { kill(identity.pid, SIGKILL) }
        let entry = RegisteredWorker(
            id: plan.id,
            process: identity,
            state: .starting,
            startedMicros: 1,
            sinceMicros: 1,
            shape: 1,
            keeper: "c",
            log: path,
            address: nil
        )
        let second = try fixture.run { [loop = fixture.loop] () -> LoopBound<ManagedWorker>? in
            let found = ManagedWorker.adopt(entry, on: loop) { tell("second", $0) }
            guard case .runs(let worker as ManagedWorker) = found else { return nil }
            return LoopBound(worker, loop: loop)
        }
        let next = try #require(second)
        try fixture.waitUntil { heard.value.contains("second announced") }
        // The disk takes something again by the time at which it ends.
        try fixture.run { next.open().kill() }
        try fixture.waitUntil { heard.value.count == 3 }
        #expect(heard.value[2].contains("hello | the last | listening on 127.0.0.1:9"), "\(heard.value)")
        let rest = try fixture.run { [loop = fixture.loop] in WorkerLog(path: path, loop: loop).lastLines() }
        #expect(rest.hasSuffix("127.0.0.1:9"))
        try fixture.end()
    }

    /// Seen before: nobody was told that what a worker says is not on the disk.
    @Test func diskIsFull_isToldOnce_andAgainWhenItIsNot() throws {
        let fixture = try LoopFixture()
        let folder = TestFolder()
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        let told = Record<[String]>([])
        let isFull = folder.file("full.log")
        let workers = try fixture.run { [loop = fixture.loop, path = folder.path] in
            var settings = Settings()
            settings.stateFolder = path
            let access = WorkerAccess.ofThisMachine(
                id: "c",
                settings: settings,
                loop: loop,
                log: ToldLog.logger { line in told.update { $0.append(line) } }
            )
            let workers = try [isFull, isFull, "\(path)/good.log", "\(path)/good.log"].map { log in
                // Writing to it says that the disk is full.
                if log == isFull { #expect(symlink("/dev/full", log) == 0) }
                return try access.launch(Self.plan("exec sleep 600", log: log)) { _ in }
            }
            return LoopBound(workers, loop: loop)
        }
        let lines = told.value
        #expect(lines.count == 2, "\(lines)")
        #expect(lines.first?.contains("kept in memory while they run: \(isFull) cannot be made: No space") == true)
        #expect(lines.last == "what new workers write is on the disk again")
        try fixture.run { for worker in workers.open() { worker.kill() } }
        try fixture.end()
    }
}
