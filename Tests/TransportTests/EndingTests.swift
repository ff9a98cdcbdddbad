import CLinux
import EventLoop
import Glibc
import TestKit
import Primitives
import Testing
import Transport

/// How connections fail, end and push back.
@Suite(.timeLimit(.minutes(30))) struct EndingTests {
    private func listen(
        _ fixture: LoopFixture,
        tls: TLSContext? = nil,
        _ make: @escaping @Sendable (any ByteStream) -> (any StreamHandler)?
    ) throws -> UInt16 {
        try fixture.run {
            try Listener(loop: fixture.loop, address: .loopback(port: 0), tls: tls, makeHandler: make).boundAddress
                .port!
        }
    }

    private func connectOutcome(
        _ fixture: LoopFixture,
        to address: SocketAddress,
        timeoutNanoseconds: Int64 = 5 * Nanoseconds.perSecond
    ) throws -> CloseReason {
        let ended = Handover<CloseReason>()
        try fixture.run {
            let handler = ScriptedHandler()
            var hasReturned = false
            handler.onClosed = { reason in
                #expect(hasReturned, "the end was told before connect returned")
                ended.put(reason)
            }
            _ = try Connection.connect(
                to: address,
                on: fixture.loop,
                timeoutNanoseconds: timeoutNanoseconds,
                handler: handler
            )
            hasReturned = true
        }
        return try ended.take()
    }

    @Test func connect_whereNobodyListens_isRefused() throws {
        let fixture = try LoopFixture()
        let port = try fixture.run {
            let listener = try Listener(loop: fixture.loop, address: .loopback(port: 0)) { _ in nil }
            listener.close()
            return listener.boundAddress.port!
        }
        #expect(try self.connectOutcome(fixture, to: .loopback(port: port)) == .connectFailed(ECONNREFUSED))
        try fixture.end()
    }

    @Test func connect_toNoSocketFile_fails() throws {
        let fixture = try LoopFixture()
        #expect(try self.connectOutcome(fixture, to: .unix(path: "/nowhere/socket")) == .connectFailed(ENOENT))
        try fixture.end()
    }

    /// A full backlog drops the opening packet, as a dead host does.
    @Test func connect_thatNobodyAnswers_timesOut() throws {
        let fixture = try LoopFixture()
        let address = try SocketAddress(parsing: "127.0.0.1:0")
        let listening = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(listening) }
        var raw = sockaddr_in()
        raw.sin_family = sa_family_t(AF_INET)
        raw.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutablePointer(to: &raw) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                #expect(bind(listening, pointer, length) != -1)
                #expect(Glibc.listen(listening, 0) != -1)
                getsockname(listening, pointer, &length)
            }
            return UInt16(bigEndian: $0.pointee.sin_port)
        }
        #expect(address.port == 0)
        var crowd: [Int32] = []
        defer { for fd in crowd { close(fd) } }
        for _ in 0..<4 {
            let fd = sluice_socket(AF_INET)
            crowd.append(fd)
            withUnsafePointer(to: &raw) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = Glibc.connect(fd, $0, length) }
            }
        }
        let reason = try self.connectOutcome(
            fixture,
            to: .loopback(port: port),
            timeoutNanoseconds: 50 * Nanoseconds.perMillisecond
        )
        #expect(reason == .connectTimedOut)
        try fixture.end()
    }

    /// The peer is still sending when it is answered and closed: without lingering, its unread bytes would turn the
    /// close into a reset, which destroys the answer on its way.
    @Test func closeAfterWriting_withUnreadInput_deliversTheWholeAnswer() throws {
        let fixture = try LoopFixture()
        let answer = [UInt8](repeating: 0x61, count: 300_000)
        let port = try self.listen(fixture) { _ in
            let handler = ScriptedHandler()
            handler.onReceived = { connection, bytes in
                connection.write(answer)
                connection.closeAfterWriting()
                connection.write("too late")
                [UInt8("x".utf8.first!)].withUnsafeBytes { connection.write($0, $0) }
                return 0
            }
            return handler
        }
        let peer = try RawPeer(port: port)
        #expect(peer.send([UInt8](repeating: 0x62, count: 2_000_000)))
        #expect(peer.readToEnd() == answer)
        try fixture.end()
    }

    @Test func peerReset_whileReading_isTold() throws {
        let fixture = try LoopFixture()
        let ended = Handover<CloseReason>()
        let isUp = Handover<Void>()
        let port = try self.listen(fixture) { _ in
            let handler = ScriptedHandler()
            handler.onReceived = { _, bytes in
                isUp.put(())
                return bytes.count
            }
            handler.onClosed = { ended.put($0) }
            return handler
        }
        do {
            let peer = try RawPeer(port: port)
            peer.send("hello")
            try isUp.take()
            peer.reset()
        }
        #expect(try ended.take() == .reset)
        try fixture.end()
    }

    @Test func peerReset_whilePaused_isTold() throws {
        let fixture = try LoopFixture()
        let ended = Handover<CloseReason>()
        let isUp = Handover<Void>()
        let port = try self.listen(fixture) { connection in
            let handler = ScriptedHandler()
            handler.onReceived = { connection, _ in
                connection.pauseReading()
                isUp.put(())
                return 0
            }
            handler.onClosed = { ended.put($0) }
            return handler
        }
        do {
            let peer = try RawPeer(port: port)
            peer.send("hello")
            try isUp.take()
            peer.reset()
        }
        #expect(try ended.take() == .reset)
        try fixture.end()
    }

    /// Both sides have finished writing, which the kernel calls a hang-up; what came before is still to be read.
    @Test func hangUp_whilePaused_losesNothing() throws {
        let fixture = try LoopFixture()
        let received = Record<[UInt8]>([])
        let ended = Handover<CloseReason>()
        let accepted = Handover<Void>()
        // Touched on the loop only.
        nonisolated(unsafe) var paused: (any ByteStream)?
        let port = try self.listen(fixture) { connection in
            let handler = ScriptedHandler()
            handler.onReceived = { _, bytes in
                received.update { $0 += bytes }
                return bytes.count
            }
            handler.onClosed = { ended.put($0) }
            connection.pauseReading()
            connection.finishWriting()
            // Nothing is pending, so this would go out at once, if it went, and break the connection.
            [UInt8(1)].withUnsafeBytes { connection.write($0, $0) }
            paused = connection
            accepted.put(())
            return handler
        }
        let peer = try RawPeer(port: port)
        try accepted.take()
        #expect(peer.readToEnd() == [])
        peer.send("all of this")
        peer.finishWriting()
        // Two turns after the bytes were sent the hang-up has been seen.
        try fixture.run {}
        try fixture.run {}
        #expect(received.value.isEmpty)
        try fixture.run { paused?.resumeReading() }
        #expect(try ended.take() == .local)
        #expect(received.value == Array("all of this".utf8))
        try fixture.run { paused = nil }
        try fixture.end()
    }

    @Test func producer_thatObeysCongestion_holdsABoundedAmountForASlowReader() throws {
        let fixture = try LoopFixture()
        let total = 32 * 1024 * 1024
        let piece = [UInt8](repeating: 9, count: 50_000)
        let largestPending = Record(0)
        let port = try self.listen(fixture) { _ in
            let handler = ScriptedHandler()
            var left = total
            let produce: (any ByteStream) -> Void = { connection in
                while left > 0, !connection.isCongested {
                    let count = min(left, piece.count)
                    left -= count
                    connection.write(Array(piece[..<count]))
                    largestPending.update { $0 = max($0, connection.pendingWriteBytes) }
                }
                if left == 0 { connection.closeAfterWriting() }
            }
            handler.onReceived = { connection, bytes in
                produce(connection)
                return bytes.count
            }
            handler.onDrained = produce
            return handler
        }
        let peer = try RawPeer(port: port)
        peer.send("go")
        // The producer stops by itself before anything is read.
        try fixture.waitUntil { largestPending.value > Connection.highMarkBytes }
        #expect(peer.readToEnd()?.count == total)
        #expect(largestPending.value <= Connection.highMarkBytes + piece.count)
        try fixture.end()
    }

    @Test func handler_thatUsesNothing_isSentABoundedAmount() throws {
        let fixture = try LoopFixture()
        let offered = Record(0)
        // Touched on the loop only.
        nonisolated(unsafe) var server: (any ByteStream)?
        let port = try self.listen(fixture) { connection in
            server = connection
            let handler = ScriptedHandler()
            handler.onReceived = { _, bytes in
                offered.update { $0 = max($0, bytes.count) }
                return 0
            }
            return handler
        }
        let peer = try RawPeer(port: port)
        let sent = Handover<Bool>()
        let fd = fcntl(peer.fd, F_DUPFD_CLOEXEC, 0)
        defer { close(fd) }
        let flood = [UInt8](repeating: 3, count: 100_000)
        // More than the socket buffers hold together: the sender gets stuck, which is what back-pressure means.
        var event = pollfd(fd: fd, events: Int16(POLLOUT), revents: 0)
        var total = 0
        while poll(&event, 1, 200) == 1, total < 64 * 1024 * 1024 {
            total += max(0, flood.withUnsafeBytes { send(fd, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT)) })
        }
        sent.put(true)
        #expect(total < 64 * 1024 * 1024)
        let retained = try fixture.run { server?.retainedBytes ?? 0 }
        #expect(retained >= Connection.maxRetainedBytes)
        #expect(retained <= Connection.maxRetainedBytes + EventLoop.scratchBytes)
        #expect(offered.value == retained)
        try fixture.run { server = nil }
        try fixture.end()
    }
}
