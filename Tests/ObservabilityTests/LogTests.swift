import Dispatch
import Glibc
import Logging
import Testing

@testable import Observability

@Suite(.timeLimit(.minutes(30))) struct LogTests {
    /// What is written to a sink while `body` runs.
    private func logged(_ body: (LogSink) -> Void) -> String {
        var ends: [Int32] = [-1, -1]
        #expect(pipe(&ends) != -1)
        let sink = LogSink(fd: ends[1])
        body(sink)
        #expect(sink.flush(timeoutMilliseconds: 10_000))
        close(ends[1])
        defer { close(ends[0]) }
        var all: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(ends[0], &piece, piece.count)
            guard count > 0 else { return String(decoding: all, as: UTF8.self) }
            all += piece[..<count]
        }
    }

    private func logger(_ format: LogFormat, _ sink: LogSink, level: Logger.Level = .info) -> Logger {
        Logger(label: "room") { label in
            LineLogHandler(
                label: label,
                level: level,
                format: format,
                sink: sink,
                wallMicros: { 1_795_456_800_123_456 }
            )
        }
    }

    @Test func text_withMetadata_isOneReadableLine() {
        let text = self.logged { sink in
            var logger = self.logger(.text, sink)
            logger[metadataKey: "pool"] = "tickets"
            logger.info("two\nlines", metadata: ["who": "a b", "empty": "", "n": "\(3)"])
            logger.debug("not shown")
        }
        #expect(text == "2026-11-23T18:00:00.123Z info room: two\\x0alines empty=\"\" n=3 pool=tickets who=\"a b\"\n")
    }

    @Test func json_withMetadata_isOneObject() {
        let text = self.logged { sink in
            self.logger(.json, sink).warning("say \"hi\"", metadata: ["list": ["a", "b"], "map": ["k": "v"]])
        }
        let expected =
            #"{"time":"2026-11-23T18:00:00.123Z","level":"warning","label":"room","message":"say \"hi\"","#
            + #""metadata":{"list":["a","b"],"map":{"k":"v"}}}"# + "\n"
        #expect(text == expected)
    }

    @Test func sink_fromManyThreads_keepsLinesWhole() {
        let text = self.logged { sink in
            DispatchQueue.concurrentPerform(iterations: 8) { thread in
                for number in 0..<100 { sink.write(Array("thread \(thread) line \(number) end".utf8)) }
            }
        }
        let lines = text.split(separator: "\n")
        #expect(lines.count == 800)
        #expect(Set(lines).count == 800)
        #expect(lines.allSatisfy { $0.hasPrefix("thread ") && $0.hasSuffix(" end") })
    }

    /// A reader that stands still costs lines, not time: the writer returns at once and the loss is told.
    @Test func sink_whoseReaderStandsStill_dropsAndTells() {
        var ends: [Int32] = [-1, -1]
        #expect(pipe(&ends) != -1)
        let sink = LogSink(fd: ends[1])
        let line = [UInt8](repeating: 0x78, count: 1_000)
        let written = 5_000
        for _ in 0..<written { sink.write(line) }
        let reader = DispatchQueue(label: "reader")
        let end = ends[0]
        let done = DispatchSemaphore(value: 0)
        // Read after `done`.
        nonisolated(unsafe) var text: [UInt8] = []
        reader.async {
            var piece = [UInt8](repeating: 0, count: 65_536)
            while case let count = read(end, &piece, piece.count), count > 0 { text += piece[..<count] }
            done.signal()
        }
        #expect(sink.flush(timeoutMilliseconds: 10_000))
        // The notice is written with the line after the loss.
        sink.write(Array("later".utf8))
        #expect(sink.flush(timeoutMilliseconds: 10_000))
        close(ends[1])
        #expect(done.wait(timeout: .now() + .seconds(20)) == .success)
        close(ends[0])
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
        let whole = lines.filter { $0.utf8.count == 1_000 }.count
        let lost = lines.compactMap { line in line.hasSuffix("too slow") ? Int(line.split(separator: " ")[0]) : nil }
        #expect(whole < written)
        #expect(whole + lost.reduce(0, +) == written)
        #expect(lines.contains("later"))
    }
}
