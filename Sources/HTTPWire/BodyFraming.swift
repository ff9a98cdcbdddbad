/// How the end of a body is found (RFC 9112 section 6).
public enum BodyFraming: Equatable, Sendable {
    /// There is no body, whatever the fields say.
    case none
    /// Exactly so many bytes; zero when the sender said so.
    case length(Int64)
    case chunked
    /// Responses only: the body ends when the connection does.
    case untilClose
}
