import CNghttp2
import HTTPWire
import Primitives
import Testing

@testable import Gateway

/// nghttp2's server end as the gateway uses it, with nghttp2's client as its peer, or with frames by hand.
@Suite struct HTTP2SessionTests {
    /// Writes down what the session tells, and answers each request as soon as it is complete.
    private final class Server: HTTP2SessionUser {
        var session: HTTP2Session!
        private(set) var told: [String] = []
        private(set) var received: [Int32: Int] = [:]
        private(set) var sentBytes: [Int32: Int] = [:]
        private var output: [Int32: [UInt8]] = [:]
        /// What came is given back to the windows.
        var consumes = true
        /// Nothing is ready for frames.
        var isStalled = false
        private let lines = Array("Server: x\r\nConnection: close\r\nSet-Cookie: a=b\r\n".utf8)

        init(streams: Int = 10) { self.session = HTTP2Session(user: self, streams: streams, headBytes: 4_096) }

        func fieldsBegan(stream: Int32, areTrailers: Bool) {}

        func fieldCame(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, areTrailers: Bool) -> Bool {
            if areTrailers { self.told.append("trailer \(String(decoding: name, as: UTF8.self))") }
            return name.count < 100
        }

        func fieldsEnded(stream: Int32, areTrailers: Bool, endsStream: Bool) {
            if areTrailers || endsStream { self.answer(stream) }
        }

        private func answer(_ stream: Int32) {
            self.output[stream] = [UInt8](repeating: 0x61, count: 40_000)
            self.lines.withUnsafeBytes { lines in
                let none = UnsafeRawBufferPointer(start: nil, count: 0)
                #expect(self.session.sendHead(stream: stream, status: 103, lines: none, hasBody: false))
                #expect(self.session.sendHead(stream: stream, status: 200, lines: lines, hasBody: true))
            }
        }

        func payloadCame(stream: Int32, _ payload: UnsafeRawBufferPointer) {
            self.received[stream, default: 0] += payload.count
            if self.consumes { self.session.consume(stream: stream, payload.count) }
        }

        func inputEnded(stream: Int32) { self.answer(stream) }
        func streamClosed(_ stream: Int32) { self.told.append("closed \(stream)") }

        func fill(_ memory: UnsafeMutableRawBufferPointer, stream: Int32) -> HTTP2Session.Filling {
            guard !self.isStalled, var rest = self.output[stream] else { return .nothing }
            let count = min(rest.count, memory.count)
            memory.copyBytes(from: rest[..<count])
            rest.removeFirst(count)
            self.output[stream] = rest
            guard rest.isEmpty else { return .bytes(count) }
            var trailers = Trailers()
            var bytes = 0
            Array("grpc-status".utf8).withUnsafeBytes { name in
                Array("7".utf8).withUnsafeBytes { _ = trailers.take(name: name, value: $0, bytes: &bytes) }
            }
            return .last(count, trailers)
        }

        func sent(stream: Int32, dataBytes: Int?, endsStream: Bool) {
            self.sentBytes[stream, default: 0] += dataBytes ?? 0
            if endsStream { self.told.append("answered \(stream)") }
        }

        func clientWasFaulty(stream: Int32) -> Bool {
            self.told.append("faulty \(stream)")
            return true
        }

        func takeOutput() -> [UInt8] {
            var all: [UInt8] = []
            while let piece = self.session.nextOutput() { all += piece }
            return all
        }

        func receive(_ bytes: [UInt8]) -> HTTP2Session.Received {
            bytes.withUnsafeBytes { self.session.receive($0) }
        }
    }

    private final class Client {
        private var session: OpaquePointer!
        private(set) var told: [String] = []
        private(set) var received = 0
        private var unsent = 0

        init() {
            var callbacks: OpaquePointer!
            nghttp2_session_callbacks_new(&callbacks)
            defer { nghttp2_session_callbacks_del(callbacks) }
            nghttp2_session_callbacks_set_on_header_callback(callbacks) {
                _,
                _,
                name,
                nameCount,
                value,
                count,
                _,
                user in
                let name = String(decoding: UnsafeBufferPointer(start: name, count: nameCount), as: UTF8.self)
                let value = String(decoding: UnsafeBufferPointer(start: value, count: count), as: UTF8.self)
                Client.of(user)?.told.append("\(name)=\(value)")
                return 0
            }
            nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, _, _, count, user in
                Client.of(user)?.received += count
                return 0
            }
            nghttp2_session_client_new(&self.session, callbacks, Unmanaged.passUnretained(self).toOpaque())
            nghttp2_submit_settings(self.session, 0, nil, 0)
        }

