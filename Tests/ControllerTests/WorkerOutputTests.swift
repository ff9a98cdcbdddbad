import EventLoop
import Glibc
import TestKit
import Testing

@testable import Controller

@Suite(.timeLimit(.minutes(30))) struct WorkerOutputTests {
    /// `F_SETPIPE_SZ`, which the C library shows to GNU programs only.
    private static let setPipeSize: Int32 = 1_031

    /// A pipe whose read end is looked at, and what it announced.
    private final class Rig {
        let fixture: LoopFixture
        let announced = Record<[String]>([])
        let writer: Int32
        private let output: LoopBound<WorkerOutput>

        /// `text` is in the pipe before anybody reads; it holds a mebibyte.
        init(_ text: String = "") throws {
            var ends: [Int32] = [-1, -1]
            try #require(pipe(&ends) == 0)
            try #require(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
            try #require(fcntl(ends[0], WorkerOutputTests.setPipeSize, 1 << 20) == 1 << 20)
            #expect(Glibc.write(ends[1], text, text.utf8.count) == text.utf8.count)
            let fixture = try LoopFixture()
            let (announced, reader) = (self.announced, ends[0])
            self.fixture = fixture
            self.writer = ends[1]
            self.output = try fixture.run {
                let output = try WorkerOutput(loop: fixture.loop, fd: reader) { text in
                    announced.update { $0.append(text) }
                }
                return LoopBound(output, loop: fixture.loop)
            }
        }

        func write(_ text: String) { #expect(Glibc.write(self.writer, text, text.utf8.count) == text.utf8.count) }

        var isOpen: Bool { get throws { try self.fixture.run { [output = self.output] in output.open().fd >= 0 } } }

        /// Closes the pipe, and waits until all has been read.
        func end() throws -> [String] {
            close(self.writer)
            try self.fixture.waitUntil { try !self.isOpen }
            try self.fixture.end()
            return self.announced.value
        }
    }

    @Test(
        arguments: [
            (["listening on 127.0.0.1:80\n"], ["127.0.0.1:80"]),
            (["hello\nlistening on a\nbye\n"], ["a"]),
            // In pieces, the first of several, and not without its end.
            (["listen", "ing on ", "b", "\n"], ["b"]), (["listening on a\nlistening on b\n"], ["a"]),
            (["listening on a"], []),
            (["not listening on a\n", "Listening on a\n", "\n\n"], []),
        ] as [([String], [String])]
    )
    func lines_ofAWorker_announceOnce(pieces: [String], expected: [String]) throws {
        let rig = try Rig()
        for piece in pieces {
            rig.write(piece)
            try rig.fixture.run {}
        }
        #expect(try rig.end() == expected)
    }

    @Test func line_tooLong_isNoAnnouncementAndTheNextOneIs() throws {
        let rig = try Rig()
        rig.write("listening on " + String(repeating: "x", count: WorkerOutput.maxLineBytes) + "\nlistening on a\n")
        #expect(try rig.end() == ["a"])
    }

    /// Seen before: a worker that wrote without end held the loop for 0.84 s at a time.
    @Test(arguments: [false, true])
    func flood_ofAWorker_takesOneReadATurn(isAnnounced: Bool) throws {
        let flood = String(repeating: String(repeating: "y", count: 199) + "\n", count: 5_000)
        let rig = try Rig((isAnnounced ? "listening on a\n" : "") + flood)
        let loop = rig.fixture.loop
        #expect(try rig.end() == (isAnnounced ? ["a"] : []))
        let reads = UInt64(flood.utf8.count / EventLoop.scratchBytes)
        #expect(loop.turns >= reads, "a turn for every read of \(EventLoop.scratchBytes) bytes")
    }
}
