import EventLoop
import Glibc
import TestKit
import Primitives
import Testing
import Transport

/// Bytes go there and back unchanged, whatever the pieces and pauses.
@Suite(.timeLimit(.minutes(30))) struct EchoTests {
    enum Carrier: String, CaseIterable, Sendable { case tcp, unix, tls }

    static let cases: [(Carrier, UInt64)] = Carrier.allCases.flatMap { carrier in [1, 7, 0xBEEF].map { (carrier, $0) } }

    @Test(arguments: EchoTests.cases)
    func echo_anyPiecesAndPauses_comesBackUnchanged(carrier: Carrier, seed: UInt64) throws {
        let folder = TestFolder()
        let fixture = try LoopFixture()
        let serverTLS = carrier == .tls ? try folder.makeServerTLS() : nil
        let clientTLS = carrier == .tls ? try TLSContext(clientAuthorityFile: folder.file("certificate.pem")) : nil
        let address: SocketAddress = carrier == .unix ? .unix(path: folder.file("socket")) : .loopback(port: 0)
        let outcome = Handover<Bool>()
        let reasons = Record<[CloseReason]>([])
        try fixture.run {
            var generator = SplitMix64(seed: seed)
            let listener = try Listener(loop: fixture.loop, address: address, tls: serverTLS) { _ in
                makeEcho(on: fixture.loop, seed: seed) { reason in reasons.update { $0.append(reason) } }
            }
            let message = (0..<Int.random(in: 1...1_000_000, using: &generator)).map { _ in
                UInt8(truncatingIfNeeded: generator.next())
            }
            let sender = RandomSender(loop: fixture.loop, message: message, generator: generator) { isWhole in
                listener.close()
                outcome.put(isWhole)
            }
            _ = try Connection.connect(
                to: listener.boundAddress,
                on: fixture.loop,
                timeoutNanoseconds: 5 * Nanoseconds.perSecond,
                tls: clientTLS,
                serverName: carrier == .tls ? "localhost" : nil,
                handler: sender.handler
            )
        }
        #expect(try outcome.take(), "seed \(seed) over \(carrier)")
        try fixture.waitUntil { !reasons.value.isEmpty }
        #expect(reasons.value == [.local], "seed \(seed) over \(carrier)")
        try fixture.end()
    }

    @Test(arguments: Carrier.allCases)
    func halfClose_theAnswerToAWholeInput_arrives(carrier: Carrier) throws {
        let folder = TestFolder()
        let fixture = try LoopFixture()
        let serverTLS = carrier == .tls ? try folder.makeServerTLS() : nil
        let clientTLS = carrier == .tls ? try TLSContext(verifies: false) : nil
        let address: SocketAddress = carrier == .unix ? .unix(path: folder.file("socket")) : .loopback(port: 0)
        let answer = Record<[UInt8]>([])
        let ended = Handover<CloseReason>()
        try fixture.run {
            let listener = try Listener(loop: fixture.loop, address: address, tls: serverTLS) { _ in
                let handler = ScriptedHandler()
                var total = 0
                handler.onReceived = { _, bytes in
                    total += bytes.count
                    return bytes.count
                }
                handler.onInputEnded = { connection in
                    connection.write("total \(total) ")
                    connection.write([UInt8](repeating: 0x2E, count: 500_000))
                    connection.closeAfterWriting()
                }
                return handler
            }
            let client = ScriptedHandler()
            client.onConnected = { connection in
                connection.write([UInt8](repeating: 1, count: 700_000))
                connection.finishWriting()
                connection.write("too late")
            }
            client.onReceived = { _, bytes in
                answer.update { $0 += bytes }
                return bytes.count
            }
            client.onClosed = { reason in
                listener.close()
                ended.put(reason)
            }
            _ = try Connection.connect(
                to: listener.boundAddress,
                on: fixture.loop,
                timeoutNanoseconds: 5 * Nanoseconds.perSecond,
                tls: clientTLS,
                handler: client
            )
        }
        #expect(try ended.take() == .local)
        #expect(answer.value == Array("total 700000 ".utf8) + [UInt8](repeating: 0x2E, count: 500_000))
        try fixture.end()
    }

    /// Many short connections that end in every way there is: each handler hears of its end once.
    @Test(arguments: [3] as [UInt64])
    func stress_manyConnectionsEndingEitherWay_eachIsToldOnce(seed: UInt64) throws {
        let fixture = try LoopFixture()
        let ends = Record((server: 0, client: 0))
        let count = 400
        try fixture.run {
            var generator = SplitMix64(seed: seed)
            let listener = try Listener(loop: fixture.loop, address: .loopback(port: 0)) { _ in
                makeEcho(on: fixture.loop, seed: generator.next()) { _ in ends.update { $0.server += 1 } }
            }
            for index in 0..<count {
                let client = ScriptedHandler()
                let style = Int.random(in: 0..<4, using: &generator)
                client.onConnected = { connection in
                    connection.write([UInt8](repeating: UInt8(index & 255), count: 1 + index * 50))
                    if style == 0 { connection.closeAfterWriting() }
                    if style == 1 { connection.finishWriting() }
                    if style == 2 { connection.close() }
                }
                client.onReceived = { connection, bytes in
                    if style == 3 { connection.close() }
                    return bytes.count
                }
                client.onClosed = { _ in
                    ends.update { $0.client += 1 }
                    if ends.value.client == count { fixture.loop.onNextTurn { listener.close() } }
                }
                _ = try Connection.connect(
                    to: listener.boundAddress,
                    on: fixture.loop,
                    timeoutNanoseconds: 10 * Nanoseconds.perSecond,
                    handler: client
                )
            }
        }
        try fixture.waitUntil { ends.value.client == count && ends.value.server == count }
        try fixture.waitUntil { try fixture.run { fixture.loop.descriptorCount } == 0 }
        try fixture.end()
    }
}

