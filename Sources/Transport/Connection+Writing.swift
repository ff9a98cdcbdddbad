import CLinux
import EventLoop
import Glibc

/// Writing: at once, gathered, or when the socket takes more.
extension Connection: Gatherer {
    /// A write of more than this is not copied into the scratch memory, and a TLS record holds no more.
    static let maxGatheredWriteBytes = 16 * 1024

    public func write(_ bytes: UnsafeRawBufferPointer) {
        self.loop.preconditionOnLoop()
        guard self.canWrite, bytes.count > 0 else { return }
        guard self.state == .open, self.output.isEmpty else { return self.keep(bytes) }
        if self.gathering == .off { self.sendNow(bytes) } else { self.gather(bytes) }
    }

    private func sendNow(_ bytes: UnsafeRawBufferPointer) {
        let sent = self.tls == nil ? self.send(bytes) : self.sendTLS(bytes)
        guard sent >= 0, sent < bytes.count else { return }
        self.keep(UnsafeRawBufferPointer(rebasing: bytes[sent...]))
    }

    public func write(_ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer) {
        let mustUncork = self.gathering == .off
        if mustUncork { self.cork() }
        self.write(head)
        self.write(body)
        if mustUncork { self.uncork() }
    }

    private var canWrite: Bool {
        switch self.state {
        case .connecting, .greeting, .waiting, .handshaking, .open: self.writing.accepts
        case .lingering, .closed: false
        }
    }

    private func keep(_ bytes: UnsafeRawBufferPointer) {
        guard self.writing.accepts else { return }
        guard self.loop.buffers.hasRoom(for: bytes.count) else { return self.failLater(.outOfMemory) }
        self.output.append(bytes)
        // Over the mark, `drained` is owed, whether anybody asks or not.
        _ = self.isCongested
    }

    // MARK: Gathering

    public func cork() {
        self.loop.preconditionOnLoop()
        if self.gathering == .off, self.state != .closed { self.gathering = .corked }
    }

    public func uncork() {
        self.loop.preconditionOnLoop()
        if case .holding = self.gathering {
            self.loop.gatherScratch.giveBack(self)
            self.sendGathered()
        }
        self.gathering = .off
    }

    var gatheredBytes: Int { if case .holding(let count) = self.gathering { count } else { 0 } }

    public func sendGathered() {
        guard case .holding(let count) = self.gathering else { return }
        self.gathering = .corked
        self.sendNow(UnsafeRawBufferPointer(rebasing: self.loop.gatherScratch.memory[..<count]))
    }

    /// What was gathered is lost: the connection has failed or ended.
    func dropGathered() {
        if case .holding = self.gathering { self.loop.gatherScratch.giveBack(self) }
        self.gathering = .off
    }

    /// Small writes are copied together; a large one leaves at once, with what was gathered before it.
    private func gather(_ bytes: UnsafeRawBufferPointer) {
        if self.gathering == .corked {
            self.loop.gatherScratch.take(for: self)
            self.gathering = .holding(0)
        }
        let capacity = self.tls == nil ? self.loop.gatherScratch.memory.count : Self.maxGatheredWriteBytes
        let room = capacity - self.gatheredBytes
        if bytes.count <= min(room, Self.maxGatheredWriteBytes) { return self.hold(bytes) }
        // A TLS record is filled up first; a socket takes both pieces as they lie.
        let filling = self.tls == nil ? 0 : room
        self.hold(UnsafeRawBufferPointer(rebasing: bytes[..<filling]))
        let rest = UnsafeRawBufferPointer(rebasing: bytes[filling...])
        let held = UnsafeRawBufferPointer(rebasing: self.loop.gatherScratch.memory[..<self.gatheredBytes])
        self.loop.gatherScratch.giveBack(self)
        self.gathering = .corked
        let sent = self.tls == nil ? self.send(held, rest) : self.sendTLS(held, rest)
        guard sent >= 0, sent < held.count + rest.count else { return }
        if sent < held.count { self.keep(UnsafeRawBufferPointer(rebasing: held[sent...])) }
        self.keep(UnsafeRawBufferPointer(rebasing: rest[max(0, sent - held.count)...]))
    }

