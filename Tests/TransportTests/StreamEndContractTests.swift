import EventLoop
import Glibc
import Primitives
import TestKit
import Testing
import Transport

/// How every `ByteStream` begins and ends, held against sockets and against the streams of the virtual world.
@Suite(.timeLimit(.minutes(30))) struct StreamEndContractTests {
    private static let bytes = [UInt8]((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) })

    @Test(arguments: StreamRig.Kind.all)
    func answerToAWholeInput_afterItsEnd_arrives(kind: StreamRig.Kind) throws {
        let rig = try StreamRig(kind)
        let answer = Record<[UInt8]>([])
        let reasons = Record<[CloseReason]>([])
        let address = try rig.listen { _ in
            let handler = ScriptedHandler()
            var total = 0
            handler.onReceived = { _, bytes in
                total += bytes.count
                return bytes.count
            }
            handler.onInputEnded = { stream in
                stream.write("total \(total) ")
                stream.write(Self.bytes)
                stream.closeAfterWriting()
            }
            handler.onClosed = { reason in reasons.update { $0.append(reason) } }
            return handler
        }
        try rig.connect(to: address) {
            let client = ScriptedHandler()
            client.onConnected = { stream in
                #expect(stream.isOpen && stream.peer == address)
                stream.write(Self.bytes)
                stream.finishWriting()
                stream.write("too late")
            }
            client.onReceived = { _, bytes in
                answer.update { $0 += bytes }
                return bytes.count
            }
            client.onClosed = { reason in reasons.update { $0.append(reason) } }
            return client
        }
        try rig.waitUntil { reasons.value.count == 2 }
        #expect(reasons.value == [.local, .local])
        #expect(answer.value == Array("total 300000 ".utf8) + Self.bytes)
        try rig.end()
    }

    /// The client is still sending when it is answered and closed; its unread bytes must not destroy the answer.
    @Test(arguments: StreamRig.Kind.all)
    func closeAfterWriting_withUnreadInput_deliversTheWholeAnswer(kind: StreamRig.Kind) throws {
        let rig = try StreamRig(kind)
        let answer = Record<[UInt8]>([])
        let isOver = Record(false)
        let address = try rig.listen { _ in
            let handler = ScriptedHandler()
            handler.onReceived = { stream, _ in
                stream.write(Self.bytes)
                stream.closeAfterWriting()
                stream.write("too late")
                return 0
            }
            return handler
        }
        try rig.connect(to: address) {
            let client = ScriptedHandler()
            client.onConnected = { $0.write(Self.bytes + Self.bytes) }
            client.onReceived = { _, bytes in
                answer.update { $0 += bytes }
                return bytes.count
            }
            client.onClosed = { _ in isOver.update { $0 = true } }
            return client
        }
        try rig.waitUntil { isOver.value }
        #expect(answer.value == Self.bytes)
        try rig.end()
    }

    /// A peer that is done is not waited for: what it sends all the same finds nobody.
    @Test(arguments: StreamRig.Kind.all, [1, 300_000])
    func closeAfterWriting_peerIsDone_endsWithoutWaitingForIt(kind: StreamRig.Kind, count: Int) throws {
        let rig = try StreamRig(kind)
        let answer = Record<[UInt8]>([])
        let reasons = Record<[String: CloseReason]>([:])
        let sent = Array(Self.bytes.prefix(count))
        let address = try rig.listen { _ in
            let handler = ScriptedHandler()
            handler.onReceived = { stream, bytes in
                stream.cork()
                stream.write(sent)
                stream.closeAfterWriting(isPeerDone: true)
                stream.write("too late")
                stream.uncork()
                return bytes.count
            }
            handler.onClosed = { reason in reasons.update { $0["server"] = reason } }
            return handler
        }
        try rig.connect(to: address) {
            let client = ScriptedHandler()
            client.onConnected = { $0.write("my last word") }
            client.onReceived = { _, bytes in
                answer.update { $0 += bytes }
                return bytes.count
            }
            client.onInputEnded = { stream in stream.write("not the last one after all") }
            client.onClosed = { reason in reasons.update { $0["client"] = reason } }
            return client
        }
        try rig.waitUntil { reasons.value.count == 2 }
        #expect(reasons.value == ["server": .local, "client": .reset])
        #expect(answer.value == sent)
        try rig.end()
    }

    @Test(arguments: StreamRig.Kind.all, [false, true])
    func reset_isToldToThePeer_alsoToOneThatHasPaused(kind: StreamRig.Kind, peerPauses: Bool) throws {
        let rig = try StreamRig(kind)
        let reasons = Record<[String: CloseReason]>([:])
        let address = try rig.listen { stream in
            let handler = ScriptedHandler()
            handler.onReceived = { stream, _ in
                stream.write(Self.bytes)
                stream.reset()
                #expect(stream.isClosed)
                return 0
            }
            handler.onClosed = { reason in reasons.update { $0["server"] = reason } }
            return handler
        }
        try rig.connect(to: address) {
            let client = ScriptedHandler()
            client.onConnected = { stream in
                stream.write("go")
                if peerPauses { stream.pauseReading() }
            }
            client.onInputEnded = { _ in Issue.record("a reset was taken for an end in order") }
            client.onClosed = { reason in reasons.update { $0["client"] = reason } }
            return client
        }
        try rig.waitUntil { reasons.value.count == 2 }
        #expect(reasons.value == ["server": .local, "client": .reset])
        try rig.end()
    }

    /// The client has finished writing and waits; then it is gone. Nobody reads any more, and yet the end is told.
    @Test(arguments: StreamRig.Kind.all)
    func reset_afterTheEndOfInput_isTold(kind: StreamRig.Kind) throws {
        let rig = try StreamRig(kind)
        let inputHasEnded = Record(false)
        let ended = Record<CloseReason?>(nil)
        // Touched on the loop only.
        nonisolated(unsafe) var client: (any ByteStream)?
        let address = try rig.listen { _ in
            let handler = ScriptedHandler()
            handler.onInputEnded = { _ in inputHasEnded.update { $0 = true } }
            handler.onClosed = { reason in ended.update { $0 = reason } }
            return handler
        }
        try rig.connect(to: address) {
            let handler = ScriptedHandler()
            handler.onConnected = { stream in
                client = stream
                stream.finishWriting()
            }
            return handler
        }
        try rig.waitUntil { inputHasEnded.value }
        try rig.settle()
        #expect(ended.value == nil)
        try rig.run {
            client?.reset()
            client = nil
        }
        try rig.waitUntil { ended.value != nil }
        #expect(ended.value == .reset)
        try rig.end()
    }

    @Test(arguments: StreamRig.Kind.all)
    func connect_whereNobodyListens_isRefusedAfterTheCall(kind: StreamRig.Kind) throws {
        let rig = try StreamRig(kind)
        let network = rig.network
        let loop = rig.loop
        let ended = Record<CloseReason?>(nil)
        try rig.run {
            let listener = try network.listen(on: loop, at: .loopback(port: 0), tls: nil) { _ in nil }
            let address = listener.boundAddress
            listener.close()
            var hasReturned = false
            let client = ScriptedHandler()
            client.onClosed = { reason in
                #expect(hasReturned)
                ended.update { $0 = reason }
            }
            _ = try network.connect(to: address, on: loop, timeoutNanoseconds: Nanoseconds.perSecond, handler: client)
            hasReturned = true
        }
        try rig.waitUntil { ended.value != nil }
        #expect(ended.value == .connectFailed(ECONNREFUSED))
        try rig.end()
    }

    @Test(arguments: StreamRig.Kind.all)
    func acceptThatReturnsNothing_endsTheStreamAtOnce(kind: StreamRig.Kind) throws {
        let rig = try StreamRig(kind)
        let events = Record<[String]>([])
        let address = try rig.listen { _ in nil }
        try rig.connect(to: address) {
            let client = ScriptedHandler()
            client.onInputEnded = { stream in
                events.update { $0.append("end") }
                stream.closeAfterWriting()
            }
            client.onClosed = { reason in events.update { $0.append("\(reason)") } }
            return client
        }
        try rig.waitUntil { events.value.count == 2 }
        #expect(events.value == ["end", "closed here"])
        try rig.end()
    }
}
