import EventLoop
import HTTPWire
import Primitives
import Transport

/// One client of a service: reads its requests, one at a time. `wire` knows the messages; this knows what is done with
/// them, and how long it may take.
final class ServiceConnection: StreamHandler {
    enum State {
        /// A request is read, or waited for.
        case reading
        /// The handler has the request.
        case handling
        /// The response's body is being made.
        case streaming
        /// The response is complete, but so much of it waits for the client that the next request must wait, too.
        case flushing
        /// The last response is on its way; what comes in is ignored.
        case closing
        case closed
    }

    let service: HTTPService
    /// The connection keeps this object until it is closed, and no longer.
    let connection: any ByteStream
    /// Its place among the service's connections.
    var index: Int
    var state = State.reading
    var wire: HTTP1Server
    var requestNumber: UInt64 = 0
    /// The client of the request under way knows chunks: HTTP/1.0 does not.
    var knowsChunks = true
    /// What is left to make of the response, and how it goes out.
    var stream: ResponseStream?
    /// What was waiting for the client when the write timeout was armed.
    var unsentBytes = 0
    /// The head of a request whose body is not complete yet.
    private var heldHead: [UInt8] = []
    private var heldBody: [UInt8] = []
    private var isPaused = false
    private var timer: LoopTimer!

    init(service: HTTPService, connection: any ByteStream, index: Int) {
        self.service = service
        self.connection = connection
        self.index = index
        self.wire = HTTP1Server(limits: service.limits.head, maxBodyBytes: Int64(service.limits.maxBodyBytes))
        self.timer = LoopTimer(loop: service.loop) { [weak self] in self?.timeOut() }
        self.timer.arm(afterNanoseconds: service.limits.headTimeoutNanoseconds)
    }

    var isClosed: Bool { self.state == .closed }

    // MARK: Reading

    func received(_ connection: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        var used = 0
        while true {
            switch self.state {
            case .reading: if !self.readRequest(bytes, from: &used) { return used }
            case .handling, .streaming, .flushing: return used
            case .closing, .closed: return bytes.count
            }
        }
    }

    /// Reads on until a request has been handed over or refused. False when more must come first.
    ///
    /// A request that lies in `bytes` as a whole, with its body in one piece, is handed over where it lies.
    private func readRequest(_ bytes: UnsafeRawBufferPointer, from used: inout Int) -> Bool {
        let hadBegun = self.wire.isHeadPartial
        var head: UnsafeRawBufferPointer?
        var body: UnsafeRawBufferPointer?
        while true {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            let (input, count) = self.wire.read(rest, into: &self.service.head)
            used += count
            switch input {
            case .head: head = UnsafeRawBufferPointer(rebasing: rest[..<count])
            case .payload(let range):
                let piece = range.slice(of: rest)
                if head != nil, body == nil, self.heldBody.isEmpty {
                    body = piece
                } else {
                    if let first = body.take() { self.heldBody += first }
                    self.heldBody += piece
                }
            case .end:
                self.requestIsComplete(head, body)
                return true
            case .failed(let failure):
                self.refuse(failure.status, failure.reason.description)
                return true
            case .needMore:
                if let head {
                    self.hold(head, body, isAllThatCame: used == bytes.count)
                } else if self.wire.isHeadPartial, !hadBegun {
                    self.timer.arm(afterNanoseconds: self.service.limits.headTimeoutNanoseconds)
                }
                return false
            }
        }
    }

    /// The head is complete and the body is not: others will use the shared head and the memory that was read to.
    private func hold(_ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer?, isAllThatCame: Bool) {
        self.heldHead = Array(head)
        if let body { self.heldBody += body }
        self.timer.arm(afterNanoseconds: self.service.limits.bodyTimeoutNanoseconds)
        guard self.wire.awaitsContinue, isAllThatCame else { return }
        self.connection.write("HTTP/1.1 100 Continue\r\n\r\n")
        self.wire.continueWritten()
    }

    // MARK: Handling

    /// - Parameters:
    ///   - head: when it came with this piece of input; else it is held.
    ///   - body: when it came with this piece of input, in one piece; else it is held.
    private func requestIsComplete(_ head: UnsafeRawBufferPointer?, _ body: UnsafeRawBufferPointer?) {
        let heldBody = self.heldBody
        self.heldBody = []
        heldBody.withUnsafeBytes { heldBody in
            if let head { return self.dispatch(head, body: body ?? heldBody) }
            let heldHead = self.heldHead
            self.heldHead = []
            heldHead.withUnsafeBytes { head in
                var parser = RequestParser(limits: self.service.limits.head)
                guard parser.parse(head, into: &self.service.head) == .complete else {
                    preconditionFailure("a head that was complete no longer is")
                }
                self.dispatch(head, body: heldBody)
            }
        }
    }

    private func dispatch(_ headBytes: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer) {
        self.requestNumber += 1
        self.knowsChunks = self.service.head.minorVersion >= 1
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
        case .reading, .closing, .closed: return
        }
    }

    private func pause() {
        self.isPaused = true
        self.connection.pauseReading()
    }

    /// The response has left, as far as need be: on to the next request.
    func readOn() {
        self.state = .reading
        let limits = self.service.limits
        self.timer.arm(
            afterNanoseconds: self.service.isClosing ? limits.closingGraceNanoseconds : limits.idleTimeoutNanoseconds
        )
        guard self.isPaused else { return }
        self.isPaused = false
        if self.service.isInHandler {
            // A handler responds on this connection while it looks at its own request: see `HTTPService.head`.
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
        case .reading where self.wire.isBetweenRequests: self.closeAfterWriting()
        case .reading:
            let isHeadMissing = self.wire.isHeadPartial
            self.wire.stopReading()
            self.refuse(
                408,
                isHeadMissing
                    ? "the head took too long; send it at once"
                    : "the body took too long; send it faster, or in smaller parts"
            )
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
        guard self.state == .reading, self.wire.isBetweenRequests else { return }
        self.timer.arm(afterNanoseconds: self.service.limits.closingGraceNanoseconds)
    }

    // MARK: Ends

    func inputEnded(_ connection: any ByteStream) {
        switch self.state {
        // Half a request is nothing to respond to.
        case .reading: self.closeAfterWriting()
        case .handling, .streaming, .flushing, .closing, .closed: return
        }
    }

    func drained(_ connection: any ByteStream) {
        switch self.state {
        case .streaming: self.makeMore()
        case .flushing: self.readOn()
        case .reading, .handling, .closing, .closed: return
        }
    }

    func closed(_ connection: any ByteStream, _ reason: CloseReason) {
        self.state = .closed
        self.timer.disarm()
        self.stream = nil
        self.service.remove(at: self.index)
    }
}
