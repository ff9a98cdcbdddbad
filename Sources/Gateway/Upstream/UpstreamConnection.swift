import EventLoop
import HTTPWire
import Primitives
import Transport

/// Who owns a worker's connections: its pool.
protocol UpstreamOwner: AnyObject {
    func upstreamConnected(_ connection: UpstreamConnection)
    /// `wasConnecting`: it never came about.
    func upstreamClosed(_ connection: UpstreamConnection, wasConnecting: Bool)
    /// `isReusable`: the next request may use the connection, which is open.
    func leaseEnded(_ connection: UpstreamConnection, isReusable: Bool)
}

/// One connection to a worker: idle in its pool, or leased to one exchange. Frames the request, reads the response.
final class UpstreamConnection: StreamHandler {
    private enum State { case connecting, idle, leased, tunnel, closed }

    private static let idleNanoseconds = 55 * Nanoseconds.perSecond

    let worker: Worker
    private let tools: LoopTools
    private var owner: (any UpstreamOwner)?
    private var user: (any UpstreamUser)?
    private var stream: (any ByteStream)?
    private var state = State.connecting
    private var wire = HTTP1Client(limits: LoopTools.responseLimits)
    private var timer: LoopTimer?
    private let responseTimeoutNanoseconds: Int64
    private var isLeased = false
    /// What the worker sent cannot be told apart from the next response.
    private var isSpoiled = false
    private var isChunkedRequest = false
    /// Some byte of the response has come.
    private var hasResponseBytes = false
    /// The client sends its body when the worker says so.
    private var isAskedToContinue = false
    private var isPaused = false
    /// The client did not keep up with this response at some time.
    private(set) var wasPaused = false
    /// Bytes of this request that were written, and in how many pieces; what is gathered is one.
    private var requestBytes = 0
    private var requestPieces = 0
    private var isGathering = false
    /// What fits into one record of TLS.
    private static let recordBytes = 16 * 1024
    private var responses = 0
    private var idleSince = Instant(nanoseconds: 0)
    /// A connection that has been idle for so long is kept on purpose.
    private static let provenIdleNanoseconds = Nanoseconds.perSecond
    /// Until the ticket has been kept; nil in plain text.
    private var handshake: WorkerHandshake?
    /// Why no TLS came about, or broke; nil while it has not.
    private(set) var tlsFailure: String?
    /// When the worker had the whole request; nil before.
    private(set) var requestSent: Instant?
    /// The pool counts it among its tunnels.
    var isTunnel = false

    init(worker: Worker, tools: LoopTools, owner: any UpstreamOwner, responseTimeoutNanoseconds: Int64) {
        self.worker = worker
        self.tools = tools
        self.owner = owner
        self.responseTimeoutNanoseconds = responseTimeoutNanoseconds
    }

    func connect(timeoutNanoseconds: Int64) throws {
        self.handshake = self.worker.handshake(now: self.tools.now)
        self.stream = try self.tools.network.connect(
            to: self.worker.address,
            on: self.tools.loop,
            timeoutNanoseconds: timeoutNanoseconds,
            tls: self.handshake?.tls,
            handler: self
        )
        // Each holds the other until the stream is closed, which it is in the end; see `HTTP1Connection`.
        self.timer = LoopTimer(loop: self.tools.loop) { self.timedOut() }
    }

    // MARK: Leasing

    /// Hands the connection to an exchange.
    func lease() -> WorkerLease {
        precondition(self.state == .idle, "only an idle connection can be leased")
        self.state = .leased
        self.isLeased = true
        return WorkerLease(self)
    }

    /// The end of a lease, by `WorkerLease` alone.
    fileprivate func endLease(isWanted: Bool) {
        self.user = nil
        self.isLeased = false
        let owner = self.owner
        let isReusable = isWanted && self.state == .leased && !self.isSpoiled && self.wire.canReuse
        // With TLS 1.3 tickets come behind the handshake: by now they have.
        if isWanted, self.isFresh, let stream = self.stream, let handshake = self.handshake {
            self.worker.keepTicket(of: stream, handshake)
            self.handshake = nil
        }
        if isReusable {
            self.state = .idle
            self.idleSince = self.tools.now
            if self.responses > 0 { self.worker.keepsConnections = true }
            self.responses += 1
            // The client may have made a pause with the response's last piece.
            self.resume()
            self.timer?.arm(afterNanoseconds: Self.idleNanoseconds)
        } else if isWanted, self.state == .tunnel {
            // What is on its way to the worker reaches it, if it takes some of it.
            self.timer?.arm(afterNanoseconds: self.responseTimeoutNanoseconds)
            self.stream?.closeAfterWriting()
        } else {
            self.close()
        }
        if self.state == .closed { self.owner = nil }
        owner?.leaseEnded(self, isReusable: isReusable)
    }

    /// It has not served anybody yet.
    var isFresh: Bool { self.responses == 0 }

