/// Request methods that change how a message is handled; all others are `other`, and their name is in the head.
///
/// Source: RFC 9110 section 9, RFC 5789.
public enum Method: UInt8, Sendable {
    case get, head, post, put, delete, options, patch, trace, other

    /// May be sent again after a connection failed, without the visitor's consent (RFC 9110 section 9.2.2).
    public var isIdempotent: Bool {
        switch self {
        case .get, .head, .put, .delete, .options, .trace: true
        case .post, .patch, .other: false
        }
    }
}
