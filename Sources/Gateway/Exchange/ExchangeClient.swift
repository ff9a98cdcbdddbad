import Addresses
import HTTPWire
import Primitives

/// Where a request comes from, as far as its exchange has a say: an HTTP/1 connection, one stream of HTTP/2, a simulated
/// visitor. What travels is payload, not wire bytes.
protocol RequestSource: AnyObject {
    var isSecure: Bool { get }
    /// Whole field lines that tell a worker whom it serves, the same for all requests of a connection; empty from a
    /// trusted forwarder.
    var forwardedFields: [UInt8] { get }
    /// The peer is a process of this host, behind a unix socket: the fields of this kind that it sends are passed on.
    var isTrustedForwarder: Bool { get }
    /// The address that the requests come from; nil behind a unix socket.
    var peerAddress: IPAddress? { get }
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
    /// Fields of a worker's response that the sink says itself.
    var replacedFields: FieldSet { get }
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
    /// The other side of a tunnel has ended.
    func endTunnel()
    /// What was sent of the response is not the whole, and the client has to see that.
    func breakOff()
}

typealias ExchangeClient = RequestSource & ResponseSink
