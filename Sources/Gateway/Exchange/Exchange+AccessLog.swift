import HTTPWire
import Primitives
import Settings

/// The line that a request leaves in the access log.
extension Exchange {
    /// While the head is in hand: later it may be gone.
    func beginNote(_ bytes: UnsafeRawBufferPointer) {
        self.note.sent = nil
        self.note.requestBytes = 0
        self.note.responseBytes = 0
        self.note.outcome = .served
        self.note.tunnelEnd = nil
        guard let desk = self.tools.accessLog, desk.wants(random: self.tools.random.next()) else { return }
        self.note.format = desk.format
        self.note.startedMicros = self.tools.wallMicros
        self.note.tlsVersion = self.client?.tlsVersion
        var writer = ByteWriter(self.tools.pageScratch)
        self.note.secondPart = AccessNote.write(
            self.tools.requestHead,
            in: bytes,
            as: desk.format,
            isHTTP2: self.client?.speaksHTTP2 ?? false,
            to: &writer
        )
        precondition(!writer.overflowed, "what is told of a head is cut to what fits")
        self.note.text = self.tools.keep(writer.written)
    }

    /// A worker has the request.
    func noteSending() {
        guard self.note.format != nil else { return }
        if self.note.sent == nil { self.note.sent = self.tools.now }
        self.note.worker = self.lease?.connection.worker
    }

    /// The request has ended.
    func writeNote() {
        guard let format = self.note.format.take() else { return }
        if self.tools.accessLog != nil {
            let now = self.tools.now
            let started = self.request.started
            let sent = self.note.sent
            let line = AccessLine(
                note: self.note,
                client: self.origin.address,
                status: self.responseStatus,
                room: self.visitor.gate?.name,
                pool: self.route?.pool.name,
                isInside: self.visitor.key != nil,
                isNewcomer: self.visitor.isNewcomer,
                queueMicros: Self.micros(from: started, to: sent ?? now),
                workerMicros: sent.map { Self.micros(from: $0, to: now) },
                totalMicros: Self.micros(from: started, to: now)
            )
            var writer = ByteWriter(self.tools.pageScratch)
            line.write(self.trail, as: format, to: &writer)
            self.tools.addToAccessLog(writer)
        }
        self.note.worker = nil
        var text: [UInt8] = []
        swap(&text, &self.note.text)
        self.tools.recycle(text)
    }

    private static func micros(from start: Instant, to end: Instant) -> Int {
        Int(max(0, end.nanoseconds(since: start)) / 1_000)
    }
}

extension LoopTools {
    func addToAccessLog(_ writer: ByteWriter) {
        guard let desk = self.accessLog else { return }
        if !writer.overflowed, desk.add(writer.written) {
            self.counters.accessLines += 1
        } else {
            self.counters.accessLinesDropped += 1
        }
    }

    /// The response to a request that could not be read, and its line.
    func answerUnreadable(_ error: GatewayError, to client: any ExchangeClient) {
        self.counters.gatewayErrors[error.cause.index] += 1
        self.counters.countResponse(status: error.status)
        client.sendHead(
            status: UInt16(error.status),
            reason: UnsafeRawBufferPointer(start: nil, count: 0),
            framing: .length(Int64(error.bodyBytes))
        ) { writer in
            self.appendDate(to: &writer)
            error.writeFields(to: &writer)
            // Behind a proxy it is not known what the client speaks: it is in what could not be read.
            if client.isSecure, !self.forwarding.trustsPeer(client.peerAddress) {
                writer.append(client.rules.securityField)
            }
        }
        var body = ByteWriter(self.pageScratch)
        error.writeBody(to: &body)
        client.sendBody(body.written)
        client.endResponse(trailers: Trailers())
        self.noteUnreadable(error, from: client)
    }

    /// The line of a request that could not be read, of which only this is known.
    private func noteUnreadable(_ error: GatewayError, from client: any RequestSource) {
        guard let desk = self.accessLog, desk.wants(random: self.random.next()) else { return }
        var note = AccessNote()
        note.startedMicros = self.wallMicros
        note.outcome = .refused(error.cause)
        note.tlsVersion = client.tlsVersion
        if desk.format == .combined {
            note.text = Array("- \"-\" \"-\"".utf8)
            note.secondPart = 1
        }
        note.responseBytes = error.bodyBytes
        let line = AccessLine(
            note: note,
            client: client.peerAddress?.unmapped,
            status: error.status,
            queueMicros: 0,
            totalMicros: 0
        )
        var writer = ByteWriter(self.pageScratch)
        line.write(RequestTrail(), as: desk.format, to: &writer)
        self.addToAccessLog(writer)
    }
}