/// Sends back what comes, obeys congestion, and leaves random parts of it for later.
func makeEcho(on loop: any LoopContext, seed: UInt64, onClosed: @escaping (CloseReason) -> Void)
    -> ScriptedHandler
{
    let handler = ScriptedHandler()
    var generator = SplitMix64(seed: seed)
    handler.onReceived = { connection, bytes in
        if connection.isCongested {
            connection.pauseReading()
            return 0
        }
        let used = Int.random(in: 1...bytes.count, using: &generator)
        let usedBytes = UnsafeRawBufferPointer(rebasing: bytes[..<used])
        if Bool.random(using: &generator) {
            let middle = Int.random(in: 0...used, using: &generator)
            connection.write(
                UnsafeRawBufferPointer(rebasing: usedBytes[..<middle]),
                UnsafeRawBufferPointer(rebasing: usedBytes[middle...])
            )
        } else {
            connection.write(usedBytes)
        }
        if used < bytes.count {
            // What is left is offered again when reading is resumed.
            connection.pauseReading()
            loop.onNextTurn { connection.resumeReading() }
        }
        return used
    }
    handler.onDrained = { $0.resumeReading() }
    handler.onInputEnded = { $0.closeAfterWriting() }
    handler.onClosed = onClosed
    return handler
}

/// Sends a message in random pieces with random pauses, reads it back with pauses of its own, and compares.
final class RandomSender {
    let handler = ScriptedHandler()
    private let loop: any LoopContext
    private let message: [UInt8]
    private var sent = 0
    private var received = 0
    private var isSame = true
    private var generator: SplitMix64

    init(loop: any LoopContext, message: [UInt8], generator: SplitMix64, onEnd: @escaping (Bool) -> Void) {
        self.loop = loop
        self.message = message
        self.generator = generator
        self.handler.onConnected = { self.sendSome($0) }
        self.handler.onDrained = { self.sendSome($0) }
        self.handler.onReceived = { self.compare($0, $1) }
        self.handler.onClosed = { _ in onEnd(self.isSame && self.received == self.message.count) }
    }

    private func sendSome(_ connection: any ByteStream) {
        while self.sent < self.message.count, connection.isOpen {
            if connection.isCongested { return }
            let largest = Bool.random(using: &self.generator) ? 50 : 200_000
            let count = min(self.message.count - self.sent, Int.random(in: 1...largest, using: &self.generator))
            connection.write(Array(self.message[self.sent..<self.sent + count]))
            self.sent += count
            if Int.random(in: 0..<4, using: &self.generator) == 0, self.sent < self.message.count {
                let pause = Int64.random(in: 0...2_000_000, using: &self.generator)
                if !connection.isCongested { self.loop.after(nanoseconds: pause) { self.sendSome(connection) } }
                return
            }
        }
        if self.sent == self.message.count { connection.finishWriting() }
    }

    private func compare(_ connection: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        let used = Int.random(in: 0...bytes.count, using: &self.generator)
        if self.received + used > self.message.count
            || !bytes[..<used].elementsEqual(self.message[self.received..<self.received + used])
        {
            self.isSame = false
        }
        self.received += used
        if used < bytes.count || Int.random(in: 0..<16, using: &self.generator) == 0 {
            connection.pauseReading()
            let pause = Int64.random(in: 0...1_000_000, using: &self.generator)
            self.loop.after(nanoseconds: pause) { connection.resumeReading() }
        }
        return used
    }
}
