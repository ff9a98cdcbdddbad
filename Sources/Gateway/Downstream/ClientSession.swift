import Admission
import EventLoop
import HTTPWire
import Primitives
import Transport

/// One client connection: reads its requests one after the other, takes each through its room and to a worker, and
/// writes the answers in order.
///
/// A request that has to wait (for a place, at the door, for a worker) stays unread in the connection's input: when the
/// wait is over it is parsed again and goes on from what `request` remembers. So nothing of a waiting request is copied,
/// and one that failed before any byte of an answer can be sent to another worker.
final class ClientSession: StreamHandler {
    enum Phase {
        /// Between requests, or within a head.
        case head
        case waitingForRoom, waitingForWorker
        /// The worker has the head; a body may be on the way to it.
        case forwarding
        /// The last answer has been written; what comes in is thrown away.
        case closing
    }

    let edge: Edge
    let connection: any ByteStream
    private(set) var phase = Phase.head
    var request = RequestProgress()
    private var parser: RequestParser
    private var timer: LoopTimer?
    private var isHeadPartial = false
    private var inputHasEnded = false
    /// What the client had still to take when the timer was armed; at its end some of that must be gone.
    private var untakenWhenWatched = 0
    /// Place in the loop's list of sessions.
    var listIndex = 0
    /// Since when nothing has been asked, while `isIdle`.
    private(set) var idleSince: Instant
    /// `X-Forwarded-For` and its like, made at the first request and the same for all.
    private var forwardedFields: [UInt8] = []

    init(edge: Edge, connection: any ByteStream) {
        self.edge = edge
        self.connection = connection
        self.parser = RequestParser(limits: edge.requestLimits)
        self.idleSince = edge.loop.now
        self.timer = LoopTimer(loop: edge.loop) { [unowned self] in self.timedOut() }
        self.timer?.arm(afterNanoseconds: edge.limits.idleTimeoutNanoseconds)
    }

    /// Between two requests, with nothing of the next one there.
    var isIdle: Bool {
        guard case .head = self.phase else { return false }
        return !self.isHeadPartial && !self.request.isStarted && self.connection.pendingWriteBytes == 0
    }

    // MARK: Reading

