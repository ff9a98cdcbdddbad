import Dispatch
import Foundation
import Glibc
import Synchronization
import Testing

@testable import Observability

/// A writer of lines with a folder of its own.
private final class WriterRig {
    let folder: String
    let spool = LineSpool()
    private let told: Told
    let writer: LineWriter

    private final class Told: Sendable {
        let news = Mutex<[LineWriter.News]>([])
    }

    init() throws {
        self.folder = NSTemporaryDirectory() + "sluice-lines-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
        let told = Told()
        self.told = told
        self.writer = LineWriter { news in told.news.withLock { $0.append(news) } }
        self.writer.add(self.spool)
    }

    deinit { try? FileManager.default.removeItem(atPath: self.folder) }

    var news: [LineWriter.News] { self.told.news.withLock { $0 } }

    func path(_ name: String) -> String { "\(self.folder)/\(name)" }

    @discardableResult
    func add(_ line: String) -> LineSpool.Outcome { Array((line + "\n").utf8).withUnsafeBytes { self.spool.add($0) } }

    /// Everything that was asked for so far has been done.
    func settle() throws {
        let done = DispatchSemaphore(value: 0)
        self.writer.finish { done.signal() }
        try #require(done.wait(timeout: .now() + 60) == .success)
    }

    func text(_ name: String) throws -> String { try String(contentsOfFile: self.path(name), encoding: .utf8) }
}

@Suite struct LineWriterTests {
    @Test func lines_areAppendedToTheFile() throws {
        let rig = try WriterRig()
        try "before\n".write(toFile: rig.path("log"), atomically: true, encoding: .utf8)
        rig.writer.direct(to: .file(rig.path("log")))
        rig.add("one")
        try rig.settle()
        rig.add("two")
        try rig.settle()
        #expect(try rig.text("log") == "before\none\ntwo\n")
        #expect(rig.news == [])
    }

    @Test func movedFile_isMadeAnewWhenTheWriterIsTold() throws {
        let rig = try WriterRig()
        rig.writer.direct(to: .file(rig.path("log")))
        rig.add("one")
        try rig.settle()
        #expect(rename(rig.path("log"), rig.path("log.1")) == 0)
        rig.writer.direct(to: .file(rig.path("log")))
        rig.add("two")
        try rig.settle()
        #expect(try rig.text("log.1") == "one\n")
        #expect(try rig.text("log") == "two\n")
    }

    @Test func otherTarget_getsWhatComesAfterIt() throws {
        let rig = try WriterRig()
        rig.writer.direct(to: .file(rig.path("a")))
        rig.add("one")
        rig.writer.direct(to: .file(rig.path("b")))
        try rig.settle()
        rig.add("two")
        rig.writer.direct(to: nil)
        try rig.settle()
        rig.add("nobody wants it")
        try rig.settle()
        #expect(try rig.text("a") == "one\n")
        #expect(try rig.text("b") == "two\n")
    }

    /// A device without room: told once, lines wait as long as there is room for them, and then are lost and counted.
    @Test func fullDevice_linesAreLostAndCountedAndItIsToldOnce() throws {
        let rig = try WriterRig()
        rig.writer.direct(to: .file("/dev/full"))
        let line = String(repeating: "x", count: 1_023)
        for _ in 0..<4 {
            rig.add(line)
            try rig.settle()
        }
        #expect(rig.news == [.failed("there is no room left on the device")])
        let kept = (0..<1_000).filter { _ in rig.add(line) != .dropped }.count
        #expect(kept <= LineSpool.limitBytes / 1_024 && kept > 200)
        #expect(rig.spool.dropped == UInt64(1_000 - kept))
        rig.writer.direct(to: .file(rig.path("log")))
        try rig.settle()
        let lines = try rig.text("log").split(separator: "\n")
        #expect(lines.count == kept + 4 && lines.allSatisfy { $0 == line }, "what waited is there, whole")
        let isOverTold = rig.news.contains { if case .works = $0 { true } else { false } }
        #expect(isOverTold, "\(rig.news)")
    }

    @Test func missingFolder_isToldAndWorksOnceItIsThere() throws {
        let rig = try WriterRig()
        rig.writer.direct(to: .file(rig.path("sub/log")))
        rig.add("one")
        try rig.settle()
        #expect(rig.news == [.failed("No such file or directory")])
        #expect(mkdir(rig.path("sub"), 0o700) == 0)
        try rig.settle()
        #expect(try rig.text("sub/log") == "one\n")
        #expect(rig.news.last == .works(lost: 0))
    }

