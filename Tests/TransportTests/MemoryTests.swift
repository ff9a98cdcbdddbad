import EventLoop
import Primitives
import TestKit
import Testing
import Transport

/// What a connection leaves behind.
@Suite(.timeLimit(.minutes(10))) struct MemoryTests {
    /// The port of a listener that counts the handlers in memory, and those that were told of their end.
    private func listen(_ fixture: LoopFixture, living: Record<Int>, ended: Record<Int>) throws -> UInt16 {
        try fixture.run {
            try Listener(loop: fixture.loop, address: .loopback(port: 0)) { stream in
                IdleHandler(loop: fixture.loop, stream: stream, living: living) { ended.update { $0 += 1 } }
            }.boundAddress.port!
        }
    }

    /// Every connection arms an idle timeout of an hour. It goes with the connection, not when the hour is over.
    @Test func connections_openedAndClosedInTurn_leaveNothingUntilTheirDeadlines() throws {
        let fixture = try LoopFixture()
        let living = Record(0)
        let ended = Record(0)
        let port = try self.listen(fixture, living: living, ended: ended)
        for round in 1...100 {
            let peer = try RawPeer(port: port)
            peer.send("x")
            #expect(peer.read(count: 1) == [0x78])
            if round % 2 == 0 { peer.reset() }
            peer.finishWriting()
        }
        try fixture.waitUntil { ended.value == 100 }
        // The turn that told the end may still hold the last one.
        try fixture.waitUntil { living.value == 0 }
        #expect(try fixture.run { fixture.loop.timers.count } == 0)
        try fixture.end()
    }

    /// A handler and its stream hold each other, and the stream's loop holds the stream: all of that ends with the loop.
    @Test func loopThatEnds_letsItsStreamsGo() throws {
        let fixture = try LoopFixture()
        let living = Record(0)
        let told = Record(0)
        let port = try self.listen(fixture, living: living, ended: told)
        let peers = try (0..<5).map { _ in try RawPeer(port: port) }
        try fixture.waitUntil { living.value == 5 }
        try fixture.end()
        #expect(living.value == 0 && told.value == 0)
        withExtendedLifetime(peers) {}
    }
}

/// Echoes; holds its stream, and a timer, until the stream is closed.
private final class IdleHandler: StreamHandler {
    private let stream: any ByteStream
    private let living: Record<Int>
    private let onEnd: () -> Void
    private var timer: LoopTimer!

    init(loop: any LoopContext, stream: any ByteStream, living: Record<Int>, onEnd: @escaping () -> Void) {
        self.stream = stream
        self.living = living
        self.onEnd = onEnd
        self.timer = LoopTimer(loop: loop) { [weak self] in self?.stream.close() }
        self.timer.arm(afterNanoseconds: 3_600 * Nanoseconds.perSecond)
        living.update { $0 += 1 }
    }

    deinit { self.living.update { $0 -= 1 } }

    func received(_ stream: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        stream.write(bytes)
        return bytes.count
    }

    func closed(_ stream: any ByteStream, _ reason: CloseReason) { self.onEnd() }
}
