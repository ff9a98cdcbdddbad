import HTTPWire
import Primitives
import Settings

/// What became of a request.
enum AccessOutcome: Equatable {
    /// A worker was asked for it: the pass, or a route without a room, let it through.
    case served
    /// The room has the visitor wait.
    case waiting
    /// The client was sent to https.
    case redirected
    /// An error of the gateway's own.
    case refused(GatewayError.Cause)
    /// The response was not given to its end.
    case brokenOff(GatewayError.Cause)
    /// The client did not wait for the end.
    case left
}

/// What is noted of one request for the access log, until it has ended.
struct AccessNote {
    /// Longer targets are cut in the log. With every byte escaped a line still fits.
    static let mostTargetBytes = 1_024
    static let mostTextBytes = 256

    /// The request gets a line; nil: it gets none, and nothing else here counts.
    var format: AccessLogSettings.Format?
    /// What is told of the head, escaped: as JSON members, or the request line and behind it what follows the size.
    var text: [UInt8] = []
    /// Where the second part of the text begins.
    var secondPart = 0
    var startedMicros: Int64 = 0
    /// When a worker first got it; nil while none has.
    var sent: Instant?
    var worker: Worker?
    var requestBytes = 0
    var responseBytes = 0
    var outcome = AccessOutcome.served
    /// Nil unless the request became a tunnel, which has ended.
    var tunnelEnd: TunnelEnd?
    var tlsVersion: StaticString?

    /// Writes what is told of a head.
    /// - Parameter isHTTP2: that is what the client speaks, whatever form the head has by now.
    /// - Returns: where the second part begins.
    static func write(
        _ head: borrowing RequestHead,
        in bytes: UnsafeRawBufferPointer,
        as format: AccessLogSettings.Format,
        isHTTP2: Bool = false,
        to writer: inout ByteWriter
    ) -> Int {
        let target = AccessText.cut(head.targetRange.slice(of: bytes), to: Self.mostTargetBytes)
        let method = AccessText.cut(head.methodRange.slice(of: bytes), to: Self.mostTextBytes)
        let referer = AccessText.value(head.firstValue(of: .referer), bytes, most: Self.mostTextBytes)
        let agent = AccessText.value(head.firstValue(of: .userAgent), bytes, most: Self.mostTextBytes)
        let version: StaticString = isHTTP2 ? "HTTP/2.0" : head.minorVersion == 0 ? "HTTP/1.0" : "HTTP/1.1"
        switch format {
        case .json:
            AccessText.member("method", method, to: &writer)
            AccessText.member("target", target, to: &writer)
            writer.append(",\"version\":\"")
            writer.append(version)
            writer.append("\"")
            AccessText.member("host", AccessText.value(head.hostRange, bytes, most: Self.mostTextBytes), to: &writer)
            AccessText.member("referer", referer, to: &writer)
            AccessText.member("agent", agent, to: &writer)
            return writer.count
        case .combined:
            AccessText.escape(method, to: &writer)
            writer.append(" ")
            AccessText.escape(target, to: &writer)
            writer.append(" ")
            writer.append(version)
            let second = writer.count
            for value in [referer, agent] {
                writer.append(" \"")
                if let value { AccessText.escape(value, to: &writer) } else { writer.append("-") }
                writer.append("\"")
            }
            return second
        }
    }
}

/// Bytes of strangers in a line of the log: none of them ends a line, a quotation or a text.
enum AccessText {
    static func cut(_ bytes: UnsafeRawBufferPointer, to most: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[..<min(bytes.count, most)])
    }

    static func value(
        _ range: ByteRange?,
        _ bytes: UnsafeRawBufferPointer,
        most: Int
    ) -> UnsafeRawBufferPointer? {
        range.map { self.cut($0.slice(of: bytes), to: most) }
    }

    /// `,"name":"value"`, or nothing without a value.
    static func member(_ name: StaticString, _ value: UnsafeRawBufferPointer?, to writer: inout ByteWriter) {
        guard let value else { return }
        self.beginText(name, to: &writer)
        for byte in value { self.escape(byte, as: "\\u00", to: &writer) }
        writer.append("\"")
    }

    /// The same for a text of the gateway's own.
    static func member(_ name: StaticString, _ value: String, to writer: inout ByteWriter) {
        self.beginText(name, to: &writer)
        for byte in value.utf8 { self.escape(byte, as: "\\u00", to: &writer) }
        writer.append("\"")
    }

    static func member(_ name: StaticString, _ value: Int, to writer: inout ByteWriter) {
        writer.append(",\"")
        writer.append(name)
        writer.append("\":")
        writer.append(decimal: value)
    }

    /// `,"name":"`
    static func beginText(_ name: StaticString, to writer: inout ByteWriter) {
        writer.append(",\"")
        writer.append(name)
        writer.append("\":\"")
    }

    /// For a quotation of the combined format.
    static func escape(_ bytes: UnsafeRawBufferPointer, to writer: inout ByteWriter) {
        for byte in bytes { self.escape(byte, as: "\\x", to: &writer) }
    }

    /// `start` stands before the two digits of what cannot be read.
    private static func escape(_ byte: UInt8, as start: StaticString, to writer: inout ByteWriter) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            writer.append(byte: UInt8(ascii: "\\"))
            writer.append(byte: byte)
        case 0x20...0x7E: writer.append(byte: byte)
        default:
            writer.append(start)
            writer.append(hexadecimal: UInt64(byte), digits: 2)
        }
    }
}
