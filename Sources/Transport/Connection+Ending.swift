import Glibc

/// Ending in order: what is pending leaves first.
extension Connection {
    public func finishWriting() {
        self.loop.preconditionOnLoop()
        self.uncork()
        self.writing.finish()
        self.finishIfNothingIsPending()
    }

    public func closeAfterWriting(isPeerDone: Bool) {
        self.loop.preconditionOnLoop()
        guard self.state != .closed, self.state != .lingering else { return }
        let isPeerDone = isPeerDone && self.state == .open && !self.reading.mayHaveMore && self.retainedBytes == 0
        self.setEndFollows(isPeerDone)
        self.uncork()
        // What did not leave now does so when the socket has room, and must not wait there.
        if !self.output.isEmpty { self.setEndFollows(false) }
        guard self.writing.close(isPeerDone: isPeerDone) else { return }
        switch self.state {
        case .connecting, .greeting, .waiting, .handshaking: self.end(.local)
        case .open, .lingering, .closed: self.finishIfNothingIsPending()
        }
    }

    func finishIfNothingIsPending() {
        while self.state == .open, self.output.isEmpty {
            switch self.writing.whenNothingIsPending() {
            case .none: return
            case .sendEnd:
                // Without room for TLS's goodbye the socket says when there is some, and `flush` comes back here.
                if self.tls?.shutdown(endFollows: false) == false { return }
                shutdown(self.fd, Int32(SHUT_WR))
                self.writing.endWasSent()
            case .leave:
                self.writing.didLeave()
                self.linger(.local)
            case .end:
                if self.reading.mayHaveMore {
                    self.writing.awaitPeer()
                } else if self.tls?.shutdown(endFollows: true) == false {
                    return
                } else {
                    self.end(.local)
                }
            }
        }
    }

    private func setEndFollows(_ follows: Bool) {
        self.endFollows = follows
        self.tls?.endFollows = follows
    }
}
