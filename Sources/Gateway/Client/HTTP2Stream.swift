import Addresses
import EventLoop
import HTTPWire
import Primitives
import Transport

/// What a stream of HTTP/2 asks of its connection.
protocol HTTP2StreamHost: ClientConnection {
    var tools: LoopTools { get }
    /// More is written than the client's system takes.
    var isCongestedBelow: Bool { get }
    /// What other streams keep back leaves the client no window to send in.
    var isInputShutBelow: Bool { get }
    func beginGathering()
    func endGathering()
    /// A stream that cannot have it is reset. `lines` are field lines, each with its end.
    func sendHead(_ stream: HTTP2Stream, status: UInt16, lines: UnsafeRawBufferPointer, hasBody: Bool)
    /// The stream has something to fill frames with, or its end.
    func outputGrew(_ stream: HTTP2Stream)
    func reset(_ stream: HTTP2Stream, _ code: HTTP2Session.Code)
    /// So much of the request's body was used. `opensStream`: as much again may come of it.
    func consumed(_ stream: HTTP2Stream, _ count: Int, opensStream: Bool)
    /// Something is to be looked at by then.
    func watch(until deadline: Instant)
}

/// One stream of a client's HTTP/2 connection: one request, its exchange, and its response. Like `HTTP1Connection` it
/// frames and decides nothing.
///
/// Limits: a request's body waits here for the exchange, at most as much as the stream's window
/// (`HTTP2Session.streamWindowBytes`), which is opened as the exchange takes it. A response's body waits here for the
/// client's window; above `highMarkBytes` the worker is told to wait. Both count in the loop's budget of buffers.
final class HTTP2Stream {
    static let highMarkBytes = 64 * 1_024
    static let lowMarkBytes = 16 * 1_024
    static let markBytesUnderPressure = 8 * 1_024
    /// Of payload in a frame: with its header it fills a record of TLS.
    static let frameBytes = 16 * 1_024 - 9

    enum Response {
        case owed
        case underway(hasBody: Bool)
        case ended
    }

    let number: Int32
    let tools: LoopTools
    let rules: ListenerRules
    let listenPort: UInt16?
    /// Nil once the stream is closed.
    var host: (any HTTP2StreamHost)?
    var exchange: Exchange?
    var response = Response.owed
    /// A worker has made it, rather than the gateway.
    var isAnswerOfWorker = false

    // The request.
    var input: ByteQueue
    var isRequestPaused = false
    private var isDelivering = false
    /// The client has sent the request's end.
    private(set) var inputHasEnded = false
    /// What still comes of the request is thrown away.
    var dropsInput = false
    var trailers = Trailers()
    var trailerBytes = 0
    /// Until the client was told to send its body, or has begun.
    var awaitsContinue = false
    var isHeadRequest = false
    var receivedBytes = 0
    var readWatch: PaceWatch?

    // The response.
    var output: ByteQueue
    var outputHasEnded = false
    /// The frame that says so has left. It is one without payload, and waits for a window all the same.
    var endHasLeft = false
    var outputTrailers = Trailers()
    /// Bytes that have left for the client's windows.
    var sentBytes = 0
    /// The worker was told to wait.
    var isTold = false
    /// Gatherings that the exchange has begun and not ended.
    var gatherings = 0
    var writeWatch: PaceWatch?

    init(number: Int32, tools: LoopTools, host: any HTTP2StreamHost) {
        self.number = number
        self.tools = tools
        self.host = host
        self.rules = host.rules
        self.listenPort = host.listenPort
        self.input = ByteQueue(budget: tools.loop.buffers)
        self.output = ByteQueue(budget: tools.loop.buffers)
    }

    /// The client may still send of the request.
    var isRequestOpen: Bool { !self.inputHasEnded }

    // MARK: The request

    /// The head is in hand: in the loop's request head, and at the beginning of `bytes`.
    func begin(_ bytes: UnsafeRawBufferPointer, routes: RouteBook, endsStream: Bool) {
        self.inputHasEnded = endsStream
        self.isHeadRequest = self.tools.requestHead.method == .head
        self.awaitsContinue = !endsStream && self.tools.requestHead.expectsContinue
        let exchange = Exchange(tools: self.tools, routes: routes, client: self)
        self.exchange = exchange
        if !endsStream, self.tools.requestHead.framing != .length(0) { self.watchBody() }
        exchange.begin(bytes)
        self.deliver()
    }

    /// The request cannot be read.
    func refuse(_ failure: WireFailure, endsStream: Bool) {
        self.inputHasEnded = endsStream
        self.dropsInput = true
        self.tools.counters.requests += 1
        self.tools.answerUnreadable(GatewayError(failure), to: self)
    }

