import Primitives

/// What a visitor learns from one HTTP response.
struct Response: Equatable, Sendable {
    /// The header `Sluice-State`.
    enum Standing: Equatable, Sendable {
        /// No such header: the response did not pass a waiting room.
        case unguarded
        /// In line, at the door, or about to get a place: not in, and asked to come again.
        case waiting
        case admitted
        /// A value that no gateway of this version sends.
        case unknown

        init(headerValue: UnsafeRawBufferPointer) {
            let waiting: [StaticString] = ["waiting", "at-door", "joining"]
            if ASCII.equalsIgnoringCase(headerValue, "admitted") {
                self = .admitted
            } else if waiting.contains(where: { ASCII.equalsIgnoringCase(headerValue, $0) }) {
                self = .waiting
            } else {
                self = .unknown
            }
        }
    }

    var status: Int
    var standing = Standing.unguarded
    /// Read from the body when `standing` is waiting; nil when the body made no sense.
    var page: WaitingPage?
    /// The header `Retry-After`.
    var retryAfterSeconds: Int64?
    /// The header `Sluice-Error` was there: the gateway made this response, no worker did.
    var isGatewayError = false
    /// The server leaves the connection open for the next request.
    var keepsConnection = true
}