    /// A request that must not be sent twice may go out on this connection: the worker will not have closed it.
    var isTrusted: Bool {
        self.responses == 0 || self.worker.keepsConnections
            || self.tools.now.nanoseconds(since: self.idleSince) >= Self.provenIdleNanoseconds
    }

    /// The worker ended the connection. Was it while, or just before, it should have served again?
    private func noteEnd() {
        guard self.responses > 0, !self.hasResponseBytes || self.state == .idle else { return }
        if self.tools.now.nanoseconds(since: self.idleSince) < Self.provenIdleNanoseconds {
            self.worker.keepsConnections = false
        }
    }

    func close() {
        self.user = nil
        self.stream?.close()
    }

    // MARK: The request

    /// Sends a request's head: `head` holds the request line and whole field lines. What comes back goes to `user`.
    func sendHead(
        _ head: UnsafeRawBufferPointer,
        method: Method,
        framing: BodyFraming,
        asksForUpgrade: Bool,
        awaitsContinue: Bool,
        for user: any UpstreamUser
    ) {
        precondition(self.state == .leased, "a request was sent on a connection that is not leased")
        self.user = user
        self.hasResponseBytes = false
        self.wasPaused = false
        self.requestSent = nil
        self.requestBytes = head.count
        self.requestPieces = 1
        self.isChunkedRequest = framing == .chunked
        self.wire.begin(method, asksForUpgrade: asksForUpgrade)
        self.isAskedToContinue = awaitsContinue
        self.stream?.write(head)
        self.watchWorker()
    }

    func sendBody(_ payload: UnsafeRawBufferPointer) {
        guard let stream = self.stream, payload.count > 0 else { return }
        self.requestBytes += payload.count
        if !self.isGathering { self.requestPieces += 1 }
        if self.isChunkedRequest { stream.writeChunk(payload) } else { stream.write(payload) }
        self.watchWorker()
    }

    /// The request is complete. Without chunks there is no place for trailers.
    func endRequest(trailers: Trailers) {
        guard self.state == .leased else { return }
        if self.isChunkedRequest { self.stream?.writeLastChunk(trailers: trailers) }
        self.wire.requestSent()
        self.requestSent = self.tools.now
        self.watchWorker()
    }

    func sendTunnel(_ bytes: UnsafeRawBufferPointer) { self.stream?.write(bytes) }

    /// The client's side of a tunnel has ended: the worker is told, and may go on.
    func finishTunnel() { self.stream?.finishWriting() }

    /// Closes at once, and so that the worker sees that what it has is not the whole. The user is not told.
    func breakOff() {
        self.user = nil
        self.stream?.reset()
    }

    /// Of what was written, what the worker has not taken, in bytes; see `ByteStream.untakenBytes`.
    var untakenBytes: Int { self.stream?.untakenBytes ?? 0 }

    /// Between these what is sent leaves as one.
    func beginGathering() {
        self.isGathering = true
        self.stream?.cork()
    }

    func endGathering() {
        self.isGathering = false
        self.stream?.uncork()
    }

    var isCongested: Bool { self.stream?.isCongested ?? false }

    // MARK: The response

    /// The client does not keep up; how long that may last is not the worker's affair.
    func pause() {
        guard !self.isPaused else { return }
        self.isPaused = true
        self.wasPaused = true
        self.timer?.disarm()
        self.stream?.pauseReading()
    }

    func resume() {
        guard self.isPaused else { return }
        self.isPaused = false
        self.watchWorker()
        self.stream?.resumeReading()
    }

    /// The worker's time runs while it is the one to move: when it has the whole request, has to take some of it, or is
    /// to say that it wants the body. Else it is the client's turn, and the client's time that runs.
    private func watchWorker() {
        // How long a tunnel may be silent is its exchange's to say.
        guard !self.isPaused, self.state != .tunnel else { return }
        if self.requestSent != nil || self.isAskedToContinue || self.isCongested {
            self.timer?.arm(afterNanoseconds: self.responseTimeoutNanoseconds)
        } else {
            self.timer?.disarm()
        }
    }

    func received(_ stream: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        switch self.state {
        case .leased where self.user != nil: break
        case .tunnel:
            self.relayTunnel(bytes)
            return bytes.count
        case .connecting, .idle, .leased, .closed:
            // Nobody asked: whatever this is, the next request's response must not begin with it.
            self.close()
            return bytes.count
        }
        let user = self.user
        user?.workerBegins()
        let used = self.readResponse(bytes)
        user?.workerPauses()
        return used
    }

