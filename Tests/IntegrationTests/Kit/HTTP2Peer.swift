import CNghttp2
import TestKit

/// A client of HTTP/2 that writes its frames byte by byte, well or badly, on a blocking socket. Only the compression
/// of the fields that come is undone by a library.
final class HTTP2Peer {
    enum Kind {
        static let data: UInt8 = 0
        static let headers: UInt8 = 1
        static let priority: UInt8 = 2
        static let resetStream: UInt8 = 3
        static let settings: UInt8 = 4
        static let ping: UInt8 = 6
        static let goAway: UInt8 = 7
        static let windowUpdate: UInt8 = 8
        static let continuation: UInt8 = 9
    }

    enum Flag {
        static let endStream: UInt8 = 1
        /// Of SETTINGS and PING.
        static let isAnswer: UInt8 = 1
        static let endHeaders: UInt8 = 4
    }

    enum Code {
        static let noError: UInt32 = 0
        static let protocolError: UInt32 = 1
        static let cancel: UInt32 = 8
        static let enhanceYourCalm: UInt32 = 11
    }

    struct Frame {
        let kind: UInt8
        let flags: UInt8
        let stream: UInt32
        let payload: [UInt8]

        /// The number of 32 bits at that place of the payload.
        func word(at offset: Int = 0) -> UInt32 {
            self.payload[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
        }

        var isPingAnswer: Bool { self.kind == Kind.ping && self.flags & Flag.isAnswer != 0 }
    }

    /// What came of one stream.
    struct Answer {
        var status = 0
        var fields: [(name: String, value: String)] = []
        var body: [UInt8] = []
        var trailers: [(name: String, value: String)] = []
        /// Statuses below 200 that came before.
        var interim: [Int] = []
        var isComplete = false
        /// The code that the stream was reset with.
        var reset: UInt32?

        var text: String { String(decoding: self.body, as: UTF8.self) }
        func field(_ name: String) -> String? { self.fields.first { $0.name == name }?.value }
        func trailer(_ name: String) -> String? { self.trailers.first { $0.name == name }?.value }
    }

    let peer: RawPeer
    private var inflater: OpaquePointer?
    private var answers: [UInt32: Answer] = [:]
    /// All that have come, but those that answer this side's settings.
    private(set) var goAways: [(lastStream: UInt32, code: UInt32)] = []
    /// By how much each stream's window was opened; the connection's is that of stream 0.
    private(set) var opened: [UInt32: Int] = [:]
    /// Bytes of payload that came are given back to the windows at once.
    var opensWindows = true

    init(port: UInt16, settings: [(id: UInt16, value: UInt32)] = []) throws {
        self.peer = try RawPeer(port: port)
        guard nghttp2_hd_inflate_new(&self.inflater) == 0 else { throw Disappointment("no inflater") }
        self.peer.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self.send(Kind.settings, payload: settings.flatMap { Self.bytes($0.id) + Self.bytes($0.value) })
    }

    deinit { nghttp2_hd_inflate_del(self.inflater) }

    // MARK: Writing

    static func bytes<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }

    static func frame(_ kind: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, payload: [UInt8] = []) -> [UInt8] {
        Array(Self.bytes(UInt32(payload.count)).dropFirst()) + [kind, flags] + Self.bytes(stream) + payload
    }

    /// False when the connection broke on the way.
    @discardableResult
    func send(_ kind: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, payload: [UInt8] = []) -> Bool {
        self.peer.send(Self.frame(kind, flags: flags, stream: stream, payload: payload))
    }

