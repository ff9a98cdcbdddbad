import Primitives

/// What a visitor learns from one HTTP response.
struct Response: Equatable, Sendable {
    /// The header `Sluice-State`.
    enum Standing: Equatable, Sendable {
        /// No such header: the response did not pass a waiting room.
        case unguarded
        /// In line, or about to get a place: not called yet, and asked to come again.
        case waiting
        /// Called, and asked to come again: there is no turn yet.
        case atDoor
        case admitted
        /// A value that no gateway of this version sends.
        case unknown

        init(headerValue: UnsafeRawBufferPointer) {
            let waiting: [StaticString] = ["waiting", "joining"]
            if ASCII.equalsIgnoringCase(headerValue, "admitted") {
                self = .admitted
            } else if waiting.contains(where: { ASCII.equalsIgnoringCase(headerValue, $0) }) {
                self = .waiting
            } else if ASCII.equalsIgnoringCase(headerValue, "at-door") {
                self = .atDoor
            } else {
                self = .unknown
            }
        }

        /// Not in.
        var isOutside: Bool { self == .waiting || self == .atDoor }
    }

    var status: Int
    var standing = Standing.unguarded
    /// Read from the body of who is outside; nil when the body made no sense.
    var page: WaitingPage?
    /// The header `Retry-After`.
    var retryAfterSeconds: Int64?
    /// The header `Sluice-Error` was there: the gateway made this response, no worker did.
    var isGatewayError = false
    /// The body ends with the mark that the request carried: a worker made it, for this request.
    var hasMark = true
    /// The page itself is not as it should be, whatever its status.
    var fault: ErrorKind?
    /// The server leaves the connection open for the next request.
    var keepsConnection = true
}
