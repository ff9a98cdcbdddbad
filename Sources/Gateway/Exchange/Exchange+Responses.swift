import HTTPWire
import Primitives
import Rooms

/// What goes out: responses of the gateway's own, and the fields of those that it passes on.
extension Exchange {
    // MARK: Responses of the gateway's own

    func fail(_ error: GatewayError) { self.settle(self.machine.respond(), error) }

    func settle(_ action: ExchangeMachine.Action, _ error: GatewayError) {
        self.tools.counters.gatewayErrors[error.cause.index] += 1
        if error.isForWantOfWorkers { self.route?.pool.countError() }
        switch action {
        case .respond(let held):
            self.note.outcome = .refused(error.cause)
            self.giveUp(held)
            self.write(error)
            self.end()
        case .breakOff(let held):
            self.note.outcome = .brokenOff(error.cause)
            self.giveUp(held)
            self.client?.breakOff()
            self.end()
        default: preconditionFailure("an error was answered by \(action)")
        }
    }

    func giveUp(_ held: ExchangeMachine.Holding) {
        switch held {
        case .nothing: return
        case .room:
            if let ticket = self.roomTicket.take() { self.visitor.gate?.leave(ticket) }
        case .queue:
            if let ticket = self.workerTicket.take() { self.route?.pool.leave(ticket: ticket) }
        case .worker: self.lease.take()?.abort()
        }
    }

    func showPosition(_ position: WaitingPosition) {
        guard case .respond = self.machine.respond(), let gate = self.visitor.gate, let client = self.client else {
            return
        }
        let isJSON = self.request.prefersJSON
        var body = ByteWriter(self.tools.pageScratch)
        gate.page.writeBody(position, isJSON: isJSON, to: &body)
        precondition(!body.overflowed, "the waiting page is bounded by its template")
        // A request that is not a plain read gets 429, so that no program takes "wait" for "done".
        // A page is no tunnel either.
        let isRead =
            (self.request.method == .get || self.request.method == .head) && !self.request.asksForUpgrade
        let status: UInt16 = isRead ? 200 : 429
        self.responseStatus = Int(status)
        self.note.outcome = .waiting
        if self.request.method != .head { self.note.responseBytes = body.count }
        client.beginGathering()
        client.sendHead(
            status: status,
            reason: UnsafeRawBufferPointer(start: nil, count: 0),
            framing: .length(Int64(body.count))
        ) { writer in
            self.tools.appendDate(to: &writer)
            gate.page.writeFields(position, isJSON: isJSON, to: &writer)
            self.writeSecurity(to: &writer)
            self.trail.writeID(to: &writer, rules: self.tools.forwarding)
            self.writeCookies(to: &writer)
        }
        client.sendBody(body.written)
        client.endResponse(trailers: Trailers())
        client.endGathering()
        self.end()
    }

    /// An error of the gateway's own making. A place or a pass that the room has just given goes with it: the visitor
    /// must not pay for a worker's failure.
    func write(_ error: GatewayError) {
        guard let client = self.client else { return }
        self.responseStatus = error.status
        if self.request.method != .head { self.note.responseBytes = error.bodyBytes }
        client.beginGathering()
        client.sendHead(
            status: UInt16(error.status),
            reason: UnsafeRawBufferPointer(start: nil, count: 0),
            framing: .length(Int64(error.bodyBytes))
        ) { writer in
            self.tools.appendDate(to: &writer)
            error.writeFields(to: &writer, random: self.tools.random.next())
            self.writeSecurity(to: &writer)
            self.trail.writeID(to: &writer, rules: self.tools.forwarding)
            self.visitor.gate?.mode.writeField(to: &writer)
            self.writeCookies(to: &writer)
        }
        var body = ByteWriter(self.tools.pageScratch)
        error.writeBody(to: &body)
        client.sendBody(body.written)
        client.endResponse(trailers: Trailers())
        client.endGathering()
    }

    // MARK: Fields

    /// The worker's response as the client sees it.
    func writeResponseFields(_ bytes: UnsafeRawBufferPointer, to writer: inout ByteWriter) {
        self.tools.responseHead.writeForwardedFields(
            to: &writer,
            from: bytes,
            dropping: self.replacedFields,
            droppingName: self.tools.forwarding.requestIDName
        )
        self.trail.writeID(to: &writer, rules: self.tools.forwarding)
        self.writeSecurity(to: &writer)
        if !self.tools.responseHead.names.contains(.date) { self.tools.appendDate(to: &writer) }
        writer.appendVia(minorVersion: self.tools.responseHead.minorVersion)
        guard let gate = self.visitor.gate, let key = self.visitor.key else { return }
        writer.append("Sluice-State: admitted\r\n")
        if self.tools.responseHead.names.contains(.sluiceSession), self.asksForRelease(bytes) {
            gate.release(key)
            gate.cookies.appendCleared(isSecure: self.origin.isSecure, to: &writer)
        } else {
            self.writeCookies(to: &writer)
        }
    }

    /// `Sluice-Session: release`: the origin says that the visitor is done.
    func asksForRelease(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let value = self.tools.responseHead.firstValue(of: .sluiceSession) else { return false }
        return ASCII.equalsIgnoringCase(value.slice(of: bytes), "release")
    }

    func writeCookies(to writer: inout ByteWriter) {
        guard let gate = self.visitor.gate else { return }
        for case let token? in [self.visitor.place, self.visitor.pass] {
            gate.cookies.append(
                token,
                claim: self.visitor.claim,
                signer: self.tools.signer,
                isSecure: self.origin.isSecure,
                nowSeconds: gate.nowMicros / 1_000_000,
                to: &writer
            )
        }
    }
}
