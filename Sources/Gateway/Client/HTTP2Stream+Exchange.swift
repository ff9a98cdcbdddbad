import Addresses
import HTTPWire
import Primitives

/// What an exchange asks of its client: source of the request, sink of the response.
extension HTTP2Stream: RequestSource, ResponseSink {
    // MARK: What an exchange asks of its source

    var isSecure: Bool { self.host?.isSecure ?? false }
    var tlsVersion: StaticString? { self.host?.tlsVersion }
    var forwardedFields: [UInt8] { self.host?.forwardedFields ?? [] }
    var peerAddress: IPAddress? { self.host?.peerAddress }
    var speaksHTTP2: Bool { true }

    func carries(_ number: Int64, in book: VisitorBook, limit: Int) -> Bool {
        self.host?.carries(number, in: book, limit: limit) ?? true
    }

    func pauseRequest() { self.isRequestPaused = true }

    func resumeRequest() {
        self.isRequestPaused = false
        self.restartReadWatch()
        self.deliver()
    }

    func openTunnel() { preconditionFailure("a stream of HTTP/2 has not asked for another protocol") }

    /// What is left of the request is not wanted, and the client is told so when it has the response.
    func exchangeEnded() {
        self.isRequestPaused = false
        self.dropInput()
    }

    // MARK: What an exchange asks of its sink

    var isCongested: Bool {
        let mark = self.tools.loop.buffers.isUnderPressure ? Self.markBytesUnderPressure : Self.highMarkBytes
        guard self.output.count > mark else { return false }
        self.isTold = true
        return true
    }

    func beginGathering() {
        guard let host = self.host else { return }
        self.gatherings += 1
        host.beginGathering()
    }

    func endGathering() {
        guard self.gatherings > 0, let host = self.host else { return }
        self.gatherings -= 1
        host.endGathering()
    }

    func sendInterim(status: UInt16, _ writeFields: (inout ByteWriter) -> Void) {
        guard case .owed = self.response, let host = self.host else { return }
        if status == 100 {
            // Nobody has asked for it, or the body is on its way already.
            guard self.awaitsContinue else { return }
            self.awaitsContinue = false
            self.restartReadWatch()
        }
        var writer = ByteWriter(self.tools.loop.writeScratch)
        writeFields(&writer)
        precondition(!writer.overflowed, "a head of at most 32 KiB grew beyond 64 KiB")
        host.sendHead(self, status: status, lines: writer.written, hasBody: false)
    }

    /// HTTP/2 knows no reasons, and finds the end of a body by its frames.
    func sendHead(
        status: UInt16,
        reason: UnsafeRawBufferPointer,
        framing: BodyFraming,
        _ writeFields: (inout ByteWriter) -> Void
    ) {
        guard case .owed = self.response else { preconditionFailure("a response began twice") }
        var hasBody = !self.isHeadRequest
        var writer = ByteWriter(self.tools.loop.writeScratch)
        writeFields(&writer)
        switch framing {
        case .none: hasBody = false
        case .length(let count):
            if count == 0 { hasBody = false }
            writer.appendFraming(framing)
        case .chunked, .untilClose: break
        }
        precondition(!writer.overflowed, "a head of at most 32 KiB grew beyond 64 KiB")
        self.response = .underway(hasBody: hasBody)
        self.isAnswerOfWorker = self.holdsWorker
        self.host?.sendHead(self, status: status, lines: writer.written, hasBody: hasBody)
    }

    func sendBody(_ payload: UnsafeRawBufferPointer) {
        guard payload.count > 0, case .underway(true) = self.response, let host = self.host else { return }
        guard self.tools.loop.buffers.hasRoom(for: payload.count) else { return host.reset(self, .internalError) }
        if self.output.isEmpty { self.watchWriting() }
        self.output.append(payload)
        host.outputGrew(self)
    }

    func endResponse(trailers: Trailers) {
        guard case .underway(let hasBody) = self.response else {
            preconditionFailure("a response ended that had not begun")
        }
        self.response = .ended
        guard hasBody else { return }
        if self.output.isEmpty { self.watchWriting() }
        self.outputHasEnded = true
        self.outputTrailers = trailers
        self.host?.outputGrew(self)
    }

    func sendSwitch(_ writeFields: (inout ByteWriter) -> Void) {
        preconditionFailure("a stream of HTTP/2 has not asked for another protocol")
    }

    func finishTunnel() { preconditionFailure("a stream of HTTP/2 has no tunnel") }
    func endTunnel() { preconditionFailure("a stream of HTTP/2 has no tunnel") }

    func breakOff() { self.host?.reset(self, .internalError) }
}

/// What a client has time for: to send a body, to open its window for a response.
extension HTTP2Stream {
    func watchBody() {
        let watch = PaceWatch(
            now: self.tools.now,
            bytes: self.receivedBytes,
            patienceNanoseconds: self.tools.limits.bodyTimeoutNanoseconds,
            totalNanoseconds: self.tools.limits.bodyTotalTimeoutNanoseconds
        )
        self.readWatch = watch
        self.host?.watch(until: watch.firstLook)
    }

    /// It is the client's turn: what the gateway has kept it from does not count.
    func restartReadWatch() {
        guard var watch = self.readWatch else { return }
        watch.restart(now: self.tools.now, bytes: self.receivedBytes)
        self.readWatch = watch
        self.host?.watch(until: watch.firstLook)
    }

    func watchWriting() {
        let watch = PaceWatch(
            now: self.tools.now,
            bytes: self.sentBytes,
            patienceNanoseconds: self.tools.limits.writeTimeoutNanoseconds
        )
        self.writeWatch = watch
        self.host?.watch(until: watch.firstLook)
    }

    /// A worker's connection waits for this client.
    var holdsWorker: Bool { self.exchange.map { $0.machine.holding == .worker } ?? false }

    /// Looks at both, and gives up what takes too long.
    /// - Returns: when to look again; nil when there is nothing to wait for.
    func look(now: Instant) -> Instant? {
        let minimum = self.tools.limits.minimumBytesPerSecond
        let pace = self.holdsWorker ? minimum : 0
        var next: Instant?
        if var watch = self.writeWatch {
            if !self.hasOutput {
                self.writeWatch = nil
            } else if self.host?.isCongestedBelow ?? false {
                // Others may be served first: the connection has a watch of its own.
                watch.restart(now: now, bytes: self.sentBytes)
                self.writeWatch = watch
                next = watch.firstLook
            } else {
                // Of everybody: what a client's system would hold by HTTP/1 waits here, with a connection that is not idle.
                guard
                    case .fine(let until) = watch.look(now: now, bytes: self.sentBytes, minimumBytesPerSecond: minimum)
                else {
                    self.host?.reset(self, .cancel)
                    return nil
                }
                self.writeWatch = watch
                next = until
            }
        }
        // Not while the gateway keeps the body back, nor while the client waits to be told that it is wanted.
        if var watch = self.readWatch, !self.isRequestPaused, !self.awaitsContinue {
            // Nor while the gateway keeps back so much of others that nothing can be sent here.
            if self.host?.isInputShutBelow ?? false {
                watch.restart(now: now, bytes: self.receivedBytes)
                self.readWatch = watch
                return min(next ?? watch.firstLook, watch.firstLook)
            }
            guard case .fine(let until) = watch.look(now: now, bytes: self.receivedBytes, minimumBytesPerSecond: pace)
            else {
                self.dropInput()
                if let exchange = self.exchange, !exchange.isOver { exchange.clientFailed(.requestTimeout) }
                return next
            }
            self.readWatch = watch
            next = min(next ?? until, until)
        }
        return next
    }
}
