import EventLoop
import Foundation
import HTTPService
import Primitives
import TestKit
import Testing
import Transport

@testable import SampleWorker

@Suite(.timeLimit(.minutes(30))) struct SampleWorkerTests {
    /// A worker on a loop of its own.
    private struct Fixture: Sendable {
        let loops: LoopFixture
        let port: UInt16
        // Unsafe because the worker is not Sendable; it is touched on its loop only.
        nonisolated(unsafe) let worker: SampleWorker

        init(_ change: (inout WorkerShape) -> Void) throws {
            var shape = WorkerShape()
            shape.spread = 0
            change(&shape)
            let loops = try LoopFixture()
            let made = try loops.run { [shape] in
                Made(worker: try SampleWorker(loop: loops.loop, address: .loopback(port: 0), shape: shape))
            }
            self.loops = loops
            self.worker = made.worker
            self.port = made.worker.boundAddress.port!
        }

        func get(_ path: String, headers: String = "", body: String = "") throws -> String {
            let peer = try RawPeer(port: self.port)
            let length = body.isEmpty ? "" : "Content-Length: \(body.utf8.count)\r\n"
            peer.send(
                "\(body.isEmpty ? "GET" : "POST") \(path) HTTP/1.1\r\nHost: x\r\n\(headers)\(length)Connection: close\r\n\r\n\(body)"
            )
            return String(decoding: try #require(peer.readToEnd()), as: UTF8.self)
        }

        /// A connection that has sent one request.
        func ask(_ path: String) throws -> RawPeer {
            let peer = try RawPeer(port: self.port)
            peer.send("GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return peer
        }
    }
    // Unchecked because it only carries the worker from its loop to a fixture that uses it there.
    private struct Made: @unchecked Sendable { let worker: SampleWorker }

    @Test func page_anyPath_saysWhoServedIt() throws {
        let fixture = try Fixture { $0.serviceTimeNanoseconds = Nanoseconds.perMillisecond }
        let answer = try fixture.get("/tickets/7")
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.contains("content-type: text/html"))
        #expect(answer.contains("sluice-worker: 127.0.0.1:\(fixture.port)\r\n"))
        #expect(answer.contains("worker <code>127.0.0.1:\(fixture.port)</code>"))
        try fixture.loops.end()
    }

    /// For whoever has to know what a slow readiness check does.
    @Test func healthz_withAWait_answersAfterIt() throws {
        let fixture = try Fixture { $0.serviceTimeNanoseconds = 0 }
        let before = try fixture.loops.run { fixture.loops.loop.now }
        #expect(try fixture.get("/healthz?wait=120").hasPrefix("HTTP/1.1 200 OK\r\n"))
        let after = try fixture.loops.run { fixture.loops.loop.now }
        #expect(after.nanoseconds(since: before) >= 120 * Nanoseconds.perMillisecond)
        #expect(try fixture.get("/healthz?wait=nonsense").hasPrefix("HTTP/1.1 200 OK\r\n"))
        try fixture.loops.end()
    }

    @Test func pages_ofTheirOwn_answerAsTheySay() throws {
        let fixture = try Fixture { $0.serviceTimeNanoseconds = 0 }
        #expect(try fixture.get("/healthz").hasSuffix("\r\n\r\nok\n"))
        #expect(try fixture.get("/leave").contains("sluice-session: release\r\n"))
        #expect(try fixture.get("/tickets/leave").contains("sluice-session: release\r\n"))
        #expect(try !fixture.get("/ticketsleave").contains("sluice-session"))
        #expect(try fixture.get("/echo", body: "to and fro").hasSuffix("\r\n\r\nto and fro"))
        let head = try fixture.get("/echo?head", headers: "X-Forwarded-For: 1.2.3.4\r\n")
        #expect(head.contains(#""request":"GET /echo?head HTTP/1.1""#))
        #expect(head.contains(#"{"name":"X-Forwarded-For","value":"1.2.3.4"}"#))
        #expect(try fixture.get("/fail?status=503").hasPrefix("HTTP/1.1 503 "))
        #expect(try fixture.get("/fail?status=200").hasPrefix("HTTP/1.1 400 "))
        #expect(try fixture.get("/bytes?n=-1").hasPrefix("HTTP/1.1 400 "))
        #expect(try fixture.get("/bytes?n=100").contains("content-length: 100\r\n"))
        #expect(try fixture.get("/bytes?n=100&chunked").contains("transfer-encoding: chunked\r\n"))
        #expect(try fixture.get("/metrics").contains("\nsluice_worker_served_total "))
        try fixture.loops.end()
    }

    /// Whatever a worker says to a marked request ends with the mark; nothing else is repeated, or it could be markup.
    @Test func markedRequest_isAnsweredWithItsMark() throws {
        let fixture = try Fixture { $0.serviceTimeNanoseconds = 0 }
        let mark = "0123456789abcdef"
        for path in ["/tickets/7?mark=\(mark)", "/leave?mark=\(mark)", "/fail?status=503&mark=\(mark)"] {
            #expect(try fixture.get(path).hasSuffix("\n<!-- \(mark) -->\n"), "\(path)")
        }
        for other in ["0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF", "--%3E%3Cscript%3E", ""] {
            #expect(try fixture.get("/tickets/7?mark=\(other)").hasSuffix("</html>\n"), "\(other)")
        }
        try fixture.loops.end()
    }

    /// As a rehearsal asks for it: the same ones for the same seed. Health is not asked of those.
    @Test func requests_whileAShareIsToFail_failInThatShareWithTheirMark() throws {
        let fixture = try Fixture { $0.serviceTimeNanoseconds = 0 }
        try fixture.loops.run { fixture.worker.fail(share: 0.1) }
        let mark = "0123456789abcdef"
        let answers = try (0..<300).map { _ in try fixture.get("/seats?mark=\(mark)") }
        #expect(answers.allSatisfy { $0.hasSuffix("\n<!-- \(mark) -->\n") })
        #expect(answers.allSatisfy { $0.hasPrefix("HTTP/1.1 200 ") || $0.hasPrefix("HTTP/1.1 500 ") })
        #expect((15...50).contains(answers.count { $0.hasPrefix("HTTP/1.1 500 ") }))
        try fixture.loops.run { fixture.worker.fail(share: 1) }
        let exit = try fixture.get("/leave?mark=\(mark)")
        #expect(exit.hasPrefix("HTTP/1.1 500 ") && !exit.contains("sluice-session"), "the slot is not given back")
        #expect(try fixture.get("/healthz").hasPrefix("HTTP/1.1 200 "))
        try fixture.loops.run { fixture.worker.fail(share: 0) }
        #expect(try fixture.get("/").hasPrefix("HTTP/1.1 200 "))
        try fixture.loops.end()
    }

    /// The file may come and go at any time.
    @Test func order_inAFile_holdsForAsLongAsTheFileIsThere() throws {
        let fixture = try Fixture { $0.serviceTimeNanoseconds = 0 }
        let folder = TestFolder()
        let path = folder.file("errors")
        defer { try? FileManager.default.removeItem(atPath: folder.file("errors")) }
        try fixture.loops.run { FailureOrder(path: path, for: fixture.worker).watch() }
        #expect(try fixture.get("/").hasPrefix("HTTP/1.1 200 "))
        try Data("1".utf8).write(to: URL(fileURLWithPath: path))
        try fixture.loops.waitUntil { try fixture.get("/").hasPrefix("HTTP/1.1 500 ") }
        try FileManager.default.removeItem(atPath: path)
        try fixture.loops.waitUntil { try fixture.get("/").hasPrefix("HTTP/1.1 200 ") }
        try fixture.loops.end()
    }

    @Test(arguments: ["0.125", "0.125\n", " 0.125\r\n"])
    func order_withWhiteSpaceAroundIt_isTheSameShare(text: String) throws {
        let folder = TestFolder()
        let path = folder.file("errors")
        defer { try? FileManager.default.removeItem(atPath: folder.file("errors")) }
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        #expect(FailureOrder.share(in: path) == 0.125)
    }

    @Test(arguments: ["", "\n", "1.5", "-0.1", "0. 125", "nan", "some"])
    func order_thatIsNoShare_asksForNothing(text: String) throws {
        let folder = TestFolder()
        let path = folder.file("errors")
        defer { try? FileManager.default.removeItem(atPath: folder.file("errors")) }
        #expect(FailureOrder.share(in: path) == 0)
        try Data("0.125".utf8).write(to: URL(fileURLWithPath: path))
        #expect(FailureOrder.share(in: path) == 0.125)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        #expect(FailureOrder.share(in: path) == 0)
    }

    @Test func bytes_manyOfThem_areThosePromised() throws {
        let fixture = try Fixture { $0.serviceTimeNanoseconds = 0 }
        let peer = try fixture.ask("/bytes?n=300000")
        let answer = try #require(peer.readToEnd())
        #expect(answer.suffix(300_000).elementsEqual((0..<300_000).map { SampleWorker.byte(at: $0) }))
        try fixture.loops.end()
    }

    /// Two are served, three wait, and everybody else hears at once that there is no room.
    @Test func overload_isRefusedOnceTheQueueIsFull() throws {
        let fixture = try Fixture {
            $0.slots = 2
            $0.queue = 3
            $0.serviceTimeNanoseconds = 3 * Nanoseconds.perSecond
        }
        var taken: [RawPeer] = []
        for number in 1...5 {
            taken.append(try fixture.ask("/"))
            try fixture.loops.waitUntil {
                try fixture.loops.run { fixture.worker.servingCount + fixture.worker.waitingCount } == number
            }
        }
        #expect(try fixture.loops.run { fixture.worker.servingCount } == 2)
        for _ in 0..<4 {
            let refused = try fixture.get("/")
            #expect(refused.hasPrefix("HTTP/1.1 503 ") && refused.contains("retry-after: 1\r\n"))
        }
        #expect(try fixture.get("/healthz").hasPrefix("HTTP/1.1 200 "), "health takes no slot")
        for peer in taken {
            #expect(String(decoding: try #require(peer.readToEnd()), as: UTF8.self).hasPrefix("HTTP/1.1 200 "))
        }
        #expect(try fixture.loops.run { fixture.worker.refusedCount } == 4)
        #expect(try fixture.loops.run { fixture.worker.servingCount + fixture.worker.waitingCount } == 0)
        try fixture.loops.end()
    }

    /// Who left while waiting takes no slot from those who stayed.
    @Test func waiting_whoseClientIsGone_isSkipped() throws {
        let fixture = try Fixture {
            $0.slots = 1
            $0.queue = 10
            $0.serviceTimeNanoseconds = 3 * Nanoseconds.perSecond
        }
        let first = try fixture.ask("/")
        try fixture.loops.waitUntil { try fixture.loops.run { fixture.worker.servingCount } == 1 }
        do {
            let leaving = try fixture.ask("/")
            try fixture.loops.waitUntil { try fixture.loops.run { fixture.worker.waitingCount } == 1 }
            leaving.reset()
        }
        let last = try fixture.ask("/")
        #expect(first.readToEnd() != nil)
        #expect(last.readToEnd() != nil)
        #expect(try fixture.loops.run { fixture.worker.servedCount } == 2)
        #expect(try fixture.get("/metrics").contains("\nsluice_worker_abandoned_total 1\n"))
        try fixture.loops.end()
    }

    @Test func drain_withWorkInHand_finishesItAndTakesNoMore() throws {
        let fixture = try Fixture {
            $0.slots = 1
            $0.queue = 10
            $0.serviceTimeNanoseconds = 2 * Nanoseconds.perSecond
        }
        let peers = try (0..<4).map { _ in try fixture.ask("/") }
        try fixture.loops.waitUntil {
            try fixture.loops.run { fixture.worker.servingCount + fixture.worker.waitingCount } == 4
        }
        let drained = Handover<Void>()
        try fixture.loops.run { fixture.worker.drain { drained.put(()) } }
        #expect(throws: SystemError.self) { try RawPeer(port: fixture.port) }
        for peer in peers {
            let answer = String(decoding: try #require(peer.readToEnd()), as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 200 ") && answer.contains("connection: close\r\n"))
            peer.finishWriting()
        }
        try drained.take()
        #expect(try fixture.loops.run { fixture.worker.servedCount } == 4)
        try fixture.loops.end()
    }

    @Test func startTime_untilItHasPassed_isUnready() throws {
        let fixture = try Fixture {
            $0.serviceTimeNanoseconds = 0
            $0.startTimeNanoseconds = 4 * Nanoseconds.perSecond
        }
        let early = try fixture.get("/healthz")
        #expect(early.hasPrefix("HTTP/1.1 503 ") && early.hasSuffix("starting\n"))
        #expect(try fixture.get("/").hasPrefix("HTTP/1.1 503 "))
        try fixture.loops.waitUntil { try fixture.loops.run { fixture.worker.isReady } }
        #expect(try fixture.get("/healthz").hasPrefix("HTTP/1.1 200 "))
        try fixture.loops.end()
    }

    @Test(arguments: [(0, 64), (100_001, 64), (8, -1), (8, 1_000_001)])
    func shape_outOfRange_saysWhatWouldBeRight(slots: Int, queue: Int) {
        var shape = WorkerShape()
        #expect(shape.problem == nil)
        shape.slots = slots
        shape.queue = queue
        #expect(shape.problem?.contains("it lies in") == true)
    }
}

@Suite struct RingQueueTests {
    @Test(arguments: [1, 7] as [UInt64])
    func queue_anyOrder_agreesWithAnArray(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        var queue = RingQueue<Int>(capacity: 5)
        var model: [Int] = []
        for number in 0..<1_000 {
            if Bool.random(using: &generator) {
                let isTaken = queue.append(number)
                #expect(isTaken == (model.count < 5), "seed \(seed)")
                if model.count < 5 { model.append(number) }
            } else {
                let first = queue.popFirst()
                #expect(first == (model.isEmpty ? nil : model.removeFirst()), "seed \(seed)")
            }
            #expect(queue.count == model.count)
        }
    }

    @Test func queue_ofNoCapacity_takesNothing() {
        var queue = RingQueue<Int>(capacity: 0)
        let isTaken = queue.append(1)
        let first = queue.popFirst()
        #expect(!isTaken && first == nil)
    }
}
