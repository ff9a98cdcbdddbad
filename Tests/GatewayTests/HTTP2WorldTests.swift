import Logging
import Primitives
import Settings
import SharedState
import TestKit
import Testing
import Tokens
import Transport

@testable import Gateway

/// Clients of HTTP/2 before a gateway in virtual time, where it takes no time to be slow.
@Suite struct HTTP2WorldTests {
    /// A gateway without room, one worker whose responses are long, and one client that reads at a pace of its own.
    private final class Rig {
        static let responseBytes = 600_000
        /// The client reads so much at once.
        static let readBytes = 1_000
        let world = VirtualWorld(seed: 7)
        let network: VirtualNetwork
        private let gatewayLoop: VirtualLoop
        private let otherLoop: VirtualLoop
        var clientLoop: VirtualLoop { self.otherLoop }
        private let gateway: Gateway
        private var client: (any ByteStream)?
        private(set) var received: [UInt8] = []
        private(set) var hasClosed = false

        init(minimumBytesPerSecond: Int = 0) {
            let world = self.world
            self.network = VirtualNetwork(world: world)
            self.network.conditions.capacityBytes = 4_000...4_000
            self.gatewayLoop = world.makeLoop()
            self.otherLoop = world.makeLoop()
            var pool = PoolSettings(name: "web")
            pool.driver = .static
            pool.workers = [.init(.loopback(port: 9_001))]
            pool.connectionsPerWorker = 20
            var settings = Settings()
            settings.pools = [pool]
            settings.routes = [RouteSettings(path: "/", pool: "web")]
            settings.limits.minimumBytesPerSecond = minimumBytesPerSecond
            let boards = MemoryBoards()
            let rooms = FickleRooms(world: world)
            rooms.isCalm = true
            // One thread plays all of it.
            nonisolated(unsafe) let unshared = (world: world, rooms: rooms)
            self.gateway = Gateway(
                id: "g",
                settings: settings,
                keys: [SigningKey(id: 1, secret: [UInt8](repeating: 7, count: 32))],
                loops: [self.gatewayLoop],
                network: self.network,
                processes: ProcessSight(own: nil) { _ in false },
                log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                makeStores: { loop in
                    SharedStores(
                        rooms: FickleRoomStore(loop: loop, rooms: unshared.rooms, world: unshared.world),
                        pools: MemoryPoolBoard(loop: loop, boards: boards)
                    )
                }
            )
        }

        func start() throws {
            try self.world.run(on: self.otherLoop) {
                let worker = SocketAddress.loopback(port: 9_001)
                _ = try self.network.listen(on: self.otherLoop, at: worker, isSecure: false) { _ in
                    let handler = ScriptedHandler()
                    handler.onReceived = { stream, bytes in
                        guard bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) else { return 0 }
                        let body = String(repeating: "r", count: Self.responseBytes)
                        stream.write("HTTP/1.1 200 OK\r\nContent-Length: \(Self.responseBytes)\r\n\r\n" + body)
                        return bytes.count
                    }
                    return handler
                }
            }
            var hasStarted = false
            self.world.run(on: self.gatewayLoop) {
                self.gateway.start(
                    listeners: [GatewayListener(number: 0, address: .loopback(port: 8_080), identity: nil)],
                    connectionLimit: 40,
                    seed: 7
                ) { _ in hasStarted = true }
            }
            try #require(self.world.run(withinNanoseconds: Nanoseconds.perSecond) { hasStarted })
        }

        /// Connects, and sends `bytes`. Between two reads the client rests.
        func send(_ bytes: [UInt8], restNanoseconds: Int64) throws {
            let handler = ScriptedHandler()
            handler.onConnected = { $0.write(bytes) }
            handler.onReceived = { stream, piece in
                self.received += piece
                guard restNanoseconds > 0 else { return piece.count }
                stream.pauseReading()
                self.otherLoop.after(nanoseconds: restNanoseconds) { if !stream.isClosed { stream.resumeReading() } }
                return piece.count
            }
            handler.onClosed = { _ in self.hasClosed = true }
            try self.world.run(on: self.otherLoop) {
                self.client = try self.network.connect(
                    to: .loopback(port: 8_080),
                    on: self.otherLoop,
                    timeoutNanoseconds: Nanoseconds.perSecond,
                    tls: nil,
                    handler: handler
                )
            }
        }

