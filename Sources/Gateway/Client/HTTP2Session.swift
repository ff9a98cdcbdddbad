import CNghttp2
import HTTPWire
import Primitives

/// What a session tells of its client. All calls come from within `HTTP2Session.receive` and `nextOutput`; none may
/// call these two, anything else of the session may be called.
protocol HTTP2SessionUser: AnyObject {
    /// The head of a new request, or the trailers of one, begins.
    func fieldsBegan(stream: Int32, areTrailers: Bool)
    /// Names and values are well-formed, and where they may stand. False ends the connection.
    func fieldCame(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, areTrailers: Bool) -> Bool
    func fieldsEnded(stream: Int32, areTrailers: Bool, endsStream: Bool)
    func payloadCame(stream: Int32, _ payload: UnsafeRawBufferPointer)
    /// The request's body has ended without trailers.
    func inputEnded(stream: Int32)
    /// Nothing more comes or goes.
    func streamClosed(_ stream: Int32)
    /// Puts what is ready of the response's body into `memory`.
    func fill(_ memory: UnsafeMutableRawBufferPointer, stream: Int32) -> HTTP2Session.Filling
    /// A frame has been written, of data if it has `dataBytes`. `endsStream`: the response is complete.
    func sent(stream: Int32, dataBytes: Int?, endsStream: Bool)
    /// The session resets a stream, because the client has broken the rules there. False ends the connection.
    func clientWasFaulty(stream: Int32) -> Bool
}

/// One connection of HTTP/2 from its server's end, by nghttp2: frames, compression, the states of streams, flow
/// control. It has no socket and no clock: bytes go in by `receive` and come out by `nextOutput`.
///
/// Limits: nghttp2 bounds what it keeps for a client (acknowledgements that wait, settings in a frame, fields of 64
/// KiB), and says so by an error that ends the connection. What a client may send of a body is what was consumed of
/// it, and a window beyond: no window opens by itself.
final class HTTP2Session {
    /// Of a request's body, what may wait here: RFC 9113 begins with it, too.
    static let streamWindowBytes: Int32 = 65_535
    /// The same for all requests of a connection together.
    static let connectionWindowBytes: Int32 = 1 << 20

    /// Codes that are sent on purpose (RFC 9113 section 7). Whatever else resets a stream is the client's fault.
    enum Code: UInt32 {
        case noError = 0
        case internalError = 2
        case cancel = 8
        case enhanceYourCalm = 11
    }

    /// What became of a piece of memory that was to be filled with payload.
    enum Filling {
        case bytes(Int)
        /// These are the last ones, and the trailers follow them.
        case last(Int, Trailers)
        /// There is nothing now: `resume` says when there is.
        case nothing
    }

    enum Received: Equatable {
        case fine
        /// The client does not speak HTTP/2.
        case noPreface
        /// It asks for more acknowledgements than it takes, or one of the user's calls said that this is the end.
        case tooMuch
        case outOfMemory
    }

    private let session: OpaquePointer
    private unowned let user: any HTTP2SessionUser
    /// Nothing more can be sent: there is no memory, or one of the user's calls said that this is the end.
    private(set) var isBroken = false

