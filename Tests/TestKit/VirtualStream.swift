import EventLoop
import Primitives
import Transport

/// One end of a connection of a `VirtualNetwork`, with the contract of `Connection`, which a test holds them both to.
///
/// What a handler is given is made unreadable after the call, so that one which keeps the memory is found out.
public final class VirtualStream: ByteStream {
    private enum State { case connecting, handshaking, open, lingering, closed }
    private static let lingerNanoseconds = Nanoseconds.perSecond
    private static let maxReadsInARow = 16

    public let peer: SocketAddress
    public let isSecure: Bool
    let loop: VirtualLoop
    private let network: VirtualNetwork
    private var number = 0
    private var state: State
    private var handler: (any StreamHandler)?
    private(set) var inbound: VirtualPipe?
    private(set) var outbound: VirtualPipe?
    private var timer: LoopTimer?

    private var isStarted = false
    private var input: [UInt8] = []
    private var isPaused = false
    private var isDelivering = false
    private var mustRedeliver = false
    private var inputHasEnded = false

    private var output: ArraySlice<UInt8> = []
    private var gathered: [UInt8] = []
    private var isCorked = false
    private var wasCongested = false
    private var mustFinishWriting = false
    private var mustCloseAfterWriting = false
    private var isPeerDone = false
    private var hasFinishedWriting = false
    private var hasFailed = false

    init(network: VirtualNetwork, loop: VirtualLoop, peer: SocketAddress, isSecure: Bool) {
        self.network = network
        self.loop = loop
        self.peer = peer
        self.isSecure = isSecure
        self.state = isSecure ? .handshaking : .open
        self.number = network.register(self)
    }

    // MARK: Beginning

    func beginConnecting(handler: any StreamHandler, timeoutNanoseconds: Int64) {
        self.state = .connecting
        self.isStarted = true
        self.handler = handler
        let timer = LoopTimer(loop: self.loop) { [weak self] in self?.end(.connectTimedOut) }
        timer.arm(afterNanoseconds: timeoutNanoseconds)
        self.timer = timer
    }

    func connectHasFailed(_ code: Int32) { self.end(.connectFailed(code)) }

    func attach(inbound: VirtualPipe, outbound: VirtualPipe) {
        self.inbound = inbound
        self.outbound = outbound
    }

    func connectHasSucceeded() {
        guard self.state == .connecting else { return }
        self.becomeOpen()
    }

    /// A listener's stream has its handler.
    func start(handler: any StreamHandler) {
        guard self.state != .closed else { return handler.closed(self, .local) }
        self.handler = handler
        self.isStarted = true
        let delay = self.state == .handshaking ? self.network.nextDelay() : 0
        self.loop.plan(at: self.loop.now.advanced(byNanoseconds: delay)) {
            if self.state == .handshaking { self.becomeOpen() } else { self.somethingArrived() }
        }
    }

    private func becomeOpen() {
        self.timer = nil
        self.state = .open
        self.handler?.connected(self)
        if self.state == .open { self.flush() }
        self.somethingArrived()
    }

    // MARK: State that others may ask for

    public var isOpen: Bool { self.state == .open }
    public var isClosed: Bool { self.state == .closed }
    public var pendingWriteBytes: Int { self.output.count + self.gathered.count }
    public var untakenBytes: Int {
        self.output.isEmpty ? 0 : self.output.count + (self.outbound?.unreadBytes ?? 0)
    }
    public var unacknowledgedBytes: Int {
        self.isClosed
            ? self.unacknowledgedAtEnd
            : self.output.count + self.gathered.count + (self.outbound?.flightBytes ?? 0)
    }
    private var unacknowledgedAtEnd = 0
    public var isCongested: Bool { self.output.count > Connection.highMarkBytes }
    public var retainedBytes: Int { self.input.count }

    public func setHandler(_ handler: any StreamHandler) {
        self.loop.preconditionOnLoop()
        self.handler = handler
    }

    // MARK: Reading

