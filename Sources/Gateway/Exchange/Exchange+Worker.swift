import HTTPWire
import Primitives

/// The worker's side of an exchange.
extension Exchange: WorkerWaiter, UpstreamUser {
    // MARK: The worker

    func letIn(_ request: RequestInHand) {
        guard let pool = self.route?.pool else { preconditionFailure("a request was let in without a route") }
        if !self.request.isCounted {
            self.request.isCounted = true
            pool.countArrival(isGuarded: self.visitor.key != nil)
        }
        if self.visitor.isNewcomer { pool.countAdmission() }
        if let objection = self.objectionToTunnel(in: pool) { return self.fail(objection) }
        switch self.machine.letIn() {
        case .acquire: self.acquire(request)
        default:
            self.keepHead(request.bytes)
            self.client?.resumeRequest()
        }
    }

    func acquire(_ request: RequestInHand) {
        switch self.askForWorker() {
        case .ready(let lease):
            self.lease = consume lease
            self.send(request)
        case .pending(let ticket):
            self.workerTicket = ticket
            self.keepHead(request.bytes)
            if !self.machine.isRequestComplete { self.client?.pauseRequest() }
        case .refused(let error): self.fail(error)
        }
    }

    /// With the head that was kept.
    func acquireAgain() {
        switch self.askForWorker() {
        case .ready(let lease):
            self.lease = consume lease
            self.withKeptRequest { self.send($0) }
        case .pending(let ticket): self.workerTicket = ticket
        case .refused(let error): self.fail(error)
        }
    }

    func askForWorker() -> WorkerAcquisition {
        guard let pool = self.route?.pool else { preconditionFailure("a worker is wanted without a route") }
        return pool.acquire(for: self)
    }

    func workerReady(_ lease: consuming WorkerLease) {
        self.workerTicket = nil
        self.lease = consume lease
        self.withKeptRequest { self.send($0) }
    }

    var isRepeatable: Bool { self.request.method.isIdempotent }

    func workerUnavailable(_ error: GatewayError) {
        self.workerTicket = nil
        self.fail(error)
    }

    func send(_ request: RequestInHand) {
        guard case .send(let endsRequest) = self.machine.acquired(), let upstream = self.lease?.connection else {
            return
        }
        self.noteSending()
        // For another worker, should this one fail before it has said anything.
        if self.machine.attempts < ExchangeMachine.mostAttempts { self.keepHead(request.bytes) }
        var writer = ByteWriter(self.tools.loop.writeScratch)
        self.writeForwardedHead(request, to: &writer)
        precondition(!writer.overflowed, "a head of at most 32 KiB grew beyond 64 KiB")
        upstream.beginGathering()
        upstream.sendHead(
            writer.written,
            method: self.request.method,
            framing: self.request.framing,
            asksForUpgrade: self.request.asksForUpgrade,
            awaitsContinue: self.tools.requestHead.expectsContinue && !endsRequest,
            for: self
        )
        if !self.keptBody.isEmpty { self.keptBody.withUnsafeBytes { upstream.sendBody($0) } }
        if endsRequest { upstream.endRequest(trailers: self.keptTrailers) }
        upstream.endGathering()
        if !endsRequest { self.client?.resumeRequest() }
    }

    // MARK: What a worker says

    // By the second call the response may be over, and its client not this exchange's any more.
    func workerBegins() {
        assert(self.gatheringClient == nil, "two reads of a worker at once")
        self.gatheringClient = self.client
        self.gatheringClient?.beginGathering()
    }
    func workerPauses() { self.gatheringClient.take()?.endGathering() }

    func workerInterim(_ bytes: UnsafeRawBufferPointer) {
        guard self.machine.interimCame() == .relayInterim else { return }
        self.client?.sendInterim(status: self.tools.responseHead.status) { writer in
            self.tools.responseHead.writeForwardedFields(
                to: &writer,
                from: bytes,
                droppingName: self.tools.forwarding.requestIDName
            )
        }
    }

    func workerHead(_ bytes: UnsafeRawBufferPointer) {
        guard self.machine.headCame() == .relayHead, let client = self.client else { return }
        self.forgetRequest()
        let status = self.tools.responseHead.status
        if status >= 500, let worker = self.lease?.connection.worker { self.route?.pool.serverErrorCame(from: worker) }
        self.responseStatus = Int(status)
        client.sendHead(
            status: status,
            reason: self.tools.responseHead.reasonRange.slice(of: bytes),
            framing: self.tools.responseHead.framing
        ) { writer in
            self.writeResponseFields(bytes, to: &writer)
        }
    }

    func workerBody(_ payload: UnsafeRawBufferPointer) {
        guard let client = self.client else { return }
        _ = self.machine.responseBodyCame()
        self.note.responseBytes += payload.count
        client.sendBody(payload)
        if client.isCongested { self.lease?.connection.pause() }
    }

    func workerEnded(trailers: Trailers) {
        guard self.machine.responseEnded() == .finish else { return }
        if let connection = self.lease?.connection, let pool = self.route?.pool {
            if let sent = connection.requestSent {
                pool.recordLatency(nanoseconds: self.tools.now.nanoseconds(since: sent))
            }
            if self.responseStatus < 500 { pool.answered(by: connection.worker) }
        }
        self.client?.endResponse(trailers: trailers)
        let isReusable = self.machine.isRequestComplete
        if let lease = self.lease.take() { if isReusable { lease.giveBack() } else { lease.abort() } }
        self.end()
    }

    func workerDrained() {
        guard self.machine.holding == .worker else { return }
        self.tunnel?.moved()
        self.client?.resumeRequest()
    }

    func workerFailed(_ failure: UpstreamFailure) {
        if self.machine.state == .tunnel { return self.workerLostTunnel(failure) }
        self.failedWorker = self.lease?.connection.worker
        self.tellFailure(failure)
        let error: GatewayError
        let isSafe: Bool
        switch failure {
        case .connectionLost(let wasRead):
            error = .connectionLost
            isSafe = !wasRead || self.request.method.isIdempotent
        case .badResponse: (error, isSafe) = (.badResponse, false)
        case .responseTimeout: (error, isSafe) = (.responseTimeout, false)
        case .outOfMemory: (error, isSafe) = (.outOfMemory, false)
        }
        switch self.machine.workerFailed(isSafe: isSafe) {
        case .retry:
            // A kept connection that the worker closed just then is not its error.
            if failure != .connectionLost(wasRead: false) { self.route?.pool.countError() }
            self.tools.counters.retries += 1
            self.lease.take()?.abort()
            self.client?.pauseRequest()
            self.acquireAgain()
        case let action:
            if failure != .outOfMemory { self.route?.pool.countError() }
            self.settle(action, error)
        }
    }

    /// What a failure says of the worker.
    private func tellFailure(_ failure: UpstreamFailure) {
        guard let pool = self.route?.pool, let connection = self.lease?.connection else { return }
        switch failure {
        case .outOfMemory: return
        // It closed a kept connection just as the request was on its way.
        case .connectionLost(wasRead: false) where !connection.isFresh: return
        // It may have lost patience with a client that sends or takes too slowly.
        case .connectionLost where connection.requestSent == nil || connection.wasPaused: return
        case .connectionLost, .badResponse:
            // With TLS 1.3 a worker may refuse our certificate when the handshake is done on this side.
            pool.failed(connection.worker, .broken, detail: connection.tlsFailure)
        case .responseTimeout: pool.failed(connection.worker, .timeout)
        }
    }
}
