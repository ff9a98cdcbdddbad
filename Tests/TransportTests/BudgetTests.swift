import EventLoop
import Glibc
import Primitives
import TestKit
import Testing
import Transport

/// All connections of a loop share its memory.
@Suite(.timeLimit(.minutes(30))) struct BudgetTests {
    /// Connections whose handlers keep all that comes; each peer sends `bytes`.
    private func flood(
        _ fixture: LoopFixture,
        connections: Int,
        bytes: Int,
        ended: Record<[CloseReason]>
    ) throws -> [RawPeer] {
        let port = try fixture.run {
            try Listener(loop: fixture.loop, address: .loopback(port: 0)) { _ in
                let handler = ScriptedHandler()
                handler.onReceived = { _, _ in 0 }
                handler.onClosed = { reason in ended.update { $0.append(reason) } }
                return handler
            }.boundAddress.port!
        }
        return try (0..<connections).map { _ in
            let peer = try RawPeer(port: port)
            peer.send([UInt8](repeating: 1, count: bytes))
            return peer
        }
    }

    @Test func retainedInput_overTheLimit_closesTheOneThatAsks() throws {
        let fixture = try LoopFixture()
        let limit = 200_000
        try fixture.run { fixture.loop.buffers.limitBytes = limit }
        let ended = Record<[CloseReason]>([])
        let peers = try self.flood(fixture, connections: 40, bytes: 10_000, ended: ended)
        try fixture.waitUntil { !ended.value.isEmpty }
        #expect(Set(ended.value.map { "\($0)" }) == ["\(CloseReason.outOfMemory)"])
        // To within the growth of one queue.
        #expect(try fixture.run { fixture.loop.buffers.usedBytes } <= limit + 2 * EventLoop.scratchBytes)
        withExtendedLifetime(peers) {}
        try fixture.end()
    }

    @Test func usedBytes_afterEveryConnectionHasEnded_isZero() throws {
        let fixture = try LoopFixture()
        let ended = Record<[CloseReason]>([])
        do {
            let peers = try self.flood(fixture, connections: 5, bytes: 50_000, ended: ended)
            try fixture.waitUntil { try fixture.run { fixture.loop.buffers.usedBytes } >= 5 * 50_000 }
            for peer in peers { peer.reset() }
        }
        try fixture.waitUntil { ended.value.count == 5 }
        try fixture.waitUntil { try fixture.run { fixture.loop.buffers.usedBytes } == 0 }
        try fixture.end()
    }

    @Test func output_overTheLimit_endsTheConnection() throws {
        let fixture = try LoopFixture()
        try fixture.run { fixture.loop.buffers.limitBytes = 1_000_000 }
        let ended = Handover<CloseReason>()
        let port = try fixture.run {
            try Listener(loop: fixture.loop, address: .loopback(port: 0)) { _ in
                let handler = ScriptedHandler()
                handler.onReceived = { stream, bytes in
                    // A producer that does not look whether the stream is congested.
                    for _ in 0..<1_000 { stream.write([UInt8](repeating: 2, count: 100_000)) }
                    return bytes.count
                }
                handler.onClosed = { ended.put($0) }
                return handler
            }.boundAddress.port!
        }
        let peer = try RawPeer(port: port)
        peer.send("go")
        #expect(try ended.take() == .outOfMemory)
        #expect(try fixture.run { fixture.loop.buffers.usedBytes } == 0)
        try fixture.end()
    }

    /// Under pressure a producer stops earlier, and goes on when `drained` comes.
    @Test func pressure_lowersTheMarkOfOutput() throws {
        let fixture = try LoopFixture()
        try fixture.run { fixture.loop.buffers.limitBytes = 100_000 }
        let total = 20_000_000
        let most = Record(0)
        let port = try fixture.run {
            try Listener(loop: fixture.loop, address: .loopback(port: 0)) { _ in
                let handler = ScriptedHandler()
                var left = total
                let produce: (any ByteStream) -> Void = { stream in
                    while left > 0, !stream.isCongested {
                        let count = min(left, 5_000)
                        left -= count
                        stream.write([UInt8](repeating: 9, count: count))
                        most.update { $0 = max($0, stream.pendingWriteBytes) }
                    }
                    if left == 0 { stream.closeAfterWriting() }
                }
                handler.onReceived = { stream, bytes in
                    produce(stream)
                    return bytes.count
                }
                handler.onDrained = produce
                return handler
            }.boundAddress.port!
        }
        let peer = try RawPeer(port: port)
        peer.send("go")
        try fixture.waitUntil { most.value > Connection.highMarkBytesUnderPressure }
        #expect(peer.readToEnd()?.count == total)
        // Half of the budget brings the pressure about; queues grow by doubling.
        #expect(most.value < 100_000)
        try fixture.end()
    }

    /// A connection that stopped reading because of the pressure goes on by itself when it is over.
    @Test func pressure_thatIsOver_letsReadingGoOn() throws {
        let fixture = try LoopFixture()
        let size = 60_000
        let most = Record(0)
        let port = try fixture.run {
            fixture.loop.buffers.limitBytes = 40_000
            return try Listener(loop: fixture.loop, address: .loopback(port: 0)) { _ in
                let handler = ScriptedHandler()
                handler.onReceived = { _, bytes in
                    most.update { $0 = max($0, bytes.count) }
                    return bytes.count == size ? size : 0
                }
                return handler
            }.boundAddress.port!
        }
        let peer = try RawPeer(port: port)
        peer.send([UInt8](repeating: 1, count: 30_000))
        try fixture.waitUntil { most.value == 30_000 }
        peer.send([UInt8](repeating: 1, count: size - 30_000))
        // Nothing more is read: turns pass, the rest lies in the socket.
        for _ in 0..<20 { try fixture.run {} }
        #expect(most.value == 30_000)
        try fixture.run { fixture.loop.buffers.limitBytes = BufferBudget.defaultLimitBytes }
        try fixture.waitUntil { most.value == size }
        try fixture.end()
    }
}