    public func pauseReading() {
        self.loop.preconditionOnLoop()
        self.isPaused = true
    }

    public func resumeReading() {
        self.loop.preconditionOnLoop()
        guard self.isPaused, self.state == .open else { return }
        self.isPaused = false
        self.mustRedeliver = !self.input.isEmpty || self.isDelivering
        self.readAndDeliver()
    }

    public func offerRetained() {
        self.loop.preconditionOnLoop()
        guard self.state == .open else { return }
        self.mustRedeliver = true
        if !self.isPaused { self.readAndDeliver() }
    }

    /// Bytes, the end or a reset have come in.
    func somethingArrived() {
        switch self.state {
        case .connecting, .handshaking, .closed: return
        case .open, .lingering:
            // Nobody reads, so nobody would find that the peer is gone.
            if self.isStarted, self.state == .open, self.inbound?.isBroken == true, !self.mayRead {
                return self.end(.reset)
            }
            self.readAndDeliver()
        }
    }

    private var mayRead: Bool {
        guard self.state == .open else { return self.state == .lingering }
        return !self.isPaused && !self.inputHasEnded && self.input.count < Connection.maxRetainedBytes
    }

    private func readAndDeliver() {
        guard !self.isDelivering, self.isStarted else { return }
        self.isDelivering = true
        defer { self.isDelivering = false }
        var reads = 0
        while self.state == .open || self.state == .lingering {
            if self.mustRedeliver {
                self.mustRedeliver = false
                if !self.input.isEmpty { self.deliverRetained() }
                continue
            }
            guard self.mayRead, self.inbound?.hasSomethingToRead == true else { return }
            guard reads < Self.maxReadsInARow else { return self.loop.onNextTurn { self.readAndDeliver() } }
            reads += 1
            self.readOnce()
        }
    }

    private func readOnce() {
        guard let inbound = self.inbound else { return }
        guard !inbound.arrived.isEmpty else {
            if inbound.isBroken { return self.end(.reset) }
            self.inputHasEnded = true
            if self.state == .lingering { return self.end(.local) }
            self.handler?.inputEnded(self)
            return
        }
        let bytes = inbound.read(self.network.world.random(self.network.conditions.readBytes))
        guard self.state == .open else { return }
        guard self.input.isEmpty else {
            self.input += bytes
            return self.deliverRetained()
        }
        let used = self.offer(bytes)
        if used < bytes.count, self.state == .open { self.input += bytes[used...] }
    }

    private func deliverRetained() {
        let used = self.offer(self.input)
        guard self.state == .open else { return }
        self.input.removeFirst(used)
    }

    private func offer(_ bytes: [UInt8]) -> Int {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer {
            for index in memory.indices { memory[index] = 0xDD }
            memory.deallocate()
        }
        memory.copyBytes(from: bytes)
        let used = self.handler?.received(self, UnsafeRawBufferPointer(memory)) ?? bytes.count
        precondition(0...bytes.count ~= used, "a handler used more than it was given")
        return used
    }

    // MARK: Writing

    private var canWrite: Bool {
        switch self.state {
        case .connecting, .handshaking, .open: !self.mustFinishWriting && !self.mustCloseAfterWriting
        case .lingering, .closed: false
        }
    }

    public func write(_ bytes: UnsafeRawBufferPointer) {
        self.loop.preconditionOnLoop()
        guard self.canWrite, bytes.count > 0, !self.hasFailed else { return }
        if self.isCorked { return self.gathered.append(contentsOf: bytes) }
        guard self.state == .open, self.output.isEmpty else { return self.keep(bytes) }
        let sent = self.send(bytes)
        if sent < bytes.count { self.keep(UnsafeRawBufferPointer(rebasing: bytes[sent...])) }
    }

    public func write(_ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer) {
        let isOuter = !self.isCorked
        if isOuter { self.cork() }
        self.write(head)
        self.write(body)
        if isOuter { self.uncork() }
    }

