import Foundation
import Synchronization
import Testing
import TestKit

/// One client's flood does not keep the others waiting: shares, by counting.
@Suite(.onOwnThread) struct FairnessTests {
    /// Seen before: a turn of the loop took whatever had come in, up to a megabyte of requests: 47 responses for another
    /// client while one with 30,000 pipelined polls got all of them, in 59 turns (its median from 0.12 to 26 ms).
    @Test func pipelining_thousandsOfPolls_othersGetTheirTurns() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.room = ["slots": "10", "inflow": "0/s", "burst": "1"]
            let sluice = try scene.start(configuration)
            let (flooding, other) = (Visitor(port: sluice.port), Visitor(port: sluice.port))
            try flooding.get()
            try other.get()
            let poll = Array(flooding.requestText().utf8)
            let (turns, requests) = (try self.turns(sluice), try sluice.metric("sluice_requests_total"))
            let flood = try Flood(port: sluice.port, request: poll, atLeast: 30_000)
            try Patience.wait(for: "the flood to begin") { flood.receivedBytes > 0 }
            // It goes on until the other client has had a hundred answers, however slowly either of them is served.
            var others = 0
            while !flood.isOver {
                try other.get()
                others += 1
                if others == 100 { flood.mayEnd() }
            }
            let count = flood.sentRequests
            let taken = try self.turns(sluice) - turns
            #expect(try sluice.metric("sluice_requests_total") - requests == Double(count + others))
            #expect(flood.receivedBytes > 100 * count)
            #expect(count >= 30_000 && others >= 100, "\(count) polls, \(others) responses for another client")
            // No more than so many requests of one connection in a turn of the loop.
            #expect(taken >= Double(count) / 64, "\(count) polls of one connection in \(taken) turns")
        }
    }

    private func turns(_ sluice: SluiceProcess) throws -> Double { try sluice.metric("sluice_loop_turns_total") }

    /// Seen before: a worker that wrote without end to its standard output held the loop for 0.84 s at a time.
    @Test func workerFloodsItsOutput_othersGetTheirTurns() throws {
        try Scene.play { scene in
            var configuration = RequestTests.open()
            let script = "\(scene.folder)/worker.sh"
            let (begun, done) = ("\(scene.folder)/begun", "\(scene.folder)/done")
            let go = "\(scene.folder)/go"
            try scene.write(
                """
                (for _ in $(seq 3000); do [ -e \(go) ] && break; sleep 0.1; done
                touch \(begun); head -c 300000000 /dev/zero | tr '\\0' 'x' | fold -w 200; touch \(done)) &
                exec "$@"
                """,
                to: script
            )
            let program = try SluiceProcess.program
            configuration.pool["command"] = "[/bin/bash, \(script), \(program), worker]"
            configuration.logLevel = "error"
            let sluice = try scene.start(configuration)
            try scene.write("", to: go)
            func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
            try Patience.wait(for: "the flood to begin") { exists(begun) }
            let peer = try HTTPPeer(port: sluice.adminPort)
            var responses = 0
            let end = Patience.nowMilliseconds + Patience.deadlineSeconds * 500
            while !exists(done), responses < 1_000, Patience.nowMilliseconds < end {
                #expect(try peer.request("GET", "/healthz").status == 200)
                responses += 1
            }
            // Held for so long at a time, the loop would give five or ten; a busy machine gives 180 at the least.
            #expect(responses >= 60, "\(responses) responses while a worker wrote 300 MB")
        }
    }
}

/// Sends so many requests on one connection, goes on until it may end, and takes what comes, from two threads of its
/// own.
private final class Flood: Sendable {
    private let sent = Atomic<Int>(0)
    private let bytes = Atomic<Int>(0)
    private let isWanted = Atomic<Bool>(true)
    private let hasEnded = Atomic<Bool>(false)

    init(port: UInt16, request: [UInt8], atLeast count: Int) throws {
        let peer = try RawPeer(port: port)
        let thousand = [UInt8](repeatElement(request, count: 1_000).joined())
        Thread.detachNewThread {
            while self.sentRequests < count || self.isWanted.load(ordering: .relaxed), peer.send(thousand) {
                self.sent.add(1_000, ordering: .relaxed)
            }
            peer.finishWriting()
        }
        Thread.detachNewThread {
            while let piece = peer.readSome() { self.bytes.add(piece.count, ordering: .relaxed) }
            self.hasEnded.store(true, ordering: .releasing)
        }
    }

    /// It ends when it has sent as many as it has to.
    func mayEnd() { self.isWanted.store(false, ordering: .relaxed) }

    /// All that were sent, once it is over.
    var sentRequests: Int { self.sent.load(ordering: .relaxed) }
    var receivedBytes: Int { self.bytes.load(ordering: .relaxed) }
    /// All responses are there, or the connection broke.
    var isOver: Bool { self.hasEnded.load(ordering: .acquiring) }
}
