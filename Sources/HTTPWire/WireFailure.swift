/// Why a message was refused, and by whose fault.
public struct WireFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public let reason: Reason
    public let sender: Sender

    @inlinable
    public init(_ reason: Reason, from sender: Sender) {
        self.reason = reason
        self.sender = sender
    }

    /// Who sent the message that was refused.
    public enum Sender: UInt8, Sendable {
        case client, worker
    }

    /// HTTP status for the response to the client: 400, 413, 414, 431, 501 or 505, and 502 when a worker is at fault.
    public var status: UInt16 {
        if self.sender == .worker { return 502 }
        return switch self.reason {
        case .payloadTooLarge, .contentLengthTooLarge: 413
        case .targetTooLong: 414
        case .headTooLong, .tooManyFields: 431
        case .transferEncodingUnknown, .connectRefused: 501
        case .versionUnsupported: 505
        default: 400
        }
    }

    public var description: String {
        self.sender == .client
            ? "\(self.status): \(self.reason)" : "502: the worker's response is malformed: \(self.reason)"
    }

    public enum Reason: UInt8, Sendable, CaseIterable, CustomStringConvertible {
        case bareLineFeed, bareCarriageReturn
        case methodInvalid, connectRefused, targetInvalid, targetTooLong, versionMissing, versionInvalid
        case versionUnsupported
        case headTooLong, tooManyFields
        case foldedLine, colonMissing, spaceBeforeColon, fieldNameInvalid, fieldValueInvalid
        case hostMissing, hostRepeated, hostInvalid
        case contentLengthInvalid, contentLengthRepeated, contentLengthTooLarge
        case nominationsTooMany
        case transferEncodingUnknown, transferEncodingInvalid, transferEncodingRepeated, transferEncodingInOldVersion,
            lengthAndEncoding
        case payloadTooLarge
        case chunkSizeInvalid, chunkExtensionInvalid, chunkExtensionsTooLong, chunkEndMissing
        case trailerInvalid, trailersTooLong
        case statusLineInvalid, statusCodeInvalid
        case responseUnasked, upgradeUnasked, interimTooMany

        /// One sentence for a log or an error page: what is wrong and what would be right.
        public var description: String {
            switch self {
            case .bareLineFeed: "a line ends with LF alone; end it with CR LF"
            case .bareCarriageReturn: "a CR stands inside a line; CR may only come before LF"
            case .methodInvalid:
                "the request does not start with a method name; is the client speaking TLS to a plain port?"
            case .connectRefused: "CONNECT is for forward proxies; this is a gateway"
            case .targetInvalid:
                "the target is no path or http address of visible ASCII without fragment; percent-encode it"
            case .targetTooLong: "the request target is longer than the limit; shorten the address"
            case .versionMissing: "the request line has no HTTP version; HTTP/0.9 is not spoken here"
            case .versionInvalid: "the HTTP version is not of the form HTTP/1.1"
            case .versionUnsupported: "the HTTP version is not supported here; use HTTP/1.1"
            case .headTooLong: "the head is longer than the limit; send fewer or shorter fields, or delete cookies"
            case .tooManyFields: "the message has more header fields than the limit; send fewer"
            case .foldedLine: "a field line starts with a space; folded fields are obsolete, send the value on one line"
            case .colonMissing: "a field line has no colon"
            case .spaceBeforeColon: "a field has a space between name and colon; remove it"
            case .fieldNameInvalid: "a field name is empty or holds a character that names may not have"
            case .fieldValueInvalid: "a field value holds a control character"
            case .hostMissing: "an HTTP/1.1 request needs a Host field"
            case .hostRepeated: "the request has more than one Host field; send one"
            case .hostInvalid: "the host is not a name or an address with an optional port"
            case .contentLengthInvalid: "Content-Length is not one plain decimal number"
            case .contentLengthRepeated: "the message has two Content-Length fields that differ; send one"
            case .contentLengthTooLarge: "Content-Length is larger than any body"
            case .nominationsTooMany: "Connection names more fields than anybody needs; name fewer"
            case .transferEncodingUnknown: "Transfer-Encoding has a coding other than `chunked`; none is supported"
            case .transferEncodingInvalid:
                "Transfer-Encoding does not end with `chunked` once, so that the end of the body is unknown"
            case .transferEncodingRepeated: "the message has more than one Transfer-Encoding field; send one"
            case .transferEncodingInOldVersion: "Transfer-Encoding came with HTTP/1.0; use HTTP/1.1 or Content-Length"
            case .lengthAndEncoding: "both Content-Length and Transfer-Encoding are present; send one of them"
            case .payloadTooLarge: "the body is larger than the limit"
            case .chunkSizeInvalid:
                "a chunk size is not a plain hexadecimal number, or what follows it is neither `;` nor CR LF"
            case .chunkExtensionInvalid: "a chunk extension holds a control character"
            case .chunkExtensionsTooLong: "the chunk extensions of this body are longer than the limit"
            case .chunkEndMissing: "a chunk's data is not followed by CR LF"
            case .trailerInvalid: "a trailer line is not a well-formed field line"
            case .trailersTooLong: "the trailers are longer than the limit"
            case .statusLineInvalid: "it does not start with a status line of the form `HTTP/1.1 200 OK`"
            case .statusCodeInvalid: "the status code does not lie in 100...599"
            case .responseUnasked: "bytes came that belong to no response"
            case .upgradeUnasked: "it changes the protocol (101), which nobody asked for"
            case .interimTooMany: "it sends interim responses (1xx) without end"
            }
        }
    }
}