    /// - Parameters:
    ///   - streams: requests that may be under way.
    ///   - headBytes: what a client is told that heads may have.
    /// Nil without memory.
    init?(user: any HTTP2SessionUser, streams: Int, headBytes: Int) {
        var option: OpaquePointer?
        var callbacks: OpaquePointer?
        var session: OpaquePointer?
        guard nghttp2_option_new(&option) == 0 else { return nil }
        defer { nghttp2_option_del(option) }
        nghttp2_option_set_no_auto_window_update(option, 1)
        nghttp2_option_set_no_closed_streams(option, 1)
        guard nghttp2_session_callbacks_new(&callbacks) == 0 else { return nil }
        defer { nghttp2_session_callbacks_del(callbacks) }
        Self.listen(callbacks)
        guard nghttp2_session_server_new2(&session, callbacks, nil, option) == 0, let session else { return nil }
        self.session = session
        self.user = user
        // The session lives no longer than this object, which frees it.
        nghttp2_session_set_user_data(session, Unmanaged.passUnretained(self).toOpaque())
        var settings = [
            Self.setting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue, streams),
            Self.setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue, Int(Self.streamWindowBytes)),
            Self.setting(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue, headBytes),
            Self.setting(Self.withoutTreesOfPriorities, 1),
        ]
        let flags = UInt8(NGHTTP2_FLAG_NONE.rawValue)
        guard nghttp2_submit_settings(session, flags, &settings, settings.count) == 0,
            nghttp2_session_set_local_window_size(session, flags, 0, Self.connectionWindowBytes) == 0
        else { return nil }
    }

    deinit { nghttp2_session_del(self.session) }

    /// RFC 9218 section 2.1, which the headers of older libraries do not name. The field `priority` is heeded.
    private static let withoutTreesOfPriorities: UInt32 = 9

    private static func setting(_ id: UInt32, _ value: Int) -> nghttp2_settings_entry {
        nghttp2_settings_entry(settings_id: Int32(id), value: UInt32(value))
    }

    // MARK: Bytes

    /// Everything is taken; half a frame is kept by nghttp2.
    func receive(_ bytes: UnsafeRawBufferPointer) -> Received {
        guard bytes.count > 0 else { return .fine }
        let start = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
        let used = nghttp2_session_mem_recv(self.session, start, bytes.count)
        guard used < 0 else { return .fine }
        switch Int32(used) {
        case NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue: return .noPreface
        case NGHTTP2_ERR_NOMEM.rawValue: return .outOfMemory
        default: return .tooMuch
        }
    }

    /// The next frame or so, good until the session is called again; nil when nothing is to be sent now.
    func nextOutput() -> UnsafeRawBufferPointer? {
        var start: UnsafePointer<UInt8>?
        let count = nghttp2_session_mem_send(self.session, &start)
        if count < 0 { self.isBroken = true }
        guard count > 0, let start else { return nil }
        return UnsafeRawBufferPointer(start: start, count: count)
    }

    /// The last word of both sides has been said.
    var isOver: Bool {
        nghttp2_session_want_read(self.session) == 0 && nghttp2_session_want_write(self.session) == 0
    }

    // MARK: Responses

    /// The head of a response; of an interim one with a status below 200. `lines` are field lines.
    /// - Parameter hasBody: payload follows, for which `fill` is asked.
    /// - Returns: false when the stream cannot have it.
    func sendHead(stream: Int32, status: UInt16, lines: UnsafeRawBufferPointer, hasBody: Bool) -> Bool {
        Self.withPairs(lines, status: status) { pairs in
            if status < 200 {
                let flags = UInt8(NGHTTP2_FLAG_NONE.rawValue)
                return nghttp2_submit_headers(self.session, flags, stream, nil, pairs.baseAddress, pairs.count, nil)
                    == 0
            }
            var provider = nghttp2_data_provider()
            provider.read_callback = { _, stream, memory, count, flags, _, user in
                HTTP2Session.of(user).fill(UnsafeMutableRawBufferPointer(start: memory, count: count), stream, flags)
            }
            return withUnsafePointer(to: &provider) {
                nghttp2_submit_response(self.session, stream, pairs.baseAddress, pairs.count, hasBody ? $0 : nil) == 0
            }
        }
    }

    private func fill(
        _ memory: UnsafeMutableRawBufferPointer,
        _ stream: Int32,
        _ flags: UnsafeMutablePointer<UInt32>?
    ) -> Int {
        switch self.user.fill(memory, stream: stream) {
        case .nothing: return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        case .bytes(let count): return count
        case .last(let count, let trailers):
            flags?.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
            guard !trailers.isEmpty else { return count }
            let isSent = trailers.withLines { lines in
                Self.withPairs(lines, status: nil) {
                    nghttp2_submit_trailer(self.session, stream, $0.baseAddress, $0.count) == 0
                }
            }
            if isSent { flags?.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue }
            return count
        }
    }

    /// There is something to fill with again.
    func resume(stream: Int32) { nghttp2_session_resume_data(self.session, stream) }

    func reset(stream: Int32, _ code: Code) {
        nghttp2_submit_rst_stream(self.session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, code.rawValue)
    }

    /// nghttp2 copies what the pairs point at, and puts names into small letters.
    private static func withPairs(
        _ lines: UnsafeRawBufferPointer,
        status: UInt16?,
        _ body: (UnsafeMutableBufferPointer<nghttp2_nv>) -> Bool
    ) -> Bool {
        var count = status == nil ? 0 : 1
        var counted = FieldLines(lines)
        while counted.next() != nil { count += 1 }
        return withUnsafeTemporaryAllocation(byteCount: 16, alignment: 1) { digits in
            withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: max(1, count)) { pairs in
                var filled = 0
                if let status {
                    var writer = ByteWriter(digits)
                    writer.append(":status")
                    writer.append(decimal: Int(status))
                    let all = writer.written
                    pairs.initializeElement(
                        at: 0,
                        to: self.pair(
                            UnsafeRawBufferPointer(rebasing: all[..<7]),
                            UnsafeRawBufferPointer(rebasing: all[7...])
                        )
                    )
                    filled = 1
                }
                var rest = FieldLines(lines)
                while let (name, value) = rest.next() {
                    if name.isEmpty || FieldLines.isConnectionSpecific(name) { continue }
                    pairs.initializeElement(at: filled, to: self.pair(name, value))
                    filled += 1
                }
                return body(UnsafeMutableBufferPointer(rebasing: pairs[..<filled]))
            }
        }
    }

    private static func pair(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> nghttp2_nv {
        // Tokens of visitors come once: in the table of what is repeated they would only push out the rest.
        let isOnce = ASCII.equalsIgnoringCase(name, "set-cookie")
        return nghttp2_nv(
            name: UnsafeMutablePointer(mutating: name.assumingMemoryBound(to: UInt8.self).baseAddress),
            value: UnsafeMutablePointer(mutating: value.assumingMemoryBound(to: UInt8.self).baseAddress),
            namelen: name.count,
            valuelen: value.count,
            flags: UInt8((isOnce ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE).rawValue)
        )
    }

    // MARK: Flow control

    /// The client may send no more payload on any stream, until some of what came has been used.
    var isConnectionWindowShut: Bool {
        nghttp2_session_get_effective_recv_data_length(self.session)
            >= nghttp2_session_get_effective_local_window_size(self.session)
    }

    /// Payload of that stream has been used: as much again may come.
    func consume(stream: Int32, _ count: Int) { nghttp2_session_consume(self.session, stream, count) }

    /// Payload of a stream that takes no more is thrown away: as much again may come of others.
    func consumeForOthers(_ count: Int) { nghttp2_session_consume_connection(self.session, count) }

    // MARK: Ends

    /// Announces the end: requests that are on their way already are still taken.
    func announceEnd() { nghttp2_submit_shutdown_notice(self.session) }

    /// Says which request was the last; what comes behind it is not looked at.
    func sendGoAway() {
        let last = nghttp2_session_get_last_proc_stream_id(self.session)
        let flags = UInt8(NGHTTP2_FLAG_NONE.rawValue)
        nghttp2_submit_goaway(self.session, flags, last, Code.noError.rawValue, nil, 0)
    }

    var lastStream: Int32 { nghttp2_session_get_last_proc_stream_id(self.session) }
}