    /// Fields as literals that go into no table.
    static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { [0] + self.text($0.0) + self.text($0.1) }
    }

    private static func text(_ text: String) -> [UInt8] {
        var (rest, length) = (text.utf8.count, [UInt8]())
        if rest < 127 { return [UInt8(rest)] + Array(text.utf8) }
        length.append(127)
        rest -= 127
        while rest >= 128 {
            length.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        return length + [UInt8(rest)] + Array(text.utf8)
    }

    static func pseudo(_ method: String, _ path: String, authority: String = "localhost") -> [(String, String)] {
        [(":method", method), (":scheme", "http"), (":authority", authority), (":path", path)]
    }

    /// A request, whole unless `endsStream` is false.
    func request(
        _ stream: UInt32,
        _ method: String,
        _ path: String,
        _ fields: [(String, String)] = [],
        endsStream: Bool = true
    ) {
        self.head(stream, Self.pseudo(method, path) + fields, endsStream: endsStream)
    }

    func head(_ stream: UInt32, _ fields: [(String, String)], endsStream: Bool = true) {
        let flags = Flag.endHeaders | (endsStream ? Flag.endStream : 0)
        self.send(Kind.headers, flags: flags, stream: stream, payload: Self.block(fields))
    }

    func data(_ stream: UInt32, _ bytes: [UInt8], endsStream: Bool = false) {
        self.send(Kind.data, flags: endsStream ? Flag.endStream : 0, stream: stream, payload: bytes)
    }

    func reset(_ stream: UInt32) {
        self.send(Kind.resetStream, stream: stream, payload: Self.bytes(Code.cancel))
    }

    func open(_ stream: UInt32, by count: UInt32) {
        self.send(Kind.windowUpdate, stream: stream, payload: Self.bytes(count))
    }

    // MARK: Reading

    /// The next frame; nil when the connection has ended. What it means for an answer is noted.
    @discardableResult
    func readFrame() throws -> Frame? {
        guard let header = self.peer.read(count: 9) else { return nil }
        let length = header[..<3].reduce(0) { $0 << 8 | Int($1) }
        let stream = header[5...].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
        guard let payload = length == 0 ? [] : self.peer.read(count: length) else { return nil }
        let frame = Frame(kind: header[3], flags: header[4], stream: stream, payload: payload)
        try self.note(frame)
        return frame
    }

    private func note(_ frame: Frame) throws {
        let stream = frame.stream
        switch frame.kind {
        case Kind.settings where frame.flags & Flag.isAnswer == 0: self.send(Kind.settings, flags: Flag.isAnswer)
        case Kind.windowUpdate: self.opened[stream, default: 0] += Int(frame.word())
        case Kind.goAway: self.goAways.append((frame.word() & 0x7FFF_FFFF, frame.word(at: 4)))
        case Kind.resetStream: self.answers[stream, default: Answer()].reset = frame.word()
        case Kind.headers: try self.note(self.inflate(frame), stream)
        case Kind.data:
            self.answers[stream, default: Answer()].body += frame.payload
            if self.opensWindows, !frame.payload.isEmpty {
                for number in [0, stream] { self.open(number, by: UInt32(frame.payload.count)) }
            }
        default: break
        }
        if [Kind.headers, Kind.data].contains(frame.kind), frame.flags & Flag.endStream != 0 {
            self.answers[stream, default: Answer()].isComplete = true
        }
    }

    private func note(_ fields: [(name: String, value: String)], _ stream: UInt32) {
        var answer = self.answers[stream] ?? Answer()
        guard let status = fields.first(where: { $0.name == ":status" }).flatMap({ Int($0.value) }) else {
            answer.trailers = fields
            self.answers[stream] = answer
            return
        }
        if status < 200 {
            answer.interim.append(status)
        } else {
            answer.status = status
            answer.fields = fields.filter { $0.name != ":status" }
        }
        self.answers[stream] = answer
    }

    private func inflate(_ frame: Frame) throws -> [(name: String, value: String)] {
        guard frame.flags & Flag.endHeaders != 0 else { throw Disappointment("a head in several frames") }
        var fields: [(name: String, value: String)] = []
        var rest = frame.payload[...]
        while true {
            var pair = nghttp2_nv()
            var flags: Int32 = 0
            let used = Array(rest).withUnsafeBufferPointer {
                nghttp2_hd_inflate_hd2(self.inflater, &pair, &flags, $0.baseAddress, $0.count, 1)
            }
            guard used >= 0 else { throw Disappointment("a block of fields cannot be read: \(used)") }
            rest = rest.dropFirst(Int(used))
            if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
                let name = UnsafeBufferPointer(start: pair.name, count: pair.namelen)
                let value = UnsafeBufferPointer(start: pair.value, count: pair.valuelen)
                fields.append((String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self)))
            }
            if flags & Int32(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 { break }
        }
        nghttp2_hd_inflate_end_headers(self.inflater)
        return fields
    }

    /// Waits until a stream's answer is complete, or the stream was reset.
    func answer(_ stream: UInt32) throws -> Answer {
        while true {
            if let answer = self.answers[stream], answer.isComplete || answer.reset != nil { return answer }
            guard try self.readFrame() != nil else {
                throw Disappointment("the connection ended without an answer on stream \(stream): \(self.goAways)")
            }
        }
    }

    /// What has come of a stream so far.
    func soFar(_ stream: UInt32) -> Answer { self.answers[stream] ?? Answer() }

    /// Returns when the gateway has read all that was sent before.
    func synchronize() throws {
        self.send(Kind.ping, payload: [1, 2, 3, 4, 5, 6, 7, 8])
        while let frame = try self.readFrame() { if frame.isPingAnswer { return } }
        throw Disappointment("the connection ended: \(self.goAways)")
    }

    /// Reads to the end of the connection, and tells the code of the last GOAWAY; nil when there was none.
    func readToEnd() throws -> UInt32? {
        while try self.readFrame() != nil {}
        return self.goAways.last?.code
    }
}
