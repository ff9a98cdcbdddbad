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
    func outgoingTLS(now: Instant) -> OutgoingTLS? {
        self.way.tls.map {
            OutgoingTLS(context: $0.context, serverName: $0.serverName, ticket: self.tickets.take(now: now))
        }
    }

    /// A connection has served somebody.
    func keepTicket(of stream: any ByteStream, now: Instant) {
        guard self.way.tls != nil, let ticket = stream.ticket else { return }
        self.tickets.keep(ticket, isResumed: stream.isResumed, now: now)
    }

    /// No TLS came about: the next one looks at everything anew.
    func forgetTicket() { self.tickets.clear() }
}