// MARK: - What nghttp2 calls

extension HTTP2Session {
    private static func of(_ user: UnsafeMutableRawPointer?) -> HTTP2Session {
        guard let user else { preconditionFailure("a session without its owner") }
        return Unmanaged<HTTP2Session>.fromOpaque(user).takeUnretainedValue()
    }

    private static let refusal = NGHTTP2_ERR_CALLBACK_FAILURE.rawValue

    private static func listen(_ callbacks: OpaquePointer?) {
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, user in
            guard let frame else { return 0 }
            HTTP2Session.of(user).user.fieldsBegan(
                stream: frame.pointee.hd.stream_id,
                areTrailers: HTTP2Session.areTrailers(frame)
            )
            return 0
        }
        nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _,
            frame,
            name,
            nameCount,
            value,
            count,
            _,
            user in
            guard let frame else { return 0 }
            let isTaken = HTTP2Session.of(user).user.fieldCame(
                name: UnsafeRawBufferPointer(start: name, count: nameCount),
                value: UnsafeRawBufferPointer(start: value, count: count),
                areTrailers: HTTP2Session.areTrailers(frame)
            )
            return isTaken ? 0 : HTTP2Session.refusal
        }
        // By default a malformed field is left out of the request, which then says something else.
        nghttp2_session_callbacks_set_on_invalid_header_callback2(callbacks) { session, frame, _, _, _, _ in
            if let frame {
                let (stream, code) = (frame.pointee.hd.stream_id, NGHTTP2_PROTOCOL_ERROR.rawValue)
                nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, code)
            }
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, stream, bytes, count, user in
            let payload = UnsafeRawBufferPointer(start: bytes, count: count)
            HTTP2Session.of(user).user.payloadCame(stream: stream, payload)
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, user in
            if let frame { HTTP2Session.of(user).frameCame(frame) }
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, user in
            guard let frame else { return 0 }
            return HTTP2Session.of(user).frameLeft(frame) ? 0 : HTTP2Session.refusal
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, stream, _, user in
            HTTP2Session.of(user).user.streamClosed(stream)
            return 0
        }
    }

    private static func areTrailers(_ frame: UnsafePointer<nghttp2_frame>) -> Bool {
        frame.pointee.headers.cat != NGHTTP2_HCAT_REQUEST
    }

    private static func endsStream(_ frame: UnsafePointer<nghttp2_frame>) -> Bool {
        UInt32(frame.pointee.hd.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0
    }

    private func frameCame(_ frame: UnsafePointer<nghttp2_frame>) {
        let stream = frame.pointee.hd.stream_id
        switch UInt32(frame.pointee.hd.type) {
        case NGHTTP2_HEADERS.rawValue:
            self.user.fieldsEnded(
                stream: stream,
                areTrailers: Self.areTrailers(frame),
                endsStream: Self.endsStream(frame)
            )
        case NGHTTP2_DATA.rawValue where Self.endsStream(frame): self.user.inputEnded(stream: stream)
        default: return
        }
    }

    private func frameLeft(_ frame: UnsafePointer<nghttp2_frame>) -> Bool {
        let stream = frame.pointee.hd.stream_id
        switch UInt32(frame.pointee.hd.type) {
        case NGHTTP2_DATA.rawValue:
            let count = frame.pointee.hd.length
            self.user.sent(stream: stream, dataBytes: count, endsStream: Self.endsStream(frame))
        case NGHTTP2_HEADERS.rawValue where Self.endsStream(frame):
            self.user.sent(stream: stream, dataBytes: nil, endsStream: true)
        case NGHTTP2_RST_STREAM.rawValue where Code(rawValue: frame.pointee.rst_stream.error_code) == nil:
            return self.user.clientWasFaulty(stream: stream)
        default: break
        }
        return true
    }
}