    public func cork() {
        self.loop.preconditionOnLoop()
        guard self.state != .closed, !self.isCorked else { return }
        self.isCorked = true
        self.loop.atTurnEnd { precondition(!self.isCorked, "a stream was left corked at the end of a turn") }
    }

    public func uncork() {
        self.loop.preconditionOnLoop()
        guard self.isCorked else { return }
        self.isCorked = false
        self.writeGathered()
    }

    private func writeGathered() {
        let gathered = self.gathered
        self.gathered = []
        let wasCorked = self.isCorked
        self.isCorked = false
        gathered.withUnsafeBytes { self.write($0) }
        self.isCorked = wasCorked
    }

    private func keep(_ bytes: UnsafeRawBufferPointer) {
        guard !self.hasFailed else { return }
        self.output.append(contentsOf: bytes)
        if self.isCongested { self.wasCongested = true }
    }

    private func send(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let outbound = self.outbound, let inbound = self.inbound else { return 0 }
        guard !inbound.isBroken else {
            self.hasFailed = true
            self.output = []
            // Told after the caller has returned: it is in the middle of something.
            self.loop.onNextTurn { self.end(.reset) }
            return bytes.count
        }
        return outbound.send(bytes)
    }

    /// The peer has read something.
    func roomWasMade() { if self.state == .open { self.flush() } }

    private func flush() {
        guard !self.hasFailed else { return }
        if !self.output.isEmpty {
            let sent = self.output.withUnsafeBytes { self.send($0) }
            self.output = self.output.dropFirst(sent)
            if self.output.isEmpty { self.output = [] }
        }
        if self.output.isEmpty { self.finishIfAsked() }
        if self.wasCongested, self.output.count <= Connection.lowMarkBytes, self.state == .open {
            self.wasCongested = false
            self.handler?.drained(self)
        }
    }

    // MARK: Ending

    public func finishWriting() {
        self.loop.preconditionOnLoop()
        self.writeGathered()
        self.mustFinishWriting = true
        if self.state == .open, self.output.isEmpty { self.finishIfAsked() }
    }

    public func closeAfterWriting(isPeerDone: Bool) {
        self.loop.preconditionOnLoop()
        guard self.state != .closed, !self.mustCloseAfterWriting else { return }
        self.isPeerDone = isPeerDone && self.retainedBytes == 0
        self.writeGathered()
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
            self.hasFinishedWriting = true
            self.outbound?.sendEnd()
        }
        guard self.mustCloseAfterWriting else { return }
        let isUnread = self.inbound?.hasSomethingToRead == true
        guard !self.inputHasEnded, !self.isPeerDone || isUnread else { return self.end(.local) }
        self.state = .lingering
        self.isPaused = false
        let timer = LoopTimer(loop: self.loop) { [weak self] in self?.end(.local) }
        timer.arm(afterNanoseconds: Self.lingerNanoseconds)
        self.timer = timer
        self.loop.onNextTurn { self.readAndDeliver() }
    }

    public func close() {
        self.loop.preconditionOnLoop()
        self.end(.local)
    }

    public func reset() {
        self.loop.preconditionOnLoop()
        guard self.state != .closed else { return }
        self.outbound?.sendReset()
        self.end(.local)
    }

    /// The network breaks the connection off: both ends see a reset.
    public func breakOff() {
        self.outbound?.sendReset()
        self.inbound?.sendReset()
    }

    private func end(_ reason: CloseReason) {
        guard self.state != .closed else { return }
        self.unacknowledgedAtEnd = self.unacknowledgedBytes
        self.state = .closed
        self.timer = nil
        self.output = []
        self.gathered = []
        self.isCorked = false
        if reason == .local {
            // Closing a socket with unread bytes breaks the connection, as in TCP.
            if self.inbound?.arrived.isEmpty == false {
                self.outbound?.sendReset()
            } else if !self.hasFinishedWriting {
                self.outbound?.sendEnd()
            }
        }
        self.inbound?.receiverHasClosed()
        self.network.deregister(self.number)
        let handler = self.handler
        self.handler = nil
        handler?.closed(self, reason)
    }
}
