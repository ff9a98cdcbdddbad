import EventLoop
import HTTPWire
import Primitives
import Transport

/// What an exchange asks of its client: source of the request, sink of the response.
extension HTTP1Connection: RequestSource, ResponseSink {
    // MARK: What an exchange asks of its source; who the client is, every connection knows

    func pauseRequest() {
        guard self.phase == .tunnel || !self.wire.isRequestComplete, !self.isRequestPaused else { return }
        self.isRequestPaused = true
        self.stream?.pauseReading()
    }

    func resumeRequest() {
        guard self.isRequestPaused else { return }
        self.isRequestPaused = false
        self.readWatch?.restart(now: self.tools.now, bytes: self.receivedBytes)
        self.armTimer()
        self.stream?.resumeReading()
    }

    func openTunnel() {
        self.wire.switchProtocols()
        self.phase = .tunnel
        // What the client sent ahead of the switch, and its end if that came, too.
        self.tools.loop.onNextTurn {
            guard self.phase == .tunnel, let stream = self.stream else { return }
            if stream.retainedBytes > 0 { stream.offerRetained() }
            self.tellTunnelEnd()
        }
        self.readWatch = nil
        self.timer?.disarm()
        // Responses of before may still be on their way: a client that takes nothing has its time, as ever.
        self.armTimer()
    }

    /// Once, when the client's last byte has been passed on.
    func tellTunnelEnd() {
        guard self.phase == .tunnel, self.inputHasEnded, !self.hasToldTunnelEnd, self.stream?.retainedBytes == 0 else {
            return
        }
        self.hasToldTunnelEnd = true
        self.exchange?.clientEndedTunnel()
    }

    /// The next request may be read, if there is to be one.
    func exchangeEnded() {
        if let exchange = self.exchange.take() { self.registry.exchanges.giveBack(exchange) }
        if self.isRequestPaused {
            self.isRequestPaused = false
            self.readWatch?.restart(now: self.tools.now, bytes: self.receivedBytes)
            self.stream?.resumeReading()
        }
        guard self.phase == .serving else { return }
        // A body that ended with the piece that was refused is not told of again.
        if self.wire.isBetweenRequests { self.readWatch = nil }
        self.idleSince = self.tools.now
        self.armTimer()
        if !self.isReading, self.stream?.retainedBytes ?? 0 > 0 { self.stream?.offerRetained() }
        if self.inputHasEnded { self.tools.loop.onNextTurn { self.endIfDone() } }
    }

    // MARK: What an exchange asks of its sink

    var isCongested: Bool { self.stream?.isCongested ?? false }

    func beginGathering() {
        self.gatherings += 1
        if self.gatherings == 1 { self.stream?.cork() }
    }

    func endGathering() {
        self.gatherings -= 1
        guard self.gatherings == 0 else { return }
        self.stream?.uncork()
        self.reviewWriting()
    }

    /// What was gathered has left, or has not: a client that has everything is not watched, one that has not is.
    func reviewWriting() {
        if self.stream?.pendingWriteBytes ?? 0 > 0 {
            if self.writeWatch == nil { self.watchWriting() }
        } else if self.writeWatch != nil {
            self.writeWatch = nil
            self.armTimer()
        }
    }

    func sendInterim(status: UInt16, _ writeFields: (inout ByteWriter) -> Void) {
        guard self.wire.acceptsInterim else { return }
        if status == 100 {
            // Nobody has asked for it, or the body is on its way already.
            guard self.wire.awaitsContinue else { return }
            self.wire.continueWritten()
            self.readWatch?.restart(now: self.tools.now, bytes: self.receivedBytes)
            self.armTimer()
        }
        var writer = ByteWriter(self.tools.loop.writeScratch)
        writer.appendStatusLine(status)
        writeFields(&writer)
        writer.endHead()
        self.write(writer)
    }

    func sendHead(
        status: UInt16,
        reason: UnsafeRawBufferPointer,
        framing: BodyFraming,
        _ writeFields: (inout ByteWriter) -> Void
    ) {
        let plan = self.wire.beginResponse(framing, staysOpen: !self.tools.isDraining)
        self.plan = plan
        var writer = ByteWriter(self.tools.loop.writeScratch)
        writer.appendStatusLine(status, reason: reason)
        writeFields(&writer)
        writer.appendFraming(plan)
        writer.endHead()
        self.write(writer)
    }

    func write(_ writer: ByteWriter) {
        precondition(!writer.overflowed, "a head of at most 32 KiB grew beyond 64 KiB")
        self.writtenBytes += writer.count
        self.stream?.write(writer.written)
    }

    func sendBody(_ payload: UnsafeRawBufferPointer) {
        guard let stream = self.stream, payload.count > 0 else { return }
        if self.phase != .tunnel {
            guard let plan = self.plan, plan.sendsBody else { return }
            self.writtenBytes += payload.count
            if plan.framing == .chunked { stream.writeChunk(payload) } else { stream.write(payload) }
        } else {
            self.writtenBytes += payload.count
            stream.write(payload)
        }
        if stream.isCongested, self.writeWatch == nil { self.watchWriting() }
    }

    func endResponse(trailers: Trailers) {
        guard let plan = self.plan else { preconditionFailure("a response ended that had not begun") }
        self.plan = nil
        if plan.framing == .chunked, plan.sendsBody { self.stream?.writeLastChunk(trailers: trailers) }
        switch self.wire.endResponse() {
        case .readOn, .discardRequest: return
        case .close: self.closeAfterWriting()
        }
    }

    func sendSwitch(_ writeFields: (inout ByteWriter) -> Void) {
        var writer = ByteWriter(self.tools.loop.writeScratch)
        writer.appendStatusLine(101)
        writeFields(&writer)
        // Nothing else is asked of a worker, so that nothing else was agreed to.
        writer.append("upgrade: websocket\r\nconnection: upgrade\r\n")
        writer.endHead()
        self.write(writer)
    }

    func finishTunnel() {
        self.stream?.finishWriting()
        if self.stream?.pendingWriteBytes ?? 0 > 0, self.writeWatch == nil { self.watchWriting() }
    }

    func endTunnel() { self.closeAfterWriting() }

    func breakOff() {
        self.phase = .closing
        self.stream?.reset()
    }
}