        /// Sends the same again and again while the connection is open.
        func repeating(_ bytes: [UInt8], everyNanoseconds: Int64) {
            self.otherLoop.after(nanoseconds: everyNanoseconds) {
                guard let client = self.client, !client.isClosed else { return }
                client.write(bytes)
                self.repeating(bytes, everyNanoseconds: everyNanoseconds)
            }
        }

        func end() {
            self.world.run(on: self.otherLoop) { self.client?.reset() }
            var hasEnded = false
            self.world.run(on: self.gatewayLoop) {
                self.gateway.drain(timeoutNanoseconds: 5 * Nanoseconds.perSecond) { hasEnded = true }
            }
            #expect(self.world.run(withinNanoseconds: 10 * Nanoseconds.perSecond) { hasEnded })
        }
    }

    private static func frame(_ kind: UInt8, _ flags: UInt8, _ stream: UInt8, _ payload: [UInt8]) -> [UInt8] {
        [0, 0, UInt8(payload.count), kind, flags, 0, 0, 0, stream] + payload
    }

    /// With windows for whatever may come.
    private static let beginning: [UInt8] =
        Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, 0, 0, [0, 4, 0x40, 0, 0, 0])
        + frame(8, 0, 0, [0x40, 0, 0, 0])

    private static func request(_ stream: UInt8, path: String = "/") -> [UInt8] {
        var block: [UInt8] = []
        for (name, value) in [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", path)] {
            block += [0, UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(value.utf8.count)] + Array(value.utf8)
        }
        return self.frame(1, 5, stream, block)
    }

    /// Of whatever pieces the gateway reads: settings are the first that it says.
    @Test(arguments: [1, 3, 15, 16, 17, 23, 24, 100])
    func preface_inPieces_isUnderstood(readBytes: Int) throws {
        let rig = Rig()
        rig.network.conditions.readBytes = readBytes...readBytes
        try rig.start()
        try rig.send(Self.beginning, restNanoseconds: 0)
        #expect(rig.world.run(withinNanoseconds: Nanoseconds.perSecond) { rig.received.count >= 9 })
        #expect(rig.received.dropFirst(3).first == 4 && !rig.hasClosed)
        rig.end()
    }

    /// 20 kB a second are enough for one worker that has to wait, and for eight they are not.
    @Test(arguments: [(1, false), (8, true)])
    func slowReader_paysForEachWorkerThatWaits(requests: Int, isGivenUp: Bool) throws {
        let rig = Rig(minimumBytesPerSecond: 5_000)
        rig.network.conditions.readBytes = Rig.readBytes...Rig.readBytes
        try rig.start()
        let asked = (0..<requests).flatMap { Self.request(UInt8(1 + 2 * $0)) }
        try rig.send(Self.beginning + asked, restNanoseconds: 50 * Nanoseconds.perMillisecond)
        rig.world.run(forNanoseconds: 25 * Nanoseconds.perSecond)
        #expect(rig.hasClosed == isGivenUp)
        #expect(rig.received.count > (isGivenUp ? 50_000 : 350_000))
        rig.end()
    }

    /// Seen in an attack: with sixteen such streams a gateway for sixteen connections served nobody else for hours. By
    /// HTTP/1 the client's system would hold the page, and the connection would be idle.
    @Test func answerOfTheGateway_takenByteByByte_isGivenUp() throws {
        let rig = Rig(minimumBytesPerSecond: 500)
        try rig.start()
        let noWindow = Self.frame(4, 0, 0, [0, 4, 0, 0, 0, 0])
        let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
        try rig.send(preface + noWindow + Self.request(1, path: "/%00"), restNanoseconds: 0)
        rig.world.run(on: rig.clientLoop) {
            rig.repeating(Self.frame(8, 0, 1, [0, 0, 0, 1]), everyNanoseconds: 3 * Nanoseconds.perSecond)
        }
        let reset = Self.frame(3, 0, 1, [0, 0, 0, 8])
        let isReset = rig.world.run(withinNanoseconds: 20 * Nanoseconds.perSecond) {
            rig.received.suffix(reset.count).elementsEqual(reset)
        }
        #expect(isReset && !rig.hasClosed)
        rig.end()
    }
}
