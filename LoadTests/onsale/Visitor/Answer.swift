/// What a visitor learns from one HTTP answer.
struct Answer: Equatable, Sendable {
    /// The header `Sluice-State`.
    enum Standing: Equatable, Sendable {
        /// No such header: the answer did not pass a waiting room.
        case unguarded
        case waiting
        case admitted

        init(headerValue: UnsafeRawBufferPointer) {
            if headerValue.elementsEqual("waiting".utf8) {
                self = .waiting
            } else if headerValue.elementsEqual("admitted".utf8) {
                self = .admitted
            } else {
                self = .unguarded
            }
        }
    }

    var status: Int
    var standing = Standing.unguarded
    /// Read from the body when `standing` is waiting; nil when the body made no sense.
    var page: WaitingPage?
    /// The header `Retry-After`.
    var retryAfterSeconds: Int64?
    /// The header `Sluice-Error` was there: the gateway made this answer, no worker did.
    var isGatewayError = false
    /// The server leaves the connection open for the next request.
    var keepsConnection = true
}
