import Primitives

/// Heads that the gateway writes itself. Names are given in lower case; texts are trusted, so never pass on a client's
/// bytes that a parser has not checked.
extension ByteWriter {
    /// `HTTP/1.1 200 OK` and the line end. An unlisted status goes out with an empty reason.
    public mutating func appendStatusLine(_ status: UInt16) {
        assert((100...599).contains(status))
        self.append("HTTP/1.1 ")
        self.append(decimal: Int(status))
        self.append(byte: ASCII.space)
        self.append(Self.reason(status))
        self.append("\r\n")
    }

    /// The status line with a reason that a parser has checked; an empty one stands for the usual one.
    public mutating func appendStatusLine(_ status: UInt16, reason: UnsafeRawBufferPointer) {
        guard reason.count > 0 else { return self.appendStatusLine(status) }
        self.append("HTTP/1.1 ")
        self.append(decimal: Int(status))
        self.append(byte: ASCII.space)
        self.append(reason)
        self.append("\r\n")
    }

    /// `GET /path HTTP/1.1` and the line end.
    public mutating func appendRequestLine(_ method: StaticString, target: UnsafeRawBufferPointer) {
        assert(target.count > 0)
        self.append(method)
        self.append(byte: ASCII.space)
        self.append(target)
        self.append(" HTTP/1.1\r\n")
    }

    public mutating func appendField(_ name: StaticString, _ value: StaticString) {
        self.append(name)
        self.append(": ")
        self.append(value)
        self.append("\r\n")
    }

    /// For values at hand as bytes: a cached date, a parsed range, an address.
    public mutating func appendField(_ name: StaticString, _ value: UnsafeRawBufferPointer) {
        self.append(name)
        self.append(": ")
        self.append(value)
        self.append("\r\n")
    }

    public mutating func appendField(_ name: StaticString, decimal value: Int) {
        self.append(name)
        self.append(": ")
        self.append(decimal: value)
        self.append("\r\n")
    }

    /// The blank line.
    public mutating func endHead() { self.append("\r\n") }

    /// Source: the IANA registry of HTTP status codes.
    private static func reason(_ status: UInt16) -> StaticString {
        switch status {
        case 100: "Continue"
        case 101: "Switching Protocols"
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 303: "See Other"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 411: "Length Required"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 422: "Unprocessable Content"
        case 425: "Too Early"
        case 426: "Upgrade Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        case 508: "Loop Detected"
        default: ""
        }
    }
}
