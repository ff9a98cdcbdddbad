import CLinux
import EventLoop
import Glibc
import Primitives

/// A stream of bytes both ways over TCP, a unix socket or TLS: one type above all of them.
///
/// Reads go into the loop's scratch memory and straight to the handler; only what the handler leaves is kept. Writes go
/// straight to the socket; only what the socket leaves is kept. An idle connection holds no buffer.
///
/// Limits: `maxRetainedBytes` of input are kept for the handler, to within one read; then reading stops until it takes
/// some. Output is bounded by its producer, who watches `isCongested` and waits for `drained`. All connections of a loop
/// share its `BufferBudget`: under pressure the marks drop, and when it is used up the connection that asks for more is
/// closed with `CloseReason.outOfMemory`. A connection reads at most `ReadSide.maxBytesPerTurn`, and a read more, before
/// others get their turn.
public final class Connection: Descriptor, ByteStream {
    public static let maxRetainedBytes = 64 * 1024
    public static let highMarkBytes = 256 * 1024
    public static let lowMarkBytes = 64 * 1024
    public static let maxRetainedBytesUnderPressure = 16 * 1024
    public static let highMarkBytesUnderPressure = 16 * 1024
    public static let lowMarkBytesUnderPressure = 8 * 1024
    /// How long a closing connection listens for the peer's own close, so that unread bytes do not turn into a reset
    /// that destroys the response on its way.
    private static let lingerNanoseconds = Nanoseconds.perSecond

    enum Gathering: Equatable {
        /// Every write is sent.
        case off
        /// Writes are gathered; there has been none yet.
        case corked
        /// So many bytes lie in the loop's scratch memory, which this connection has for now.
        case holding(Int)
    }

    enum State {
        case connecting
        /// An accepted connection with TLS, of which no hello has come yet that could be signed for.
        case greeting
        /// It has said hello, and waits for its turn to have a handshake.
        case waiting
        case handshaking, open
        /// What is written is sent, and its end; the peer's end is waited for.
        case lingering
        case closed
    }

    public let peer: SocketAddress
    public let isSecure: Bool
    public private(set) var handler: (any StreamHandler)?
    var state: State
    var tls: TLSSession?
    /// For the handshake of an accepted connection; nil from its beginning.
    var awaitedTLS: NewestTLS?
    var placeInLine: HandshakePlace?
    var reading = ReadSide()
    var writing = WriteSide()
    private var input: ByteQueue
    var output: ByteQueue
    var gathering = Gathering.off
    /// What is being written is followed by the connection's end at once.
    var endFollows = false
    private var timer: LoopTimer?
    private var waitsForRelief = false
    private var unacknowledgedAtEnd = 0
    /// Told when lingering is over.
    private var lingerReason = CloseReason.local
    /// System calls and TLS records in which something was written.
    public internal(set) var writeCalls: UInt64 = 0

    // MARK: Beginning

    /// An outgoing connection.
    convenience init(connecting fd: Int32, to peer: SocketAddress, on loop: EventLoop, tls: consuming TLSSession?) {
        let isSecure = tls != nil
        self.init(loop: loop, fd: fd, peer: peer, isSecure: isSecure, state: .connecting)
        self.tls = tls
    }

    /// A connection that a listener accepted.
    convenience init(accepted fd: Int32, from peer: SocketAddress, on loop: EventLoop, tls: NewestTLS?) {
        self.init(loop: loop, fd: fd, peer: peer, isSecure: tls != nil, state: tls == nil ? .open : .greeting)
        self.awaitedTLS = tls
    }

    private init(loop: EventLoop, fd: Int32, peer: SocketAddress, isSecure: Bool, state: State) {
        self.peer = peer
        self.isSecure = isSecure
        self.state = state
        self.input = ByteQueue(budget: loop.buffers)
        self.output = ByteQueue(budget: loop.buffers)
        super.init(loop: loop, fd: fd)
    }

    /// Begins to deliver to `handler`: for connections that a listener accepted.
    func start(handler: any StreamHandler) throws {
        self.handler = handler
        try self.register()
    }

    /// Waits for the socket to connect. `failure` is what the attempt has failed with already; zero for nothing.
    func beginConnecting(handler: any StreamHandler, timeoutNanoseconds: Int64, failure: Int32) throws {
        self.handler = handler
        guard failure == 0 else {
            // The caller hears of it after `connect` has returned.
            return self.loop.onNextTurn { self.end(.connectFailed(failure)) }
        }
        try self.register()
        self.arm(afterNanoseconds: timeoutNanoseconds, self.connectingTooLong)
    }

    private func arm(afterNanoseconds nanoseconds: Int64, _ reason: @autoclosure @escaping () -> CloseReason) {
        // Each holds the other until the connection is made or ends. A weak reference would give the connection a side
        // table, and make every later retain and release of it a slow one.
        let timer = LoopTimer(loop: self.loop) { self.end(reason()) }
        timer.arm(afterNanoseconds: nanoseconds)
        self.timer = timer
    }

    // MARK: State that others may ask for

