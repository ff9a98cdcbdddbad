import EventLoop
import Glibc
import Primitives
import TestKit
import Testing

@testable import Transport

/// OpenSSL reads ahead, and a read that was short says that the socket is empty. What lies in OpenSSL makes no event.
@Suite(.timeLimit(.minutes(30))) struct TLSReadAheadTests {
    /// What the server has received, in pieces, and how its connection ended.
    private struct Served: Sendable {
        let address: SocketAddress
        let pieces: Record<[[UInt8]]>
        let ended: Handover<CloseReason>
        var bytes: [UInt8] { self.pieces.value.flatMap { $0 } }
    }

    private func serve(_ fixture: LoopFixture, _ tls: TLSContext) throws -> Served {
        let pieces = Record<[[UInt8]]>([])
        let ended = Handover<CloseReason>()
        let address = try fixture.run {
            try Listener(loop: fixture.loop, address: .loopback(port: 0), tls: tls) { _ in
                let handler = ScriptedHandler()
                handler.onReceived = { _, bytes in
                    pieces.update { $0.append(Array(bytes)) }
                    return bytes.count
                }
                handler.onClosed = { ended.put($0) }
                return handler
            }.boundAddress
        }
        return Served(address: address, pieces: pieces, ended: ended)
    }

    /// The client stays until the loop ends, unless `play` lets it go.
    private func connect(
        _ fixture: LoopFixture,
        _ address: SocketAddress,
        _ play: @escaping @Sendable (Connection) -> Void
    ) throws {
        try fixture.run {
            let client = ScriptedHandler()
            client.onConnected = { stream in if let connection = stream as? Connection { play(connection) } }
            _ = try Connection.connect(
                to: address,
                on: fixture.loop,
                timeoutNanoseconds: 60 * Nanoseconds.perSecond,
                tls: try TLSContext(verifies: false),
                serverName: "localhost",
                handler: client
            )
        }
    }

    /// Holds back what is written meanwhile, so that it leaves as one segment, as far as it fits.
    private static func inOneSegment(_ connection: Connection, _ body: () -> Void) {
        for isHeld in [Int32(1), 0] {
            var value = isHeld
            setsockopt(connection.fd, Int32(IPPROTO_TCP), TCP_CORK, &value, socklen_t(MemoryLayout<Int32>.size))
            if isHeld == 1 { body() }
        }
    }

    @Test(arguments: [1, 2, 7])
    func records_ofOneSegment_allArrive(count: Int) throws {
        let folder = TestFolder()
        let fixture = try LoopFixture()
        let served = try self.serve(fixture, try folder.makeServerTLS())
        try self.connect(fixture, served.address) { client in
            Self.inOneSegment(client) { for number in 0..<count { client.write("request \(number);") } }
        }
        let sent = (0..<count).map { "request \($0);" }.joined()
        try fixture.waitUntil { served.bytes.count == sent.utf8.count }
        #expect(served.bytes == Array(sent.utf8))
        #expect(served.pieces.value.count == count, "a record each")
        try fixture.end()
    }

    @Test func requests_ofOneRecord_arriveTogether() throws {
        let folder = TestFolder()
        let fixture = try LoopFixture()
        let served = try self.serve(fixture, try folder.makeServerTLS())
        try self.connect(fixture, served.address) { client in
            client.cork()
            client.write("one;")
            client.write("two;")
            client.uncork()
        }
        try fixture.waitUntil { served.bytes.count == 8 }
        #expect(served.pieces.value == [Array("one;two;".utf8)])
        try fixture.end()
    }

    /// The end lies behind the last record in what was read ahead.
    @Test func goodbye_inTheSegmentOfTheLastRecord_endsTheConnection() throws {
        let folder = TestFolder()
        let fixture = try LoopFixture()
        let served = try self.serve(fixture, try folder.makeServerTLS())
        try self.connect(fixture, served.address) { client in
            Self.inOneSegment(client) {
                client.write("the last of it")
                client.closeAfterWriting()
            }
        }
        #expect(try served.ended.take() == .local)
        #expect(served.bytes == Array("the last of it".utf8))
        try fixture.end()
    }

    /// Both sides are on one loop: the server finds the handshake's last bytes, a record and the end by one event.
    @Test func breakOff_rightAfterTheHandshake_isTold() throws {
        let folder = TestFolder()
        let fixture = try LoopFixture()
        let served = try self.serve(fixture, try folder.makeServerTLS())
        try self.connect(fixture, served.address) { client in
            client.write("and no goodbye")
            fixture.loop.atTurnEnd { client.close() }
        }
        #expect(try served.ended.take() == .reset)
        #expect(served.bytes == Array("and no goodbye".utf8))
        try fixture.end()
    }

    /// Many records, which no read takes whole, with reading stopped again and again in the middle of them.
    @Test func upload_withPauses_arrivesWhole() throws {
        let folder = TestFolder()
        let fixture = try LoopFixture()
        let bytes = [UInt8]((0..<1_500_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) })
        let received = Record<[UInt8]>([])
        let tls = try folder.makeServerTLS()
        let address = try fixture.run {
            try Listener(loop: fixture.loop, address: .loopback(port: 0), tls: tls) { _ in
                let handler = ScriptedHandler()
                handler.onReceived = { stream, bytes in
                    received.update { $0 += bytes }
                    stream.pauseReading()
                    fixture.loop.onNextTurn { stream.resumeReading() }
                    return bytes.count
                }
                return handler
            }.boundAddress
        }
        try self.connect(fixture, address) { $0.write(bytes) }
        try fixture.waitUntil { received.value.count == bytes.count }
        #expect(received.value == bytes)
        try fixture.end()
    }
}
