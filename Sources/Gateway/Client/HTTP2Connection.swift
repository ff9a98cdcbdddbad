import EventLoop
import HTTPWire
import Primitives
import Transport

/// A client's HTTP/2 connection: requests side by side, each a stream with an exchange of its own. Reads frames by
/// `HTTP2Session`, after `FrameMeter` has counted them, and puts each head into the words of HTTP/1.1, which the
/// parser of all requests reads. What to do with a request is not its affair.
///
/// Limits: `LimitSettings.streams` requests at a time. Of their bodies `HTTP2Session.connectionWindowBytes` wait here
/// at most. What is to be sent stays in the streams while the client's system takes no more.
final class HTTP2Connection: StreamHandler, HTTP2StreamHost {
    /// When the process ends, requests that were sent before the client could know are still taken for so long.
    static let drainGraceNanoseconds = Nanoseconds.perSecond

    enum Phase {
        case serving
        /// The last word has been written; what comes in is thrown away.
        case closing
        case closed
    }

    let tools: LoopTools
    let routes: RouteBook
    let registry: any ConnectionRegistry
    let rules: ListenerRules
    let listenPort: UInt16?
    var stream: (any ByteStream)?
    var phase = Phase.serving
    var listIndex = 0
    var idleSince: Instant
    var carried: (book: VisitorBook, number: VisitorBook.Seat)?
    var cachedForwardedFields: [UInt8] = []

    /// Nil before `begin`, and when the connection takes no more requests.
    var session: HTTP2Session?
    var streams: [Int32: HTTP2Stream] = [:]
    private var meter: FrameMeter
    private var translation: RequestTranslation
    private var headText: [UInt8] = []
    /// Whose head or trailers are being read.
    private var fieldsOf: Int32 = 0

    /// Told by the session, and dealt with when no exchange is in the middle of something.
    private var closedStreams: [Int32] = []
    private var relievedStreams: [Int32] = []
    private var excess: FrameMeter.Excess?
    private var isReviewPlanned = false
    private var gatherings = 0
    private var isPumping = false
    private var inputHasEnded = false

    var timer: LoopTimer?
    var writtenBytes = 0
    var writeWatch: PaceWatch?
    var headDeadline: Instant?
    /// When the client is told which request is the last.
    var drainDeadline: Instant?
    /// It was told.
    var isLastRequestTold = false

    init(
        tools: LoopTools,
        routes: RouteBook,
        registry: any ConnectionRegistry,
        rules: ListenerRules,
        stream: any ByteStream,
        listenPort: UInt16?
    ) {
        self.tools = tools
        self.routes = routes
        self.registry = registry
        self.rules = rules
        self.stream = stream
        self.listenPort = listenPort
        self.idleSince = tools.now
        self.meter = FrameMeter(now: tools.now)
        self.translation = RequestTranslation(maxHeadBytes: tools.limits.headBytes)
        // Each holds the other until the stream is closed, which it is in the end.
        self.timer = LoopTimer(loop: tools.loop) { self.timerFired() }
    }

    /// The stream is this connection's from now on: the client is told what it may do.
    func begin() {
        let limits = self.tools.limits
        self.session = HTTP2Session(user: self, streams: limits.streams, headBytes: limits.headBytes)
        guard self.session != nil else {
            self.stream?.close()
            return
        }
        self.watch(until: self.idleSince.advanced(byNanoseconds: limits.idleTimeoutNanoseconds))
        self.pump()
    }

    var isIdle: Bool {
        self.phase == .serving && self.streams.isEmpty && !self.meter.isWithinFrame
            && self.stream?.pendingWriteBytes == 0
    }

    // MARK: Reading

