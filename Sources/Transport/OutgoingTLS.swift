import Primitives

/// How an outgoing stream is secured.
public struct OutgoingTLS {
    /// Whom to trust, and what to show to a peer that asks for a certificate.
    public let context: TLSContext
    /// The host name or IP address that the peer's certificate has to be for. A name is told to the peer, too.
    public let serverName: String
    /// What an earlier stream to the same peer left; nil for a full handshake.
    public let ticket: TLSTicket?

    public init(context: TLSContext, serverName: String, ticket: TLSTicket? = nil) {
        self.context = context
        self.serverName = serverName
        self.ticket = ticket
    }
}

/// The latest ticket of one peer, for one context and one server name: going on with a session skips the peer's
/// certificate, so a ticket is no good for anything else, nor for longer than an hour after the certificate was looked at.
/// A value; one ticket is all that it keeps.
public struct TicketShelf<Ticket> {
    public static var longestNanoseconds: Int64 { 3_600 * Nanoseconds.perSecond }

    private var ticket: Ticket?
    private var verifiedAt = Instant(nanoseconds: 0)

    public init() {}

    /// A connection has left a ticket. `isResumed`: it went on with an earlier session, and nobody looked at the peer's
    /// certificate in it.
    public mutating func keep(_ ticket: Ticket, isResumed: Bool, now: Instant) {
        if !isResumed { self.verifiedAt = now } else if self.ticket == nil { return }
        self.ticket = ticket
    }

    /// What the next connection goes on with; nil when it has to look at the certificate.
    public mutating func take(now: Instant) -> Ticket? {
        if self.ticket != nil, now.nanoseconds(since: self.verifiedAt) >= Self.longestNanoseconds { self.ticket = nil }
        return self.ticket
    }

    /// The peer refused a connection that went on with it, or the handshake failed.
    public mutating func clear() { self.ticket = nil }
}