    private func readResponse(_ bytes: UnsafeRawBufferPointer) -> Int {
        self.hasResponseBytes = true
        self.watchWorker()
        var used = 0
        // A pause keeps bytes back, not the end of a response whose last byte has been passed on.
        while let user = self.user, self.state == .leased, !self.isPaused || used == bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            let (input, count) = self.wire.read(rest, into: &self.tools.responseHead)
            used += count
            switch input {
            case .needMore: return used
            case .interim:
                if self.tools.responseHead.status == 100 { self.isAskedToContinue = false }
                self.watchWorker()
                user.workerInterim(rest)
            case .head:
                self.isAskedToContinue = false
                self.watchWorker()
                user.workerHead(rest)
            case .payload(let range): user.workerBody(range.slice(of: rest))
            case .end:
                self.timer?.disarm()
                // Bytes behind the response belong to nobody, least of all to the next request.
                if used < bytes.count { self.isSpoiled = true }
                user.workerEnded(trailers: self.wire.trailers)
                return bytes.count
            case .switching:
                self.state = .tunnel
                self.timer?.disarm()
                user.workerSwitched(rest)
                let tunnelled = UnsafeRawBufferPointer(rebasing: bytes[used...])
                if tunnelled.count > 0 { self.user?.workerTunnelBytes(tunnelled) }
                return bytes.count
            case .failed(let failure):
                self.tools.log.warning(
                    "a worker's response is not valid HTTP",
                    metadata: ["worker": "\(self.worker.id)", "reason": "\(failure)"]
                )
                self.fail(.badResponse)
                return bytes.count
            }
        }
        return self.state == .closed ? bytes.count : used
    }

    private func relayTunnel(_ bytes: UnsafeRawBufferPointer) {
        guard let user = self.user else { return }
        user.workerBegins()
        user.workerTunnelBytes(bytes)
        user.workerPauses()
    }

    // MARK: Ends

    func connected(_ stream: any ByteStream) {
        self.state = .idle
        self.timer?.arm(afterNanoseconds: Self.idleNanoseconds)
        self.owner?.upstreamConnected(self)
    }

    func drained(_ stream: any ByteStream) {
        guard let user = self.user else { return }
        self.watchWorker()
        user.workerDrained()
    }

    func inputEnded(_ stream: any ByteStream) {
        self.noteEnd()
        if self.state == .tunnel {
            // Without a user it is closing, when what is on its way has left.
            self.user?.workerEndedTunnel()
            return
        }
        guard let user = self.user else { return self.close() }
        switch self.wire.inputEnded() {
        case .complete:
            self.timer?.disarm()
            user.workerEnded(trailers: Trailers())
        case .idle, .cut: self.fail(.connectionLost(wasRead: self.mayHaveBeenRead(stream)))
        }
    }

    func closed(_ stream: any ByteStream, _ reason: CloseReason) {
        let wasConnecting = self.state == .connecting
        if reason != .local { self.noteEnd() }
        if case .tls(let words) = reason { self.tlsFailure = words }
        let user = self.user
        let failure: UpstreamFailure =
            reason == .outOfMemory ? .outOfMemory : .connectionLost(wasRead: self.mayHaveBeenRead(stream))
        self.end()
        let owner = self.owner
        if !self.isLeased { self.owner = nil }
        owner?.upstreamClosed(self, wasConnecting: wasConnecting)
        user?.workerFailed(failure)
    }

    /// A worker that closed an idle connection has not read the request that was then written to it: its system did not
    /// even acknowledge the bytes.
    private func mayHaveBeenRead(_ stream: any ByteStream) -> Bool {
        // What TLS adds counts as unacknowledged, too. Of one record nothing can be read before all of it has come; of
        // several, the first may have been read while as many bytes are on their way as the request has.
        if stream.isSecure, self.requestBytes > Self.recordBytes || self.requestPieces > 1 { return true }
        return self.hasResponseBytes || stream.unacknowledgedBytes < self.requestBytes
    }

    private func end() {
        self.state = .closed
        self.timer?.disarm()
        self.timer = nil
        self.user = nil
        self.stream = nil
    }

    private func timedOut() {
        switch self.state {
        case .idle: self.close()
        case .leased: self.fail(.responseTimeout)
        // The tunnel is over, and the worker takes nothing of what was left for it.
        case .tunnel: self.close()
        case .connecting, .closed: break
        }
    }

    /// Closes, and tells the user why.
    private func fail(_ failure: UpstreamFailure) {
        let user = self.user
        self.close()
        user?.workerFailed(failure)
    }
}

/// A worker's connection on loan to one exchange. It has to be given back or aborted, exactly once: the compiler sees
/// that it is not done twice, and a lease that is dropped traps in debug builds.
struct WorkerLease: ~Copyable {
    private let held: Unmanaged<UpstreamConnection>

    fileprivate init(_ connection: UpstreamConnection) { self.held = .passRetained(connection) }

    deinit {
        assertionFailure("a worker's connection was dropped; give it back or abort it")
        self.held.takeRetainedValue().endLease(isWanted: false)
    }

    var connection: UpstreamConnection { self.held.takeUnretainedValue() }

    /// The response is complete. The connection serves others if both sides left it in order; else it is closed.
    consuming func giveBack() {
        let connection = self.held.takeRetainedValue()
        discard self
        connection.endLease(isWanted: true)
    }

    /// What the worker is doing is not wanted any more, or it has failed.
    consuming func abort() {
        let connection = self.held.takeRetainedValue()
        discard self
        connection.endLease(isWanted: false)
    }
}
