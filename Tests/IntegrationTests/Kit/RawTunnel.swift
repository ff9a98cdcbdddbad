import Foundation
import TestKit

/// Tunnels by the tests' own hand: what goes through them is what a test says, byte for byte.
enum RawTunnel {
    static func upgrade(_ path: String = "/chat", fields: String = "", connection: String = "Upgrade") -> String {
        "GET \(path) HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: \(connection)\r\n\(fields)"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    }

    static let switching =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

    /// A worker that switches when it is asked to, and does `talk` then. It answers everything else with 200, and says
    /// of `/leave` that the visitor is done.
    static func worker(_ talk: @escaping RawWorker.Script) -> RawWorker.Script {
        { connection in
            while let request = try connection.readRequest() {
                if request.lowercased().contains("\r\nupgrade: websocket\r\n") {
                    try connection.send(Self.switching)
                    return try talk(connection)
                }
                let release = request.hasPrefix("GET /leave ") ? "Sluice-Session: release\r\n" : ""
                try connection.send("HTTP/1.1 200 OK\r\n\(release)Content-Length: 2\r\n\r\nok")
            }
        }
    }

    /// Sends back whatever comes, until the other side ends.
    static let echoing = Self.worker { try $0.echoToEnd() }

    /// The head of the switch, in small letters.
    @discardableResult
    static func readSwitch(_ peer: RawPeer) throws -> String {
        var head = ""
        while !head.hasSuffix("\r\n\r\n") {
            guard let byte = peer.read(count: 1)?.first else { throw Disappointment("no switch: \(head)") }
            head.unicodeScalars.append(Unicode.Scalar(byte))
        }
        guard head.hasPrefix("HTTP/1.1 101 ") else { throw Disappointment("no switch: \(head)") }
        return head.lowercased()
    }

    static func open(_ port: UInt16, _ path: String = "/chat", as visitor: Visitor? = nil) throws -> RawPeer {
        let peer = try RawPeer(port: port)
        peer.send(Self.upgrade(path, fields: visitor.map(Self.cookieLine) ?? ""))
        try Self.readSwitch(peer)
        return peer
    }

    /// What becomes of an upgrade that does not become a tunnel.
    static func refusal(_ port: UInt16, _ path: String = "/chat", as visitor: Visitor? = nil) throws -> Answer {
        let peer = try HTTPPeer(port: port)
        peer.peer.send(Self.upgrade(path, fields: visitor.map(Self.cookieLine) ?? ""))
        let answer = try peer.readAnswer()
        guard answer.interim.isEmpty else { throw Disappointment("the protocol was switched") }
        return answer
    }

    private static func cookieLine(_ visitor: Visitor) -> String {
        "Cookie: " + visitor.cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; ") + "\r\n"
    }

    /// How much of what the worker has read was the head of its first request.
    static func headBytes(_ worker: RawWorker) -> Int {
        let start = String(decoding: worker.received.prefix(16_384), as: UTF8.self)
        return start.range(of: "\r\n\r\n").map { start[..<$0.upperBound].utf8.count } ?? 0
    }

    /// `text` comes back.
    static func expectEcho(_ peer: RawPeer, _ text: String = "hello") throws {
        peer.send(text)
        guard peer.read(count: text.utf8.count).map({ String(decoding: $0, as: UTF8.self) }) == text else {
            throw Disappointment("a tunnel does not answer")
        }
    }
}