    func payloadCame(_ payload: UnsafeRawBufferPointer) {
        if self.awaitsContinue {
            self.awaitsContinue = false
            self.restartReadWatch()
        }
        self.receivedBytes += payload.count
        self.readWatch?.progressed(now: self.tools.now, bytes: self.receivedBytes)
        guard !self.dropsInput, let exchange = self.exchange, !exchange.isOver, exchange.hasOpenBody else {
            return self.discard(payload.count)
        }
        guard self.receivedBytes <= self.tools.limits.bodyBytes else {
            self.discard(payload.count)
            return self.failBody(.payloadTooLarge)
        }
        if self.input.isEmpty, self.mayDeliver {
            exchange.bodyCame(payload)
            return self.used(payload.count)
        }
        guard self.tools.loop.buffers.hasRoom(for: payload.count) else {
            self.discard(payload.count)
            self.host?.reset(self, .internalError)
            return
        }
        self.input.append(payload)
    }

    /// What came of the request cannot be the whole of it.
    func failBody(_ reason: WireFailure.Reason) {
        self.dropInput()
        guard let exchange = self.exchange, !exchange.isOver else { return }
        exchange.clientFailed(GatewayError(WireFailure(reason, from: .client)))
    }

    func inputEnded() {
        guard !self.inputHasEnded else { return }
        self.inputHasEnded = true
        self.readWatch = nil
        self.deliver()
    }

    /// The exchange takes the body now.
    private var mayDeliver: Bool {
        guard let exchange = self.exchange, !exchange.isOver else { return false }
        return exchange.takesBody && !self.isRequestPaused
    }

    /// Gives the exchange what waits, for as long as it takes it, and the end behind it.
    func deliver() {
        guard !self.isDelivering, !self.dropsInput else { return }
        self.isDelivering = true
        defer { self.isDelivering = false }
        if !self.input.isEmpty, self.mayDeliver, let exchange = self.exchange {
            // Taken out first: the exchange may end, and with it what waits is thrown away.
            let piece = Array(self.input.bytes)
            self.input.removeAll()
            piece.withUnsafeBytes { exchange.bodyCame($0) }
            self.used(piece.count)
        }
        guard self.inputHasEnded, self.input.isEmpty, self.mayDeliver, let exchange = self.exchange,
            exchange.hasOpenBody
        else { return }
        exchange.bodyEnded(trailers: self.trailers)
    }

    /// Who wants no more of the request opens no window for it.
    private func used(_ count: Int) {
        self.host?.consumed(self, count, opensStream: !self.inputHasEnded && !self.dropsInput)
    }

    private func discard(_ count: Int) { self.host?.consumed(self, count, opensStream: false) }

    /// Nobody wants the rest of the request.
    func dropInput() {
        self.dropsInput = true
        self.readWatch = nil
        guard !self.input.isEmpty else { return }
        let count = self.input.count
        self.input.removeAll()
        self.discard(count)
    }

    // MARK: The response

    /// Fills a frame.
    func fill(_ memory: UnsafeMutableRawBufferPointer) -> HTTP2Session.Filling {
        let count = min(memory.count, self.output.count, Self.frameBytes)
        if count > 0 {
            memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: self.output.bytes[..<count]))
            self.output.consume(count)
            self.sentBytes += count
        }
        guard self.output.isEmpty, self.outputHasEnded else { return count > 0 ? .bytes(count) : .nothing }
        return .last(count, self.outputTrailers)
    }

    /// True once, when a worker that waits may go on.
    func takeRelief() -> Bool {
        let mark = self.tools.loop.buffers.isUnderPressure ? Self.markBytesUnderPressure / 2 : Self.lowMarkBytes
        guard self.isTold, self.output.count <= mark else { return false }
        self.isTold = false
        return true
    }

    /// Something waits for the client: a part of the response, or no more than its end.
    var hasOutput: Bool { !self.output.isEmpty || self.outputHasEnded && !self.endHasLeft }

    // MARK: The end

    /// Nothing more comes or goes. What was under way is given up.
    func close() {
        guard let host = self.host else { return }
        if !self.input.isEmpty { host.consumed(self, self.input.count, opensStream: false) }
        self.host = nil
        // Others on the connection have something to send, too.
        for _ in 0..<self.gatherings { host.endGathering() }
        self.gatherings = 0
        self.input.removeAll()
        self.output.removeAll()
        self.readWatch = nil
        self.writeWatch = nil
        let exchange = self.exchange
        self.exchange = nil
        exchange?.clientGone()
    }
}
