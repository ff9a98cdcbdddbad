import EventLoop
import Glibc
import Primitives
import TestKit
import Testing
import Transport

/// What every `ByteStream` promises, held against sockets and against the streams of the virtual world. `ScriptedHandler`
/// checks by itself that `closed` comes once, and last.
@Suite(.timeLimit(.minutes(2))) struct StreamContractTests {
    private static let bytes = [UInt8]((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) })

    @Test(arguments: StreamRig.Kind.all)
    func echo_anyPiecesAndPauses_comesBackUnchanged(kind: StreamRig.Kind) throws {
        let rig = try StreamRig(kind)
        let loop = rig.loop
        let network = rig.network
        let outcome = Record<Bool?>(nil)
        let ended = Record<[CloseReason]>([])
        try rig.run {
            let listener = try network.listen(on: loop, at: .loopback(port: 0), tls: nil) { _ in
                makeEcho(on: loop, seed: 5) { reason in ended.update { $0.append(reason) } }
            }
            let sender = RandomSender(loop: loop, message: Self.bytes, generator: SplitMix64(seed: 3)) { isWhole in
                outcome.update { $0 = isWhole }
            }
            _ = try network.connect(
                to: listener.boundAddress,
                on: loop,
                timeoutNanoseconds: 5 * Nanoseconds.perSecond,
                handler: sender.handler
            )
        }
        try rig.waitUntil { outcome.value != nil && !ended.value.isEmpty }
        #expect(outcome.value == true)
        #expect(ended.value == [.local])
        try rig.end()
    }

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

    @Test(arguments: StreamRig.Kind.all)
    func producer_thatObeysCongestion_holdsABoundedAmountForASlowReader(kind: StreamRig.Kind) throws {
        let rig = try StreamRig(kind)
        let loop = rig.loop
        let total = 8_000_000
        let most = Record(0)
        let drains = Record(0)
        let received = Record(0)
        let isOver = Record(false)
        let address = try rig.listen { _ in
            let handler = ScriptedHandler()
            var left = total
            let produce: (any ByteStream) -> Void = { stream in
                while left > 0, !stream.isCongested {
                    let count = min(left, 50_000)
                    left -= count
                    stream.write([UInt8](repeating: 9, count: count))
                    most.update { $0 = max($0, stream.pendingWriteBytes) }
                    #expect(stream.untakenBytes >= stream.pendingWriteBytes)
                }
                if left == 0 { stream.closeAfterWriting() }
            }
            handler.onReceived = { stream, bytes in
                produce(stream)
                return bytes.count
            }
            handler.onDrained = { stream in
                #expect(stream.pendingWriteBytes <= Connection.lowMarkBytes)
                drains.update { $0 += 1 }
                produce(stream)
            }
            return handler
        }
        try rig.connect(to: address) {
            let client = ScriptedHandler()
            client.onConnected = { $0.write("go") }
            client.onReceived = { stream, bytes in
                received.update { $0 += bytes.count }
                if received.value % 7 == 0 {
                    stream.pauseReading()
                    loop.after(nanoseconds: Nanoseconds.perMillisecond) { stream.resumeReading() }
                }
                return bytes.count
            }
            client.onClosed = { _ in isOver.update { $0 = true } }
            return client
        }
        try rig.waitUntil { isOver.value }
        #expect(received.value == total)
        #expect(most.value > Connection.highMarkBytes && most.value <= Connection.highMarkBytes + 50_000)
        #expect(drains.value > 0)
        try rig.end()
    }

    /// What the handler leaves is kept up to a limit; then the peer is held up. Offered again, all of it goes on.
    @Test(arguments: StreamRig.Kind.all)
    func handlerThatUsesNothing_isOfferedABoundedAmountAndLaterAll(kind: StreamRig.Kind) throws {
        let rig = try StreamRig(kind)
        let message = Self.bytes + Self.bytes + Self.bytes
        let offered = Record(0)
        let taken = Record<[UInt8]>([])
        let mayTake = Record(false)
        // Touched on the loop only.
        nonisolated(unsafe) var server: (any ByteStream)?
        let address = try rig.listen { stream in
            server = stream
            let handler = ScriptedHandler()
            handler.onReceived = { _, bytes in
                offered.update { $0 = max($0, bytes.count) }
                guard mayTake.value else { return 0 }
                taken.update { $0 += bytes }
                return bytes.count
            }
            return handler
        }
        try rig.connect(to: address) {
            let client = ScriptedHandler()
            client.onConnected = { stream in
                stream.write(message)
                stream.finishWriting()
            }
            return client
        }
        try rig.waitUntil { offered.value >= Connection.maxRetainedBytes }
        try rig.settle()
        #expect(offered.value <= Connection.maxRetainedBytes + EventLoop.scratchBytes)
        #expect(try rig.run { server?.retainedBytes } == offered.value)
        try rig.run {
            mayTake.update { $0 = true }
            server?.offerRetained()
        }
        try rig.waitUntil { taken.value.count == message.count }
        #expect(taken.value == message)
        try rig.run { server = nil }
        try rig.end()
    }

    @Test(arguments: StreamRig.Kind.all)
    func paused_nothingIsDelivered_resumedWhatWasKeptComesFirst(kind: StreamRig.Kind) throws {
        let rig = try StreamRig(kind)
        let log = Record<[String]>([])
        // Touched on the loop only.
        nonisolated(unsafe) var server: (any ByteStream)?
        // Touched on the loop only.
        nonisolated(unsafe) var client: (any ByteStream)?
        let address = try rig.listen { stream in
            server = stream
            let handler = ScriptedHandler()
            handler.onReceived = { stream, bytes in
                log.update { $0.append(String(decoding: bytes, as: UTF8.self)) }
                if log.value.count == 1 {
                    stream.pauseReading()
                    return 1
                }
                return bytes.count
            }
            return handler
        }
        try rig.connect(to: address) {
            let handler = ScriptedHandler()
            handler.onConnected = { stream in
                client = stream
                stream.write("a")
            }
            return handler
        }
        try rig.waitUntil { log.value == ["a"] }
        try rig.run { client?.write("bc") }
        try rig.settle()
        #expect(log.value == ["a"])
        try rig.run { server?.resumeReading() }
        try rig.waitUntil { log.value.dropFirst().joined() == "bc" }
        try rig.run {
            server = nil
            client = nil
        }
        try rig.end()
    }

    @Test(arguments: StreamRig.Kind.all)
    func setHandler_inTheMiddle_theNewOneHearsTheRest(kind: StreamRig.Kind) throws {
        let rig = try StreamRig(kind)
        let log = Record<[String]>([])
        let address = try rig.listen { _ in
            let first = ScriptedHandler()
            first.onReceived = { stream, bytes in
                let second = ScriptedHandler()
                second.onReceived = { _, bytes in
                    log.update { $0.append("second") }
                    return bytes.count
                }
                second.onClosed = { _ in log.update { $0.append("closed") } }
                stream.setHandler(second)
                stream.write("more")
                log.update { $0.append("first") }
                return bytes.count
            }
            first.onClosed = { _ in Issue.record("the handler that was replaced hears of the end") }
            return first
        }
        try rig.connect(to: address) {
            let client = ScriptedHandler()
            client.onConnected = { $0.write("x") }
            client.onReceived = { stream, bytes in
                stream.write("y")
                stream.closeAfterWriting()
                return bytes.count
            }
            return client
        }
        try rig.waitUntil { log.value.last == "closed" }
        #expect(log.value == ["first", "second", "closed"])
        try rig.end()
    }

    @Test(arguments: StreamRig.Kind.all)
    func corked_anyWrites_arriveInOrder(kind: StreamRig.Kind) throws {
        let rig = try StreamRig(kind)
        let received = Record<[UInt8]>([])
        let isOver = Record(false)
        let address = try rig.listen { _ in
            let handler = ScriptedHandler()
            handler.onReceived = { _, bytes in
                received.update { $0 += bytes }
                return bytes.count
            }
            handler.onClosed = { _ in isOver.update { $0 = true } }
            return handler
        }
        try rig.connect(to: address) {
            let client = ScriptedHandler()
            client.onConnected = { stream in
                var generator = SplitMix64(seed: 11)
                var rest = Self.bytes[...]
                while !rest.isEmpty {
                    let isCorked = Bool.random(using: &generator)
                    if isCorked { stream.cork() }
                    for _ in 0..<Int.random(in: 1...4, using: &generator) {
                        let size = Int.random(in: 0...(Bool.random(using: &generator) ? 40 : 40_000), using: &generator)
                        stream.write([UInt8](rest.prefix(size)))
                        rest = rest.dropFirst(size)
                    }
                    if isCorked { stream.uncork() }
                }
                stream.closeAfterWriting()
            }
            return client
        }
        try rig.waitUntil { isOver.value }
        #expect(received.value == Self.bytes)
        try rig.end()
    }
}
