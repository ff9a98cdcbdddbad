import EventLoop
import HTTPWire
import Primitives
import Transport

/// A client's HTTP/1 connection: reads its requests one after the other, hands each to the exchange as payload, and
/// frames what comes back. What to do with a request is not its affair.
///
/// Limits: what a client sends ahead waits in the stream, which keeps a bounded amount of it; `requestsPerTurn` requests
/// are begun in a row before other connections get their turn.
final class HTTP1Connection: StreamHandler, ClientConnection {
    /// Requests of one client that are begun before others have their turn.
    static let requestsPerTurn = 16
    /// A connection that the process's end finds idle may have a request under way: it is listened to for so long.
    static let drainGraceNanoseconds = Nanoseconds.perSecond

    enum Phase {
        /// Between requests, or reading and responding.
        case serving
        /// Bytes go both ways unread.
        case tunnel
        /// The last response has been written; what comes in is thrown away.
        case closing
        case closed
    }

    let tools: LoopTools
    let registry: any ConnectionRegistry
    /// Of the listener that it came by.
    let rules: ListenerRules
    var stream: (any ByteStream)?
    let listenPort: UInt16?
    var wire: HTTP1Server
    var phase = Phase.serving
    /// Nil between two requests.
    var exchange: Exchange?
    var plan: ResponsePlan?
    var timer: LoopTimer?
    var listIndex = 0
    var idleSince: Instant

    var isReading = false
    var isRequestPaused = false
    var inputHasEnded = false
    var hasToldTunnelEnd = false
    var gatherings = 0
    var turn: UInt64 = 0
    var requestsOfTurn = 0
    /// Bytes of the request's body, and of responses, so far on this connection.
    var receivedBytes = 0
    var writtenBytes = 0
    var readWatch: PaceWatch?
    var writeWatch: PaceWatch?
    var headDeadline: Instant?
    var cachedForwardedFields: [UInt8] = []
    var carried: (book: VisitorBook, number: VisitorBook.Seat)?
    /// Nothing has been read yet, and the client may begin with HTTP/2.
    private var mayBeHTTP2: Bool

    /// - Parameter listenPort: the port that the client has connected to; nil for a unix socket.
    init(
        tools: LoopTools,
        registry: any ConnectionRegistry,
        rules: ListenerRules,
        stream: any ByteStream,
        listenPort: UInt16?
    ) {
        self.listenPort = listenPort
        self.tools = tools
        self.registry = registry
        self.rules = rules
        self.stream = stream
        self.mayBeHTTP2 = rules.takesPriorKnowledge
        self.wire = HTTP1Server(limits: tools.requestLimits, maxBodyBytes: Int64(tools.limits.bodyBytes))
        self.idleSince = tools.now
        // Each holds the other until the stream is closed, which it is in the end. A weak reference would make every
        // retain and release of the connection a slow one: 7 % of a proxied request.
        self.timer = LoopTimer(loop: tools.loop) { self.timerFired() }
        self.armTimer()
    }

    /// Between two requests, with nothing of the next one there.
    var isIdle: Bool {
        self.phase == .serving && self.wire.isBetweenRequests && self.stream?.pendingWriteBytes == 0
            && self.stream?.retainedBytes == 0
    }

    // MARK: HTTP/2

    /// TLS is there, and with it the word of both sides on what is spoken.
    func connected(_ stream: any ByteStream) {
        if stream.negotiatedProtocol == "h2" { _ = self.leave(stream) }
    }

    /// Another connection has the stream from here on; this one is done.
    private func leave(_ stream: any ByteStream) -> any StreamHandler {
        self.phase = .closed
        self.timer?.disarm()
        self.timer = nil
        self.stream = nil
        return self.registry.goOnWithHTTP2(self, stream)
    }

