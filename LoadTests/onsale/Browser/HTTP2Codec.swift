import CNghttp2
import HTTPWire
import Primitives

/// HTTP/2, by nghttp2: the requests of a page are streams of one connection.
///
/// Limits: `mostStreams` at a time, or fewer where the server says so; flow control windows as large as browsers have
/// them, so that a page is not slowed down by the tool.
final class HTTP2Codec: PageCodec {
    static let mostStreams = 100
    /// What Chrome announces.
    private static let streamWindowBytes: Int32 = 6 << 20
    private static let connectionWindowBytes: Int32 = 15 << 20

    private struct Stream {
        let number: Int
        let keepsBody: Bool
        var body: [UInt8]
        var sentBytes = 0
        var response = PageResponse()
    }

    private let url: SiteURL
    private var session: OpaquePointer!
    private var streams: [Int32: Stream] = [:]
    private var events: [PageCodecEvent] = []
    private var isBroken = false
    private var isToldToGo = false
    /// A whole frame has come from the server.
    private var speaksHTTP2 = false

    init(url: SiteURL) {
        self.url = url
        var callbacks: OpaquePointer!
        nghttp2_session_callbacks_new(&callbacks)
        defer { nghttp2_session_callbacks_del(callbacks) }
        nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _,
            frame,
            name,
            nameLength,
            value,
            length,
            _,
            user in
            guard let codec = HTTP2Codec.codec(user), let frame else { return 0 }
            let name = UnsafeRawBufferPointer(start: name, count: nameLength)
            codec.took(name, UnsafeRawBufferPointer(start: value, count: length), stream: frame.pointee.hd.stream_id)
            return 0
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, stream, bytes, count, user in
            HTTP2Codec.codec(user)?.took(payload: UnsafeRawBufferPointer(start: bytes, count: count), stream: stream)
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, stream, code, user in
            HTTP2Codec.codec(user)?.ended(stream: stream, code: code)
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, user in
            guard let codec = HTTP2Codec.codec(user), let frame else { return 0 }
            codec.speaksHTTP2 = true
            if frame.pointee.hd.type == UInt8(NGHTTP2_GOAWAY.rawValue) { codec.isToldToGo = true }
            return 0
        }
        // The session lives no longer than this object, which frees it.
        nghttp2_session_client_new(&self.session, callbacks, Unmanaged.passUnretained(self).toOpaque())
        var settings = [
            nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue),
                value: UInt32(Self.streamWindowBytes)
            ),
        ]
        nghttp2_submit_settings(self.session, UInt8(NGHTTP2_FLAG_NONE.rawValue), &settings, settings.count)
        nghttp2_session_set_local_window_size(
            self.session,
            UInt8(NGHTTP2_FLAG_NONE.rawValue),
            0,
            Self.connectionWindowBytes
        )
    }

    deinit { nghttp2_session_del(self.session) }

    private static func codec(_ user: UnsafeMutableRawPointer?) -> HTTP2Codec? {
        user.map { Unmanaged<HTTP2Codec>.fromOpaque($0).takeUnretainedValue() }
    }

    var capacity: Int {
        guard !self.isUsedUp else { return 0 }
        let allowed = nghttp2_session_get_remote_settings(self.session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
        return max(0, min(Self.mostStreams, Int(allowed)) - self.streams.count)
    }
    var isUsedUp: Bool {
        self.isBroken || self.isToldToGo || nghttp2_session_check_request_allowed(self.session) == 0
    }
    var underWay: Int { self.streams.count }

    // MARK: Requests

    func send(_ request: PageRequest, number: Int, cookie: String?) {
        precondition(self.capacity > 0, "more streams than allowed")
        var fields = [
            (":method", request.method), (":scheme", self.url.scheme.rawValue), (":authority", self.url.authority),
            (":path", request.target),
        ]
        fields += request.fields.map { ($0.name, $0.value) }
        if let cookie { fields.append(("cookie", cookie)) }
        if !request.body.isEmpty { fields.append(("content-length", String(request.body.count))) }
        let stream = Self.withPairs(fields) { pairs in
            var provider = nghttp2_data_provider()
            provider.read_callback = { _, stream, buffer, length, flags, _, user in
                guard let codec = HTTP2Codec.codec(user), let buffer, let flags else {
                    return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
                }
                let memory = UnsafeMutableRawBufferPointer(start: buffer, count: length)
                let (count, isLast) = codec.fill(memory, stream: stream)
                if isLast { flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
                return count
            }
            let hasBody = !request.body.isEmpty
            return withUnsafePointer(to: &provider) {
                nghttp2_submit_request(self.session, nil, pairs.baseAddress, pairs.count, hasBody ? $0 : nil, nil)
            }
        }
        guard stream > 0 else {
            // No identifiers are left, or no memory: another connection has some.
            self.isToldToGo = true
            return self.events.append(.unprocessed(number: number))
        }
        self.streams[stream] = Stream(number: number, keepsBody: request.keepsBody, body: request.body)
    }

    /// nghttp2 copies what the pairs point at.
    private static func withPairs<Result>(
        _ fields: [(String, String)],
        _ body: (UnsafeBufferPointer<nghttp2_nv>) -> Result
    ) -> Result {
        var bytes: [UInt8] = []
        for (name, value) in fields { bytes += Array(name.utf8) + Array(value.utf8) }
        return bytes.withUnsafeMutableBufferPointer { memory in
            var position = memory.baseAddress!
            var pairs: [nghttp2_nv] = []
            for (name, value) in fields {
                let (nameLength, valueLength) = (name.utf8.count, value.utf8.count)
                pairs.append(
                    nghttp2_nv(
                        name: position,
                        value: position + nameLength,
                        namelen: nameLength,
                        valuelen: valueLength,
                        flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)
                    )
                )
                position += nameLength + valueLength
            }
            return pairs.withUnsafeBufferPointer(body)
        }
    }

    private func fill(_ memory: UnsafeMutableRawBufferPointer, stream: Int32) -> (count: Int, isLast: Bool) {
        guard let known = self.streams[stream] else { return (0, true) }
        let rest = known.body[known.sentBytes...].prefix(memory.count)
        memory.copyBytes(from: rest)
        self.streams[stream]?.sentBytes += rest.count
        return (rest.count, known.sentBytes + rest.count == known.body.count)
    }

    func takeOutput() -> [UInt8] {
        var output: [UInt8] = []
        while !self.isBroken {
            var piece: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(self.session, &piece)
            guard count > 0, let piece else { break }
            output += UnsafeBufferPointer(start: piece, count: count)
        }
        self.noticeEnd()
        return output
    }

    // MARK: Responses

    func received(_ bytes: UnsafeRawBufferPointer, head: inout ResponseHead) -> Int {
        guard !self.isBroken, bytes.count > 0 else { return bytes.count }
        let used = nghttp2_session_mem_recv(
            self.session,
            bytes.assumingMemoryBound(to: UInt8.self).baseAddress,
            bytes.count
        )
        if used < 0 { self.breakOff(.badAnswer) }
        self.noticeEnd()
        return bytes.count
    }

    /// After the last word of either side nothing more comes. A server that has not said one frame speaks something
    /// else.
    private func noticeEnd() {
        guard nghttp2_session_want_read(self.session) == 0, nghttp2_session_want_write(self.session) == 0 else {
            return
        }
        self.breakOff(self.speaksHTTP2 ? .broken : .badAnswer)
    }

    func inputEnded() { self.breakOff(.broken) }

    private func breakOff(_ kind: ErrorKind) {
        guard !self.isBroken else { return }
        self.isBroken = true
        self.streams = [:]
        self.events.append(.broken(kind))
    }

    private func took(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, stream: Int32) {
        guard self.streams[stream] != nil else { return }
        guard name.elementsEqual(":status".utf8) else {
            if name.first != UInt8(ascii: ":") { self.streams[stream]?.response.take(name: name, value: value) }
            return
        }
        // After an interim response the real one begins from scratch.
        var response = PageResponse()
        response.status = Int(String(decoding: value, as: UTF8.self)) ?? 0
        self.streams[stream]?.response = response
    }

    private func took(payload: UnsafeRawBufferPointer, stream: Int32) {
        let keeps = self.streams[stream]?.keepsBody ?? false
        self.streams[stream]?.response.take(payload: payload, keeps: keeps)
    }

    private func ended(stream: Int32, code: UInt32) {
        guard let known = self.streams.removeValue(forKey: stream) else { return }
        switch code {
        case NGHTTP2_NO_ERROR.rawValue where known.response.status >= 200:
            self.events.append(.answered(number: known.number, known.response))
        case NGHTTP2_REFUSED_STREAM.rawValue: self.events.append(.unprocessed(number: known.number))
        case NGHTTP2_NO_ERROR.rawValue, NGHTTP2_PROTOCOL_ERROR.rawValue:
            self.events.append(.failed(number: known.number, .badAnswer))
        default: self.events.append(.failed(number: known.number, .broken))
        }
    }

    func takeEvents() -> [PageCodecEvent] {
        defer { self.events = [] }
        return self.events
    }
}
