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

    private var kept: (ticket: Ticket, verifiedAt: Instant)?
    /// Sessions that began before are not gone on with.
    private var cleared: Instant?

    public init() {}

    /// A connection has left a ticket. `verifiedAt`: when the peer's certificate was looked at; for a connection that went
    /// on with an earlier session that is what `take` said of it, however new the ticket is.
    public mutating func keep(_ ticket: Ticket, verifiedAt: Instant) {
        if let cleared = self.cleared, verifiedAt < cleared { return }
        self.kept = (ticket, verifiedAt)
    }

    /// What the next connection goes on with, and when the peer's certificate was looked at; nil when it has to look.
    public mutating func take(now: Instant) -> (ticket: Ticket, verifiedAt: Instant)? {
        if let kept = self.kept, now.nanoseconds(since: kept.verifiedAt) >= Self.longestNanoseconds { self.kept = nil }
        return self.kept
    }

    /// The peer refused a connection that went on with it, or the handshake failed: what began before now is over.
    public mutating func clear(now: Instant) {
        self.kept = nil
        self.cleared = now
    }
}
