import HTTPWire
import Primitives
import Testing

@testable import onsale

@Suite struct ResponseReaderTests {
    static let mark = RequestMark(visitor: 0x1234, ordinal: 7)

    /// Reads `text` in pieces of `size` bytes, as a connection offers them: what was not used comes again.
    static func read(_ text: String, pieces size: Int = .max) -> (step: ResponseReader.Step?, cookies: CookieJar) {
        var reader = ResponseReader()
        reader.expect(Self.mark)
        var head = ResponseHead()
        var cookies = CookieJar()
        var offered: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            offered += rest.prefix(size)
            rest = rest.dropFirst(size)
            let step = offered.withUnsafeBytes { reader.read($0, head: &head, cookies: &cookies) }
            guard case .needsMore(let used) = step else { return (step, cookies) }
            offered.removeFirst(used)
        }
        return (reader.end().map { .complete($0, used: 0) }, cookies)
    }

    static func response(_ text: String, pieces size: Int = .max) -> Response? {
        guard case .complete(let response, _) = Self.read(text, pieces: size).step else { return nil }
        return response
    }

    @Test func waitingPage_inOnePiece_isRead() throws {
        let text = Self.page(#"{"state":"waiting","number":9,"refresh_seconds":4}"#)
        let response = try #require(Self.response(text))
        #expect(response.status == 200 && response.standing == .waiting && response.retryAfterSeconds == 7)
        #expect(response.page?.number == 9 && response.page?.refreshSeconds == 4)
        #expect(response.keepsConnection && !response.isGatewayError)
    }

    /// Only the very mark, at the very end, makes a page the visitor's own, however the response comes in pieces.
    @Test(arguments: [1, 2, 5, 20, 64, 10_000])
    func page_withTheMarkAtItsEnd_isTheVisitorsOwn(size: Int) throws {
        let mark = "<!-- 0000123400000007 -->\n"
        let bodies = [
            ("hello \(mark)", true), (mark, true), ("", false), ("hello", false), ("\(mark)\n", false),
            ("<!-- 0000123400000008 -->\n", false), ("<!-- 00001234A0000007 -->\n", false), ("7 -->\n", false),
        ]
        for (body, isOwn) in bodies {
            let plain = "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
            #expect(try #require(Self.response(plain, pieces: size)).hasMark == isOwn, "\(body)")
            guard body.utf8.count > 8 else { continue }
            let (first, rest) = (body.prefix(5), body.dropFirst(5))
            let chunked =
                "HTTP/1.1 503 S\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n\(first)\r\n"
                + "\(String(rest.utf8.count, radix: 16))\r\n\(rest)\r\n0\r\n\r\n"
            #expect(try #require(Self.response(chunked, pieces: size)).hasMark == isOwn, "\(body)")
        }
    }

    static func page(_ body: String, fields: String = "") -> String {
        "HTTP/1.1 200 OK\r\nRetry-After: 7\r\nSluice-State: waiting\r\n\(fields)"
            + "Set-Cookie: sluice-place-onsale=abc; Path=/\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    /// However a response is cut, the visitor learns the same.
    @Test(arguments: [1, 2, 3, 7, 16, 61])
    func answer_inPieces_isTheSame(size: Int) throws {
        let body = #"{"state":"waiting","number":9,"refresh_seconds":4}"#
        let chunked =
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nSluice-State: at-door\r\nTransfer-Encoding: chunked\r\n"
            + "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n14\r\n\(body.prefix(20))\r\n1E\r\n\(body.dropFirst(20))\r\n0\r\n\r\n"
        for text in [Self.page(body), chunked] {
            let whole = Self.read(text)
            let pieces = Self.read(text, pieces: size)
            guard case .complete(let expected, _) = whole.step, case .complete(let response, _) = pieces.step else {
                Issue.record("whole: \(String(describing: whole.step)), in pieces: \(String(describing: pieces.step))")
                return
            }
            #expect(response == expected && response.page?.number == 9)
            #expect(pieces.cookies.header == whole.cookies.header && !whole.cookies.header.isEmpty)
        }
    }

    @Test func answer_untilTheConnectionEnds_isComplete() throws {
        let response = try #require(Self.response("HTTP/1.1 200 OK\r\nSluice-State: admitted\r\n\r\nhello", pieces: 10))
        #expect(response.standing == .admitted && !response.keepsConnection)
    }

    @Test func answer_cutShort_isNone() {
        let text = Self.page(#"{"number":1}"#)
        for length in 0..<text.utf8.count {
            let cut = String(decoding: text.utf8.prefix(length), as: UTF8.self)
            #expect(Self.response(cut) == nil, "after \(length) bytes")
        }
    }

    @Test func errors_ofGatewayAndWorker_areToldApart() throws {
        let gateway = try #require(
            Self.response(
                "HTTP/1.1 503 S\r\nSluice-Error: gateway; full\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
            )
        )
        #expect(gateway.status == 503 && gateway.isGatewayError && gateway.retryAfterSeconds == 1)
        let worker = try #require(Self.response("HTTP/1.1 500 S\r\nRetry-After: soon\r\nContent-Length: 2\r\n\r\nno"))
        #expect(!worker.isGatewayError && worker.retryAfterSeconds == nil)
    }

    @Test func connectionClose_isHeard() throws {
        let response = try #require(Self.response("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"))
        #expect(!response.keepsConnection)
    }

    @Test func waitingPage_tooLongOrSenseless_isNoPage() throws {
        let long = #"{"number":1,"pad":""# + String(repeating: "x", count: 6_000) + "\"}"
        for body in [long, "<html>"] {
            let response = try #require(Self.response(Self.page(body), pieces: 1_000))
            #expect(response.standing == .waiting && response.page == nil)
        }
    }

    @Test(arguments: ["HTTP/2 200 OK\r\n\r\n", "hello there", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"])
    func nonsense_isRefused(text: String) {
        guard case .failed = Self.read(text).step else {
            Issue.record("taken for a response: \(text)")
            return
        }
    }

    @Test func whatFollowsAnAnswer_isLeft() {
        let text = Self.page(#"{"number":1}"#)
        guard case .complete(_, let used) = Self.read(text + "HTTP/1.1 200").step else {
            Issue.record("not complete")
            return
        }
        #expect(used == text.utf8.count)
    }
}