    func received(_ connection: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        var used = 0
        while used < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            switch self.phase {
            case .head:
                if self.request.bytesToSkip > 0 {
                    used += self.request.bytesToSkip
                    self.request.reset()
                    continue
                }
                // Answers that nobody takes must not pile up: whoever pipelines has to read as well.
                guard self.request.isStarted || !self.connection.isCongested else { return used }
                guard self.receiveHead(rest) else { return used }
                used += self.request.takeUsed()
            case .forwarding where self.request.body != nil && !self.request.isBodySent:
                let step = self.receiveBody(rest)
                guard step > 0 else { return used }
                used += step
            case .waitingForRoom, .waitingForWorker, .forwarding:
                // Pipelined requests wait in the connection, which reads no more than it may keep.
                return used
            case .closing: return bytes.count
            }
        }
        return used
    }

    /// The client has sent its last request and has had the answer.
    private func endIfDone() {
        guard self.inputHasEnded, case .head = self.phase, self.connection.retainedBytes == 0 || self.isHeadPartial
        else { return }
        self.closeAfterAnswer()
    }

    /// False when more bytes are needed.
    private func receiveHead(_ bytes: UnsafeRawBufferPointer) -> Bool {
        switch self.parser.parse(bytes, into: &self.edge.requestHead) {
        case .incomplete:
            if !self.isHeadPartial {
                self.isHeadPartial = true
                self.timer?.arm(afterNanoseconds: self.edge.limits.headTimeoutNanoseconds)
            }
            return false
        case .failed(let failure):
            self.isHeadPartial = false
            self.refuse(failure)
            return true
        case .complete:
            self.isHeadPartial = false
            self.timer?.disarm()
            self.handleRequest(bytes)
            return true
        }
    }

    private func handleRequest(_ bytes: UnsafeRawBufferPointer) {
        if !self.request.isStarted {
            self.request.start(self.edge.requestHead, now: self.edge.loop.now)
            self.edge.metrics.requests += 1
        }
        if case .length(let count) = self.edge.requestHead.framing, count > Int64(self.edge.limits.bodyBytes) {
            return self.fail(.bodyTooLarge)
        }
        let route: Route
        switch self.findRoute(bytes) {
        case .success(let found): route = found
        case .failure(let error): return self.fail(error)
        }
        if let gate = route.gate, !self.request.isAdmitted {
            switch gate.check(self, bytes) {
            case .admitted:
                self.request.isAdmitted = true
                if self.request.isNewcomer { route.pool.countAdmission() }
            case .parked:
                self.request.gate = gate
                self.phase = .waitingForRoom
                return
            case .waiting(let position): return self.answerWaiting(position, gate: gate, bytes)
            case .refused(let error): return self.fail(error)
            }
        }
        self.forward(bytes, to: route.pool)
    }

    private func findRoute(_ bytes: UnsafeRawBufferPointer) -> Result<Route, GatewayError> {
        let host = self.edge.requestHead.hostNameRange?.slice(of: bytes) ?? UnsafeRawBufferPointer(start: nil, count: 0)
        let path = self.edge.requestHead.pathRange.slice(of: bytes)
        var found: Route?
        if self.edge.requestHead.pathIsPlain(in: bytes) {
            found = self.edge.routes.find(host: host, path: path)
        } else {
            let refusal = self.edge.requestHead.forEachReading(in: bytes, scratch: self.edge.loop.writeScratch) {
                let meant = self.edge.routes.find(host: host, path: $0)
                if found == nil || found?.gate == nil && meant?.gate != nil { found = meant }
            }
            if refusal != nil { return .failure(.badPath) }
        }
        return found.map { .success($0) } ?? .failure(.noRoute)
    }

    // MARK: To the worker

    private func forward(_ bytes: UnsafeRawBufferPointer, to pool: WorkerPool) {
        if let upstream = self.request.upstream {
            // It was found while the request waited.
            return self.send(bytes, to: upstream)
        }
        if self.request.pool == nil {
            self.request.pool = pool
            pool.countArrival(isGuarded: self.request.session != nil)
        }
        switch pool.acquire(for: self, avoiding: self.request.failedWorker) {
        case .ready(let upstream):
            self.request.upstream = upstream
            self.send(bytes, to: upstream)
        case .pending: self.phase = .waitingForWorker
        case .refused(let error): self.fail(error)
        }
    }

    private func send(_ bytes: UnsafeRawBufferPointer, to upstream: UpstreamSession) {
        self.phase = .forwarding
        let head = self.edge.requestHead.byteCount
        var writer = ByteWriter(self.edge.loop.writeScratch)
        self.edge.writeForwardedHead(bytes, for: self, to: &writer)
        precondition(!writer.overflowed, "a head of at most 32 KiB grew beyond 64 KiB")
        if self.request.hasBody {
            self.request.body = BodyReader(
                framing: self.edge.requestHead.framing,
                maxPayloadBytes: Int64(self.edge.limits.bodyBytes),
                from: .client
            )
            // What follows the head is the body's: from here on the request cannot be read again.
            self.request.used = head
            if self.edge.requestHead.expectsContinue { self.connection.write("HTTP/1.1 100 Continue\r\n\r\n") }
            self.timer?.arm(afterNanoseconds: self.edge.limits.bodyTimeoutNanoseconds)
        } else {
            self.request.retainedHeadBytes = head
        }
        upstream.begin(
            head: writer.written,
            method: self.request.method,
            mustDechunk: self.request.minorVersion == 0,
            hasBody: self.request.hasBody
        )
    }

    /// Passes on what belongs to the request's body, as it is, after checking that it is well-formed.
    private func receiveBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let upstream = self.request.upstream, let scan = self.request.body?.scan(bytes) else {
            return bytes.count
        }
        let count: Int
        switch scan {
        case .failed(let failure):
            // The worker gets no end of this body, and so never takes it for a whole one.
            self.request.upstream = nil
            upstream.abort()
            self.refuse(failure)
            return bytes.count
        case .more: count = bytes.count
        case .complete(let end):
            count = end
            self.request.isBodySent = true
        }
        upstream.connection?.write(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        if self.request.isBodySent {
            self.timer?.disarm()
            upstream.awaitWorker()
        } else if upstream.connection?.isCongested == true {
            self.timer?.disarm()
            upstream.awaitWorker()
            self.connection.pauseReading()
        } else {
            self.timer?.arm(afterNanoseconds: self.edge.limits.bodyTimeoutNanoseconds)
        }
        return count
    }

    func workerDrained() {
        guard case .forwarding = self.phase else { return }
        if !self.hasSentRequest {
            self.request.upstream?.awaitClient()
            self.timer?.arm(afterNanoseconds: self.edge.limits.bodyTimeoutNanoseconds)
        }
        self.connection.resumeReading()
    }

    /// A connection to a worker is there for the request that waited for it.
    func workerReady(_ upstream: UpstreamSession) {
        upstream.client = self
        self.request.upstream = upstream
        self.resume()
    }

    func workerFailed(_ error: GatewayError) { self.fail(error) }

    /// The room has an answer for the request that waited for it; `request` holds it.
    func roomAnswered() {
        self.request.gate = nil
        self.resume()
    }

    private func resume() {
        self.phase = .head
        self.connection.offerRetained()
    }

    /// The connection failed before any byte of an answer. `isSafeToRepeat`: nothing of the request was sent.
    func upstreamFailed(_ error: GatewayError, at worker: Worker, isSafeToRepeat: Bool) {
        self.request.upstream = nil
        let isWhole = !self.request.hasBody || self.request.body == nil
        guard isWhole, isSafeToRepeat || self.request.method.isIdempotent, self.request.attempts == 0,
            !self.connection.isClosed
        else { return self.fail(error) }
        self.request.attempts += 1
        self.request.failedWorker = worker
        self.request.retainedHeadBytes = 0
        self.edge.metrics.retries += 1
        self.resume()
    }

    /// The worker broke off in the middle of an answer: the client must not take it for whole.
    func upstreamBrokeOff() {
        self.request.upstream = nil
        self.edge.metrics.gatewayErrors[GatewayError.Cause.connectionLost.index] += 1
        self.connection.close()
    }

    var isCongested: Bool { self.connection.isCongested }
    var hasStartedResponse: Bool { self.request.hasStartedResponse }
    /// The worker has been sent the whole request.
    var hasSentRequest: Bool { !self.request.hasBody || self.request.isBodySent }

    /// Between two requests and at the end the timer goes on: it watches for another thing by then.
    func drained(_ connection: any ByteStream) {
        guard case .forwarding = self.phase else {
            // Pipelined requests waited for that.
            if case .head = self.phase, connection.retainedBytes > 0 { connection.offerRetained() }
            return
        }
        self.untakenWhenWatched = 0
        let upstream = self.request.upstream
        if self.hasSentRequest || upstream?.connection?.isCongested == true {
            self.timer?.disarm()
        } else {
            self.timer?.arm(afterNanoseconds: self.edge.limits.bodyTimeoutNanoseconds)
        }
        upstream?.clientDrained()
    }

    // MARK: Back to the client

    func writeResponseHead(_ head: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer) {
        var writer = ByteWriter(self.edge.loop.writeScratch)
        self.request.hasStartedResponse = true
        self.request.status = Int(self.edge.responseHead.status)
        self.edge.writeResponseHead(head, for: self, to: &writer)
        precondition(!writer.overflowed, "a head of at most 32 KiB grew beyond 64 KiB")
        self.connection.write(writer.written, body)
        self.watchWriting()
    }

    func writeResponseBody(_ bytes: UnsafeRawBufferPointer) {
        self.connection.write(bytes)
        self.watchWriting()
    }

    /// A client that takes nothing is given up after a while.
    private func watchWriting() {
        guard self.connection.isCongested else { return }
        self.watchUntaken()
    }

    private func watchUntaken() {
        self.untakenWhenWatched = self.connection.untakenBytes
        self.timer?.arm(afterNanoseconds: self.edge.limits.writeTimeoutNanoseconds)
    }

    /// The connection can carry another request after this answer.
    var staysOpen: Bool {
        self.request.keepAlive && self.hasSentRequest && !self.edge.isDraining
    }

    /// The worker's answer is complete.
    func responseEnded() {
        self.request.upstream = nil
        self.finishRequest(staysOpen: self.staysOpen && !self.request.endsWithConnection)
    }

    private func finishRequest(staysOpen: Bool) {
        let now = self.edge.loop.now
        self.edge.metrics.countResponse(status: self.request.status)
        self.edge.metrics.requestLatency.record(nanoseconds: now.nanoseconds(since: self.request.started))
        guard staysOpen else { return self.closeAfterAnswer() }
        self.phase = .head
        let mustSkip = self.request.retainedHeadBytes
        let unread = self.request.takeUsed()
        self.request.reset()
        self.request.bytesToSkip = mustSkip
        self.request.used = unread
        self.idleSince = now
        self.untakenWhenWatched = self.connection.untakenBytes
        self.timer?.arm(afterNanoseconds: self.edge.limits.idleTimeoutNanoseconds)
        if mustSkip > 0 || self.connection.retainedBytes > 0 { self.connection.offerRetained() }
        if self.inputHasEnded { self.edge.loop.onNextTurn { self.endIfDone() } }
    }

    private func closeAfterAnswer() {
        self.phase = .closing
        self.watchUntaken()
        self.connection.closeAfterWriting()
    }

    // MARK: Answers of the gateway's own

    private func answerWaiting(_ position: WaitingPosition, gate: RoomGate, _ bytes: UnsafeRawBufferPointer) {
        let isJSON = self.edge.requestHead.acceptedMedia(in: bytes).prefersJSON
        let head = self.edge.requestHead.byteCount
        // The body of a request that was not let in is not read: the answer ends the connection.
        let staysOpen = self.request.keepAlive && !self.request.hasBody && !self.edge.isDraining
        var writer = ByteWriter(self.edge.loop.writeScratch)
        self.request.status = gate.page.write(
            position,
            isJSON: isJSON,
            for: self,
            staysOpen: staysOpen,
            to: &writer
        )
        precondition(!writer.overflowed, "the waiting page is bounded by its template")
        self.connection.write(writer.written)
        self.request.used = head
        self.finishRequest(staysOpen: staysOpen)
    }

    private func refuse(_ failure: WireFailure) {
        let cause: GatewayError.Cause =
            switch failure.status {
            case 413, 414, 431: .tooLarge
            case 501: .notImplemented
            default: .badRequest
            }
        self.fail(
            GatewayError(
                status: Int(failure.status),
                side: .downstream,
                cause: cause,
                message: failure.reason.description
            )
        )
    }

    /// Answers with an error of the gateway's own and closes: what follows on the connection cannot be trusted, or was
    /// not read.
    func fail(_ error: GatewayError) {
        self.edge.metrics.gatewayErrors[error.cause.index] += 1
        guard !self.connection.isClosed else { return }
        guard !self.request.hasStartedResponse else { return self.connection.close() }
        var writer = ByteWriter(self.edge.loop.writeScratch)
        self.edge.write(error, for: self, to: &writer)
        self.connection.write(writer.written)
        self.request.status = error.status
        self.finishRequest(staysOpen: false)
    }

    // MARK: Time and end

    private func timedOut() {
        let untaken = self.connection.untakenBytes
        // Whoever takes what is written, however slowly, is waited for.
        if untaken > 0, untaken < self.untakenWhenWatched { return self.watchUntaken() }
        switch self.phase {
        case .head where self.isHeadPartial: self.fail(.requestTimeout)
        case .head, .closing: self.connection.close()
        case .forwarding where untaken > 0 && self.untakenWhenWatched > 0: self.connection.close()
        case .forwarding where !self.hasSentRequest:
            self.request.upstream?.abort()
            self.request.upstream = nil
            self.fail(.requestTimeout)
        case .forwarding, .waitingForRoom, .waitingForWorker: break
        }
    }

    /// The client sends no more. It may still want the answer to what it has sent; a visitor at the door, who is told
    /// nothing until it opens, has left.
    func inputEnded(_ connection: any ByteStream) {
        self.inputHasEnded = true
        switch self.phase {
        case .forwarding where self.hasSentRequest, .waitingForWorker: return
        case .waitingForRoom: if self.request.doorNumber != nil { connection.close() }
        case .forwarding: connection.close()
        // The end of the last answer may still be on its way.
        case .head:
            if connection.isCongested, connection.retainedBytes > 0 { return }
            self.closeAfterAnswer()
        case .closing: return
        }
    }

    /// The process ends: an idle connection has nothing to wait for.
    func drain() {
        if case .head = self.phase, !self.isHeadPartial { self.closeAfterAnswer() }
    }

    func closed(_ connection: any ByteStream, _ reason: CloseReason) {
        self.timer?.disarm()
        switch self.phase {
        case .waitingForRoom: self.request.gate?.leave(self)
        case .waitingForWorker: self.request.pool?.leaveQueue(self)
        case .head, .forwarding, .closing: break
        }
        self.phase = .closing
        let upstream = self.request.upstream
        self.request.upstream = nil
        upstream?.abort()
        self.edge.connectionClosed(self)
    }

    /// The fields that tell the worker whom it serves; `Host` is the client's own.
    var forwarded: [UInt8] {
        if self.forwardedFields.isEmpty {
            let scheme = self.connection.isSecure ? "https" : "http"
            self.forwardedFields = Array(
                "X-Forwarded-For: \(self.connection.peer.host)\r\nX-Forwarded-Proto: \(scheme)\r\n".utf8
            )
        }
        return self.forwardedFields
    }
}
