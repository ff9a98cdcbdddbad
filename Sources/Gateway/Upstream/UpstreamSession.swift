import EventLoop
import HTTPWire
import Primitives
import Transport

/// One connection to a worker: idle in its pool, or busy with one request of one client.
final class UpstreamSession: StreamHandler {
    private enum Phase {
        case connecting, idle
        /// The request is on its way; nothing of the answer has come.
        case awaitingHead
        case body
        case closed
    }

    /// Answers that a worker may send before the real one, each ignored.
    private static let maxInterimResponses = 16
    private static let idleNanoseconds = 55 * Nanoseconds.perSecond

    let worker: Worker
    private let pool: WorkerPool
    private let edge: Edge
    var client: ClientSession?
    private(set) var connection: (any ByteStream)?
    private var phase = Phase.connecting
    private var parser: ResponseParser
    private var body = BodyReader(framing: .none, maxPayloadBytes: 0, from: .worker)
    private var method = Method.get
    private var canReuse = false
    private var interimResponses = 0
    private var timer: LoopTimer?
    private var began = Instant(nanoseconds: 0)
    /// An answer to an HTTP/1.0 client is taken out of its chunks.
    private var mustDechunk = false
    /// The connection has served a request before: a failure may only mean that the worker had closed it meanwhile.
    private(set) var wasReused = false

    init(pool: WorkerPool, worker: Worker, client: ClientSession) {
        self.pool = pool
        self.worker = worker
        self.edge = pool.edge
        self.client = client
        self.parser = ResponseParser(limits: pool.edge.responseLimits)
        self.timer = LoopTimer(loop: self.edge.loop) { [unowned self] in self.timedOut() }
    }

    func connect() throws {
        self.connection = try Connection.connect(
            to: self.worker.address,
            on: self.edge.loop,
            timeoutNanoseconds: self.pool.settings.connectTimeoutNanoseconds,
            handler: self
        )
    }

    // MARK: A request

    /// Sends a request's head; the answer goes to `client`. The worker's time begins with it, unless a body follows:
    /// then `awaitWorker` says when.
    func begin(head: UnsafeRawBufferPointer, method: Method, mustDechunk: Bool, hasBody: Bool) {
        guard let connection = self.connection else { preconditionFailure("a closed connection was handed out") }
        self.phase = .awaitingHead
        self.method = method
        self.mustDechunk = mustDechunk
        self.canReuse = false
        self.interimResponses = 0
        self.began = self.edge.loop.now
        if hasBody { self.timer?.disarm() } else { self.armResponseTimer() }
        connection.write(head)
    }

    /// The worker has the whole request, or must take some of it before more can be sent.
    func awaitWorker() {
        guard case .awaitingHead = self.phase else { return }
        self.armResponseTimer()
    }

    /// The rest of the request is up to the client.
    func awaitClient() {
        guard case .awaitingHead = self.phase else { return }
        self.timer?.disarm()
    }

    private func armResponseTimer() {
        self.timer?.arm(afterNanoseconds: self.pool.settings.responseTimeoutNanoseconds)
    }

    /// The client has gone, or broken the rules: what the worker is doing for it is given up.
    func abort() {
        self.client = nil
        self.close()
    }

    func becomeIdle() {
        self.phase = .idle
        self.wasReused = true
        self.timer?.arm(afterNanoseconds: Self.idleNanoseconds)
    }

    func close() { self.connection?.close() }

    private func timedOut() {
        switch self.phase {
        case .idle: self.close()
        case .awaitingHead: self.fail(.responseTimeout)
        // The client has the head already: all that is left is to break off, so that it does not take a part for all.
        case .body: self.fail(.responseTimeout)
        case .connecting, .closed: break
        }
    }

    // MARK: The connection

    func connected(_ connection: any ByteStream) {
        self.worker.connectSucceeded()
        self.phase = .awaitingHead
        if let client = self.client {
            client.workerReady(self)
        } else {
            self.pool.release(self, isReusable: true)
        }
    }

