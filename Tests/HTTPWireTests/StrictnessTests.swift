import Foundation
import HTTPWire
import Testing

/// The rows of `Sources/HTTPWire/README.md`, tried.
@Suite struct StrictnessTests {
    enum Judgement: Equatable {
        case taken
        case refused(UInt16)
    }

    private static let get = "GET /a HTTP/1.1\r\n"
    private static let chunked = "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

    private static func post(_ lines: String, version: String = "HTTP/1.1") -> String {
        "POST /a \(version)\r\nHost: h\r\n\(lines)\r\n\r\n"
    }

    /// The start of a row, messages of its kind, and what becomes of them.
    static let rows: [(row: String, messages: [String], judgement: Judgement)] = [
        ("one or two empty lines before", ["\r\n" + request(), "\r\n\r\n" + request()], .taken),
        ("three empty lines", ["\r\n\r\n\r\n" + request()], .refused(400)),
        (
            "a line that ends with LF", ["GET / HTTP/1.1\nHost: h\n\n", "\(get)Host: h\nA: b\r\n\r\n"], .refused(400)
        ),
        ("a folded field line", [request("A: b\r\n c")], .refused(400)),
        ("white space before the colon", [request("A : b")], .refused(400)),
        ("two spaces in the request line", ["GET  / HTTP/1.1\r\nHost: h\r\n\r\n"], .refused(400)),
        ("HTTP/1.2", [request(version: "HTTP/1.2")], .taken),
        ("HTTP/2.0 in a request line", [request(version: "HTTP/2.0")], .refused(505)),
        ("no version", ["GET /\r\n\r\n"], .refused(400)),
        ("CONNECT", ["CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n"], .refused(501)),
        ("no Host field", ["\(get)A: b\r\n\r\n"], .refused(400)),
        ("two Host fields", ["\(get)Host: h\r\nHost: h\r\n\r\n", "\(get)Host: h\r\nHost: i\r\n\r\n"], .refused(400)),
        ("an empty Host", ["\(get)Host:\r\n\r\n"], .refused(400)),
        ("a host with `@`", ["a@b", "a/b", "a,b"].map { "\(get)Host: \($0)\r\n\r\n" }, .refused(400)),
        ("a host that ends with a dot", ["\(get)Host: example.com.\r\n\r\n"], .taken),
        ("an absolute target", ["GET http://x/p HTTP/1.1\r\nHost: h\r\n\r\n"], .taken),
        ("raw UTF-8 in the target", ["GET /é HTTP/1.1\r\nHost: h\r\n\r\n"], .refused(400)),
        ("`#` in the target", ["GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n"], .refused(400)),
        ("Content-Length twice, the same", [post("Content-Length: 0\r\nContent-Length: 0")], .taken),
        ("Content-Length as a list", [post("Content-Length: 0, 0")], .refused(400)),
        ("two lengths that differ", [post("Content-Length: 0\r\nContent-Length: 1")], .refused(400)),
        ("Content-Length with leading zeros", [post("Content-Length: 00")], .taken),
        ("Content-Length with a sign", [post("Content-Length: +5"), post("Content-Length: -5")], .refused(400)),
        (
            "Content-Length and Transfer-Encoding", [post("Content-Length: 5\r\nTransfer-Encoding: chunked")],
            .refused(400)
        ),
        ("Transfer-Encoding in HTTP/1.0", [post("Transfer-Encoding: chunked", version: "HTTP/1.0")], .refused(400)),
        ("Transfer-Encoding twice", [post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")], .refused(400)),
        ("`Transfer-Encoding: chunked, gzip`", [post("Transfer-Encoding: chunked, gzip")], .refused(400)),
        ("`Transfer-Encoding: gzip, chunked`", [post("Transfer-Encoding: gzip, chunked")], .refused(501)),
        (
            "`Transfer-Encoding: xchunked`",
            [post("Transfer-Encoding: xchunked"), post("Transfer-Encoding: identity")], .refused(501)
        ),
        (
            "white space behind a chunk size", [chunked + "1 ;a\r\nx\r\n0\r\n\r\n", chunked + "1 \r\nx\r\n0\r\n\r\n"],
            .taken
        ),
        ("a chunk line that ends with LF", [chunked + "1\nx\r\n0\r\n\r\n", chunked + "0\r\n\n"], .refused(400)),
        ("trailers", [chunked + "0\r\nHost: i\r\nETag: x\r\n\r\n"], .taken),
        ("bytes from 0x80 on in a value", [request("A: é")], .taken),
        (
            "control characters in a value", ["\u{0}", "\u{1}", "\u{B}", "\u{7F}"].map { request("A: a\($0)b") },
            .refused(400)
        ),
        ("a name with `_`", [request("X_A: 1"), request("X.A: 1")], .taken),
        ("`Proxy`, `X-Original-URL`", [request("Proxy: a"), request("X-Original-URL: /b")], .taken),
        ("several Cookie fields", [request("Cookie: a=b", "Cookie: c=d")], .taken),
        (
            "more than 32 unknown names in Connection",
            [request("Connection: " + (0..<33).map { "x\($0)" }.joined(separator: ","))], .refused(400)
        ),
        ("an Expect other than", [request("Expect: x")], .taken),
    ]

    /// Reads one whole request.
    static func judge(_ message: String) -> Judgement? {
        var server = HTTP1Server(limits: HeadLimits(), maxBodyBytes: 100)
        var head = RequestHead()
        var bytes = Array(message.utf8)[...]
        while true {
            let (input, used) = withExactCopy(bytes) { server.read($0, into: &head) }
            bytes = bytes.dropFirst(used)
            switch input {
            case .end: return .taken
            case .failed(let failure): return .refused(failure.status)
            case .needMore: return nil
            case .head, .payload: continue
            }
        }
    }

    @Test func message_ofEachRow_isJudgedAsThePageSays() {
        for (row, messages, judgement) in Self.rows {
            for message in messages { #expect(Self.judge(message) == judgement, "\(row): \(message.debugDescription)") }
        }
    }

    @Test func page_hasTheseRowsAndOneMore() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../")
        let page = try String(contentsOf: root.appending(path: "Sources/HTTPWire/README.md"), encoding: .utf8)
        let lines = page.split(separator: "\n").filter { $0.hasPrefix("| ") }.dropFirst()
        for (row, _, judgement) in Self.rows {
            let found = lines.filter { $0.hasPrefix("| \(row)") }
            #expect(found.count == 1, "\(row)")
            let cell = found.first?.split(separator: "|")[4].trimmingCharacters(in: .whitespaces) ?? ""
            switch judgement {
            case .refused(let status): #expect(cell == "\(status)", "\(row)")
            case .taken: #expect(UInt16(cell) == nil, "\(row)")
            }
        }
        // The row on paths is about what the gateway refuses: see `PathReadingTests`.
        #expect(lines.count == Self.rows.count + 1)
    }
}
