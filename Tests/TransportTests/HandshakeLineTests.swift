import Dispatch
import EventLoop
import Glibc
import TestKit
import Testing

@testable import Transport

/// Connections that wait for their handshake, on a loop that stands still while they come: so all of them are found by
/// one turn.
@Suite(.timeLimit(.minutes(30))) struct HandshakeLineTests {
    /// A loop with listeners, and what became of their connections.
    private final class Scene: Sendable {
        let folder = TestFolder()
        let fixture: LoopFixture
        let accepted = Record(0)
        let ended = Record<[CloseReason]>([])

        init(_ change: @escaping @Sendable (inout HandshakeRules) -> Void = { _ in }) throws {
            self.fixture = try LoopFixture()
            let loop = self.fixture.loop
            try self.fixture.run { change(&HandshakeLine.of(loop).rules) }
        }

        /// `see` is shown each connection that is accepted; `hear` runs for whatever is received, which is echoed.
        func listen(
            tls: TLSContext?,
            see: @escaping @Sendable (Connection) -> Void = { _ in },
            hear: @escaping @Sendable () -> Void = {}
        ) throws -> UInt16 {
            try self.fixture.run {
                try Listener(loop: self.fixture.loop, address: .loopback(port: 0), tls: tls) { stream in
                    self.accepted.update { $0 += 1 }
                    if let connection = stream as? Connection { see(connection) }
                    let handler = ScriptedHandler()
                    handler.onReceived = { stream, bytes in
                        hear()
                        stream.write(bytes)
                        return bytes.count
                    }
                    handler.onClosed = { reason in self.ended.update { $0.append(reason) } }
                    return handler
                }.boundAddress.port!
            }
        }

        /// Connected and accepted; nothing has been sent.
        func connect(_ port: UInt16, count: Int) throws -> [RawPeer] {
            let before = self.accepted.value
            let peers = try (0..<count).map { _ in try RawPeer(port: port) }
            try self.fixture.waitUntil { self.accepted.value == before + count }
            return peers
        }

        /// What happens meanwhile is found by the loop's next turn.
        func whileLoopStands(_ body: () throws -> Void) rethrows {
            let stands = DispatchSemaphore(value: 0)
            let gate = DispatchSemaphore(value: 0)
            self.fixture.loop.submit {
                stands.signal()
                gate.wait()
            }
            stands.wait()
            defer { gate.signal() }
            try body()
        }

        /// To be read on the loop.
        var countsOnLoop: HandshakeCounts { HandshakeLine.of(self.fixture.loop).counts }
        var counts: HandshakeCounts { get throws { try self.fixture.run { self.countsOnLoop } } }
    }

    /// The server's first bytes, by which it has signed.
    private static func isAnswered(_ peer: RawPeer) -> Bool { peer.read(count: 1) == [0x16] }

    /// The hellos have come before what the others ask.
    @Test func hellosAndARequest_inOneTurn_requestIsAnsweredFirst() throws {
        let scene = try Scene()
        let begun = Record<[UInt64]>([])
        let plain = try scene.listen(tls: nil, hear: { begun.update { $0.append(scene.countsOnLoop.begun) } })
        let secure = try scene.listen(tls: try scene.folder.makeServerTLS())
        let newcomers = try scene.connect(secure, count: 5)
        let known = try scene.connect(plain, count: 1)[0]
        scene.whileLoopStands {
            for peer in newcomers { peer.send(ClientHello.bytes) }
            known.send("x")
        }
        #expect(known.read(count: 1) == [0x78])
        #expect(newcomers.allSatisfy(Self.isAnswered))
        #expect(begun.value == [0])
        #expect(try scene.counts.begun == 5 && scene.counts.waiting == 0)
        try scene.fixture.end()
    }

    /// Nothing is put off to another turn where nobody else wants anything.
    @Test func hello_onAnIdleLoop_hasItsTurnAtOnce() throws {
        let scene = try Scene()
        let secure = try scene.listen(tls: try scene.folder.makeServerTLS())
        let peer = try scene.connect(secure, count: 1)[0]
        let begun = Handover<UInt64>()
        scene.whileLoopStands {
            peer.send(ClientHello.bytes)
            let loop = scene.fixture.loop
            // Runs in the turn that finds the hello; what it puts off runs in the next one.
            loop.submit { loop.onNextTurn { begun.put(scene.countsOnLoop.begun) } }
        }
        #expect(try begun.take() == 1)
        #expect(Self.isAnswered(peer))
        try scene.fixture.end()
    }

    @Test func budget_isThatOfTheLoop_howeverManyListeners() throws {
        let scene = try Scene { $0.budgetNanoseconds = 0 }
        let tls = try scene.folder.makeServerTLS()
        var peers: [RawPeer] = []
        for _ in 0..<2 { peers += try scene.connect(try scene.listen(tls: tls), count: 3) }
        let looks = Record<[UInt64]>([])
        let isDone = Handover<Void>()
        @Sendable func look() {
            looks.update { $0.append(scene.countsOnLoop.begun) }
            if scene.countsOnLoop.begun == 6 { isDone.put(()) } else { scene.fixture.loop.onNextTurn(look) }
        }
        scene.whileLoopStands {
            for peer in peers { peer.send(ClientHello.bytes) }
            scene.fixture.loop.submit { look() }
        }
        try isDone.take()
        #expect(looks.value == [0, 1, 2, 3, 4, 5, 6])
        try scene.fixture.end()
    }

    /// Before its turn a connection has read nothing and made nothing.
    @Test func waiting_holdsNoTLS_andWhoLeavesMeanwhileCostsNoHandshake() throws {
        let scene = try Scene { $0.budgetNanoseconds = 0 }
        // Touched on the loop only.
        nonisolated(unsafe) var connections: [Connection] = []
        let secure = try scene.listen(tls: try scene.folder.makeServerTLS(), see: { connections.append($0) })
        let staying = try scene.connect(secure, count: 1)[0]
        // Let go on the loop, when this thread is done with them.
        nonisolated(unsafe) var leaving = try scene.connect(secure, count: 3)
        let looked = Handover<(waiting: Int, withTLS: Int)>()
        scene.whileLoopStands {
            for peer in [staying] + leaving { peer.send(ClientHello.bytes) }
            scene.fixture.loop.submit {
                looked.put(
                    (
                        connections.count { $0.state == .waiting },
                        connections.count { $0.tls != nil }
                    )
                )
                leaving = []
                // Their end is there before the turn is over.
                for connection in connections.dropFirst() {
                    let ended = Int16(ReadyEvents.inputEnded.rawValue)
                    var entry = pollfd(fd: connection.fd, events: ended, revents: 0)
                    #expect(poll(&entry, 1, Int32(LoopFixture.deadlineSeconds) * 1_000) == 1)
                }
            }
        }
        let (waiting, withTLS) = try looked.take()
        #expect(waiting == 4 && withTLS == 0)
        #expect(Self.isAnswered(staying))
        try scene.fixture.waitUntil { scene.ended.value.count == 3 }
        #expect(Set(scene.ended.value.map { "\($0)" }) == ["\(CloseReason.peer)"])
        #expect(try scene.counts.begun == 1 && scene.counts.left == 3 && scene.counts.waiting == 0)
        try scene.fixture.run { connections = [] }
        try scene.fixture.end()
    }

    /// They hear of it at once, so that they can try elsewhere.
    @Test func line_full_othersAreClosedWithoutAHandshake() throws {
        let scene = try Scene { $0.waitingMax = 3 }
        let secure = try scene.listen(tls: try scene.folder.makeServerTLS())
        let peers = try scene.connect(secure, count: 5)
        scene.whileLoopStands { for peer in peers { peer.send(ClientHello.bytes) } }
        #expect(peers.count(where: Self.isAnswered) == 3)
        try scene.fixture.waitUntil { scene.ended.value.count == 2 }
        #expect(scene.ended.value == [.noTurn, .noTurn])
        #expect(try scene.counts.begun == 3 && scene.counts.crowdedOut == 2)
        try scene.fixture.end()
    }

    @Test func waited_forTooLong_isClosedWithoutAHandshake() throws {
        let scene = try Scene { $0.timeoutNanoseconds = 0 }
        let secure = try scene.listen(tls: try scene.folder.makeServerTLS())
        let peer = try scene.connect(secure, count: 1)[0]
        peer.send(ClientHello.bytes)
        #expect(!Self.isAnswered(peer))
        try scene.fixture.waitUntil { scene.ended.value == [.noTurn] }
        #expect(try scene.counts.begun == 0 && scene.counts.late == 1 && scene.counts.waiting == 0)
        try scene.fixture.end()
    }

    /// The signature comes with the last piece, which has to wait like a whole hello.
    @Test func hello_inPieces_isAnswered_andTheLastOneWaitsForATurnToo() throws {
        let scene = try Scene()
        let secure = try scene.listen(tls: try scene.folder.makeServerTLS())
        let peers = try scene.connect(secure, count: 2)
        for peer in peers { peer.send(Array(ClientHello.bytes[..<30])) }
        try scene.fixture.waitUntil { try scene.counts.begun == 2 }
        peers[0].send(Array(ClientHello.bytes[30...]))
        #expect(Self.isAnswered(peers[0]))
        try scene.fixture.run { HandshakeLine.of(scene.fixture.loop).rules.timeoutNanoseconds = 0 }
        peers[1].send(Array(ClientHello.bytes[30...]))
        #expect(!Self.isAnswered(peers[1]))
        try scene.fixture.waitUntil { scene.ended.value == [.noTurn] }
        #expect(try scene.counts.late == 1)
        try scene.fixture.end()
    }

    /// Reads a whole record; true when it asks the client for another hello.
    private static func isAskedAgain(_ peer: RawPeer) -> Bool {
        guard let head = peer.read(count: 5), head[0] == 0x16 else { return false }
        let message = peer.read(count: Int(head[3]) << 8 | Int(head[4])) ?? []
        // Behind the message's type and length and the version.
        return message.dropFirst(6).starts(with: RepeatedHello.requestMark)
    }

    /// A client that offers no key is asked for another hello, which costs no signature. Clients that always did so
    /// went past the line with the one that does. Each step of each of them is one turn: a second hello in pieces, too.
    @Test func hello_thatIsAskedForAgain_waitsForATurnToo() throws {
        let scene = try Scene()
        // Touched on the loop only.
        nonisolated(unsafe) var connections: [Connection] = []
        let secure = try scene.listen(tls: try scene.folder.makeServerTLS(), see: { connections.append($0) })
        let peers = try scene.connect(secure, count: 2)
        for peer in peers { peer.send(RepeatedHello.withoutKey) }
        #expect(peers.allSatisfy(Self.isAskedAgain))
        #expect(try scene.fixture.run { connections.allSatisfy { $0.state == .greeting } })
        peers[0].send(Array(RepeatedHello.withKey[..<30]))
        peers[0].send(Array(RepeatedHello.withKey[30...]))
        try scene.fixture.waitUntil {
            try scene.fixture.run { connections.contains { $0.state == .handshaking } }
        }
        #expect(try scene.counts.begun == 2)
        try scene.fixture.run { HandshakeLine.of(scene.fixture.loop).rules.timeoutNanoseconds = 0 }
        peers[1].send(RepeatedHello.withKey)
        try scene.fixture.waitUntil { scene.ended.value == [.noTurn] }
        #expect(try scene.counts.late == 1)
        try scene.fixture.run { connections = [] }
        try scene.fixture.end()
    }

    /// They may have shut their side with the request, as simple tools do, and still listen.
    @Test func plainText_withItsEnd_isToldSoInHTTP() throws {
        let scene = try Scene()
        let secure = try scene.listen(tls: try scene.folder.makeServerTLS())
        let peer = try scene.connect(secure, count: 1)[0]
        scene.whileLoopStands {
            peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            peer.finishWriting()
        }
        let response = String(decoding: try #require(peer.readToEnd()), as: UTF8.self)
        #expect(response.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
        try scene.fixture.waitUntil { scene.ended.value.count == 1 }
        #expect(try scene.counts == HandshakeCounts())
        try scene.fixture.end()
    }

    @Test func closed_whileWaiting_leavesTheLine() throws {
        let scene = try Scene()
        // Touched on the loop only.
        nonisolated(unsafe) var connections: [Connection] = []
        let secure = try scene.listen(tls: try scene.folder.makeServerTLS(), see: { connections.append($0) })
        let peers = try scene.connect(secure, count: 2)
        scene.whileLoopStands {
            for peer in peers { peer.send(ClientHello.bytes) }
            scene.fixture.loop.submit { connections[0].close() }
        }
        #expect(peers.count(where: Self.isAnswered) == 1)
        #expect(try scene.counts.begun == 1 && scene.counts.waiting == 0)
        #expect(scene.ended.value == [.local])
        try scene.fixture.run { connections = [] }
        try scene.fixture.end()
    }

    /// A line that held its loop's connections would keep all of them in memory.
    @Test func loopThatEnds_letsThoseWhoWaitGo() throws {
        let scene = try Scene()
        // Made on the loop, looked at when that is no more.
        nonisolated(unsafe) weak var connection: Connection?
        let secure = try scene.listen(tls: try scene.folder.makeServerTLS(), see: { connection = $0 })
        let peer = try scene.connect(secure, count: 1)[0]
        let ended = Handover<Void>()
        scene.whileLoopStands {
            peer.send(ClientHello.bytes)
            // Runs between the hello's event and its turn.
            scene.fixture.loop.submit { #expect(connection?.state == .waiting) }
            scene.fixture.loop.shutdown { ended.put(()) }
        }
        try ended.take()
        #expect(connection == nil)
    }
}
