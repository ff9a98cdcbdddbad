import EventLoop
import Primitives
import TestKit
import Testing
import Transport

/// Corked writes: in order, whole, and with as few system calls as there can be.
@Suite(.timeLimit(.minutes(30))) struct GatherTests {
    private static let large = [UInt8](repeating: 0x6C, count: 30_000)

    /// Runs `script` with a fresh connection; returns how many writes it took, and what came out at the other end.
    private func play(
        isSecure: Bool = false,
        _ script: @escaping @Sendable (Connection) -> Void
    ) throws -> (calls: UInt64, bytes: [UInt8]) {
        let folder = TestFolder()
        let fixture = try LoopFixture()
        let tls = isSecure ? try folder.makeServerTLS() : nil
        let received = Record<[UInt8]>([])
        let isOver = Record(false)
        let calls = Record<UInt64>(0)
        try fixture.run {
            let listener = try Listener(loop: fixture.loop, address: .loopback(port: 0), tls: tls) { _ in
                let server = ScriptedHandler()
                server.onReceived = { _, bytes in
                    received.update { $0 += bytes }
                    return bytes.count
                }
                server.onClosed = { _ in isOver.update { $0 = true } }
                return server
            }
            let client = ScriptedHandler()
            client.onConnected = { stream in
                let connection = stream as! Connection
                script(connection)
                calls.update { $0 = connection.writeCalls }
                connection.closeAfterWriting()
            }
            _ = try Connection.connect(
                to: listener.boundAddress,
                on: fixture.loop,
                timeoutNanoseconds: 5 * Nanoseconds.perSecond,
                tls: isSecure ? try TLSContext(verifies: false) : nil,
                handler: client
            )
        }
        try fixture.waitUntil { isOver.value }
        try fixture.end()
        return (calls.value, received.value)
    }

    @Test(arguments: [false, true])
    func smallWrites_leaveTogether(isSecure: Bool) throws {
        let outcome = try self.play(isSecure: isSecure) { connection in
            connection.cork()
            for number in 0..<100 { connection.write("\(number) ") }
            #expect(connection.writeCalls == 0 && connection.pendingWriteBytes > 0)
            connection.uncork()
            #expect(connection.writeCalls == 1 && connection.pendingWriteBytes == 0)
        }
        #expect(outcome.bytes == Array((0..<100).map { "\($0) " }.joined().utf8))
    }

    @Test func largeWrite_leavesWithWhatIsGathered() throws {
        let outcome = try self.play { connection in
            connection.cork()
            connection.write("head ")
            connection.write("more ")
            connection.write(Self.large)
            connection.write(" tail")
            connection.uncork()
        }
        #expect(outcome.calls == 2)
        #expect(outcome.bytes == Array("head more ".utf8) + Self.large + Array(" tail".utf8))
    }

    /// A record holds 16 KiB: the first one is filled up, and the rest follows.
    @Test func largeWriteOverTLS_fillsTheRecordOfItsHead() throws {
        let outcome = try self.play(isSecure: true) { connection in
            connection.cork()
            connection.write("head ")
            connection.write(Self.large)
            connection.uncork()
        }
        #expect(outcome.calls == 2)
        #expect(outcome.bytes == Array("head ".utf8) + Self.large)
    }

    @Test func headAndBody_leaveTogether() throws {
        let outcome = try self.play { connection in
            [UInt8]("head ".utf8).withUnsafeBytes { head in
                Self.large.withUnsafeBytes { connection.write(head, $0) }
            }
        }
        #expect(outcome.calls == 1)
        #expect(outcome.bytes == Array("head ".utf8) + Self.large)
    }

    @Test func withoutCork_everyWriteLeavesAtOnce() throws {
        let outcome = try self.play { connection in
            for _ in 0..<3 { connection.write("x") }
            connection.cork()
            connection.uncork()
        }
        #expect(outcome.calls == 3)
        #expect(outcome.bytes == [0x78, 0x78, 0x78])
    }

    @Test(arguments: ["closeAfterWriting", "finishWriting"])
    func endWhileCorked_sendsWhatWasGatheredFirst(end: String) throws {
        let outcome = try self.play { connection in
            connection.cork()
            connection.write("last words")
            if end == "finishWriting" { connection.finishWriting() } else { connection.closeAfterWriting() }
            connection.uncork()
        }
        #expect(outcome.bytes == Array("last words".utf8))
    }

    /// There is one scratch memory a loop: whoever had it loses it to the next one, without losing a byte or its order.
    @Test func secondCork_flushesTheFirst() throws {
        let fixture = try LoopFixture()
        let received = Record<[Int: String]>([:])
        let ended = Record(0)
        let calls = Record<[UInt64]>([])
        try fixture.run {
            let listener = try Listener(loop: fixture.loop, address: .loopback(port: 0)) { _ in
                let server = ScriptedHandler()
                var text = ""
                server.onReceived = { _, bytes in
                    text += String(decoding: bytes, as: UTF8.self)
                    return bytes.count
                }
                server.onClosed = { _ in
                    received.update { $0[Int(text.prefix(1))!] = text }
                    ended.update { $0 += 1 }
                }
                return server
            }
            // Held until both are there; released with the handlers.
            var streams: [Connection] = []
            for _ in 0..<2 {
                let client = ScriptedHandler()
                client.onConnected = { stream in
                    streams.append(stream as! Connection)
                    guard streams.count == 2 else { return }
                    for round in 0..<3 {
                        for (number, stream) in streams.enumerated() {
                            stream.cork()
                            stream.write("\(number)\(round)")
                        }
                    }
                    // The first one's last bytes left when the second took the scratch.
                    #expect(streams[0].pendingWriteBytes == 0 && streams[1].pendingWriteBytes == 2)
                    for stream in streams { stream.uncork() }
                    calls.update { $0 = streams.map(\.writeCalls) }
                    for stream in streams { stream.closeAfterWriting() }
                    streams = []
                }
                _ = try Connection.connect(
                    to: listener.boundAddress,
                    on: fixture.loop,
                    timeoutNanoseconds: 5 * Nanoseconds.perSecond,
                    handler: client
                )
            }
        }
        try fixture.waitUntil { ended.value == 2 }
        #expect(received.value == [0: "000102", 1: "101112"])
        #expect(calls.value == [3, 3])
        try fixture.end()
    }

    /// Far more than the socket takes: what is left over is kept behind what went before.
    @Test(arguments: [false, true], [1, 5] as [UInt64])
    func gatheredForASlowReader_keepsOrder(isSecure: Bool, seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        let pieces = (0..<600).map { number in
            [UInt8](
                repeating: UInt8(truncatingIfNeeded: number),
                count: Int.random(in: 0...(number % 7 == 0 ? 60_000 : 200), using: &generator)
            )
        }
        let outcome = try self.play(isSecure: isSecure) { connection in
            for start in stride(from: 0, to: pieces.count, by: 6) {
                connection.cork()
                for piece in pieces[start..<start + 6] { connection.write(piece) }
                connection.uncork()
            }
        }
        #expect(outcome.bytes == Array(pieces.joined()))
    }
}
