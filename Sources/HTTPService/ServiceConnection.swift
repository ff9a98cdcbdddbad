import EventLoop
import HTTPWire
import Primitives
import Transport

/// One client of a service: reads its requests, one at a time.
final class ServiceConnection: StreamHandler {
    enum State {
        /// Nothing of a request is there.
        case idle
        case head, body
        /// The handler has the request.
        case handling
        /// The answer's body is being made.
        case streaming
        /// The answer is complete, but so much of it waits for the client that the next request must wait, too.
        case flushing
        /// The last answer is on its way; what comes in is ignored.
        case closing
        case closed
    }

    let service: HTTPService
    /// The connection keeps this object until it is closed, and no longer.
    let connection: any ByteStream
    /// Its place among the service's connections.
    var index: Int
    var state = State.idle
    var requestNumber: UInt64 = 0
    /// Facts about the request that the answer depends on.
    var isHeadRequest = false
    var keepsAlive = true
    var minorVersion: UInt8 = 1
    var stream: AnswerStream?
    /// What was waiting for the client when the write timeout was armed.
    var unsentBytes = 0
    private var parser: RequestParser
    /// The head of a request whose body is not complete yet.
    private var heldHead: [UInt8] = []
    private var heldBody: [UInt8] = []
    private var bodyReader = BodyReader(framing: .none, maxPayloadBytes: 0, from: .client)
    private var isPaused = false
    private var timer: LoopTimer!

    init(service: HTTPService, connection: any ByteStream, index: Int) {
        self.service = service
        self.connection = connection
        self.index = index
        self.parser = RequestParser(limits: service.limits.head)
        self.timer = LoopTimer(loop: service.loop) { [weak self] in self?.timeOut() }
        self.timer.arm(afterNanoseconds: service.limits.headTimeoutNanoseconds)
    }

    var isClosed: Bool { self.state == .closed }

    // MARK: Reading