        deinit { nghttp2_session_del(self.session) }

        private static func of(_ user: UnsafeMutableRawPointer?) -> Client? {
            user.map { Unmanaged<Client>.fromOpaque($0).takeUnretainedValue() }
        }

        func ask(_ method: String, bodyBytes: Int = 0) {
            self.unsent = bodyBytes
            let fields = [(":method", method), (":scheme", "http"), (":authority", "a"), (":path", "/")]
            var bytes = fields.flatMap { Array($0.0.utf8) + Array($0.1.utf8) }
            bytes.withUnsafeMutableBufferPointer { memory in
                var position = memory.baseAddress!
                var pairs: [nghttp2_nv] = []
                for (name, value) in fields {
                    let (nameCount, count) = (name.utf8.count, value.utf8.count)
                    pairs.append(
                        nghttp2_nv(
                            name: position,
                            value: position + nameCount,
                            namelen: nameCount,
                            valuelen: count,
                            flags: 0
                        )
                    )
                    position += nameCount + count
                }
                var provider = nghttp2_data_provider()
                provider.read_callback = { _, _, memory, room, flags, _, user in
                    guard let client = Client.of(user), let memory else { return 0 }
                    let count = min(room, client.unsent)
                    for index in 0..<count { memory[index] = 0x62 }
                    client.unsent -= count
                    if client.unsent == 0 { flags?.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
                    return count
                }
                let stream = withUnsafePointer(to: &provider) {
                    nghttp2_submit_request(self.session, nil, pairs, pairs.count, bodyBytes > 0 ? $0 : nil, nil)
                }
                #expect(stream > 0)
            }
        }

        /// Until neither has anything to say.
        func talk(with server: Server) {
            while true {
                var asked: [UInt8] = []
                var piece: UnsafePointer<UInt8>?
                while case let count = nghttp2_session_mem_send(self.session, &piece), count > 0 {
                    asked += UnsafeBufferPointer(start: piece, count: count)
                }
                #expect(server.receive(asked) == .fine)
                let said = server.takeOutput()
                if asked.isEmpty, said.isEmpty { return }
                _ = nghttp2_session_mem_recv(self.session, said, said.count)
            }
        }
    }

