import Foundation
import Synchronization
import TestKit
import Testing

/// Upgrades to WebSocket: the switch is said in full, and bytes go both ways from the first one on.
@Suite(.onOwnThread) struct TunnelTests {
    private func play(
        _ script: @escaping RawWorker.Script = RawTunnel.echoing,
        tunnels: String = "{most: 100}",
        _ body: (SluiceProcess, RawWorker) throws -> Void
    ) throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(script)
            var configuration = RequestTests.open(["write_timeout": "10m", "min_rate": "0B/s"])
            configuration.use([worker])
            configuration.pool.merge(["connections_per_worker": "4", "tunnels": tunnels]) { $1 }
            let sluice = try scene.start(configuration)
            try body(sluice, worker)
            try sluice.waitUntilIdle()
            try sluice.waitUntilNoTunnel()
        }
    }

    // MARK: The switch

    /// Seen before: the 101 came without Upgrade and Connection, which RFC 6455 section 4.1 makes every client refuse.
    @Test func switch_isSaidInFull() throws {
        try self.play { sluice, _ in
            let peer = try RawPeer(port: sluice.port)
            peer.send(RawTunnel.upgrade())
            let head = try RawTunnel.readSwitch(peer)
            for line in [
                "upgrade: websocket", "connection: upgrade", "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=",
            ] {
                #expect(head.contains("\r\n\(line)\r\n"), "\(head)")
            }
            try RawTunnel.expectEcho(peer)
        }
    }

    /// Browsers say more than one thing about a connection, and what they say of the protocol is the worker's to read.
    @Test func request_connectionWithSeveralWords_isASwitch_andTheProtocolsFieldsPass() throws {
        try self.play { sluice, worker in
            let peer = try RawPeer(port: sluice.port)
            let fields = [
                "Sec-WebSocket-Protocol: chat, soap", "Sec-WebSocket-Extensions: permessage-deflate", "X-Hop: 1",
            ]
            peer.send(
                RawTunnel.upgrade(
                    fields: fields.map { $0 + "\r\n" }.joined(),
                    connection: "keep-alive, X-Hop, UPGRADE"
                )
            )
            try RawTunnel.readSwitch(peer)
            let head = worker.receivedText.lowercased()
            for line in [
                "upgrade: websocket", "connection: upgrade", "sec-websocket-version: 13",
                "sec-websocket-key: dghlihnhbxbszsbub25jzq==", "sec-websocket-protocol: chat, soap",
                "sec-websocket-extensions: permessage-deflate",
            ] {
                #expect(head.contains("\r\n\(line)\r\n"), "\(head)")
            }
            #expect(!head.contains("x-hop") && !head.contains("keep-alive"), "\(head)")
        }
    }

    /// Another protocol would be spoken past the room, and one that is not asked for by GET is none that we know.
    @Test(
        arguments: [
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMA\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket, h2c\r\nConnection: Upgrade\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n",
            "GET / HTTP/1.0\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nTransfer-Encoding: chunked\r\n",
        ]
    )
    func request_forAnythingElse_isARequestLikeOthers(head: String) throws {
        try self.play { sluice, worker in
            let peer = try HTTPPeer(port: sluice.port)
            peer.peer.send(head + "\r\n" + (head.contains("chunked") ? "0\r\n\r\n" : ""))
            #expect(try peer.readAnswer().status == 200)
            let seen = worker.receivedText.lowercased()
            #expect(!seen.contains("upgrade") && !seen.contains("http2-settings"), "\(seen)")
        }
    }

    @Test func connect_isRefused() throws {
        try self.play { sluice, worker in
            let peer = try HTTPPeer(port: sluice.port)
            peer.peer.send("CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\n\r\n")
            let answer = try peer.readAnswer()
            #expect(answer.status == 501 && answer.field("sluice-error") == "downstream; not-implemented")
            #expect(peer.isEnded())
            #expect(worker.received.isEmpty)
        }
    }

    @Test(arguments: ["Upgrade: h2c\r\nConnection: Upgrade\r\n", ""])
    func worker_switchesToSomethingElse_isNotUnderstood(fields: String) throws {
        try self.play({ connection in
            while try connection.readRequest() != nil { try connection.send("HTTP/1.1 101 Switching\r\n\(fields)\r\n") }
        }) { sluice, _ in
            let answer = try RawTunnel.refusal(sluice.port)
            #expect(answer.status == 502 && answer.field("sluice-error") == "upstream; bad-response")
        }
    }

    // MARK: Bytes

    /// Seen before: what came with the head stayed where it was until more came, and beyond 64 KiB for ever.
    @Test(arguments: [5, 100_000])
    func bytesBehindTheHead_areRelayed(count: Int) throws {
        try self.play { sluice, _ in
            let peer = try RawPeer(port: sluice.port)
            peer.send(RawTunnel.upgrade() + String(repeating: "x", count: count))
            try RawTunnel.readSwitch(peer)
            #expect(peer.read(count: count)?.count == count)
        }
    }

    private static let flood = 24 << 20

    /// Waits until no more comes in from that side: whoever sends has been made to wait.
    private func waitUntilHeldUp(_ sluice: SluiceProcess, from side: String) throws -> Int {
        var (last, same) = (0.0, 0)
        try Patience.wait(for: "the flood from the \(side) to stop") {
            try Patience.pass(milliseconds: 100)
            let bytes = try sluice.metric("sluice_tunnel_bytes_total{from=\"\(side)\"}")
            (last, same) = (bytes, bytes > 0 && bytes == last ? same + 1 : 0)
            return same == 5
        }
        return Int(last)
    }

    @Test func client_takesNothing_theWorkerWaits_andNothingIsLost() throws {
        try self.play(
            RawTunnel.worker { connection in
                try connection.send([UInt8](repeating: 0x79, count: Self.flood))
                try connection.readToEnd()
            }
        ) { sluice, _ in
            let peer = try RawTunnel.open(sluice.port)
            let relayed = try self.waitUntilHeldUp(sluice, from: "worker")
            #expect(relayed < Self.flood * 3 / 4, "\(relayed) bytes for a client that takes none")
            let rest = peer.read(count: Self.flood)
            #expect(rest?.count == Self.flood && rest?.last == 0x79)
        }
    }

    @Test func worker_takesNothing_theClientWaits_andNothingIsLost() throws {
        let gate = Gate()
        try self.play(
            RawTunnel.worker { connection in
                try Patience.wait(for: "leave to read") { gate.isOpen }
                try connection.readToEnd()
            }
        ) { sluice, worker in
            let peer = try RawTunnel.open(sluice.port)
            Thread.detachNewThread {
                peer.send([UInt8](repeating: 0x7A, count: Self.flood))
                peer.finishWriting()
            }
            let relayed = try self.waitUntilHeldUp(sluice, from: "client")
            #expect(relayed < Self.flood * 3 / 4, "\(relayed) bytes for a worker that takes none")
            gate.open()
            try Patience.wait(for: "all of it at the worker") { worker.connections.allSatisfy(\.isEnded) }
            #expect(worker.received.count == RawTunnel.headBytes(worker) + Self.flood)
        }
    }

    /// Opened once, by the test.
    private final class Gate: Sendable {
        private let opened = Mutex(false)
        func open() { self.opened.withLock { $0 = true } }
        var isOpen: Bool { self.opened.withLock { $0 } }
    }

    // MARK: Ends

    /// Seen before: an end that came before the switch was forgotten, and the worker's connection with it.
    @Test func clientEndsBeforeTheSwitch_theWorkerIsFreeAgain() throws {
        try self.play { sluice, _ in
            for _ in 0..<12 {
                let peer = try RawPeer(port: sluice.port)
                peer.send(RawTunnel.upgrade())
                peer.finishWriting()
                try RawTunnel.readSwitch(peer)
                peer.reset()
                // No more than two of the four connections may be tunnels at a time.
                try sluice.waitUntilNoTunnel()
            }
            try sluice.expectService()
        }
    }

    @Test func clientEndsFirst_theWorkersLastWordsReachIt() throws {
        try self.play(
            RawTunnel.worker { connection in
                try connection.readToEnd()
                try connection.send("last words")
            }
        ) { sluice, worker in
            let peer = try RawTunnel.open(sluice.port)
            peer.send("question")
            peer.finishWriting()
            #expect(peer.readToEnd().map { String(decoding: $0, as: UTF8.self) } == "last words")
            #expect(worker.receivedText.hasSuffix("question"))
            try Patience.wait(for: "the tunnel's end") { try sluice.endedTunnels("client") == 1 }
        }
    }

    /// Seen before: the worker's end was the client's, whatever the client still had to say.
    @Test func workerEndsFirst_theClientsLastWordsReachIt() throws {
        try self.play(
            RawTunnel.worker { connection in
                try connection.sendAndEnd("bye")
                try connection.readToEnd()
            }
        ) { sluice, worker in
            let peer = try RawTunnel.open(sluice.port)
            #expect(peer.readToEnd().map { String(decoding: $0, as: UTF8.self) } == "bye")
            peer.send("last words")
            peer.finishWriting()
            try Patience.wait(for: "the last words") { worker.receivedText.hasSuffix("last words") }
            try Patience.wait(for: "the tunnel's end") { try sluice.endedTunnels("worker") == 1 }
        }
    }

    /// The switch, what follows it and the end come with one read.
    @Test func workerSaysAllAtOnce_allOfItReachesTheClient() throws {
        try self.play { connection in
            while try connection.readRequest() != nil {
                try connection.sendAndEnd(RawTunnel.switching + "bye")
                try connection.readToEnd()
            }
        } _: { sluice, worker in
            let peer = try RawTunnel.open(sluice.port)
            #expect(peer.readToEnd().map { String(decoding: $0, as: UTF8.self) } == "bye")
            peer.finishWriting()
            try Patience.wait(for: "the tunnel's end") { try sluice.endedTunnels("worker") == 1 }
        }
    }

    /// Busy or not: after that time it is over, for both sides.
    @Test func lifetime_endsIt() throws {
        try self.play(tunnels: "{lifetime: 200ms}") { sluice, worker in
            let peer = try RawTunnel.open(sluice.port)
            #expect(peer.readToEnd() == [])
            try Patience.wait(for: "the worker's end") { worker.connections.allSatisfy(\.isEnded) }
            #expect(try sluice.endedTunnels("lifetime") == 1)
        }
    }

    // MARK: How many

    @Test func oneMoreThanThereMayBe_isToldSo_untilOneEnds() throws {
        try self.play(tunnels: "{most: 2}") { sluice, worker in
            var open = [try RawTunnel.open(sluice.port), try RawTunnel.open(sluice.port)]
            let answer = try RawTunnel.refusal(sluice.port)
            #expect(answer.status == 503 && answer.field("sluice-error") == "internal; tunnel-limit")
            #expect(answer.field("retry-after") != nil)
            #expect(worker.connectionCount == 2)
            // Requests have their own connections.
            try sluice.expectService(requests: 3)
            open.removeLast()
            try Patience.wait(for: "a place for another one") { (try? RawTunnel.open(sluice.port)) != nil }
            withExtendedLifetime(open) {}
        }
    }

    @Test func noneMayBe_upgradesAreRequestsLikeOthers() throws {
        try self.play(tunnels: "{most: 0}") { sluice, worker in
            let answer = try RawTunnel.refusal(sluice.port)
            #expect(answer.status == 200)
            #expect(!worker.receivedText.lowercased().contains("upgrade"))
        }
    }
}
