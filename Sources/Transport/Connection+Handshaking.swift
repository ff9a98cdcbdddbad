import EventLoop
import Glibc
import Primitives

/// From an accepted connection's first byte to the end of its TLS handshake. When it is begun is `HandshakeLine`'s affair.
extension Connection {
    private enum FirstByte {
        case nothing, end, failed
        case byte(UInt8)
    }

    /// Something of a client that waits for its turn, or whose hello could not be signed for so far.
    func helloCame(_ events: ReadyEvents) {
        guard events.isDisjoint(with: [.inputEnded, .failed]) else { return self.leaveBeforeTurn() }
        // What comes while it waits is found in its turn.
        guard events.contains(.readable), self.state == .greeting else { return }
        self.state = .waiting
        HandshakeLine.of(self.loop).join(self)
    }

    /// The client has gone. Nobody is there to take what a handshake would cost, but whoever asked in HTTP may listen.
    private func leaveBeforeTurn() {
        switch self.firstByte() {
        case .byte(let byte):
            if self.isPlainText(byte) { return self.refusePlainText(endIsNear: true) }
            HandshakeLine.of(self.loop).countLeft()
            self.end(.peer)
        case .nothing, .end: self.end(.peer)
        case .failed:
            if self.state == .waiting { HandshakeLine.of(self.loop).countLeft() }
            self.end(.reset)
        }
    }

    /// True when a handshake was begun.
    func takeTurn() -> Bool {
        precondition(self.state == .waiting, "a turn for somebody who does not wait")
        if self.tls != nil {
            // Its hello was not complete the first time, or has been asked for again.
            self.state = .handshaking
            self.handshake()
            return false
        }
        switch self.firstByte() {
        case .nothing:
            self.state = .greeting
            return false
        case .end: self.end(.peer)
        case .failed: self.end(.reset)
        case .byte(let byte):
            if !self.isPlainText(byte) { return self.beginHandshake() }
            self.refusePlainText(endIsNear: false)
        }
        return false
    }

    /// A handshake, or something that OpenSSL has a word for.
    private func beginHandshake() -> Bool {
        guard let tls = self.awaitedTLS.take() else { preconditionFailure("a handshake without its certificate") }
        do {
            self.tls = try TLSSession(context: tls.context, fd: self.fd, isServer: true, serverName: nil)
        } catch {
            // Out of memory for one more session: this visitor is turned away, the others are not.
            self.end(.tls("\(error)"))
            return false
        }
        self.state = .handshaking
        self.handshake()
        return true
    }

    /// The next step, of either side.
    func handshake() {
        guard let step = self.tls?.handshake() else { return }
        switch step {
        case .done:
            // The first request may have come with the last flight, already inside OpenSSL: no event will tell.
            if self.tls?.isEmptied == false { self.reading.becameReadable(endIsNear: false) }
            self.becomeOpen()
            self.readAndDeliver()
        case .wantsRead:
            // A hello in several packets, or one that has to be said again with another key: the signature comes with
            // the last one, and has to wait for its turn, too.
            if self.tls?.awaitsHello == true { self.state = .greeting }
        case .wantsWrite: return
        case .closed: self.end(.peer)
        case .failed(let reason): self.end(.tls(reason))
        }
    }

    /// Gives up the place in line, if there is one.
    func leaveLine() {
        if let place = self.placeInLine.take() { HandshakeLine.of(self.loop).leave(place) }
    }

    // MARK: Plain text

    private func firstByte() -> FirstByte {
        var first: UInt8 = 0
        var count = 0
        repeat { count = recv(self.fd, &first, 1, Int32(MSG_PEEK)) } while count == -1 && errno == EINTR
        switch count {
        case 1: return .byte(first)
        case 0: return .end
        default: return errno == EAGAIN ? .nothing : .failed
        }
    }

    private func isPlainText(_ first: UInt8) -> Bool { self.tls == nil && ASCII.isLetter(first) }

    /// Somebody who speaks HTTP to a TLS port is told so in HTTP.
    private func refusePlainText(endIsNear: Bool) {
        self.leaveLine()
        self.awaitedTLS = nil
        self.sendPlainRefusal()
        self.reading.becameReadable(endIsNear: endIsNear)
        self.linger(.tls("http request on a TLS port"))
    }
}