    @Test func response_hasItsInterimOneBefore_andItsTrailersBehind() {
        let (client, server) = (Client(), Server())
        client.ask("GET")
        client.talk(with: server)
        #expect(
            client.told == [":status=103", ":status=200", "server=x", "set-cookie=a=b", "grpc-status=7"]
        )
        #expect(client.received == 40_000)
        #expect(server.told == ["answered 1", "closed 1"])
        #expect(server.sentBytes == [1: 40_000])
    }

    @Test func response_thatIsNotReady_goesOnWhenItIs() {
        let (client, server) = (Client(), Server())
        server.isStalled = true
        client.ask("GET")
        client.talk(with: server)
        #expect(client.received == 0)
        server.isStalled = false
        client.talk(with: server)
        #expect(client.received == 0, "nobody has said that there is something")
        server.session.resume(stream: 1)
        client.talk(with: server)
        #expect(client.received == 40_000)
    }

    @Test func windows_openAsTheBodyIsUsed() {
        let (client, server) = (Client(), Server())
        server.consumes = false
        client.ask("POST", bodyBytes: 200_000)
        client.talk(with: server)
        let window = Int(HTTP2Session.streamWindowBytes)
        #expect(server.received[1] == window)
        server.session.consume(stream: 1, window)
        client.talk(with: server)
        #expect(server.received[1] == 2 * window)
        server.consumes = true
        server.session.consume(stream: 1, window)
        client.talk(with: server)
        #expect(server.received[1] == 200_000 && client.received == 40_000)
    }

    /// Bodies that are kept back on some streams leave no window to the others.
    @Test func connectionWindow_isShut_whileTooMuchIsKept() {
        let (client, server) = (Client(), Server(streams: 20))
        client.talk(with: server)
        server.consumes = false
        #expect(!server.session.isConnectionWindowShut)
        for _ in 0..<17 { client.ask("POST", bodyBytes: 2_000_000) }
        client.talk(with: server)
        #expect(server.received.values.reduce(0, +) == Int(HTTP2Session.connectionWindowBytes))
        #expect(server.session.isConnectionWindowShut)
        for (stream, count) in server.received { server.session.consume(stream: stream, count) }
        #expect(!server.session.isConnectionWindowShut)
    }

    @Test func end_isAnnounced_beforeItIsSaid() {
        let (client, server) = (Client(), Server())
        client.talk(with: server)
        server.session.announceEnd()
        client.talk(with: server)
        #expect(!server.session.isOver)
        server.session.sendGoAway()
        client.talk(with: server)
        #expect(server.session.isOver)
    }

    // MARK: By hand

    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private static func frame(_ kind: UInt8, _ flags: UInt8, _ stream: Int, _ payload: [UInt8]) -> [UInt8] {
        let header: [UInt8] = [
            0, UInt8(payload.count >> 8), UInt8(payload.count & 255), kind, flags, 0, UInt8(stream >> 16),
            UInt8(stream >> 8 & 255), UInt8(stream & 255),
        ]
        return header + payload
    }

    private static func head(_ more: (String, String)...) -> [UInt8] {
        var block: [UInt8] = []
        for (name, value) in [(":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", "/")] + more {
            block += [0, UInt8(name.utf8.count)]
            block += Array(name.utf8)
            block.append(UInt8(value.utf8.count))
            block += Array(value.utf8)
        }
        return block
    }

    /// Left out, as nghttp2 would, the field would make another request of it.
    @Test func malformedField_resetsTheStream_andIsTheClientsFault() {
        let server = Server()
        var bytes = Self.preface + Self.frame(4, 0, 0, [])
        bytes += Self.frame(1, 5, 1, Self.head(("x", "a\r\nb"))) + Self.frame(1, 5, 3, Self.head(("x y", "a")))
        #expect(server.receive(bytes) == .fine)
        _ = server.takeOutput()
        #expect(server.told == ["faulty 1", "closed 1", "faulty 3", "closed 3"])
    }

    @Test func windowThatOverflows_isTheClientsFault() {
        let server = Server()
        let bytes = Self.preface + Self.frame(4, 0, 0, []) + Self.frame(1, 4, 1, Self.head())
        #expect(server.receive(bytes + Self.frame(8, 0, 1, [0x7F, 0xFF, 0xFF, 0xFF])) == .fine)
        _ = server.takeOutput()
        #expect(server.told == ["faulty 1", "closed 1"])
        // What is reset here on purpose is nobody's fault.
        #expect(server.receive(Self.frame(1, 4, 3, Self.head())) == .fine)
        server.session.reset(stream: 3, .internalError)
        _ = server.takeOutput()
        #expect(server.told == ["faulty 1", "closed 1", "closed 3"])
    }

    /// More streams than it may have, before it has confirmed that it knows: each is refused by a frame that waits for
    /// a client who reads nothing. The session does not bound them; the meter does.
    @Test func refusedStreams_ofAClientThatReadsNothing_areBounded() {
        let server = Server()
        let now = Instant(nanoseconds: 1_000)
        var meter = FrameMeter(now: now)
        var excess: FrameMeter.Excess?
        var bytes = Self.preface + Self.frame(4, 0, 0, [])
        var stream = 1
        while excess == nil, stream < 20_000 {
            excess = bytes.withUnsafeBytes { meter.take($0, now: now) }
            if excess == nil { #expect(server.receive(bytes) == .fine) }
            bytes = Self.frame(1, 5, stream, Self.head())
            stream += 2
        }
        #expect(excess == .frames)
        #expect(stream / 2 <= FrameMeter.framesAtOnce)
        // Ten responses may be among it, as far as the client's first window goes.
        #expect(server.takeOutput().count < 65_535 + 40 * FrameMeter.framesAtOnce)
    }

    @Test func whatIsNoHTTP2_orRefused_endsTheSession() {
        #expect(Server().receive(Array("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".utf8)) == .noPreface)
        let server = Server()
        let bytes = Self.preface + Self.frame(4, 0, 0, [])
        let long = String(repeating: "x", count: 120)
        #expect(server.receive(bytes + Self.frame(1, 5, 1, Self.head((long, "a")))) == .tooMuch)
    }
}
