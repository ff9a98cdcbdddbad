import CLinux
import EventLoop
import Glibc
import Primitives

/// A stream of bytes both ways over TCP, a unix socket or TLS: one type above all of them.
///
/// Reads go into the loop's scratch memory and straight to the handler; only what the handler leaves is kept. Writes go
/// straight to the socket; only what the socket leaves is kept. An idle connection holds no buffer.
///
/// Limits: at most `maxRetainedBytes` of input are kept for the handler, reading stops until it takes some. Output is
/// bounded by its producer, which watches `isCongested` and waits for `drained`.
public final class Connection: Descriptor, ByteStream {
    public static let maxRetainedBytes = 256 * 1024
    public static let highMarkBytes = 256 * 1024
    public static let lowMarkBytes = 64 * 1024
    /// Reads in a row before other connections get their turn.
    private static let maxReadsInARow = 16
    /// How long a closing connection listens for the peer's own close, so that unread bytes do not turn into a reset
    /// that destroys the answer on its way.
    private static let lingerNanoseconds = Nanoseconds.perSecond

    private enum State { case connecting, handshaking, open, lingering, closed }

    public let peer: SocketAddress
    public private(set) var handler: (any StreamHandler)?
    private var state: State
    private var tls: TLSSession?
    private var input = ByteQueue()
    private var output = ByteQueue()
    private var timer: LoopTimer?

    /// Edge-triggered: that there is something to read must be remembered while reading is paused.
    private var isReadable = false
    private var isPaused = false
    private var isDelivering = false
    /// Reading was resumed, so that bytes which the handler left deserve another look.
    private var mustRedeliver = false
    /// The kernel says that the peer's end follows what is still to be read.
    private var endIsNear = false
    private var inputHasEnded = false
    private var mustFinishWriting = false
    private var mustCloseAfterWriting = false
    private var hasFinishedWriting = false
    private var wasCongested = false
    private var unacknowledgedAtEnd = 0

    // MARK: Making

    init(loop: EventLoop, fd: Int32, peer: SocketAddress, tls: consuming TLSSession?, isConnecting: Bool) {
        self.peer = peer
        self.state = isConnecting ? .connecting : (tls == nil ? .open : .handshaking)
        self.tls = tls
        super.init(loop: loop, fd: fd)
    }

    /// Starts an outgoing connection. Success arrives as `connected`, failure as `closed`, never before this returns.
    public static func connect(
        to address: SocketAddress,
        from local: SocketAddress? = nil,
        on loop: EventLoop,
        timeoutNanoseconds: Int64,
        tls: TLSContext? = nil,
        serverName: String? = nil,
        handler: any StreamHandler
    ) throws -> Connection {
        loop.preconditionOnLoop()
        let fd = sluice_socket(address.family)
        guard fd != -1 else { throw TransportError.system("socket", errno) }
        let session: TLSSession?
        do {
            if let local { try Self.bind(fd, to: local) }
            session = try tls.map { try TLSSession(context: $0, fd: fd, isServer: false, serverName: serverName) }
        } catch {
            Glibc.close(fd)
            throw error
        }
        Self.setNoDelay(fd, address)
        let connection = Connection(loop: loop, fd: fd, peer: address, tls: session, isConnecting: true)
        connection.handler = handler
        let code = address.withSockaddr { Glibc.connect(fd, $0, $1) }
        let failure = code == -1 && errno != EINPROGRESS ? errno : 0
        guard failure == 0 else {
            // A unix socket with a full backlog says EAGAIN; either way the caller hears of it after this returns.
            loop.onNextTurn { connection.end(.connectFailed(failure)) }
            return connection
        }
        try connection.register()
        let timer = LoopTimer(loop: loop) { [weak connection] in connection?.end(.connectTimedOut) }
        timer.arm(afterNanoseconds: timeoutNanoseconds)
        connection.timer = timer
        return connection
    }

    /// Begins to deliver to `handler`: for connections that a listener accepted.
    func start(handler: any StreamHandler) throws {
        self.handler = handler
        Self.setNoDelay(self.fd, self.peer)
        try self.register()
    }

    private static func bind(_ fd: Int32, to local: SocketAddress) throws {
        var one: Int32 = 1
        // The port is chosen at connect time, per destination: one host can hold more than 64 k connections.
        setsockopt(fd, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, &one, 4)
        let code = local.withSockaddr { Glibc.bind(fd, $0, $1) }
        guard code != -1 else { throw TransportError.bind(local, errno) }
    }

