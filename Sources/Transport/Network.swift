import Addresses
import EventLoop

/// Accepts streams for one loop until it is closed.
public protocol StreamListener: AnyObject {
    /// With the port that was chosen for port 0.
    var boundAddress: SocketAddress { get }
    /// Handshakes that are begun from now on are begun with `tls`, also those of streams that wait for their turn; the
    /// others keep what they have. Only for a listener that speaks TLS.
    func renew(_ tls: TLSContext)
    /// Stops listening. Streams that were accepted live on.
    func close()
}

/// Where streams come from: sockets in production, an in-memory network in tests.
public protocol Network: Sendable {
    /// Several loops may listen at one address; each stream goes to one of them. `accept` runs on the loop and returns
    /// nil to refuse a stream, which is then closed at once.
    func listen(
        on loop: any LoopContext,
        at address: SocketAddress,
        tls: TLSContext?,
        accept: @escaping (any ByteStream) -> (any StreamHandler)?
    ) throws -> any StreamListener

    /// Starts an outgoing stream. Success arrives as `connected`, after the handshake where there is one, and failure as
    /// `closed`, never before this returns.
    func connect(
        to address: SocketAddress,
        on loop: any LoopContext,
        timeoutNanoseconds: Int64,
        tls: OutgoingTLS?,
        handler: any StreamHandler
    ) throws -> any ByteStream

    /// Looks the addresses behind a host name up, off the loop. `completion` is called once, on the loop; a success has one
    /// address at least.
    func lookUp(
        _ name: String,
        on loop: any LoopContext,
        completion: @escaping (Result<[IPAddress], HostFailure>) -> Void
    )

    /// How many clients of `loop` may wait for their TLS handshake at once, at least one. On the loop.
    func limitHandshakes(on loop: any LoopContext, waiting: Int)

    /// What became of the TLS handshakes of `loop`. On the loop.
    func handshakes(on loop: any LoopContext) -> HandshakeCounts
}

/// Networks without TLS, and without names.
extension Network {
    /// An outgoing stream in plain text.
    public func connect(
        to address: SocketAddress,
        on loop: any LoopContext,
        timeoutNanoseconds: Int64,
        handler: any StreamHandler
    ) throws -> any ByteStream {
        try self.connect(
            to: address,
            on: loop,
            timeoutNanoseconds: timeoutNanoseconds,
            tls: nil,
            handler: handler
        )
    }

    public func lookUp(
        _ name: String,
        on loop: any LoopContext,
        completion: @escaping (Result<[IPAddress], HostFailure>) -> Void
    ) {
        loop.onNextTurn { completion(.failure(HostFailure("there are no names in this network"))) }
    }

    public func limitHandshakes(on loop: any LoopContext, waiting: Int) {}
    public func handshakes(on loop: any LoopContext) -> HandshakeCounts { HandshakeCounts() }
}

/// Sockets. The loops must be event loops.
public struct SocketNetwork: Network {
    public init() {}

    public func listen(
        on loop: any LoopContext,
        at address: SocketAddress,
        tls: TLSContext?,
        accept: @escaping (any ByteStream) -> (any StreamHandler)?
    ) throws -> any StreamListener {
        try Listener(loop: Self.eventLoop(loop), address: address, tls: tls, makeHandler: accept)
    }

    public func connect(
        to address: SocketAddress,
        on loop: any LoopContext,
        timeoutNanoseconds: Int64,
        tls: OutgoingTLS?,
        handler: any StreamHandler
    ) throws -> any ByteStream {
        try Connection.connect(
            to: address,
            on: Self.eventLoop(loop),
            timeoutNanoseconds: timeoutNanoseconds,
            tls: tls?.context,
            serverName: tls?.serverName,
            ticket: tls?.ticket,
            handler: handler
        )
    }

    public func lookUp(
        _ name: String,
        on loop: any LoopContext,
        completion: @escaping (Result<[IPAddress], HostFailure>) -> Void
    ) {
        NameLookup.find(name, on: loop, completion: completion)
    }

    public func limitHandshakes(on loop: any LoopContext, waiting: Int) {
        HandshakeLine.of(Self.eventLoop(loop)).rules.waitingMax = min(max(1, waiting), HandshakeRules().waitingMax)
    }

    public func handshakes(on loop: any LoopContext) -> HandshakeCounts {
        HandshakeLine.of(Self.eventLoop(loop)).counts
    }

    private static func eventLoop(_ loop: any LoopContext) -> EventLoop {
        guard let loop = loop as? EventLoop else { preconditionFailure("sockets belong to an event loop") }
        return loop
    }
}