    func received(_ stream: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int {
        guard self.phase == .serving, let session = self.session else { return bytes.count }
        if let excess = self.meter.take(bytes, now: self.tools.now) {
            self.end(for: excess)
            return bytes.count
        }
        self.beginGathering()
        let outcome = session.receive(bytes)
        if outcome != .fine {
            self.gatherings -= 1
            self.end(after: outcome)
            return bytes.count
        }
        self.noteHead()
        self.endGathering()
        self.review()
        return bytes.count
    }

    private func noteHead() {
        if !self.meter.isWithinHead {
            self.headDeadline = nil
        } else if self.headDeadline == nil {
            let deadline = self.tools.now.advanced(byNanoseconds: self.tools.limits.headTimeoutNanoseconds)
            self.headDeadline = deadline
            self.watch(until: deadline)
        }
    }

    private func end(after outcome: HTTP2Session.Received) {
        switch outcome {
        case .fine: return
        // It would not understand a frame.
        case .noPreface: self.endNow()
        case .outOfMemory: self.end(.internalError)
        case .tooMuch: self.end(for: self.excess ?? .frames)
        }
    }

    // MARK: Writing

    private(set) var isCongestedBelow = false
    var isInputShutBelow: Bool { self.session?.isConnectionWindowShut ?? false }

    func beginGathering() { self.gatherings += 1 }

    func endGathering() {
        self.gatherings -= 1
        if self.gatherings == 0 { self.pump() }
    }

    /// What was asked for outside of a gathering leaves at once.
    private func send() { if self.gatherings == 0 { self.pump() } }

    func sendHead(_ stream: HTTP2Stream, status: UInt16, lines: UnsafeRawBufferPointer, hasBody: Bool) {
        guard let session = self.session else { return }
        let isSent = session.sendHead(stream: stream.number, status: status, lines: lines, hasBody: hasBody)
        if !isSent { session.reset(stream: stream.number, .internalError) }
        self.send()
    }

    func outputGrew(_ stream: HTTP2Stream) {
        self.session?.resume(stream: stream.number)
        self.send()
    }

    func reset(_ stream: HTTP2Stream, _ code: HTTP2Session.Code) {
        self.session?.reset(stream: stream.number, code)
        self.send()
    }

    func consumed(_ stream: HTTP2Stream, _ count: Int, opensStream: Bool) {
        if opensStream {
            self.session?.consume(stream: stream.number, count)
        } else {
            self.session?.consumeForOthers(count)
        }
        self.send()
    }

    /// Writes what the session has to say, as far as the client's system takes it.
    func pump() {
        guard !self.isPumping, self.phase == .serving, let stream = self.stream, let session = self.session else {
            return
        }
        self.isPumping = true
        stream.cork()
        // It is until the client's system has taken enough for the next time, not only while there is too much.
        self.isCongestedBelow = stream.isCongested
        while !self.isCongestedBelow, let frames = session.nextOutput() {
            self.writtenBytes += frames.count
            stream.write(frames)
            self.isCongestedBelow = stream.isCongested
        }
        stream.uncork()
        self.isPumping = false
        if stream.pendingWriteBytes == 0 {
            self.writeWatch = nil
        } else if self.writeWatch == nil {
            self.watchWriting(stream)
        }
        let isDue = !self.closedStreams.isEmpty || !self.relievedStreams.isEmpty || self.excess != nil
        if isDue || session.isOver || session.isBroken { self.planReview() }
    }

    // MARK: What is left to do

    /// An exchange may be in the middle of something, further up the stack.
    private func planReview() {
        guard !self.isReviewPlanned else { return }
        self.isReviewPlanned = true
        self.tools.loop.onNextTurn {
            self.isReviewPlanned = false
            self.review()
        }
    }

    private func review() {
        guard self.phase == .serving else { return }
        if let excess = self.excess { return self.end(for: excess) }
        let wasBusy = !self.streams.isEmpty
        self.beginGathering()
        while let number = self.closedStreams.popLast() { self.streams.removeValue(forKey: number)?.close() }
        while let number = self.relievedStreams.popLast() { self.streams[number]?.exchange?.clientDrained() }
        self.endGathering()
        guard self.phase == .serving, self.closedStreams.isEmpty, let session = self.session else { return }
        // Both have said their last word; after an error of the client's that was the session's.
        if session.isOver { return self.endNow() }
        if session.isBroken { return self.end(.internalError) }
        guard wasBusy, self.streams.isEmpty else { return }
        // Most connections are idle most of the time: then they keep no room for heads.
        if !self.meter.isWithinHead {
            self.translation.release()
            self.headText = []
        }
        if self.isLastRequestTold { return self.endNow() }
        if self.inputHasEnded { return self.end(.noError) }
        self.idleSince = self.tools.now
        self.watch(until: self.idleSince.advanced(byNanoseconds: self.tools.limits.idleTimeoutNanoseconds))
    }

    func drained(_ stream: any ByteStream) { self.pump() }

    // MARK: Ends

    /// The client sends no more. It may still want responses to what it has sent; who stands at a door has left.
    func inputEnded(_ stream: any ByteStream) {
        guard self.phase == .serving else { return }
        self.inputHasEnded = true
        self.beginGathering()
        for one in Array(self.streams.values) where one.isRequestOpen || one.exchange?.isAtDoor ?? false {
            self.streams.removeValue(forKey: one.number)
            // It may have had a part of its response, which must not be taken for the whole.
            self.session?.reset(stream: one.number, .cancel)
            one.close()
        }
        self.endGathering()
        if self.streams.isEmpty { self.end(.noError) }
    }

    private func end(for excess: FrameMeter.Excess) {
        guard self.phase == .serving else { return }
        if let index = FrameMeter.Excess.allCases.firstIndex(of: excess) { self.tools.counters.excesses[index] += 1 }
        self.end(.enhanceYourCalm)
    }

    /// The last word: written here, since the session would first say all that it still has to say.
    func end(_ code: HTTP2Session.Code) {
        guard self.phase == .serving else { return }
        let last = UInt32(bitPattern: self.session?.lastStream ?? 0)
        self.stream?.write(GoAwayFrame.bytes(lastStream: last, code: code.rawValue))
        self.endNow()
    }

    /// What was written leaves, and nothing comes after it.
    func endNow() {
        guard self.phase == .serving else { return }
        self.phase = .closing
        self.headDeadline = nil
        self.abandonStreams()
        self.session = nil
        if let stream = self.stream, stream.pendingWriteBytes > 0 { self.watchWriting(stream) }
        self.stream?.closeAfterWriting()
    }

    private func abandonStreams() {
        let abandoned = self.streams
        self.streams = [:]
        self.closedStreams = []
        self.relievedStreams = []
        for stream in abandoned.values { stream.close() }
    }

    func evict() {
        self.end(.noError)
        self.stream?.close()
    }

    func drain() {
        guard self.phase == .serving, let session = self.session else { return }
        session.announceEnd()
        let deadline = self.tools.now.advanced(byNanoseconds: Self.drainGraceNanoseconds)
        self.drainDeadline = deadline
        self.watch(until: deadline)
        self.pump()
    }

    func closed(_ stream: any ByteStream, _ reason: CloseReason) {
        self.phase = .closed
        self.timer?.disarm()
        self.timer = nil
        self.stream = nil
        self.abandonStreams()
        self.session = nil
        self.leaveBook()
        self.registry.connectionClosed(self)
    }
}

// MARK: - What the session tells

extension HTTP2Connection: HTTP2SessionUser {
    func fieldsBegan(stream: Int32, areTrailers: Bool) {
        self.fieldsOf = stream
        if !areTrailers { self.translation.begin() }
    }