    private func hold(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0 else { return }
        let count = self.gatheredBytes
        let target = self.loop.gatherScratch.memory.baseAddress! + count
        target.copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
        self.gathering = .holding(count + bytes.count)
    }

    // MARK: Sending

    /// Bytes taken by the socket; -1 when the connection has failed and its end is on the way.
    @inline(__always)
    private func send(_ bytes: UnsafeRawBufferPointer) -> Int {
        while true {
            self.writeCalls &+= 1
            let sent = sluice_send(self.fd, bytes.baseAddress, UInt(bytes.count), self.endFollows)
            // An interrupted call has sent nothing, and makes no edge that would bring it back.
            if sent == -1, errno == EINTR { continue }
            return self.finishSend(sent)
        }
    }

    /// Both with one system call.
    private func send(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Int {
        guard first.count > 0 else { return self.send(second) }
        var pieces = (
            iovec(iov_base: UnsafeMutableRawPointer(mutating: first.baseAddress), iov_len: first.count),
            iovec(iov_base: UnsafeMutableRawPointer(mutating: second.baseAddress), iov_len: second.count)
        )
        return withUnsafeMutablePointer(to: &pieces) {
            $0.withMemoryRebound(to: iovec.self, capacity: 2) { vector in
                var message = msghdr()
                message.msg_iov = vector
                message.msg_iovlen = 2
                var result = 0
                repeat {
                    self.writeCalls &+= 1
                    result = sendmsg(self.fd, &message, Int32(MSG_NOSIGNAL))
                } while result == -1 && errno == EINTR
                return self.finishSend(result)
            }
        }
    }

    private func finishSend(_ result: Int) -> Int {
        guard result == -1 else { return result }
        if errno == EAGAIN { return 0 }
        self.failLater(errno == ECONNRESET || errno == EPIPE ? .reset : .failed(errno))
        return -1
    }

    private func sendTLS(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Int {
        let sent = self.sendTLS(first)
        guard sent == first.count else { return sent }
        let more = self.sendTLS(second)
        return more < 0 ? more : sent + more
    }

    private func sendTLS(_ bytes: UnsafeRawBufferPointer) -> Int {
        var sent = 0
        while sent < bytes.count {
            self.writeCalls &+= 1
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

    /// To a client that speaks HTTP where TLS is spoken.
    func sendPlainRefusal() {
        let body = "This port speaks HTTPS. Use a URL that begins with https://\n"
        let head = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
        var text = "\(head)content-length: \(body.utf8.count)\r\nconnection: close\r\n\r\n\(body)"
        // The socket is fresh and takes it all.
        text.withUTF8 { _ = self.send(UnsafeRawBufferPointer($0)) }
        shutdown(self.fd, Int32(SHUT_WR))
    }

    /// A failed write is told after the caller has returned: it is in the middle of something.
    private func failLater(_ reason: CloseReason) {
        guard self.writing.fail() else { return }
        self.dropGathered()
        self.output.removeAll()
        self.loop.onNextTurn { self.end(reason) }
    }

    /// The socket has room.
    func flush() {
        if !self.output.isEmpty {
            let bytes = self.output.bytes
            let sent = self.tls == nil ? self.send(bytes) : self.sendTLS(bytes)
            guard sent >= 0 else { return }
            self.output.consume(sent)
        }
        self.finishIfNothingIsPending()
        let mark = self.loop.buffers.isUnderPressure ? Self.lowMarkBytesUnderPressure : Self.lowMarkBytes
        if self.state == .open, self.writing.isRelieved(pending: self.output.count, lowMark: mark) {
            self.handler?.drained(self)
        }
    }
}