    public var isOpen: Bool { self.state == .open }
    public var isClosed: Bool { self.state == .closed }
    public var pendingWriteBytes: Int { self.output.count + self.gatheredBytes }
    /// While bytes are kept here the socket is full, and asks for more only when a good part of its queue is free; what
    /// the peer confirms is seen sooner.
    public var untakenBytes: Int {
        self.output.isEmpty ? 0 : self.output.count + max(0, Int(sluice_unacknowledged_bytes(self.fd)))
    }
    public var unacknowledgedBytes: Int {
        if self.isClosed { return self.unacknowledgedAtEnd }
        return self.pendingWriteBytes + max(0, Int(sluice_unacknowledged_bytes(self.fd)))
    }
    /// True when a producer should stop until `drained`, which then comes.
    public var isCongested: Bool {
        let mark = self.loop.buffers.isUnderPressure ? Self.highMarkBytesUnderPressure : Self.highMarkBytes
        return self.writing.isCongested(pending: self.output.count, highMark: mark)
    }
    public var retainedBytes: Int { self.input.count }

    public func setHandler(_ handler: any StreamHandler) {
        self.loop.preconditionOnLoop()
        self.handler = handler
    }

    // MARK: Events

    public override func ready(_ events: ReadyEvents) {
        if self.tls != nil, !events.isDisjoint(with: [.readable, .inputEnded, .failed]) {
            self.tls?.becameReadable(endIsNear: !events.isDisjoint(with: [.inputEnded, .failed]))
        }
        switch self.state {
        case .connecting:
            guard !events.isDisjoint(with: [.writable, .failed]) else { return }
            self.finishConnecting(events)
        case .greeting, .waiting: self.helloCame(events)
        case .handshaking:
            // The end has one event, which may come with the handshake's last bytes.
            if !events.isDisjoint(with: [.inputEnded, .failed]) { self.reading.becameReadable(endIsNear: true) }
            self.handshake()
        case .open, .lingering:
            if events.contains(.writable), !self.output.isEmpty || self.tls != nil { self.flush() }
            guard !events.isDisjoint(with: [.readable, .inputEnded, .failed]), self.state != .closed else { return }
            self.reading.becameReadable(endIsNear: !events.isDisjoint(with: [.inputEnded, .failed]))
            if events.contains(.failed), self.state == .open, !self.isReading, self.socketError() != 0 {
                // Nobody reads, so nobody would find that the peer is gone. A hang-up without an error is not that: both
                // sides have finished writing, and what came before is still to be read.
                return self.end(.reset)
            }
            self.readAndDeliver()
        case .closed: return
        }
    }

    private func finishConnecting(_ events: ReadyEvents) {
        let code = self.socketError()
        guard code == 0 else { return self.end(.connectFailed(code)) }
        if self.tls != nil {
            self.state = .handshaking
            return self.handshake()
        }
        self.becomeOpen()
        guard !events.isDisjoint(with: [.readable, .inputEnded]) else { return }
        self.reading.becameReadable(endIsNear: events.contains(.inputEnded))
        self.readAndDeliver()
    }

    /// The socket's pending error as an `errno`, which is taken from it; zero for none.
    private func socketError() -> Int32 {
        var code: Int32 = 0
        var length = socklen_t(4)
        getsockopt(self.fd, SOL_SOCKET, SO_ERROR, &code, &length)
        return code
    }

    func becomeOpen() {
        self.timer = nil
        self.state = .open
        self.handler?.connected(self)
        if self.state == .open, !self.output.isEmpty || self.writing.whenNothingIsPending() != .none { self.flush() }
    }

    // MARK: Reading

    public func pauseReading() {
        self.loop.preconditionOnLoop()
        self.reading.pause()
    }

    public func resumeReading() {
        self.loop.preconditionOnLoop()
        if self.state == .open, self.reading.resume() { self.readAndDeliver() }
    }

    public func offerRetained() {
        self.loop.preconditionOnLoop()
        guard self.state == .open else { return }
        self.reading.offerAgain()
        self.readAndDeliver()
    }

    private var retainedLimit: Int {
        self.loop.buffers.isUnderPressure ? Self.maxRetainedBytesUnderPressure : Self.maxRetainedBytes
    }

    private var isReading: Bool { self.reading.isReading(retained: self.input.count, limit: self.retainedLimit) }

    func readAndDeliver() {
        guard self.reading.beginRun() else { return }
        defer {
            self.reading.endRun()
            // While the handler was reading it, it had to stay.
            if self.state != .open { self.input.removeAll() }
        }
        while self.state == .open || self.state == .lingering {
            let limit = self.retainedLimit
            switch self.reading.next(retained: self.input.count, limit: limit, turn: self.loop.turns) {
            case .offer: self.deliverRetained()
            case .read where !self.loop.isReadScratchLent: self.readOnce()
            // Another connection's handler, further up the stack, is looking at the memory.
            case .read, .giveWay: return self.loop.onNextTurn { self.readAndDeliver() }
            case .rest:
                if limit < Self.maxRetainedBytes, self.input.count >= limit { self.goOnWhenRelieved() }
                return
            }
        }
    }

