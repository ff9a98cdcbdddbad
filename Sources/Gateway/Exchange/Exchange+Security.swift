import HTTPWire
import Primitives

/// What the operator asks of clients that speak no TLS, and promises to those that do. Where a trusted proxy stands in
/// front, it is what the client speaks to that one which counts: a redirect would else go round in a circle.
extension Exchange {
    // MARK: Strict-Transport-Security

    /// Without TLS browsers do not believe it (RFC 6797 section 7.2).
    func writeSecurity(to writer: inout ByteWriter) {
        if self.origin.isSecure, let rules = self.client?.rules { writer.append(rules.securityField) }
    }

    /// Fields of a worker's response that the listener says itself.
    var replacedFields: FieldSet { self.origin.isSecure ? self.client?.rules.replacedFields ?? [] : [] }

    // MARK: Redirect

    /// Nil when the request is served as it came.
    var portOfRedirect: Int? { self.origin.isSecure ? nil : self.client?.rules.redirectPort }

    /// Sends whoever asks to the same host, path and query by TLS. 308 keeps method and body (RFC 9110 section 15.4.9).
    func redirect(_ bytes: UnsafeRawBufferPointer, toPort port: Int) {
        guard let host = self.tools.requestHead.hostNameRange, !host.isEmpty else {
            return self.fail(.noHostToRedirect)
        }
        guard case .respond = self.machine.respond(), let client = self.client else { return }
        let body: StaticString = "This site is served by https alone.\n"
        self.responseStatus = 308
        self.note.outcome = .redirected
        if self.request.method != .head { self.note.responseBytes = body.utf8CodeUnitCount }
        client.beginGathering()
        client.sendHead(
            status: 308,
            reason: UnsafeRawBufferPointer(start: nil, count: 0),
            framing: .length(Int64(body.utf8CodeUnitCount))
        ) { writer in
            self.tools.appendDate(to: &writer)
            // A cache in front that keeps one answer for both schemes would send people round for ever.
            writer.append("cache-control: no-store\r\n")
            writer.append("content-type: text/plain; charset=utf-8\r\nlocation: https://")
            writer.append(host.slice(of: bytes))
            if port != 443 {
                writer.append(":")
                writer.append(decimal: port)
            }
            self.appendTarget(of: bytes, to: &writer)
            writer.append("\r\n")
            self.trail.writeID(to: &writer, rules: self.tools.forwarding)
        }
        client.sendBody(UnsafeRawBufferPointer(start: body.utf8Start, count: body.utf8CodeUnitCount))
        client.endResponse(trailers: Trailers())
        client.endGathering()
        self.end()
    }

    /// Path and query as they were asked for. The asterisk of OPTIONS is no path: `/` stands for the whole server.
    private func appendTarget(of bytes: UnsafeRawBufferPointer, to writer: inout ByteWriter) {
        let path = self.tools.requestHead.pathRange.slice(of: bytes)
        if path.first == UInt8(ascii: "/") { writer.append(path) } else { writer.append("/") }
        guard !self.tools.requestHead.queryRange.isEmpty else { return }
        writer.append("?")
        writer.append(self.tools.requestHead.queryRange.slice(of: bytes))
    }
}

extension GatewayError {
    fileprivate static let noHostToRedirect = GatewayError(
        status: 400,
        side: .downstream,
        cause: .badRequest,
        message: "This site is served by https alone, and the request names no host to be sent to."
    )
}
