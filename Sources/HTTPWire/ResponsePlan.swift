import Primitives

/// How a response goes out to one client.
public struct ResponsePlan: Equatable, Sendable {
    /// How the client finds the end of the body. `.none`: the response has none, and no field says a length.
    public let framing: BodyFraming
    /// The client must not use the connection again: `connection: close`.
    public let announcesClose: Bool
    /// An HTTP/1.0 client asked to keep the connection, and may: `connection: keep-alive`.
    public let announcesKeepAlive: Bool
    /// False for a response to HEAD: it has the fields of the body and no body.
    public let sendsBody: Bool
}

/// What follows a response.
public enum AfterResponse: Equatable, Sendable {
    /// The next request may be read.
    case readOn
    /// What is left of the request is small. `read` throws it away, says `.end`, and goes on with the next request.
    case discardRequest
    /// The connection has served its last request.
    case close
}

extension ByteWriter {
    /// The fields that frame the body and say what becomes of the connection.
    public mutating func appendFraming(_ plan: ResponsePlan) {
        self.appendFraming(plan.framing)
        if plan.announcesClose {
            self.append("connection: close\r\n")
        } else if plan.announcesKeepAlive {
            self.append("connection: keep-alive\r\n")
        }
    }

    /// `content-length: N`, `transfer-encoding: chunked`, or nothing.
    public mutating func appendFraming(_ framing: BodyFraming) {
        switch framing {
        case .none, .untilClose: break
        case .length(let count): self.appendField("content-length", decimal: Int(count))
        case .chunked: self.append("transfer-encoding: chunked\r\n")
        }
    }

    /// The line before a chunk's `count` bytes, which `appendChunkEnd` follows. An empty chunk would end the body.
    public mutating func appendChunkSize(_ count: Int) {
        precondition(count > 0, "an empty chunk ends the body")
        var shift = (63 - count.leadingZeroBitCount) & ~3
        while shift >= 0 {
            let digit = UInt8(truncatingIfNeeded: count >> shift) & 15
            self.append(byte: digit < 10 ? ASCII.zero + digit : 0x57 + digit)
            shift -= 4
        }
        self.append("\r\n")
    }

    /// The line end behind a chunk's bytes.
    public mutating func appendChunkEnd() { self.append("\r\n") }

    /// The end of a chunked body.
    public mutating func appendLastChunk(trailers: Trailers = Trailers()) {
        self.append("0\r\n")
        trailers.withLines { self.append($0) }
        self.append("\r\n")
    }
}