    /// Reading has stopped earlier than it would have without pressure.
    private func goOnWhenRelieved() {
        guard !self.waitsForRelief else { return }
        self.waitsForRelief = true
        self.loop.buffers.whenRelieved {
            self.waitsForRelief = false
            self.readAndDeliver()
        }
    }

    private func readOnce() {
        let memory = self.loop.readScratch
        switch self.readSome(memory) {
        case .done(let count): self.deliver(UnsafeRawBufferPointer(rebasing: memory[..<count]))
        case .wantsRead, .wantsWrite: self.reading.foundNothing()
        case .closed:
            self.reading.foundEnd()
            if self.state == .lingering { return self.end(self.lingerReason) }
            self.handler?.inputEnded(self)
        case .failed(let reason): self.end(reason)
        }
    }

    /// `bytes` lie in the loop's scratch memory.
    private func deliver(_ bytes: UnsafeRawBufferPointer) {
        guard self.state == .open else { return }
        guard self.input.isEmpty else {
            if self.retain(bytes) { self.deliverRetained() }
            return
        }
        self.loop.isReadScratchLent = true
        let used = self.handler?.received(self, bytes) ?? bytes.count
        self.loop.isReadScratchLent = false
        precondition(used <= bytes.count, "a handler used more than it was given")
        if used < bytes.count, self.state == .open { _ = self.retain(UnsafeRawBufferPointer(rebasing: bytes[used...])) }
    }

    /// False when there is no memory left, and the connection has ended.
    private func retain(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard self.loop.buffers.hasRoom(for: bytes.count) else {
            self.end(.outOfMemory)
            return false
        }
        self.input.append(bytes)
        return true
    }

    private func deliverRetained() {
        let used = self.handler?.received(self, self.input.bytes) ?? self.input.count
        guard self.state == .open else { return }
        self.input.consume(used)
    }

    private enum ReadStep {
        case done(Int), wantsRead, wantsWrite, closed
        case failed(CloseReason)
    }

    @inline(__always)
    private func readSome(_ memory: UnsafeMutableRawBufferPointer) -> ReadStep {
        if self.tls != nil { return self.readTLS(memory) }
        while true {
            let count = sluice_receive(self.fd, memory.baseAddress, UInt(memory.count))
            if count > 0 {
                // A short read has emptied the socket: the next byte makes a new edge.
                self.reading.didRead(count, isEmptied: count < memory.count)
                return .done(count)
            }
            if count == 0 { return .closed }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wantsRead
            case ECONNRESET, EPIPE: return .failed(.reset)
            default: return .failed(.failed(errno))
            }
        }
    }

    private func readTLS(_ memory: UnsafeMutableRawBufferPointer) -> ReadStep {
        switch self.tls!.read(into: memory) {
        case .done(let count):
            self.reading.didRead(count, isEmptied: self.tls?.isEmptied ?? false)
            return .done(count)
        case .wantsRead: return .wantsRead
        case .wantsWrite: return .wantsWrite
        case .closed: return .closed
        // A peer that leaves without TLS's own goodbye has reset the stream, as far as its content goes. An alert says more.
        case .failed(let reason):
            return .failed(self.reading.isEnding && !reason.contains(" alert ") ? .reset : .tls(reason))
        }
    }

    // MARK: Ending, once `Connection+Ending` has found that it is time

    /// Waits for the peer's end before closing.
    func linger(_ reason: CloseReason) {
        guard !self.reading.hasEnded else { return self.end(reason) }
        self.state = .lingering
        self.lingerReason = reason
        self.reading.discard()
        // While the handler is being called, it may be reading what was kept.
        if !self.reading.isRunning { self.input.removeAll() }
        self.arm(afterNanoseconds: Self.lingerNanoseconds, reason)
        // Emptied, it makes an event when there is something.
        if self.reading.mayHaveMore { self.loop.onNextTurn { self.readAndDeliver() } }
    }

    public func close() {
        self.loop.preconditionOnLoop()
        self.end(.local)
    }

    public func reset() {
        self.loop.preconditionOnLoop()
        guard self.state != .closed else { return }
        // Without lingering, closing sends RST and drops what the socket still holds.
        var setting = Glibc.linger(l_onoff: 1, l_linger: 0)
        setsockopt(self.fd, SOL_SOCKET, SO_LINGER, &setting, socklen_t(MemoryLayout<Glibc.linger>.size))
        self.end(.local)
    }

    func end(_ reason: CloseReason) {
        guard self.state != .closed else { return }
        let handler = self.handler
        self.letGo()
        handler?.closed(self, reason)
    }

    /// Closes the descriptor and gives back everything but what the handler may be reading, further up the stack.
    private func letGo() {
        self.unacknowledgedAtEnd = self.unacknowledgedBytes
        self.leaveLine()
        self.state = .closed
        self.timer = nil
        self.tls = nil
        self.awaitedTLS = nil
        self.dropGathered()
        self.output.removeAll()
        if !self.reading.isRunning { self.input.removeAll() }
        self.deregisterAndClose()
        self.handler = nil
    }

    /// The handler is let go, not told: it must not act on a loop that takes no more turns.
    public override func loopEnds() { if self.state != .closed { self.letGo() } }
}
