import Primitives

/// One HTTP/1 connection as its server sees it: a value; bytes in, facts out.
///
/// It knows one request at a time: what the client sends ahead is left unread until the response has ended. It reads
/// no clock and keeps no byte; a call that its state does not allow traps.
///
/// ```
///                    head                  endResponse
/// betweenRequests ──────────▶ exchange ──────────────────▶ betweenRequests
///        │                       │     └─ body left, small ▶ discarding ─▶ betweenRequests
///        │ malformed             │ malformed                     │ malformed, or not so small
///        └───────▶ failed ◀──────┘                               ▼
///                     └────────── endResponse ────────────▶  closing
/// ```
public struct HTTP1Server: Sendable {
    /// What the bytes given came to.
    public enum Input: Equatable, Sendable {
        /// All that can be read now has been read.
        case needMore
        case head
        /// Decoded payload, within the bytes given.
        case payload(ByteRange)
        /// The request is complete.
        case end
        /// The connection cannot be understood any further. While `owesResponse`, an error response may be sent.
        case failed(WireFailure)
    }

    /// A request that was not read to its end before the response ended is read on for at most so many bytes.
    public static let maxDiscardedBytes = 64 * 1_024
    enum State: Equatable, Sendable {
        case betweenRequests
        /// A part of a head has come.
        case head
        case exchange(request: Request, response: Response)
        /// The response has ended, the request has not; it may have so many more bytes.
        case discarding(budget: Int)
        /// The request is malformed, and no other can be told from it.
        case failed(response: Response)
        /// The connection speaks another protocol from here on.
        case switched
        /// Nothing more is read or written.
        case closing
    }

    enum Request: Equatable, Sendable { case body, complete }
    enum Response: Equatable, Sendable { case owed, underway }

    private(set) var state = State.betweenRequests
    private var parser: RequestParser
    private var body = BodyReader(framing: .none, maxPayloadBytes: 0, from: .client)
    private var bodyLimit: Int64
    private var emptyLines = 0
    // Facts about the request that the response depends on.
    private var isHeadRequest = false
    private var minorVersion: UInt8 = 1
    private var keepsAlive = true
    private var expectsContinue = false
    /// Said to the client in the head of the response.
    private var closesAfterResponse = false
    /// The last response has been written, and its client has said with the request that there is no other one to come.
    public private(set) var clientIsDone = false

    /// - Parameters:
    ///   - limits: of the heads; the head given to `read` must have been made with the same limits, or wider ones.
    ///   - maxBodyBytes: larger payloads fail with 413.
    public init(limits: HeadLimits, maxBodyBytes: Int64) {
        precondition(maxBodyBytes >= 0, "maxBodyBytes is not negative")
        self.parser = RequestParser(limits: limits)
        self.bodyLimit = maxBodyBytes
    }

    /// To be set between requests only.
    public var limits: HeadLimits {
        get { self.parser.limits }
        set {
            precondition(self.state == .betweenRequests, "the limits of a request that is being read are changed")
            self.parser = RequestParser(limits: newValue)
        }
    }

    /// To be set between requests only.
    public var maxBodyBytes: Int64 {
        get { self.bodyLimit }
        set {
            precondition(newValue >= 0, "maxBodyBytes is not negative")
            precondition(self.state == .betweenRequests, "the limits of a request that is being read are changed")
            self.bodyLimit = newValue
        }
    }

    // MARK: What is known

    /// Nothing of a request is there, and no response is owed.
    public var isBetweenRequests: Bool { self.state == .betweenRequests }

    /// A request's head has begun and is not complete.
    public var isHeadPartial: Bool { self.state == .head }

    /// The request's last byte has been read. True at once for a request without a body.
    public var isRequestComplete: Bool {
        switch self.state {
        case .exchange(.complete, _): true
        case .exchange(.body, _): self.body.missingBytes == 0
        default: false
        }
    }

    /// The response to a request, or to a malformed one, has not begun.
    public var owesResponse: Bool {
        switch self.state {
        case .exchange(_, .owed), .failed(.owed): true
        default: false
        }
    }

    /// The rest of the request is so small that the connection can go on after an early response.
    public var canDiscardRest: Bool {
        guard case .exchange(let request, _) = self.state, request == .body else { return self.isRequestComplete }
        guard let missing = self.body.missingBytes else { return true }
        return missing <= Int64(Self.maxDiscardedBytes)
    }