    func received(_ connection: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        var used = 0
        while used < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            switch self.state {
            case .idle, .head:
                let count = self.readHead(rest)
                if count == 0 { return used }
                used += count
            case .body: used += self.readBody(rest)
            case .handling, .streaming, .flushing: return used
            case .closing, .closed: return bytes.count
            }
        }
        return used
    }

    /// Returns how many bytes were used: none while the head is incomplete, head and body when all of it is there.
    private func readHead(_ bytes: UnsafeRawBufferPointer) -> Int {
        switch self.parser.parse(bytes, into: &self.service.head) {
        case .incomplete:
            if self.state == .idle {
                self.state = .head
                self.timer.arm(afterNanoseconds: self.service.limits.headTimeoutNanoseconds)
            }
            return 0
        case .failed(let failure):
            self.refuse(failure.status, failure.reason.description)
            return bytes.count
        case .complete: return self.headIsComplete(bytes)
        }
    }

    private func headIsComplete(_ bytes: UnsafeRawBufferPointer) -> Int {
        let headCount = self.service.head.byteCount
        let headBytes = UnsafeRawBufferPointer(rebasing: bytes[..<headCount])
        let framing = self.service.head.framing
        let wholeCount: Int? =
            switch framing {
            case .none: headCount
            case .length(let length)
            where length <= Int64(min(bytes.count - headCount, self.service.limits.maxBodyBytes)):
                headCount + Int(length)
            default: nil
            }
        if let wholeCount {
            self.dispatch(headBytes, body: UnsafeRawBufferPointer(rebasing: bytes[headCount..<wholeCount]))
            return wholeCount
        }
        self.heldHead = Array(headBytes)
        self.bodyReader = BodyReader(
            framing: framing,
            maxPayloadBytes: Int64(self.service.limits.maxBodyBytes),
            from: .client
        )
        self.state = .body
        self.timer.arm(afterNanoseconds: self.service.limits.bodyTimeoutNanoseconds)
        // Fails at once when the length is too large, before the client is asked to send it.
        _ = self.readBody(UnsafeRawBufferPointer(rebasing: bytes[headCount..<headCount]))
        if self.state == .body, self.service.head.expectsContinue, bytes.count == headCount {
            self.connection.write("HTTP/1.1 100 Continue\r\n\r\n")
        }
        return headCount
    }

    private func readBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        var used = 0
        while true {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            switch self.bodyReader.next(rest) {
            case .payload(let range):
                self.heldBody += range.slice(of: rest)
                used += range.end
            case .needMore: return bytes.count
            case .end(let count):
                self.dispatchHeld()
                return used + count
            case .failed(let failure):
                self.refuse(failure.status, failure.reason.description)
                return bytes.count
            }
        }
    }

    // MARK: Handling

    /// The request that came in pieces is complete. Its head is parsed again, because others have used the shared one.
    private func dispatchHeld() {
        let headBytes = self.heldHead
        let body = self.heldBody
        self.heldHead = []
        self.heldBody = []
        headBytes.withUnsafeBytes { headBytes in
            var parser = RequestParser(limits: self.service.limits.head)
            guard parser.parse(headBytes, into: &self.service.head) == .complete else {
                preconditionFailure("a head that was complete no longer is")
            }
            body.withUnsafeBytes { self.dispatch(headBytes, body: $0) }
        }
    }

    private func dispatch(_ headBytes: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer) {
        self.requestNumber += 1
        self.isHeadRequest = self.service.head.method == .head
        self.keepsAlive = self.service.head.keepAlive
        self.minorVersion = self.service.head.minorVersion
        self.state = .handling
        self.timer.disarm()
        self.service.handle(
            headBytes: headBytes,
            body: body,
            peer: self.connection.peer,
            responder: Responder(connection: self, requestNumber: self.requestNumber)
        )
        switch self.state {
        case .handling, .streaming, .flushing: self.pause()
        default: return
        }
    }

    private func pause() {
        self.isPaused = true
        self.connection.pauseReading()
    }

    /// The answer has left, as far as need be: on to the next request.
    func becomeIdle() {
        self.state = .idle
        let limits = self.service.limits
        self.timer.arm(
            afterNanoseconds: self.service.isClosing ? limits.closingGraceNanoseconds : limits.idleTimeoutNanoseconds
        )
        guard self.isPaused else { return }
        self.isPaused = false
        if self.service.isInHandler {
            // A handler answers this connection's request while it looks at its own: see `HTTPService.head`.
            self.service.loop.onNextTurn { if self.state != .closed { self.connection.resumeReading() } }
        } else {
            self.connection.resumeReading()
        }
    }

    /// The request cannot be handled, nor can what follows it.
    private func refuse(_ status: UInt16, _ reason: String) {
        self.heldHead = []
        self.heldBody = []
        self.requestNumber += 1
        self.keepsAlive = false
        self.isHeadRequest = false
        self.minorVersion = 1
        self.state = .handling
        Responder(connection: self, requestNumber: self.requestNumber).respond(status: status, body: reason + "\n")
    }

    // MARK: Time

    func armWriteTimeout() {
        self.unsentBytes = self.connection.pendingWriteBytes
        self.timer.arm(afterNanoseconds: self.service.limits.writeTimeoutNanoseconds)
    }

    private func timeOut() {
        switch self.state {
        case .idle: self.closeAfterWriting()
        case .head: self.refuse(408, "the head took too long; send it at once")
        case .body: self.refuse(408, "the body took too long; send it faster, or in smaller parts")
        case .streaming, .flushing, .closing:
            // A slow client is not a dead one.
            if self.connection.pendingWriteBytes < self.unsentBytes { return self.armWriteTimeout() }
            self.connection.close()
        case .handling, .closed: return
        }
    }

    func closeAfterWriting() {
        self.state = .closing
        self.armWriteTimeout()
        self.connection.closeAfterWriting()
    }

    func serviceIsClosing() {
        guard self.state == .idle else { return }
        self.timer.arm(afterNanoseconds: self.service.limits.closingGraceNanoseconds)
    }

    // MARK: Ends

    func inputEnded(_ connection: any ByteStream) {
        switch self.state {
        // Half a request is nothing to answer.
        case .idle, .head, .body: self.closeAfterWriting()
        case .handling, .streaming, .flushing, .closing, .closed: return
        }
    }

    func drained(_ connection: any ByteStream) {
        switch self.state {
        case .streaming: self.makeMore()
        case .flushing: self.becomeIdle()
        case .idle, .head, .body, .handling, .closing, .closed: return
        }
    }

    func closed(_ connection: any ByteStream, _ reason: CloseReason) {
        self.state = .closed
        self.timer.disarm()
        self.stream = nil
        self.service.remove(at: self.index)
    }
}
