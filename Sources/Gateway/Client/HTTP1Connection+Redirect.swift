import HTTPWire
import Primitives

/// Requests without TLS, where the operator wants none.
extension HTTP1Connection {
    /// Sends whoever asks to the same host, path and query by TLS. 308 keeps method and body (RFC 9110 section 15.4.9).
    func redirect(_ bytes: UnsafeRawBufferPointer, toPort port: Int) {
        guard let host = self.tools.requestHead.hostNameRange, !host.isEmpty else {
            return self.respond(.noHostToRedirect)
        }
        self.tools.counters.requests += 1
        self.tools.counters.countResponse(status: 308)
        let body: StaticString = "This site is served by https alone.\n"
        self.beginGathering()
        self.sendHead(
            status: 308,
            reason: UnsafeRawBufferPointer(start: nil, count: 0),
            framing: .length(Int64(body.utf8CodeUnitCount))
        ) { writer in
            self.tools.appendDate(to: &writer)
            writer.append("content-type: text/plain; charset=utf-8\r\nlocation: https://")
            writer.append(host.slice(of: bytes))
            if port != 443 {
                writer.append(":")
                writer.append(decimal: port)
            }
            self.appendTarget(of: bytes, to: &writer)
            writer.append("\r\n")
        }
        self.sendBody(UnsafeRawBufferPointer(start: body.utf8Start, count: body.utf8CodeUnitCount))
        self.endResponse(trailers: Trailers())
        self.exchangeEnded()
        self.endGathering()
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