    /// The client understands interim responses (1xx): HTTP/1.0 does not have them.
    public var acceptsInterim: Bool { self.minorVersion >= 1 }

    /// The client waits for a 100 before it sends the body, as far as anybody knows.
    public var awaitsContinue: Bool {
        guard case .exchange(.body, _) = self.state else { return false }
        return self.expectsContinue && self.body.isUntouched && self.body.missingBytes != 0
    }

    /// What the request's trailers said, as far as it may travel on; to be read when it is complete.
    public var trailers: Trailers { self.body.trailers }

    // MARK: Reading

    /// The next thing in `bytes`, and how many of them it uses up.
    ///
    /// Call it until it says `.needMore`, each time with the bytes behind those used, also when none are left: a request
    /// without a body ends on no bytes. Offer what is left unused again, with more behind it.
    /// - `.head`: `head` is filled, its ranges are into `bytes`, and `head.byteCount` bytes are used.
    /// - `.payload`: the range is into `bytes`.
    /// - `.end`: the next request is read when the response has ended; until then `.needMore`, with nothing used.
    /// - `.failed`: said once; what comes after it is used up unread, as it is after the last response.
    public mutating func read(
        _ bytes: UnsafeRawBufferPointer,
        into head: inout RequestHead
    ) -> (input: Input, used: Int) {
        switch self.state {
        case .betweenRequests, .head: return self.readHead(bytes, into: &head)
        case .exchange(.body, let response): return self.readBody(bytes, response)
        case .exchange(.complete, _): return (.needMore, 0)
        case .discarding(let budget): return self.discard(bytes, budget: budget)
        case .failed, .closing: return (.needMore, bytes.count)
        case .switched: preconditionFailure("what follows a change of protocol is not HTTP/1")
        }
    }

    private mutating func readHead(
        _ bytes: UnsafeRawBufferPointer,
        into head: inout RequestHead
    ) -> (input: Input, used: Int) {
        guard bytes.count > 0 else { return (.needMore, 0) }
        if bytes[0] == ASCII.carriageReturn, let verdict = self.passEmptyLines(bytes) { return verdict }
        switch self.parser.parse(bytes, into: &head) {
        case .incomplete:
            self.state = .head
            return (.needMore, 0)
        case .failed(let failure): return self.failHead(failure, bytes.count)
        case .complete:
            self.isHeadRequest = head.method == .head
            self.minorVersion = head.minorVersion
            self.keepsAlive = head.keepAlive
            self.expectsContinue = head.expectsContinue
            self.body = BodyReader(framing: head.framing, maxPayloadBytes: self.bodyLimit, from: .client)
            self.emptyLines = 0
            self.state = .exchange(request: .body, response: .owed)
            return (.head, head.byteCount)
        }
    }

    /// Uses empty lines up while nothing else has come, so that a connection with a stray one counts as idle. Nil when
    /// the parser is to read them together with what follows.
    private mutating func passEmptyLines(_ bytes: UnsafeRawBufferPointer) -> (input: Input, used: Int)? {
        var end = 0
        let most = min(bytes.count, 2 * (RequestHead.maxEmptyLines + 1))
        while end + 1 < most, bytes[end] == ASCII.carriageReturn, bytes[end + 1] == ASCII.lineFeed { end += 2 }
        let lines = self.emptyLines + end / 2
        let hasMore = end < bytes.count && bytes[end] == ASCII.carriageReturn
        if lines > RequestHead.maxEmptyLines || lines == RequestHead.maxEmptyLines && hasMore {
            return self.failHead(WireFailure(.methodInvalid, from: .client), bytes.count)
        }
        guard end + (hasMore ? 1 : 0) == bytes.count else { return nil }
        self.emptyLines = lines
        // Half an empty line is the beginning of something: it has its time, as a head has.
        self.state = hasMore ? .head : .betweenRequests
        return (.needMore, end)
    }

    private mutating func readBody(_ bytes: UnsafeRawBufferPointer, _ response: Response) -> (input: Input, used: Int) {
        switch self.body.next(bytes) {
        case .payload(let range): return (.payload(range), range.end)
        case .needMore: return (.needMore, bytes.count)
        case .end(let used):
            self.state = .exchange(request: .complete, response: response)
            return (.end, used)
        case .failed(let failure): return self.fail(failure, response: response, bytes.count)
        }
    }

