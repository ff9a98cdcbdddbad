import Admission
import EventLoop
import TestKit
import Transport

@testable import onsale

/// A tiny HTTP server whose answers a test writes. Lives on one loop.
final class ScriptedSite {
    enum Reply {
        case answer(String)
        /// The answer, or a part of one, and then the end of the connection.
        case lastWords(String)
        case reset
        case silence
    }

    struct Request {
        /// Head as it came, without the blank line.
        let text: String
        /// 0 for the first request of its connection.
        let ordinal: Int

        var path: String { String(self.text.split(separator: " ")[1].prefix { $0 != "?" }) }
        /// What a worker ends its response with.
        var mark: String {
            let target = self.text.split(separator: " ")[1]
            return "<!-- \(target.split(separator: "=").last ?? "") -->\n"
        }
        var cookies: String {
            let line = self.text.split(separator: "\r\n").first { $0.hasPrefix("Cookie: ") }
            return line.map { String($0.dropFirst(8)) } ?? ""
        }
    }

    private(set) var requests: [Request] = []
    private var listener: Listener!
    private let reply: (Request) -> Reply

    init(loop: EventLoop, tls: TLSContext? = nil, reply: @escaping (Request) -> Reply) throws {
        self.reply = reply
        self.listener = try Listener(loop: loop, address: .loopback(port: 0), tls: tls) { [unowned self] _ in
            self.handler()
        }
    }

    var address: SocketAddress { self.listener.boundAddress }

    private func handler() -> any StreamHandler {
        let handler = ScriptedHandler()
        var count = 0
        handler.onReceived = { connection, bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            guard let end = text.firstRange(of: "\r\n\r\n"), text[end.upperBound...].utf8.count >= Self.bodyBytes(text)
            else { return 0 }
            let request = Request(text: String(text[..<end.lowerBound]), ordinal: count)
            count += 1
            self.requests.append(request)
            switch self.reply(request) {
            case .answer(let answer): connection.write(answer)
            case .lastWords(let words):
                connection.write(words)
                connection.closeAfterWriting()
            case .reset: connection.close()
            case .silence: break
            }
            return bytes.count
        }
        return handler
    }

    private static func bodyBytes(_ text: String) -> Int {
        text.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length: ") }
            .flatMap { Int($0.dropFirst(16)) } ?? 0
    }

    // MARK: Answers of a waiting room

    /// The text of a pass with this number.
    static func token(number: Int64) -> String {
        AdmissionToken(
            kind: .pass,
            keyID: 1,
            lane: 0,
            room: AdmissionToken.roomID(named: "onsale"),
            epoch: 1,
            number: number,
            issuedSeconds: 1_790_000_000,
            expiresSeconds: 1_790_000_600
        ).unsignedText
    }

    static func page(number: Int, refreshSeconds: Int = 1, fields: String = "") -> String {
        let body =
            #"{"state":"waiting","room":"onsale","number":\#(number),"position":1,"waiting":1,"#
            + #""estimate_seconds":null,"refresh_seconds":\#(refreshSeconds),"opens_in_seconds":0}"#
        return "HTTP/1.1 200 OK\r\nSluice-State: waiting\r\nRetry-After: \(refreshSeconds)\r\n\(fields)"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    static func inside(_ request: Request, fields: String = "") -> String {
        "HTTP/1.1 200 OK\r\nSluice-State: admitted\r\n\(fields)Content-Length: \(request.mark.utf8.count)\r\n\r\n"
            + request.mark
    }
}

extension AdmissionToken {
    /// As a cookie has it; the signature is nobody's.
    var unsignedText: String {
        var bytes = [UInt8](repeating: 0, count: Self.wireBytes)
        var text = [UInt8](repeating: 0, count: Self.textBytes)
        bytes.withUnsafeMutableBytes { self.writePayload(to: $0) }
        bytes.withUnsafeBytes { bytes in text.withUnsafeMutableBytes { Base64URL.encode48(from: bytes, to: $0) } }
        return String(decoding: text, as: UTF8.self)
    }
}