    private static func setNoDelay(_ fd: Int32, _ address: SocketAddress) {
        guard address.family != AF_UNIX else { return }
        var one: Int32 = 1
        setsockopt(fd, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
    }

    // MARK: State that others may ask for

    public var isOpen: Bool { self.state == .open }
    public var isClosed: Bool { self.state == .closed }
    public var isSecure: Bool { self.tls != nil }
    public var pendingWriteBytes: Int { self.output.count }
    /// When bytes are pending: these, and what the peer has not confirmed of those that the socket took. It shrinks
    /// with every byte that the peer takes, while the socket asks for more only when a good part of its queue is free.
    public var untakenBytes: Int {
        self.output.isEmpty ? 0 : self.output.count + max(0, Int(sluice_unacknowledged_bytes(self.fd)))
    }
    public var unacknowledgedBytes: Int {
        self.isClosed
            ? self.unacknowledgedAtEnd : self.output.count + max(0, Int(sluice_unacknowledged_bytes(self.fd)))
    }
    /// True when a producer should stop until `drained`.
    public var isCongested: Bool { self.output.count > Self.highMarkBytes }
    /// Bytes that came in and were not used yet.
    public var retainedBytes: Int { self.input.count }

    /// Hands the connection to another handler, as a connection pool does.
    public func setHandler(_ handler: any StreamHandler) {
        self.loop.preconditionOnLoop()
        self.handler = handler
    }

    // MARK: Events

    public override func ready(_ events: ReadyEvents) {
        switch self.state {
        case .connecting:
            guard !events.isDisjoint(with: [.writable, .failed]) else { return }
            self.finishConnecting(events)
        case .handshaking:
            self.isReadable = self.isReadable || events.contains(.readable)
            self.handshake()
        case .open, .lingering:
            if events.contains(.writable), !self.output.isEmpty || self.tls != nil { self.flush() }
            guard !events.isDisjoint(with: [.readable, .inputEnded, .failed]) else { return }
            self.isReadable = true
            if !events.isDisjoint(with: [.inputEnded, .failed]) { self.endIsNear = true }
            if events.contains(.failed), self.state == .open, !self.mayRead, self.socketError() != 0 {
                // Nobody reads, so nobody would see that the peer is gone. A mere hang-up is not that: both sides have
                // finished writing, and what came before is still to be read.
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
        if self.state == .open, events.contains(.readable) {
            self.isReadable = true
            self.readAndDeliver()
        }
    }

    /// The socket's pending error as an `errno`, which is taken from it; zero for none.
    private func socketError() -> Int32 {
        var code: Int32 = 0
        var length = socklen_t(4)
        getsockopt(self.fd, SOL_SOCKET, SO_ERROR, &code, &length)
        return code
    }

    private func handshake() {
        guard let step = self.tls?.handshake() else { return }
        switch step {
        case .done:
            // The first request may have come with the last flight, already inside OpenSSL: no event will tell.
            self.isReadable = true
            self.becomeOpen()
            if self.state == .open { self.readAndDeliver() }
        case .wantsRead, .wantsWrite: return
        case .closed: self.end(.peer)
        case .failed(let reason): self.end(.tls(reason))
        }
    }

    private func becomeOpen() {
        self.timer?.disarm()
        self.timer = nil
        self.state = .open
        self.handler?.connected(self)
        if self.state == .open, !self.output.isEmpty { self.flush() }
    }

    // MARK: Reading

    public func pauseReading() {
        self.loop.preconditionOnLoop()
        self.isPaused = true
    }

    /// What was kept is offered again before anything new is read.
    public func resumeReading() {
        self.loop.preconditionOnLoop()
        guard self.isPaused, self.state == .open else { return }
        self.isPaused = false
        self.mustRedeliver = !self.input.isEmpty || self.isDelivering
        if !self.isDelivering { self.readAndDeliver() }
    }

    /// Offers what the handler left once more, though nothing new has come: the handler can go on now.
    public func offerRetained() {
        self.loop.preconditionOnLoop()
        guard self.state == .open else { return }
        self.mustRedeliver = true
        if !self.isDelivering, !self.isPaused { self.readAndDeliver() }
    }

    private var mayRead: Bool {
        guard self.state == .open else { return self.state == .lingering }
        return !self.isPaused && !self.inputHasEnded && self.input.count < Self.maxRetainedBytes
    }

    private func readAndDeliver() {
        guard !self.isDelivering else { return }
        self.isDelivering = true
        defer { self.isDelivering = false }
        var reads = 0
        while self.state == .open || self.state == .lingering {
            if self.mustRedeliver {
                self.mustRedeliver = false
                if !self.input.isEmpty { self.deliverRetained() }
                continue
            }
            guard self.isReadable, self.mayRead else { return }
            guard reads < Self.maxReadsInARow else {
                self.loop.onNextTurn { self.readAndDeliver() }
                return
            }
            reads += 1
            self.readOnce()
        }
    }

    private func readOnce() {
        let keepsBytes = !self.input.isEmpty
        let space = self.loop.readScratch.count
        let target = keepsBytes ? self.input.reserve(space) : self.loop.readScratch.baseAddress!
        switch self.readSome(UnsafeMutableRawBufferPointer(start: target, count: space)) {
        case .done(let count):
            if self.state == .lingering { return }
            if keepsBytes {
                self.input.didAppend(count)
                self.deliverRetained()
            } else {
                let bytes = UnsafeRawBufferPointer(start: target, count: count)
                let used = self.handler?.received(self, bytes) ?? count
                precondition(used <= count, "a handler used more than it was given")
                if used < count, self.state == .open {
                    self.input.append(UnsafeRawBufferPointer(rebasing: bytes[used...]))
                }
            }
        case .wantsRead: self.isReadable = false
        case .wantsWrite: self.isReadable = false
        case .closed:
            self.inputHasEnded = true
            if self.state == .lingering { return self.end(.local) }
            self.handler?.inputEnded(self)
        case .failed(let code): self.end(code)
        }
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
                // A short read has emptied the socket: the next byte makes a new edge, unless the end is near, which
                // has had its edge already.
                if count < memory.count, !self.endIsNear { self.isReadable = false }
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
        case .done(let count): return .done(count)
        case .wantsRead: return .wantsRead
        case .wantsWrite: return .wantsWrite
        case .closed: return .closed
        // A peer that leaves without TLS's own goodbye has reset the stream, as far as its content goes.
        case .failed(let reason): return .failed(self.endIsNear ? .reset : .tls(reason))
        }
    }

    // MARK: Writing

    /// Sends `bytes`, or keeps a copy of what the socket does not take now.
    public func write(_ bytes: UnsafeRawBufferPointer) {
        self.loop.preconditionOnLoop()
        guard self.canWrite, bytes.count > 0 else { return }
        guard self.state == .open, self.output.isEmpty else { return self.keep(bytes) }
        let sent = self.tls == nil ? self.send(bytes) : self.sendTLS(bytes)
        guard sent >= 0, sent < bytes.count else { return }
        self.keep(UnsafeRawBufferPointer(rebasing: bytes[sent...]))
    }

    /// Sends a head and what follows it with one system call.
    public func write(_ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer) {
        self.loop.preconditionOnLoop()
        guard self.canWrite else { return }
        guard self.tls == nil, self.state == .open, self.output.isEmpty, head.count > 0, body.count > 0 else {
            self.write(head)
            return self.write(body)
        }
        var pieces = (
            iovec(iov_base: UnsafeMutableRawPointer(mutating: head.baseAddress), iov_len: head.count),
            iovec(iov_base: UnsafeMutableRawPointer(mutating: body.baseAddress), iov_len: body.count)
        )
        let sent = withUnsafeMutablePointer(to: &pieces) {
            $0.withMemoryRebound(to: iovec.self, capacity: 2) { vector in
                var message = msghdr()
                message.msg_iov = vector
                message.msg_iovlen = 2
                var result = 0
                repeat {
                    result = sendmsg(self.fd, &message, Int32(MSG_NOSIGNAL))
                } while result == -1 && errno == EINTR
                return self.finishSend(result)
            }
        }
        guard sent >= 0 else { return }
        if sent < head.count { self.keep(UnsafeRawBufferPointer(rebasing: head[sent...])) }
        let sentBody = max(0, sent - head.count)
        if sentBody < body.count { self.keep(UnsafeRawBufferPointer(rebasing: body[sentBody...])) }
    }

    public func cork() { self.loop.preconditionOnLoop() }
    public func uncork() { self.loop.preconditionOnLoop() }

    private var canWrite: Bool {
        switch self.state {
        case .connecting, .handshaking, .open: !self.mustFinishWriting && !self.mustCloseAfterWriting
        case .lingering, .closed: false
        }
    }

    private func keep(_ bytes: UnsafeRawBufferPointer) {
        self.output.append(bytes)
        if self.output.count > Self.highMarkBytes { self.wasCongested = true }
    }

    /// Bytes taken by the socket; -1 when the connection has failed and its end is on the way.
    @inline(__always)
    private func send(_ bytes: UnsafeRawBufferPointer) -> Int {
        while true {
            let sent = sluice_send(self.fd, bytes.baseAddress, UInt(bytes.count))
            // An interrupted call has sent nothing, and makes no edge that would bring it back.
            if sent == -1, errno == EINTR { continue }
            return self.finishSend(sent)
        }
    }

    private func finishSend(_ result: Int) -> Int {
        guard result == -1 else { return result }
        if errno == EAGAIN { return 0 }
        self.failLater(errno == ECONNRESET || errno == EPIPE ? .reset : .failed(errno))
        return -1
    }

    private func sendTLS(_ bytes: UnsafeRawBufferPointer) -> Int {
        var sent = 0
        while sent < bytes.count {
            switch self.tls!.write(UnsafeRawBufferPointer(rebasing: bytes[sent...])) {
            case .done(let count): sent += count
            case .wantsRead, .wantsWrite: return sent
            case .closed:
                self.failLater(.peer)
                return -1
            case .failed(let reason):
                self.failLater(.tls(reason))
                return -1
            }
        }
        return sent
    }

    /// A failed write is told after the caller has returned: it is in the middle of something.
    private func failLater(_ reason: CloseReason) {
        self.output.removeAll()
        self.loop.onNextTurn { self.end(reason) }
    }

    private func flush() {
        if !self.output.isEmpty {
            let bytes = self.output.bytes
            let sent = self.tls == nil ? self.send(bytes) : self.sendTLS(bytes)
            guard sent >= 0 else { return }
            self.output.consume(sent)
        }
        if self.output.isEmpty { self.finishIfAsked() }
        if self.wasCongested, self.output.count <= Self.lowMarkBytes, self.state == .open {
            self.wasCongested = false
            self.handler?.drained(self)
        }
    }

    // MARK: Ending

    /// Tells the peer, after what is pending, that no more will come; reading goes on.
    public func finishWriting() {
        self.loop.preconditionOnLoop()
        self.mustFinishWriting = true
        if self.state == .open, self.output.isEmpty { self.finishIfAsked() }
    }

    /// Closes when what is pending has been sent and the peer has closed too, or a second later.
    public func closeAfterWriting() {
        self.loop.preconditionOnLoop()
        guard self.state != .closed, !self.mustCloseAfterWriting else { return }
        self.mustCloseAfterWriting = true
        switch self.state {
        case .connecting, .handshaking: self.end(.local)
        case .open where self.output.isEmpty: self.finishIfAsked()
        default: return
        }
    }

    private func finishIfAsked() {
        guard self.state == .open, self.mustFinishWriting || self.mustCloseAfterWriting else { return }
        if !self.hasFinishedWriting {
            // Without room for TLS's goodbye the socket says when there is some, and `flush` comes back here.
            if self.tls?.shutdown() == false { return }
            self.hasFinishedWriting = true
            shutdown(self.fd, Int32(SHUT_WR))
        }
        guard self.mustCloseAfterWriting else { return }
        guard !self.inputHasEnded else { return self.end(.local) }
        self.state = .lingering
        self.isPaused = false
        self.isReadable = true
        // While the handler is being called, it may be reading what was kept.
        if !self.isDelivering { self.input.removeAll() }
        let timer = LoopTimer(loop: self.loop) { [weak self] in self?.end(.local) }
        timer.arm(afterNanoseconds: Self.lingerNanoseconds)
        self.timer = timer
        self.loop.onNextTurn { self.readAndDeliver() }
    }

    /// Closes at once; what is pending is lost.
    public func close() {
        self.loop.preconditionOnLoop()
        self.end(.local)
    }

    public func reset() {
        self.loop.preconditionOnLoop()
        guard self.state != .closed else { return }
        // Without lingering, closing sends RST and drops what the socket still holds.
        var setting = linger(l_onoff: 1, l_linger: 0)
        setsockopt(self.fd, SOL_SOCKET, SO_LINGER, &setting, socklen_t(MemoryLayout<linger>.size))
        self.end(.local)
    }

    private func end(_ reason: CloseReason) {
        guard self.state != .closed else { return }
        self.unacknowledgedAtEnd = self.unacknowledgedBytes
        self.state = .closed
        self.timer?.disarm()
        self.timer = nil
        self.tls = nil
        // Not `input`: the handler may be reading it, further up the stack.
        self.output.removeAll()
        self.deregisterAndClose()
        let handler = self.handler
        self.handler = nil
        handler?.closed(self, reason)
    }
}
