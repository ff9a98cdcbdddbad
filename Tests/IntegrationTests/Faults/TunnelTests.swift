import Foundation
import TestKit
import Testing

/// Upgrades to WebSocket: the switch is said in full, and bytes go both ways from the first one on.
@Suite(.onOwnThread) struct TunnelTests {
    private static let upgrade = """
        GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n
        """

    /// Switches, then sends back whatever comes, until the other side ends.
    private static let echoing: RawWorker.Script = { connection in
        while let request = try connection.readRequest() {
            guard request.lowercased().contains("upgrade: websocket") else {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                continue
            }
            try connection.send(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
            )
            return try connection.echoToEnd()
        }
    }

    private func play(_ body: (SluiceProcess) throws -> Void) throws {
        try Scene.play { scene in
            let worker = try scene.startWorker(Self.echoing)
            var configuration = RequestTests.open()
            configuration.use([worker])
            configuration.pool["connections_per_worker"] = "4"
            let sluice = try scene.start(configuration)
            try body(sluice)
            try sluice.waitUntilIdle()
        }
    }

    /// The head of the switch, in small letters.
    private func readSwitch(_ peer: RawPeer) throws -> String {
        var head = ""
        while !head.hasSuffix("\r\n\r\n") {
            guard let byte = peer.read(count: 1)?.first else { throw Disappointment("no switch: \(head)") }
            head.unicodeScalars.append(Unicode.Scalar(byte))
        }
        #expect(head.hasPrefix("HTTP/1.1 101"))
        return head.lowercased()
    }

    /// Seen before: the 101 came without Upgrade and Connection, which RFC 6455 section 4.1 makes every client refuse.
    @Test func switch_isSaidInFull() throws {
        try self.play { sluice in
            let peer = try RawPeer(port: sluice.port)
            peer.send(Self.upgrade)
            let head = try self.readSwitch(peer)
            for line in [
                "upgrade: websocket", "connection: upgrade", "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=",
            ] {
                #expect(head.contains("\r\n\(line)\r\n"), "\(head)")
            }
            peer.send("hello")
            #expect(peer.read(count: 5).map { String(decoding: $0, as: UTF8.self) } == "hello")
        }
    }

    /// Seen before: what came with the head stayed where it was until more came, and beyond 64 KiB for ever.
    @Test(arguments: [5, 100_000])
    func bytesBehindTheHead_areRelayed(count: Int) throws {
        try self.play { sluice in
            let peer = try RawPeer(port: sluice.port)
            peer.send(Self.upgrade + String(repeating: "x", count: count))
            _ = try self.readSwitch(peer)
            #expect(peer.read(count: count)?.count == count)
        }
    }

    /// Seen before: an end that came before the switch was forgotten, and the worker's connection with it.
    @Test func clientEndsBeforeTheSwitch_theWorkerIsFreeAgain() throws {
        try self.play { sluice in
            for _ in 0..<12 {
                let peer = try RawPeer(port: sluice.port)
                peer.send(Self.upgrade)
                peer.finishWriting()
                _ = try self.readSwitch(peer)
            }
            try sluice.expectService()
        }
    }
}
