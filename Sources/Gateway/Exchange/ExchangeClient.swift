import Addresses
import HTTPWire
import Primitives

/// Where a request comes from, as far as its exchange has a say: an HTTP/1 connection, one stream of HTTP/2, a simulated
/// visitor. What travels is payload, not wire bytes.
protocol RequestSource: AnyObject {
    var isSecure: Bool { get }
    /// `TLSv1.3` or `TLSv1.2`; nil without TLS.
    var tlsVersion: StaticString? { get }
    /// Whole field lines that tell a worker whom it serves when no trusted proxy is between, the same for all requests
    /// of a connection.
    var forwardedFields: [UInt8] { get }
    /// The address that the connection comes from; nil behind a unix socket.
    var peerAddress: IPAddress? { get }
    /// The request came by HTTP/2, and its head was put into HTTP/1.1's words.
    var speaksHTTP2: Bool { get }
    /// Of the listener that it came by.
    var rules: ListenerRules { get }
    /// The port that it came to; nil on a unix socket.
    var listenPort: UInt16? { get }
    /// Counts this connection among those that carry the pass of `number`, instead of what it was counted for before.
    /// False when that is one more than `limit`.
    func carries(_ number: Int64, in book: VisitorBook, limit: Int) -> Bool
    /// No more of the body is wanted for now.
    func pauseRequest()
    func resumeRequest()
    /// Bytes of a tunnel come as payload of a request's body from here on, without an end.
    func openTunnel()
    /// The exchange is over, its response given or broken off: the next request may be read.
    func exchangeEnded()
}

/// Where a response goes.
protocol ResponseSink: AnyObject {
    /// True while the client takes less than it is sent: whoever produces waits for `Exchange.clientDrained`.
    var isCongested: Bool { get }
    /// Between these what is sent is gathered, to leave as one.
    func beginGathering()
    func endGathering()
    /// A 1xx that comes before the response. `writeFields` appends whole field lines.
    func sendInterim(status: UInt16, _ writeFields: (inout ByteWriter) -> Void)
    /// `writeFields` appends whole field lines, none about framing or connection: these are the sink's. An empty `reason`
    /// stands for the usual one.
    func sendHead(
        status: UInt16,
        reason: UnsafeRawBufferPointer,
        framing: BodyFraming,
        _ writeFields: (inout ByteWriter) -> Void
    )
    func sendBody(_ payload: UnsafeRawBufferPointer)
    /// The response is complete.
    func endResponse(trailers: Trailers)
    /// The head of a switch to another protocol; bytes of the tunnel follow as body.
    func sendSwitch(_ writeFields: (inout ByteWriter) -> Void)
    /// The other side of a tunnel sends no more; the client may go on.
    func finishTunnel()
    /// The tunnel is over: the client gets what is on its way, and the end.
    func endTunnel()
    /// What was sent of the response is not the whole, and the client has to see that.
    func breakOff()
}

typealias ExchangeClient = RequestSource & ResponseSink

extension RequestSource {
    var speaksHTTP2: Bool { false }
}
