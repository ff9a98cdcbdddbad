import COpenSSL

/// What a client keeps of a TLS session, so that the next connection to the same peer takes an abbreviated handshake, as
/// browsers do. One to two kilobytes.
// Unchecked because an `SSL_SESSION` counts its references atomically and is not changed once it is a ticket.
public final class TLSTicket: @unchecked Sendable {
    let session: OpaquePointer

    /// Takes ownership.
    init(_ session: OpaquePointer) { self.session = session }

    deinit { SSL_SESSION_free(self.session) }
}

/// What a client may ask of its connection once it is open.
extension Connection {
    /// The protocol that both sides agreed on by ALPN; nil when the peer chose none, and without TLS.
    public var negotiatedProtocol: String? { self.tls?.negotiatedProtocol }

    /// The handshake was an abbreviated one, thanks to a ticket.
    public var isResumed: Bool { self.tls?.isResumed ?? false }

    /// For the next connection to the same peer; nil while it has given none.
    public var ticket: TLSTicket? { self.tls?.ticket }
}