    /// Looks at no byte beyond the budget, so that the verdict does not depend on the pieces that the bytes come in.
    private mutating func discard(_ bytes: UnsafeRawBufferPointer, budget: Int) -> (input: Input, used: Int) {
        let allowed = UnsafeRawBufferPointer(rebasing: bytes[..<min(bytes.count, budget)])
        var used = 0
        while true {
            switch self.body.next(UnsafeRawBufferPointer(rebasing: allowed[used...])) {
            case .payload(let range): used += range.end
            case .needMore where allowed.count < budget:
                self.state = .discarding(budget: budget - allowed.count)
                return (.needMore, allowed.count)
            case .needMore:
                self.state = .closing
                return (.failed(WireFailure(.payloadTooLarge, from: .client)), bytes.count)
            case .end(let count):
                self.state = .betweenRequests
                return (.end, used + count)
            case .failed(let failure):
                self.state = .closing
                return (.failed(failure), bytes.count)
            }
        }
    }

    private mutating func failHead(_ failure: WireFailure, _ used: Int) -> (input: Input, used: Int) {
        self.forgetClient()
        return self.fail(failure, response: .owed, used)
    }

    /// The error response goes to a client of which nothing is known.
    private mutating func forgetClient() {
        self.isHeadRequest = false
        self.minorVersion = 1
        self.keepsAlive = false
        self.expectsContinue = false
    }

    private mutating func fail(
        _ failure: WireFailure,
        response: Response,
        _ used: Int
    ) -> (input: Input, used: Int) {
        self.state = .failed(response: response)
        return (.failed(failure), used)
    }

    /// The caller waits no longer for the rest of the request, as when the client takes too long: what still comes of it
    /// is used up unread, and the response, if it is still owed, is the connection's last.
    public mutating func stopReading() {
        switch self.state {
        case .head:
            self.forgetClient()
            self.state = .failed(response: .owed)
        case .exchange(.body, let response): self.state = .failed(response: response)
        default: preconditionFailure("no request is being read")
        }
    }

    // MARK: Responding

    /// The client has been told to send the body (100).
    public mutating func continueWritten() {
        guard case .exchange(_, .owed) = self.state else { preconditionFailure("no request waits for a 100") }
        self.expectsContinue = false
    }

    /// Begins the response: says how it goes out to this client.
    ///
    /// HTTP/1.0 knows no chunks, so that such a body ends with the connection. HTTP/1.1 clients get in chunks what ends
    /// with the worker's connection, so that a cut response can be told from a whole one.
    /// - Parameters:
    ///   - framing: how the origin framed the body, or `.length` for a body at hand.
    ///   - staysOpen: what the caller wishes. The connection closes all the same after a malformed request, when the
    ///     client wants it, and when the client still waits for a 100: nobody knows whether it would send the body.
    public mutating func beginResponse(_ framing: BodyFraming, staysOpen: Bool) -> ResponsePlan {
        var closes = !staysOpen || !self.keepsAlive || self.awaitsContinue
        switch self.state {
        case .exchange(let request, .owed): self.state = .exchange(request: request, response: .underway)
        case .failed(.owed):
            self.state = .failed(response: .underway)
            closes = true
        default: preconditionFailure("no response is owed")
        }
        var planned = framing
        switch framing {
        case .none, .length: break
        case .chunked, .untilClose:
            if self.isHeadRequest {
                planned = .none
            } else if self.minorVersion == 0 {
                planned = .untilClose
                closes = true
            } else {
                planned = .chunked
            }
        }
        self.closesAfterResponse = closes
        return ResponsePlan(
            framing: planned,
            announcesClose: closes,
            announcesKeepAlive: !closes && self.minorVersion == 0,
            sendsBody: !self.isHeadRequest && planned != .none
        )
    }

    /// The response's last byte has been written.
    public mutating func endResponse() -> AfterResponse {
        switch self.state {
        case .exchange(_, .underway):
            self.clientIsDone = !self.keepsAlive && self.isRequestComplete
            if self.closesAfterResponse || !self.canDiscardRest { break }
            if self.isRequestComplete {
                self.state = .betweenRequests
                return .readOn
            }
            self.state = .discarding(budget: Self.maxDiscardedBytes)
            return .discardRequest
        case .failed(.underway): break
        default: preconditionFailure("no response is under way")
        }
        self.state = .closing
        return .close
    }

    /// The response was a 101: from here on the bytes of both directions are another protocol's.
    public mutating func switchProtocols() {
        guard case .exchange(_, .owed) = self.state, self.isRequestComplete else {
            preconditionFailure("only a complete request changes the protocol")
        }
        self.state = .switched
    }
}