    /// Nil when the client speaks HTTP/1. Less than the line that tells is the beginning of a request like any other.
    private func receivedHTTP2(_ stream: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int? {
        let line = UnsafeRawBufferPointer(rebasing: bytes.prefix(16))
        if line.elementsEqual("PRI * HTTP/2.0\r\n".utf8) { return self.leave(stream).received(stream, bytes) }
        if line.count == 16 || line.first != UInt8(ascii: "P") { self.mayBeHTTP2 = false }
        return nil
    }

    // MARK: Reading

    func received(_ stream: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        if self.mayBeHTTP2, let used = self.receivedHTTP2(stream, bytes) { return used }
        switch self.phase {
        case .serving: break
        case .tunnel:
            self.exchange?.bodyCame(bytes)
            return bytes.count
        case .closing, .closed: return bytes.count
        }
        self.isReading = true
        self.beginGathering()
        let used = self.read(bytes)
        self.endGathering()
        self.isReading = false
        return self.phase == .serving || self.phase == .tunnel ? used : bytes.count
    }

    func read(_ bytes: UnsafeRawBufferPointer) -> Int {
        var used = 0
        while self.phase == .serving {
            guard self.mayReadOn(hasBytes: used < bytes.count) else { return used }
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            let (input, count) = self.wire.read(rest, into: &self.tools.requestHead)
            used += count
            if input != .head { self.receivedBytes += count }
            switch input {
            case .needMore:
                if !self.wire.isHeadPartial {
                    self.headDeadline = nil
                } else if self.headDeadline == nil {
                    self.watchHead()
                }
                // Its end came ahead, while a request before this one was dealt with: the rest never comes.
                if self.inputHasEnded, let exchange = self.exchange, !exchange.isOver, exchange.hasOpenBody {
                    self.tools.loop.onNextTurn { self.stream?.close() }
                }
                return used
            case .head: self.headCame(rest)
            case .payload(let range): self.bodyCame(range.slice(of: rest))
            case .end: self.requestEnded()
            case .failed(let failure): self.refuse(failure)
            }
        }
        if self.phase == .tunnel, used < bytes.count {
            self.exchange?.bodyCame(UnsafeRawBufferPointer(rebasing: bytes[used...]))
            return bytes.count
        }
        return used
    }

    /// False when what is left has to wait: for the exchange to take a body, for the client to take its responses, or
    /// for others to have their turn.
    func mayReadOn(hasBytes: Bool) -> Bool {
        if self.wire.isBetweenRequests {
            guard hasBytes else { return false }
            // Responses that nobody takes must not pile up: whoever pipelines has to read as well.
            if self.stream?.isCongested == true { return false }
            guard self.requestsOfTurn >= Self.requestsPerTurn, self.turn == self.tools.loop.turns else { return true }
            self.tools.loop.onNextTurn { self.stream?.offerRetained() }
            return false
        }
        guard let exchange = self.exchange, !exchange.isOver, !self.wire.isRequestComplete else { return true }
        return exchange.takesBody && !self.isRequestPaused
    }

    func headCame(_ bytes: UnsafeRawBufferPointer) {
        self.headDeadline = nil
        if self.turn != self.tools.loop.turns {
            self.turn = self.tools.loop.turns
            self.requestsOfTurn = 0
        }
        self.requestsOfTurn += 1
        if self.exchange == nil { self.exchange = self.registry.exchanges.take(for: self) }
        if !self.wire.isRequestComplete { self.watchBody() }
        self.exchange?.begin(bytes)
    }

    func bodyCame(_ payload: UnsafeRawBufferPointer) {
        self.readWatch?.progressed(now: self.tools.now, bytes: self.receivedBytes)
        guard let exchange = self.exchange, !exchange.isOver else { return }
        exchange.bodyCame(payload)
    }

    func requestEnded() {
        self.readWatch = nil
        guard let exchange = self.exchange, !exchange.isOver, exchange.hasOpenBody else { return }
        exchange.bodyEnded(trailers: self.wire.trailers)
    }

    /// The request is malformed, or too large: what follows on the connection cannot be trusted.
    func refuse(_ failure: WireFailure) {
        self.headDeadline = nil
        let error = GatewayError(failure)
        if let exchange = self.exchange, !exchange.isOver { return exchange.clientFailed(error) }
        guard self.wire.owesResponse else { return self.closeAfterWriting() }
        self.tools.counters.requests += 1
        self.respond(error)
    }

    /// To a client whose request never became an exchange.
    func respond(_ error: GatewayError) {
        self.tools.answerUnreadable(error, to: self)
        self.exchangeEnded()
    }

    // MARK: Ends

    func drained(_ stream: any ByteStream) {
        // The rest has its time as well; the timer drops the watch when nothing is left.
        if stream.pendingWriteBytes == 0 { self.writeWatch = nil }
        guard self.phase == .serving || self.phase == .tunnel else { return }
        if let exchange = self.exchange, !exchange.isOver { return exchange.clientDrained() }
        if stream.retainedBytes > 0 { stream.offerRetained() }
        if self.inputHasEnded { self.endIfDone() }
    }

    /// The client sends no more. It may still want the response to what it has sent; a visitor at the door, who is told
    /// nothing until it opens, has left.
    func inputEnded(_ stream: any ByteStream) {
        self.inputHasEnded = true
        if self.phase == .tunnel { return self.tellTunnelEnd() }
        guard self.phase == .serving else { return }
        guard let exchange = self.exchange, !exchange.isOver else { return self.endIfDone() }
        if exchange.isAtDoor || !self.wire.isRequestComplete { stream.close() }
    }

    /// The client has sent its last request and has had the response.
    func endIfDone() {
        guard self.phase == .serving, self.exchange?.isOver ?? true, let stream = self.stream else { return }
        // Whole requests that wait for the client to take responses are still to be answered.
        if stream.retainedBytes > 0, !self.wire.isHeadPartial { return }
        self.closeAfterWriting()
    }

    func closeAfterWriting() {
        guard self.phase != .closed else { return }
        self.phase = .closing
        self.headDeadline = nil
        self.readWatch = nil
        if self.stream?.pendingWriteBytes ?? 0 > 0 { self.watchWriting() }
        self.stream?.closeAfterWriting(isPeerDone: self.wire.clientIsDone)
    }

    func evict() { self.stream?.close() }

    /// An idle connection may have a request on its way: it is listened to for a moment. A tunnel has its grace.
    func drain() {
        if self.phase == .tunnel { self.exchange?.gatewayDrains() }
        guard self.isIdle else { return }
        self.idleSince = self.tools.now
        self.armTimer()
    }

    func closed(_ stream: any ByteStream, _ reason: CloseReason) {
        self.phase = .closed
        self.timer?.disarm()
        self.timer = nil
        self.stream = nil
        self.exchange?.clientGone()
        self.exchange = nil
        self.leaveBook()
        self.registry.connectionClosed(self)
    }
}
