import Primitives
import Transport

/// One worker of a pool, as one loop sees it.
final class Worker {
    let id: String
    let address: SocketAddress
    let way: WorkerWay
    /// What its latest connections have left, for the next one's handshake.
    private var tickets = TicketShelf<TLSTicket>()
    /// What all loops know of it.
    let mark: StandingMark
    /// Draining and forgotten workers finish what they have and get nothing new.
    var isReady = false
    /// Requests that it serves at once, as it was started; nil: as many as the settings say.
    var slots: Int?
    /// Requests of this loop that it is serving.
    var inFlight = 0
    /// Of these, those that have become tunnels.
    var tunnels = 0
    /// Connections of this loop to it: idle, busy and on the way.
    var connections = 0
    /// Of these, on the way.
    var connecting = 0
    /// It has been seen to keep a connection after a response. One that closes without saying so may do it just when the
    /// next request is on its way: what must not be sent twice is sent to it on fresh connections only.
    var keepsConnections = false

    init(id: String, address: SocketAddress, way: WorkerWay, mark: StandingMark) {
        self.id = id
        self.address = address
        self.way = way
        self.mark = mark
    }

    /// How the next connection to it is secured; nil for plain text.
    func handshake(now: Instant) -> WorkerHandshake? {
        self.way.tls.map { tls in
            let kept = self.tickets.take(now: now)
            return WorkerHandshake(
                tls: OutgoingTLS(context: tls.context, serverName: tls.serverName, ticket: kept?.ticket),
                began: now,
                ticketVerifiedAt: kept?.verifiedAt
            )
        }
    }

    /// A connection that was secured so has served somebody.
    func keepTicket(of stream: any ByteStream, _ handshake: WorkerHandshake) {
        guard let ticket = stream.ticket, let verifiedAt = handshake.verifiedAt(isResumed: stream.isResumed) else {
            return
        }
        self.tickets.keep(ticket, verifiedAt: verifiedAt)
    }

    /// No TLS came about: the next one looks at everything anew.
    func forgetTicket(now: Instant) { self.tickets.clear(now: now) }
}

/// How one connection to a worker is secured.
struct WorkerHandshake {
    let tls: OutgoingTLS
    let began: Instant
    /// When somebody looked at the worker's certificate in the session that the ticket is of; nil without a ticket.
    let ticketVerifiedAt: Instant?

    /// When somebody looked at the worker's certificate. A connection may have served a tunnel for hours since.
    func verifiedAt(isResumed: Bool) -> Instant? { isResumed ? self.ticketVerifiedAt : self.began }
}
