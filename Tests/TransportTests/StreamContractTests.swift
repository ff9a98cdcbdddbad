import EventLoop
import Glibc
import Primitives
import TestKit
import Testing
import Transport

/// What every `ByteStream` promises, held against sockets and against the streams of the virtual world. `ScriptedHandler`
/// checks by itself that `closed` comes once, and last.
@Suite(.timeLimit(.minutes(30))) struct StreamContractTests {
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

    /// A handler resumes another stream while it looks at its own bytes: those stay as they are.
    @Test(arguments: StreamRig.Kind.all)
    func bytesOfAHandler_whileItResumesAnotherStream_stayAsTheyAre(kind: StreamRig.Kind) throws {
        let rig = try StreamRig(kind)
        let log = Record<[String]>([])
        // Touched on the loop only.
        nonisolated(unsafe) var other: (any ByteStream)?
        let address = try rig.listen { _ in
            let handler = ScriptedHandler()
            handler.onReceived = { stream, bytes in
                if bytes[0] == 0x62, other == nil {
                    other = stream
                    stream.pauseReading()
                } else if bytes[0] == 0x61 {
                    other?.resumeReading()
                    #expect(bytes.allSatisfy { $0 == 0x61 })
                }
                log.update { $0.append(String(decoding: bytes, as: UTF8.self)) }
                return bytes.count
            }
            return handler
        }
        let clients = Record<[String: Bool]>([:])
        // Touched on the loop only.
        nonisolated(unsafe) var streams: [String: any ByteStream] = [:]
        for name in ["a", "b"] {
            try rig.connect(to: address) {
                let client = ScriptedHandler()
                client.onConnected = { stream in
                    streams[name] = stream
                    clients.update { $0[name] = true }
                }
                return client
            }
        }
        try rig.waitUntil { clients.value.count == 2 }
        try rig.run { streams["b"]?.write("b") }
        try rig.waitUntil { log.value == ["b"] }
        try rig.run { streams["b"]?.write("bbbb") }
        try rig.settle()
        try rig.run { streams["a"]?.write("a") }
        try rig.waitUntil { log.value.joined().count == 6 }
        #expect(log.value.joined().filter { $0 == "b" }.count == 5)
        try rig.run {
            streams = [:]
            other = nil
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
