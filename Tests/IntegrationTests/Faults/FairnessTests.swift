import Foundation
import Synchronization
import Testing
import TestKit

/// One client's flood does not keep the others waiting: shares, by counting.
@Suite(.onOwnThread) struct FairnessTests {
    /// Seen before: a turn of the loop took whatever had come in, up to a megabyte of requests, so that another client
    /// got a handful of responses while one with 30,000 pipelined polls got all of them (its median from 0.12 to 26 ms).
    @Test func pipelining_tenThousandPolls_othersGetTheirTurns() throws {
        try Scene.play { scene in
            var configuration = Configuration()
            configuration.room = ["slots": "10", "inflow": "0/s", "burst": "1"]
            let sluice = try scene.start(configuration)
            let (flooding, other) = (Visitor(port: sluice.port), Visitor(port: sluice.port))
            try flooding.get()
            try other.get()
            let count = 30_000
            let poll = Array(flooding.requestText().utf8)
            let turns = try sluice.metric("sluice_loop_turns_total")
            let flood = try Flood(port: sluice.port, request: poll, count: count)
            var others = 0
            try Patience.wait(for: "the flood to begin") { flood.receivedBytes > 0 }
            while !flood.isOver {
                try other.get()
                others += 1
            }
            #expect(try flood.waitForEnd() == count)
            #expect(others >= 100, "\(others) responses for another client")
            // No more than so many requests of one connection in a turn of the loop.
            let taken = try sluice.metric("sluice_loop_turns_total") - turns
            #expect(taken >= Double(count) / 64, "\(count) polls of one connection in \(taken) turns")
        }
    }

    /// Seen before: a worker that wrote without end to its standard output held the loop for 0.84 s at a time.
    @Test func workerFloodsItsOutput_othersGetTheirTurns() throws {
        try Scene.play { scene in
            var configuration = RequestTests.open()
            let script = "\(scene.folder)/worker.sh"
            let (begun, done) = ("\(scene.folder)/begun", "\(scene.folder)/done")
            let go = "\(scene.folder)/go"
            try scene.write(
                """
                (while [ ! -e \(go) ]; do sleep 0.1; done
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
            #expect(responses >= 200, "\(responses) responses while a worker wrote 300 MB")
        }
    }
}

/// Sends so many requests on one connection and takes what comes, from two threads of its own.
private final class Flood: Sendable {
    private struct State {
        var bytes = 0
        var responses = 0
        var isOver = false
    }
    private let state = Mutex(State())
    private let hasEnded = DispatchSemaphore(value: 0)

    init(port: UInt16, request: [UInt8], count: Int) throws {
        let peer = try RawPeer(port: port)
        Thread.detachNewThread {
            for _ in 0..<count / 100 { peer.send([UInt8](repeatElement(request, count: 100).joined())) }
            peer.finishWriting()
        }
        Thread.detachNewThread {
            let word = Array("HTTP/1.1 200".utf8)
            var matched = 0
            while let piece = peer.readSome() {
                var found = 0
                for byte in piece {
                    matched = byte == word[matched] ? matched + 1 : (byte == word[0] ? 1 : 0)
                    guard matched == word.count else { continue }
                    (matched, found) = (0, found + 1)
                }
                self.state.withLock {
                    $0.bytes += piece.count
                    $0.responses += found
                    if $0.responses == count { $0.isOver = true }
                }
            }
            self.state.withLock { $0.isOver = true }
            self.hasEnded.signal()
        }
    }

    var receivedBytes: Int { self.state.withLock { $0.bytes } }
    var isOver: Bool { self.state.withLock { $0.isOver } }

    /// How many responses came.
    func waitForEnd() throws -> Int {
        guard self.hasEnded.wait(timeout: .now() + .seconds(Int(Patience.deadlineSeconds))) == .success else {
            throw Disappointment("the flood does not end")
        }
        return self.state.withLock { $0.responses }
    }
}