    func fieldCame(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, areTrailers: Bool) -> Bool {
        let bytes: Int
        if areTrailers {
            guard let stream = self.streams[self.fieldsOf] else { return true }
            if !stream.trailers.take(name: name, value: value, bytes: &stream.trailerBytes) {
                stream.failBody(.trailersTooLong)
            }
            bytes = stream.trailerBytes
        } else {
            self.translation.take(name: name, value: value)
            bytes = self.translation.listBytes
        }
        guard bytes > FrameMeter.headListBytesMax else { return true }
        self.excess = .heads
        return false
    }

    func fieldsEnded(stream: Int32, areTrailers: Bool, endsStream: Bool) {
        guard !areTrailers else {
            self.streams[stream]?.inputEnded()
            return
        }
        let request = HTTP2Stream(number: stream, tools: self.tools, host: self)
        request.isHeadRequest = self.translation.isHead
        self.streams[stream] = request
        var text: [UInt8] = []
        swap(&text, &self.headText)
        let failure = self.translation.finish(hasBody: !endsStream, into: &text)
        text.withUnsafeBytes { bytes in
            guard let failure = failure ?? self.parse(bytes) else {
                return request.begin(bytes, routes: self.routes, endsStream: endsStream)
            }
            if failure.status == 431, let excess = self.meter.headWasTooLarge(now: self.tools.now) {
                self.excess = excess
            }
            request.refuse(failure, endsStream: endsStream)
        }
        swap(&text, &self.headText)
    }

    /// Nil when the loop's request head has it.
    private func parse(_ bytes: UnsafeRawBufferPointer) -> WireFailure? {
        var parser = RequestParser(limits: self.tools.requestLimits)
        switch parser.parse(bytes, into: &self.tools.requestHead) {
        case .complete: return nil
        case .failed(let failure): return failure
        // It is larger than the limit, whose last byte the parser has not been shown.
        case .incomplete: return WireFailure(.headTooLong, from: .client)
        }
    }

    func payloadCame(stream: Int32, _ payload: UnsafeRawBufferPointer) {
        if let known = self.streams[stream] { return known.payloadCame(payload) }
        self.session?.consumeForOthers(payload.count)
    }

    func inputEnded(stream: Int32) { self.streams[stream]?.inputEnded() }

    func streamClosed(_ stream: Int32) { self.closedStreams.append(stream) }

    func fill(_ memory: UnsafeMutableRawBufferPointer, stream: Int32) -> HTTP2Session.Filling {
        // Given up, and reset: whatever were sent here would look like the end.
        guard let known = self.streams[stream] else { return .nothing }
        let filling = known.fill(memory)
        if known.takeRelief() { self.relievedStreams.append(stream) }
        return filling
    }

    func sent(stream: Int32, dataBytes: Int?, endsStream: Bool) {
        guard let known = self.streams[stream] else { return }
        if let dataBytes { self.meter.dataSent(bytes: dataBytes, emptiedOutput: known.output.isEmpty) }
        guard endsStream else { return }
        self.meter.requestServed(byWorker: known.isAnswerOfWorker, now: self.tools.now)
        known.endHasLeft = true
        // RFC 9113 section 8.1: the client may stop sending what nobody reads.
        if known.isRequestOpen { self.session?.reset(stream: stream, .noError) }
    }

    func clientWasFaulty(stream: Int32) -> Bool {
        guard let excess = self.meter.requestWasFaulty(now: self.tools.now) else { return true }
        self.excess = excess
        return false
    }
}

/// The frame that ends a connection (RFC 9113 section 6.8).
enum GoAwayFrame {
    static func bytes(lastStream: UInt32, code: UInt32) -> [UInt8] {
        var bytes: [UInt8] = [0, 0, 8, 7, 0, 0, 0, 0, 0]
        for word in [lastStream, code] { withUnsafeBytes(of: word.bigEndian) { bytes += $0 } }
        return bytes
    }
}
