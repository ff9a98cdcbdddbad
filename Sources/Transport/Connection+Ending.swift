import CLinux
import EventLoop
import Glibc

/// Ending: after what is pending, with or without waiting for the peer, or at once.
extension Connection {
    public func finishWriting() {
        self.loop.preconditionOnLoop()
        self.uncork()
        self.writing.finish()
        self.finishIfNothingIsPending()
    }

    public func closeAfterWriting(peerIsDone: Bool) {
        self.loop.preconditionOnLoop()
        guard self.state != .closed, self.state != .lingering else { return }
        self.peerIsDone = peerIsDone
        self.uncork()
        guard self.writing.close() else { return }
        switch self.state {
        case .connecting, .greeting, .handshaking: self.end(.local)
        case .open, .lingering, .closed: self.finishIfNothingIsPending()
        }
    }

    func finishIfNothingIsPending() {
        // What came nevertheless would turn the close into a reset.
        let leavesAtOnce = self.peerIsDone && self.input.isEmpty && !self.reading.mayHaveMore && !self.reading.hasEnded
        while self.state == .open, self.output.isEmpty {
            switch self.writing.whenNothingIsPending() {
            case .none: return
            case .sendEnd:
                // Without room for TLS's goodbye the socket says when there is some, and `flush` comes back here.
                if self.tls?.shutdown() == false { return }
                // Closing says it, too.
                if !leavesAtOnce { shutdown(self.fd, Int32(SHUT_WR)) }
                self.writing.endWasSent()
            case .leave:
                self.writing.didLeave()
                if leavesAtOnce { self.leave() } else { self.linger(.local) }
            }
        }
    }

    /// Closes without waiting for the peer's end, which spares three system calls. In the next turn, as the caller is in
    /// the middle of something.
    private func leave() {
        self.beginLingering(.local)
        self.loop.onNextTurn { self.end(.local) }
    }

    /// Waits for the peer's end before closing.
    func linger(_ reason: CloseReason) {
        guard !self.reading.hasEnded else { return self.end(reason) }
        self.beginLingering(reason)
        self.arm(afterNanoseconds: Self.lingerNanoseconds, reason)
        // Emptied, it makes an event when there is something.
        if self.reading.mayHaveMore { self.loop.onNextTurn { self.readAndDeliver() } }
    }

    private func beginLingering(_ reason: CloseReason) {
        self.state = .lingering
        self.lingerReason = reason
        self.reading.discard()
        // While the handler is being called, it may be reading what was kept.
        if !self.reading.isRunning { self.input.removeAll() }
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
}
