import CNghttp2
import HTTPWire
import Testing

@testable import onsale

/// What a connection speaks, without a socket.
@Suite struct PageCodecTests {
    private static let url = SiteURL(scheme: .http, host: "s.test", port: 8080, target: "/")

    /// Gives the text to the codec in pieces, as a stream does; returns what it did not use.
    private static func give(_ codec: any PageCodec, _ text: String, pieces: Int = .max) -> Int {
        var head = ResponseHead(limits: HTTP1Codec.limits)
        var kept: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            kept += rest.prefix(pieces)
            rest = rest.dropFirst(pieces)
            let used = kept.withUnsafeBytes { codec.received($0, head: &head) }
            kept.removeFirst(used)
        }
        return kept.count
    }

    private static func text(_ codec: any PageCodec) -> String { String(decoding: codec.takeOutput(), as: UTF8.self) }

    // MARK: HTTP/1.1

    @Test func http1_request_isWrittenWhole() {
        let codec = HTTP1Codec(url: Self.url)
        var request = PageRequest(method: "POST", target: "/buy?x=1", body: Array("a=1".utf8))
        request.fields = [.init(name: "accept", value: "*/*")]
        codec.send(request, number: 1, cookie: "k=v")
        let expected =
            "POST /buy?x=1 HTTP/1.1\r\nHost: s.test:8080\r\naccept: */*\r\nCookie: k=v\r\ncontent-length: 3\r\n\r\na=1"
        #expect(Self.text(codec) == expected)
        #expect(codec.capacity == 0 && codec.underWay == 1 && Self.text(codec).isEmpty)
    }

    @Test(arguments: [1, 7, Int.max])
    func http1_answers_areReadHoweverTheyCome(pieces: Int) throws {
        let codec = HTTP1Codec(url: Self.url)
        codec.send(PageRequest(target: "/"), number: 5, cookie: nil)
        let early = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        let answer =
            "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX-Shop: Y\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n1\r\n!\r\n0\r\n\r\n"
        #expect(Self.give(codec, early + answer, pieces: pieces) == 0)
        guard case .answered(5, let response)? = codec.takeEvents().first else { throw PageLoadTests.Unexpected() }
        #expect(response.status == 200 && response.text == "hi!" && response.bodyBytes == 3)
        #expect(response.value(of: "x-shop") == "Y" && response.value(of: "set-cookie") == "a=1")
        #expect(codec.capacity == 1 && codec.takeEvents().isEmpty)
    }

    @Test func http1_bodyThatNobodyLooksAt_isCountedOnly() {
        let codec = HTTP1Codec(url: Self.url)
        codec.send(PageRequest(target: "/", keepsBody: false), number: 0, cookie: nil)
        _ = Self.give(codec, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
        var expected = PageResponse(status: 200)
        expected.fields = [.init(name: "content-length", value: "5"), .init(name: "connection", value: "close")]
        expected.bodyBytes = 5
        #expect(codec.takeEvents() == [.answered(number: 0, expected)])
        #expect(codec.isUsedUp && codec.capacity == 0)
    }

    @Test func http1_bodyUntilTheEnd_isWholeWithTheConnection() {
        let codec = HTTP1Codec(url: Self.url)
        codec.send(PageRequest(target: "/"), number: 0, cookie: nil)
        _ = Self.give(codec, "HTTP/1.1 200 OK\r\n\r\nhello")
        #expect(codec.takeEvents().isEmpty)
        codec.inputEnded()
        #expect(codec.takeEvents() == [.answered(number: 0, PageStepTests.page("hello"))])
    }

    @Test(arguments: ["SMTP ready\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/2 200\r\n\r\n"])
    func http1_nonsense_isABadAnswer(text: String) {
        let codec = HTTP1Codec(url: Self.url)
        codec.send(PageRequest(target: "/"), number: 0, cookie: nil)
        _ = Self.give(codec, text)
        #expect(codec.takeEvents() == [.broken(.badAnswer)] && codec.isUsedUp)
    }

    @Test func http1_endInTheMiddle_isABreak() {
        let codec = HTTP1Codec(url: Self.url)
        codec.send(PageRequest(target: "/"), number: 0, cookie: nil)
        _ = Self.give(codec, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello")
        codec.inputEnded()
        #expect(codec.takeEvents() == [.broken(.broken)] && codec.isUsedUp)
    }

    @Test func http1_wordsThatNobodyAskedFor_useTheConnectionUp() {
        let codec = HTTP1Codec(url: Self.url)
        #expect(codec.capacity == 1)
        _ = Self.give(codec, "HTTP/1.1 408 Request Timeout\r\n\r\n")
        #expect(codec.isUsedUp && codec.takeEvents().isEmpty)
    }

    // MARK: HTTP/2

    /// A server of few words, over the same library's other side.
    private final class Server {
        var session: OpaquePointer!
        /// Method, path and body by stream.
        var requests: [Int32: [String: String]] = [:]
        var bodies: [Int32: String] = [:]

        init() {
            var callbacks: OpaquePointer!
            nghttp2_session_callbacks_new(&callbacks)
            defer { nghttp2_session_callbacks_del(callbacks) }
            nghttp2_session_callbacks_set_on_header_callback(callbacks) {
                _,
                frame,
                name,
                count,
                value,
                length,
                _,
                user in
                let server = Unmanaged<Server>.fromOpaque(user!).takeUnretainedValue()
                let name = String(decoding: UnsafeBufferPointer(start: name, count: count), as: UTF8.self)
                let value = String(decoding: UnsafeBufferPointer(start: value, count: length), as: UTF8.self)
                server.requests[frame!.pointee.hd.stream_id, default: [:]][name] = value
                return 0
            }
            nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, stream, bytes, count, user in
                let server = Unmanaged<Server>.fromOpaque(user!).takeUnretainedValue()
                server.bodies[stream, default: ""] += String(
                    decoding: UnsafeBufferPointer(start: bytes, count: count),
                    as: UTF8.self
                )
                return 0
            }
            nghttp2_session_server_new(&self.session, callbacks, Unmanaged.passUnretained(self).toOpaque())
            var entry = nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue),
                value: 3
            )
            nghttp2_submit_settings(self.session, 0, &entry, 1)
        }

        deinit { nghttp2_session_del(self.session) }

        /// Lets both sides talk until neither has anything to say.
        func talk(with codec: HTTP2Codec) {
            var head = ResponseHead(limits: HTTP1Codec.limits)
            while true {
                let asked = codec.takeOutput()
                _ = nghttp2_session_mem_recv(self.session, asked, asked.count)
                var said: [UInt8] = []
                var piece: UnsafePointer<UInt8>?
                while case let count = nghttp2_session_mem_send(self.session, &piece), count > 0 {
                    said += UnsafeBufferPointer(start: piece, count: count)
                }
                if asked.isEmpty, said.isEmpty { return }
                _ = said.withUnsafeBytes { codec.received($0, head: &head) }
            }
        }

        /// Answers with a status and nothing else.
        func answer(_ stream: Int32, _ status: String) {
            var name = Array(":status".utf8)
            var value = Array(status.utf8)
            name.withUnsafeMutableBufferPointer { name in
                value.withUnsafeMutableBufferPointer { value in
                    var pair = nghttp2_nv(
                        name: name.baseAddress,
                        value: value.baseAddress,
                        namelen: name.count,
                        valuelen: value.count,
                        flags: 0
                    )
                    nghttp2_submit_response(self.session, stream, &pair, 1, nil)
                }
            }
        }
    }

    @Test func http2_requestsOfAPage_areStreamsOfOneConnection() {
        let (codec, server) = (HTTP2Codec(url: Self.url), Server())
        for number in 0..<3 {
            codec.send(PageRequest(target: "/\(number)"), number: number, cookie: number == 0 ? "a=1" : nil)
        }
        server.talk(with: codec)
        #expect(server.requests.keys.sorted() == [1, 3, 5] && codec.underWay == 3)
        let expected = [
            ":method": "GET", ":scheme": "http", ":authority": "s.test:8080", ":path": "/0", "cookie": "a=1",
        ]
        #expect(server.requests[1] == expected)
        // As many as the server allows.
        #expect(codec.capacity == 0)
        server.answer(3, "204")
        server.answer(1, "404")
        server.talk(with: codec)
        let events = [(1, 204), (0, 404)].map { PageCodecEvent.answered(number: $0.0, PageResponse(status: $0.1)) }
        #expect(codec.takeEvents() == events && codec.capacity == 2)
    }

    @Test func http2_body_arrivesWhole() {
        let (codec, server) = (HTTP2Codec(url: Self.url), Server())
        let body = String(repeating: "seat=1&", count: 5_000)
        codec.send(PageRequest(method: "POST", target: "/buy", body: Array(body.utf8)), number: 0, cookie: nil)
        server.talk(with: codec)
        #expect(server.bodies[1] == body && server.requests[1]?["content-length"] == "35000")
    }

    @Test func http2_refusedOrReset_isToldApart() {
        let (codec, server) = (HTTP2Codec(url: Self.url), Server())
        for number in 0..<3 { codec.send(PageRequest(target: "/"), number: number, cookie: nil) }
        server.talk(with: codec)
        nghttp2_submit_rst_stream(server.session, 0, 1, NGHTTP2_REFUSED_STREAM.rawValue)
        nghttp2_submit_rst_stream(server.session, 0, 3, NGHTTP2_INTERNAL_ERROR.rawValue)
        server.talk(with: codec)
        #expect(codec.takeEvents() == [.unprocessed(number: 0), .failed(number: 1, .broken)])
        #expect(!codec.isUsedUp)
        codec.inputEnded()
        #expect(codec.takeEvents() == [.broken(.broken)] && codec.isUsedUp && codec.capacity == 0)
    }

    @Test func http2_serverThatGoes_takesNoMore() {
        let (codec, server) = (HTTP2Codec(url: Self.url), Server())
        for number in 0..<2 { codec.send(PageRequest(target: "/"), number: number, cookie: nil) }
        server.talk(with: codec)
        // It has taken up the first one only.
        nghttp2_submit_goaway(server.session, 0, 1, NGHTTP2_NO_ERROR.rawValue, nil, 0)
        server.answer(1, "200")
        server.talk(with: codec)
        let events = codec.takeEvents()
        #expect(events.contains(.unprocessed(number: 1)))
        #expect(events.contains(.answered(number: 0, PageResponse(status: 200))))
        #expect(codec.isUsedUp && codec.capacity == 0)
    }

    @Test func http2_serverThatSpeaksHTTP1_isABadAnswer() {
        let codec = HTTP2Codec(url: Self.url)
        codec.send(PageRequest(target: "/"), number: 0, cookie: nil)
        #expect(Self.text(codec).hasPrefix("PRI * HTTP/2.0"))
        _ = Self.give(codec, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        // Its own last word, which says what was wrong.
        #expect(!codec.takeOutput().isEmpty)
        #expect(codec.takeEvents() == [.broken(.badAnswer)] && codec.isUsedUp)
    }
}
