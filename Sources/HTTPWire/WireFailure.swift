/// Why a message was refused. `status` is what a client is told; a worker's bad answer is always a 502.
public struct WireFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public let reason: Reason

    @inlinable
    public init(_ reason: Reason) { self.reason = reason }

    /// HTTP status for the answer: 400, 413, 414, 431, 501, 502 or 505.
    public var status: UInt16 {
        switch self.reason {
        case .payloadTooLarge, .contentLengthTooLarge: 413
        case .targetTooLong: 414
        case .headTooLong, .tooManyFields: 431
        case .transferEncodingUnknown, .connectRefused: 501
        case .versionUnsupported: 505
        case .responseLineInvalid, .responseVersionUnsupported, .responseStatusInvalid, .responseFramingInvalid: 502
        default: 400
        }
    }

    public var description: String { "\(self.status): \(self.reason)" }

    public enum Reason: UInt8, Sendable, CaseIterable, CustomStringConvertible {
        case bareLineFeed, bareCarriageReturn
        case methodInvalid, connectRefused, targetInvalid, targetTooLong, versionMissing, versionInvalid
        case versionUnsupported
        case headTooLong, tooManyFields
        case foldedLine, colonMissing, spaceBeforeColon, fieldNameInvalid, fieldValueInvalid
        case hostMissing, hostRepeated, hostInvalid
        case contentLengthInvalid, contentLengthRepeated, contentLengthTooLarge
        case transferEncodingUnknown, transferEncodingRepeated, transferEncodingInOldVersion, lengthAndEncoding
        case payloadTooLarge
        case chunkSizeInvalid, chunkExtensionInvalid, chunkExtensionsTooLong, chunkEndMissing
        case trailerInvalid, trailersTooLong
        case responseLineInvalid, responseVersionUnsupported, responseStatusInvalid, responseFramingInvalid

        /// One sentence for a log or an error page: what is wrong and what would be right.
        public var description: String {
            switch self {
            case .bareLineFeed: "a line ends with LF alone; end it with CR LF"
            case .bareCarriageReturn: "a CR stands inside a line; CR may only come before LF"
            case .methodInvalid: "the request does not start with a method name; is the client speaking TLS or another protocol to a plain HTTP port?"
            case .connectRefused: "CONNECT is for forward proxies; this is a gateway"
            case .targetInvalid: "the request target is neither a path of visible ASCII characters nor an http(s) address without user and fragment; percent-encode other characters"
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
            case .contentLengthRepeated: "the message has more than one Content-Length field; send one"
            case .contentLengthTooLarge: "Content-Length is larger than any body"
            case .transferEncodingUnknown: "Transfer-Encoding is not exactly `chunked`; no other coding is supported"
            case .transferEncodingRepeated: "the message has more than one Transfer-Encoding field; send one"
            case .transferEncodingInOldVersion: "Transfer-Encoding came with HTTP/1.0; use HTTP/1.1 or Content-Length"
            case .lengthAndEncoding: "both Content-Length and Transfer-Encoding are present; send one of them"
            case .payloadTooLarge: "the body is larger than the limit"
            case .chunkSizeInvalid: "a chunk size is not a plain hexadecimal number followed by `;` or CR LF"
            case .chunkExtensionInvalid: "a chunk extension holds a control character"
            case .chunkExtensionsTooLong: "the chunk extensions of this body are longer than the limit"
            case .chunkEndMissing: "a chunk's data is not followed by CR LF"
            case .trailerInvalid: "a trailer line is not a well-formed field line"
            case .trailersTooLong: "the trailers are longer than the limit"
            case .responseLineInvalid: "the worker's answer does not start with an HTTP status line"
            case .responseVersionUnsupported: "the worker's answer is not HTTP/1.0 or HTTP/1.1"
            case .responseStatusInvalid: "the worker's status code does not lie in 100...599"
            case .responseFramingInvalid: "the worker's Content-Length and Transfer-Encoding fields contradict each other or are malformed"
            }
        }
    }
}