    /// A pipe without a reader holds nobody up; who comes to read begins with a whole line.
    @Test func pipe_isWrittenWhileSomebodyReads() throws {
        signal(SIGPIPE, SIG_IGN)
        let rig = try WriterRig()
        #expect(mkfifo(rig.path("pipe"), 0o600) == 0)
        rig.writer.direct(to: .file(rig.path("pipe")))
        rig.add("one")
        try rig.settle()
        #expect(rig.news == [.failed("nobody reads the pipe")])
        let first = open(rig.path("pipe"), O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        try rig.settle()
        #expect(self.read(first) == "one\n")
        // More than a pipe holds: the reader leaves in the middle of a line.
        let line = String(repeating: "y", count: 999)
        for _ in 0..<200 { rig.add(line) }
        try rig.settle()
        #expect(self.read(first).count > 1_000)
        close(first)
        try rig.settle()
        let second = open(rig.path("pipe"), O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        defer { close(second) }
        try rig.settle()
        #expect(self.read(second).hasPrefix(line + "\n"))
        #expect(rig.news.count >= 3)
    }

    /// All that is there now, at most one pipe's worth.
    private func read(_ fd: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = Glibc.read(fd, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    private final class Heard: Sendable {
        let news = Mutex<[LineWriter.News]>([])
        let seconds = Mutex<UInt64>(0)
    }

    /// Standard output is shared with other programs, so that nobody can make it one that does not wait. Seen before:
    /// the writer stood in a write for as long as its reader stood still, and nobody was told, nor of the lines that
    /// were lost.
    @Test func standardOutput_whoseReaderStandsStill_holdsNobodyUpAndIsTold() throws {
        var ends: [Int32] = [-1, -1]
        #expect(pipe(&ends) == 0)
        for end in ends { #expect(fcntl(end, F_SETFD, FD_CLOEXEC) == 0) }
        defer { for end in ends { close(end) } }
        let (spool, heard) = (LineSpool(), Heard())
        let pen = LinePen(
            standardOutput: ends[1],
            clock: { heard.seconds.withLock { $0 * 1_000_000_000 } },
            tell: { news in heard.news.withLock { $0.append(news) } }
        )
        pen.add(spool)
        pen.direct(to: .standardOutput)
        let line = String(repeating: "z", count: 999) + "\n"
        func add(_ count: Int) -> Int {
            (0..<count).count { _ in Array(line.utf8).withUnsafeBytes { spool.add($0) } != .dropped }
        }
        var kept = add(200)
        // More than a pipe holds.
        for (seconds, news) in [(0, []), (4, []), (7, [.standsStill(seconds: 7)]), (9, [.standsStill(seconds: 7)])]
            as [(UInt64, [LineWriter.News])]
        {
            heard.seconds.withLock { $0 = seconds }
            pen.write()
            #expect(heard.news.withLock { $0 } == news, "after \(seconds) seconds")
        }
        kept += add(500)
        pen.write()
        #expect(kept < 700 && heard.news.withLock { $0.count } == 1)
        // The reader goes on, and gets every line that was kept, whole.
        #expect(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
        var received = ""
        for _ in 0..<1_000 where received.utf8.count < kept * 1_000 {
            received += self.read(ends[0])
            pen.write()
        }
        #expect(received == String(repeating: line, count: kept))
        #expect(heard.news.withLock { $0 } == [.standsStill(seconds: 7), .works(lost: UInt64(700 - kept))])
    }

    @Test func spool_fills_saysSoOnceAndThenDrops() {
        let spool = LineSpool()
        let line = [UInt8](repeating: 0x78, count: 1_024)
        let outcomes = (0..<300).map { _ in line.withUnsafeBytes { spool.add($0) } }
        #expect(outcomes.filter { $0 == .keptAndFilling }.count == 1)
        #expect(outcomes.filter { $0 == .dropped }.count == 300 - LineSpool.limitBytes / 1_024)
        #expect(spool.dropped == 44)
        var bytes: [UInt8] = []
        spool.exchange(&bytes)
        #expect(bytes.count == LineSpool.limitBytes)
        #expect(line.withUnsafeBytes { spool.add($0) } == .kept, "there is room again")
    }
}