    func received(_ connection: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        var used = 0
        while used < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            let step: Int?
            switch self.phase {
            case .awaitingHead where self.client != nil: step = self.receiveHead(rest)
            case .body: step = self.receiveBody(rest)
            case .connecting, .idle, .awaitingHead, .closed:
                // Nobody asked: whatever this is, the next request's answer must not begin with it.
                self.close()
                return bytes.count
            }
            guard let step else { return bytes.count }
            guard step > 0 else { break }
            used += step
        }
        return used
    }

    /// Bytes used; zero when more are needed; nil when the connection is over.
    private func receiveHead(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard let client = self.client else { return nil }
        switch self.parser.parse(bytes, answering: self.method, into: &self.edge.responseHead) {
        case .incomplete: return 0
        case .failed(let failure):
            self.edge.log.warning(
                "a worker's answer is not valid HTTP",
                metadata: ["worker": "\(self.worker.id)", "reason": "\(failure)"]
            )
            self.fail(.badResponse)
            return nil
        case .complete: break
        }
        let headBytes = self.edge.responseHead.byteCount
        if self.edge.responseHead.isInterim {
            self.interimResponses += 1
            guard self.interimResponses <= Self.maxInterimResponses else {
                self.fail(.badResponse)
                return nil
            }
            return headBytes
        }
        // A switch of protocols was never asked for: the Upgrade field is not forwarded.
        guard self.edge.responseHead.status != 101 else {
            self.fail(.badResponse)
            return nil
        }
        if self.edge.responseHead.status >= 500 { self.pool.countError() }
        self.canReuse = self.edge.responseHead.keepAlive
        self.body = BodyReader(
            framing: self.edge.responseHead.framing,
            maxPayloadBytes: Int64.max,
            from: .worker
        )
        self.phase = .body
        let afterHead = UnsafeRawBufferPointer(rebasing: bytes[headBytes...])
        let head = UnsafeRawBufferPointer(rebasing: bytes[..<headBytes])
        if self.mustDechunk, self.edge.responseHead.framing == .chunked {
            client.writeResponseHead(head, body: UnsafeRawBufferPointer(start: nil, count: 0))
            return self.finishOrGoOn(headBytes, of: bytes.count, isComplete: false)
        }
        guard let (count, isComplete) = self.scan(afterHead) else { return nil }
        client.writeResponseHead(head, body: UnsafeRawBufferPointer(rebasing: afterHead[..<count]))
        return self.finishOrGoOn(headBytes + count, of: bytes.count, isComplete: isComplete)
    }

    private func receiveBody(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard let client = self.client else { return nil }
        self.armResponseTimer()
        if self.mustDechunk, self.body.framing == .chunked { return self.receiveChunks(bytes, client) }
        guard let (count, isComplete) = self.scan(bytes) else { return nil }
        client.writeResponseBody(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        return self.finishOrGoOn(count, of: bytes.count, isComplete: isComplete)
    }

    /// How much of `bytes` belongs to the answer's body; nil when it is malformed, and the request is over.
    private func scan(_ bytes: UnsafeRawBufferPointer) -> (count: Int, isComplete: Bool)? {
        switch self.body.scan(bytes) {
        case .more: return (bytes.count, false)
        case .complete(let count): return (count, true)
        case .failed:
            self.fail(.badResponse)
            return nil
        }
    }

    private func receiveChunks(_ bytes: UnsafeRawBufferPointer, _ client: ClientSession) -> Int? {
        var used = 0
        while true {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            switch self.body.next(rest) {
            case .payload(let range):
                client.writeResponseBody(range.slice(of: rest))
                used += range.end
            case .needMore: return self.finishOrGoOn(bytes.count, of: bytes.count, isComplete: false)
            case .end(let count): return self.finishOrGoOn(used + count, of: bytes.count, isComplete: true)
            case .failed:
                self.fail(.badResponse)
                return nil
            }
        }
    }

    /// Ends the request when the body is complete; slows the worker down when the client does not keep up.
    private func finishOrGoOn(_ used: Int, of count: Int, isComplete: Bool) -> Int? {
        guard isComplete else {
            if self.client?.isCongested == true {
                // How long that may last is the client's affair, not the worker's.
                self.timer?.disarm()
                self.connection?.pauseReading()
            }
            return used
        }
        // Bytes behind the answer belong to nobody, least of all to the next request.
        if used < count { self.canReuse = false }
        self.complete()
        return used
    }

    private func complete() {
        guard let client = self.client else { return }
        let now = self.edge.loop.now
        self.pool.recordLatency(nanoseconds: now.nanoseconds(since: self.began))
        // A worker that answers before it has read the whole request would take the rest for the next one.
        let isReusable = self.canReuse && client.hasSentRequest
        self.phase = .idle
        self.timer?.disarm()
        self.pool.release(self, isReusable: isReusable)
        client.responseEnded()
    }

    /// The client takes bytes again.
    func clientDrained() {
        if case .body = self.phase { self.armResponseTimer() }
        self.connection?.resumeReading()
    }

    func drained(_ connection: any ByteStream) { self.client?.workerDrained() }

    func inputEnded(_ connection: any ByteStream) {
        if case .body = self.phase, self.body.framing == .untilClose {
            self.canReuse = false
            self.complete()
        } else {
            connection.close()
        }
    }

    func closed(_ connection: any ByteStream, _ reason: CloseReason) {
        let ended = self.phase
        let client = self.client
        let isBusy: Bool
        switch ended {
        case .idle: isBusy = false
        case .closed: return
        case .connecting, .awaitingHead, .body: isBusy = true
        }
        self.phase = .closed
        self.timer?.disarm()
        self.client = nil
        self.connection = nil
        self.pool.forget(self, wasBusy: isBusy)
        guard isBusy else { return }
        switch ended {
        case .connecting:
            self.worker.connectFailed(now: self.edge.loop.now)
            self.pool.countError()
            client?.upstreamFailed(.connectFailed, at: self.worker, isSafeToRepeat: true)
        case .awaitingHead:
            // A kept connection that the worker closed just then is not the worker's error.
            if !self.wasReused { self.pool.countError() }
            client?.upstreamFailed(.connectionLost, at: self.worker, isSafeToRepeat: false)
        case .body:
            self.pool.countError()
            client?.upstreamBrokeOff()
        case .idle, .closed: break
        }
    }

    /// Gives the request up with an error of this side's making.
    private func fail(_ error: GatewayError) {
        let client = self.client
        let hadHead: Bool
        if case .body = self.phase { hadHead = true } else { hadHead = false }
        self.client = nil
        self.pool.countError()
        self.close()
        if hadHead, client?.hasStartedResponse == true {
            client?.upstreamBrokeOff()
        } else {
            client?.fail(error)
        }
    }
}
