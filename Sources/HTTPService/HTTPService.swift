import EventLoop
import HTTPWire
import Primitives
import Transport

/// A small HTTP/1.1 server with whole bodies, for the worker and the admin listener.
///
/// Requests of one connection are answered one at a time and in order; pipelined ones wait in the connection. The
/// service is confined to its loop, and lives while it listens or has connections, also when nobody holds it.
///
/// A request costs no allocation here: the head is parsed where it was read, into one head that all connections share,
/// and the response is built in the loop's scratch memory. Only a request that comes in pieces is copied.
public final class HTTPService {
    public typealias Handler = (_ request: borrowing ServiceRequest, _ responder: Responder) -> Void

    public let loop: EventLoop
    public let limits: ServiceLimits
    public private(set) var requestCount: UInt64 = 0
    /// Connections closed as they came, because `maxConnections` were there.
    public private(set) var refusedConnectionCount: UInt64 = 0
    public private(set) var isClosing = false

    /// That of the request that is being read or handled; see `isInHandler`.
    var head: RequestHead
    /// While a handler runs, `head` is its request's: no other connection may parse meanwhile.
    private(set) var isInHandler = false
    private let handler: Handler
    private var listener: Listener?
    private var connections: ContiguousArray<ServiceConnection> = []
    private var onClosed: (() -> Void)?
    /// The `date` of the second `dateSeconds`.
    private let dateMemory = UnsafeMutableRawBufferPointer.allocate(byteCount: HTTPDate.byteCount, alignment: 8)
    private var dateSeconds: Int64 = -1

    /// Listens at once.
    public init(
        loop: EventLoop,
        address: SocketAddress,
        limits: ServiceLimits = ServiceLimits(),
        tls: TLSContext? = nil,
        reusePort: Bool = false,
        handler: @escaping Handler
    ) throws {
        self.loop = loop
        self.limits = limits
        self.head = RequestHead(limits: limits.head)
        self.handler = handler
        // Kept alive by the listener, which the loop keeps alive.
        self.listener = try Listener(loop: loop, address: address, reusePort: reusePort, tls: tls) { connection in
            self.accept(connection)
        }
    }

    deinit { self.dateMemory.deallocate() }

    /// Where the service listens, with the port that was chosen for port 0; nil once it is closing.
    public var boundAddress: SocketAddress? { self.listener?.boundAddress }
    public var connectionCount: Int { self.connections.count }

    /// Stops listening, answers what has been asked, and calls `completion` when no connection is left. Responses say
    /// `connection: close`; idle connections are left open for the closing grace.
    public func close(_ completion: @escaping () -> Void = {}) {
        self.loop.preconditionOnLoop()
        precondition(!self.isClosing, "a service is closed once")
        // Who has knocked is let in: a closed listener would reset them.
        self.listener?.ready(.readable)
        self.listener?.close()
        self.listener = nil
        self.isClosing = true
        self.onClosed = completion
        for connection in self.connections { connection.serviceIsClosing() }
        self.completeIfClosed()
    }

    // MARK: Connections

    private func accept(_ connection: any ByteStream) -> (any StreamHandler)? {
        guard self.connections.count < self.limits.maxConnections else {
            self.refusedConnectionCount += 1
            return nil
        }
        let member = ServiceConnection(service: self, connection: connection, index: self.connections.count)
        self.connections.append(member)
        return member
    }

    /// The last connection moves into the place of the one that leaves.
    func remove(at index: Int) {
        self.connections.swapAt(index, self.connections.count - 1)
        self.connections.removeLast()
        if index < self.connections.count { self.connections[index].index = index }
        self.completeIfClosed()
    }

    private func completeIfClosed() {
        guard self.isClosing, self.connections.isEmpty, let completion = self.onClosed else { return }
        self.onClosed = nil
        self.loop.onNextTurn(completion)
    }

    // MARK: Requests

    /// Calls the handler with the request whose head is in `head`.
    func handle(
        headBytes: UnsafeRawBufferPointer,
        body: UnsafeRawBufferPointer,
        peer: SocketAddress,
        responder: Responder
    ) {
        precondition(!self.isInHandler, "a handler ran into another one")
        self.requestCount += 1
        self.isInHandler = true
        let request = ServiceRequest(service: self, headBytes: headBytes, body: body, peer: peer)
        self.handler(request, responder)
        self.isInHandler = false
    }

    /// The bytes of the `date` field, made once a second.
    var date: UnsafeRawBufferPointer {
        let seconds = self.loop.wallMicros / 1_000_000
        if seconds != self.dateSeconds {
            var writer = ByteWriter(self.dateMemory)
            HTTPDate.append(unixSeconds: seconds, to: &writer)
            self.dateSeconds = seconds
        }
        return UnsafeRawBufferPointer(self.dateMemory)
    }
}
