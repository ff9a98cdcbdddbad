/// One HTTP/1 connection as its client sees it: a value; bytes in, facts out.
///
/// It reads no clock and keeps no byte; a call that its state does not allow traps.
///
/// ```
///        begin          head              last byte
/// idle ────────▶ head ────────▶ body ─────────────────▶ idle
///   │              │ 101          │   └─ until close ─▶ closed
///   │              └──▶ switched  │
///   └── bytes ─▶ failed ◀─────────┘ malformed
/// ```
public struct HTTP1Client: Sendable {
    /// What the bytes given came to.
    public enum Input: Equatable, Sendable {
        /// All that can be read now has been read.
        case needMore
        /// An interim response (1xx); the real one is still to come.
        case interim
        /// 101: what follows is another protocol's.
        case switching
        case head
        /// Decoded payload, within the bytes given.
        case payload(ByteRange)
        /// The response is complete.
        case end
        /// The connection cannot be understood any further, or the server broke the rules.
        case failed(WireFailure)
    }

    /// What the end of the server's bytes means.
    public enum InputEnd: Equatable, Sendable {
        /// No response was under way.
        case idle
        /// It was the regular end of a body that ends with the connection.
        case complete
        /// The response is missing, in whole or in part.
        case cut
    }

    /// A server that sends more than these keeps its client waiting for ever.
    public static let maxInterimResponses = 16

    enum State: Equatable, Sendable {
        /// No response is owed: before the first request, or when the last response is complete.
        case idle
        case head
        case body
        case switched
        case failed
        /// The server has ended its side.
        case closed
    }

    private enum RequestSide: Equatable { case none, underway, sent }

    private(set) var state = State.idle
    private var request = RequestSide.none
    private var parser: ResponseParser
    private var body = BodyReader(framing: .none, maxPayloadBytes: 0, from: .worker)
    private let maxBodyBytes: Int64
    private var method = Method.get
    private var asksForUpgrade = false
    private var interimResponses = 0
    private var keepsAlive = true
    /// The last request's response has come to its end.
    public private(set) var isResponseComplete = false
    /// A byte of the response to the last request has come, be it of an interim one.
    public private(set) var hasResponseBegun = false

    /// - Parameters:
    ///   - limits: of the heads; the head given to `read` must have been made with the same limits, or wider ones.
    ///   - maxBodyBytes: larger payloads fail.
    public init(limits: HeadLimits, maxBodyBytes: Int64 = .max) {
        precondition(maxBodyBytes >= 0, "maxBodyBytes is not negative")
        self.parser = ResponseParser(limits: limits)
        self.maxBodyBytes = maxBodyBytes
    }

    // MARK: The request

    /// A request's head has been written. Allowed while `canReuse`.
    /// - Parameter asksForUpgrade: the server may answer with 101, and switch to WebSocket.
    public mutating func begin(_ method: Method, asksForUpgrade: Bool = false) {
        precondition(self.canReuse, "a request on a connection that is not free")
        self.method = method
        self.asksForUpgrade = asksForUpgrade
        self.interimResponses = 0
        self.isResponseComplete = false
        self.hasResponseBegun = false
        self.request = .underway
        self.state = .head
    }

    /// The request's last byte has been written, be it before or after the response came.
    public mutating func requestSent() {
        precondition(self.request == .underway, "no request is under way")
        self.request = .sent
    }

    // MARK: What is known

    /// The next request may be written: nothing is under way, and both sides keep the connection. A server that responds
    /// before it has the whole request would take the rest of it for the next one, so that must have been sent, too.
    public var canReuse: Bool { self.state == .idle && self.keepsAlive && self.request != .underway }

    /// The request's last byte has been written.
    public var isRequestSent: Bool { self.request == .sent }

    /// What the response's trailers said, as far as it may travel on; to be read when it is complete.
    public var trailers: Trailers { self.body.trailers }

    // MARK: Reading

    /// The next thing in `bytes`, and how many of them it uses up.
    ///
    /// Call it until it says `.needMore`, each time with the bytes behind those used, also when none are left: a response
    /// without a body ends on no bytes, and bytes behind a response must be seen to make the connection unusable. Offer
    /// what is left unused again, with more behind it.
    /// - `.interim`, `.switching`, `.head`: `head` is filled, its ranges are into `bytes`, and `head.byteCount` bytes
    ///   are used.
    /// - `.payload`: the range is into `bytes`.
    /// - `.failed`: said once; what comes after it is used up unread.
    public mutating func read(
        _ bytes: UnsafeRawBufferPointer,
        into head: inout ResponseHead
    ) -> (input: Input, used: Int) {
        switch self.state {
        case .head: return self.readHead(bytes, into: &head)
        case .body: return self.readBody(bytes)
        case .idle: return bytes.count == 0 ? (.needMore, 0) : self.fail(.responseUnasked, bytes)
        case .failed: return (.needMore, bytes.count)
        case .closed:
            precondition(bytes.count == 0, "bytes after the end of the input")
            return (.needMore, 0)
        case .switched: preconditionFailure("what follows a change of protocol is not HTTP/1")
        }
    }

    private mutating func readHead(
        _ bytes: UnsafeRawBufferPointer,
        into head: inout ResponseHead
    ) -> (input: Input, used: Int) {
        guard bytes.count > 0 else { return (.needMore, 0) }
        self.hasResponseBegun = true
        switch self.parser.parse(bytes, respondingTo: self.method, into: &head) {
        case .incomplete: return (.needMore, 0)
        case .failed(let failure):
            self.state = .failed
            return (.failed(failure), bytes.count)
        case .complete: break
        }
        if head.isInterim {
            self.interimResponses += 1
            guard self.interimResponses <= Self.maxInterimResponses else { return self.fail(.interimTooMany, bytes) }
            return (.interim, head.byteCount)
        }
        if head.status == 101 {
            guard self.asksForUpgrade, head.namesWebSocket(in: bytes) else { return self.fail(.upgradeUnasked, bytes) }
            self.state = .switched
            return (.switching, head.byteCount)
        }
        self.keepsAlive = head.keepAlive
        self.body = BodyReader(framing: head.framing, maxPayloadBytes: self.maxBodyBytes, from: .worker)
        self.state = .body
        return (.head, head.byteCount)
    }

    private mutating func readBody(_ bytes: UnsafeRawBufferPointer) -> (input: Input, used: Int) {
        switch self.body.next(bytes) {
        case .payload(let range): return (.payload(range), range.end)
        case .needMore: return (.needMore, bytes.count)
        case .end(let used):
            self.state = .idle
            self.isResponseComplete = true
            return (.end, used)
        case .failed(let failure):
            self.state = .failed
            return (.failed(failure), bytes.count)
        }
    }

    private mutating func fail(
        _ reason: WireFailure.Reason,
        _ bytes: UnsafeRawBufferPointer
    ) -> (input: Input, used: Int) {
        self.state = .failed
        return (.failed(WireFailure(reason, from: .worker)), bytes.count)
    }

    /// The server has sent its last byte. Call it when `read` has seen all that came before.
    public mutating func inputEnded() -> InputEnd {
        let ended = self.state
        precondition(ended != .closed, "the input ended twice")
        precondition(ended != .switched, "what follows a change of protocol is not HTTP/1")
        self.state = .closed
        switch ended {
        case .idle: return .idle
        case .body where self.body.endsWithConnection:
            self.isResponseComplete = true
            return .complete
        default: return .cut
        }
    }
}
