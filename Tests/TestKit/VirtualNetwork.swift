import Addresses
import EventLoop
import Glibc
import Primitives
import Transport

/// A network in memory between the loops of a `VirtualWorld`. Everything takes time and comes in pieces, as the seed has
/// it; a test decides what listens, what refuses and what is silent.
// Unchecked because a test drives it, and everything in it, on one thread.
public final class VirtualNetwork: Network, @unchecked Sendable {
    /// How the network behaves; may be changed at any time.
    public struct Conditions: Sendable {
        /// From one end to the other, for every piece.
        public var delayNanoseconds: ClosedRange<Int64> = 5_000...500_000
        public var pieceBytes: ClosedRange<Int> = 1...20_000
        /// Room in one direction of a connection for what has not been read; drawn for each connection.
        public var capacityBytes: ClosedRange<Int> = 2_000...200_000
        /// Most that is read at once.
        public var readBytes: ClosedRange<Int> = 1_000...65_536

        public init() {}
    }

    public let world: VirtualWorld
    public var conditions = Conditions()
    /// Addresses from which nothing ever comes back: connecting times out.
    public var silentAddresses: Set<SocketAddress> = []
    /// What name servers say; may be changed at any time.
    public var names: [String: Result<[IPAddress], HostFailure>] = [:]
    /// How often name servers were asked.
    public private(set) var lookUps = 0
    /// Streams that were made, of either side.
    public private(set) var madeStreams = 0

    private var listeners: [VirtualListener] = []
    private var open: [Int: VirtualStream] = [:]
    private var nextPort: UInt16 = 20_000

    public init(world: VirtualWorld) { self.world = world }

    /// Streams of either side that are not closed, in the order in which they were made.
    public var openStreams: [VirtualStream] { self.open.keys.sorted().map { self.open[$0]! } }
    public var openStreamCount: Int { self.open.count }

    // MARK: Network

    public func listen(
        on loop: any LoopContext,
        at address: SocketAddress,
        tls: TLSContext?,
        accept: @escaping (any ByteStream) -> (any StreamHandler)?
    ) throws -> any StreamListener {
        try self.listen(on: loop, at: address, isSecure: tls != nil, accept: accept)
    }

    /// A listener that says of its streams that they are secure; there is no TLS here.
    public func listen(
        on loop: any LoopContext,
        at address: SocketAddress,
        isSecure: Bool,
        accept: @escaping (any ByteStream) -> (any StreamHandler)?
    ) throws -> any StreamListener {
        loop.preconditionOnLoop()
        let bound = address.port == 0 ? address.with(port: self.takePort()) : address
        let listener = VirtualListener(
            network: self,
            loop: Self.virtual(loop),
            boundAddress: bound,
            isSecure: isSecure,
            accept: accept
        )
        self.listeners.append(listener)
        return listener
    }

    public func connect(
        to address: SocketAddress,
        on loop: any LoopContext,
        timeoutNanoseconds: Int64,
        tls: OutgoingTLS?,
        handler: any StreamHandler
    ) throws -> any ByteStream {
        loop.preconditionOnLoop()
        precondition(tls == nil, "in memory nothing is encrypted")
        let client = VirtualStream(network: self, loop: Self.virtual(loop), peer: address, isSecure: false)
        client.beginConnecting(handler: handler, timeoutNanoseconds: timeoutNanoseconds)
        guard !self.silentAddresses.contains(address) else { return client }
        let arrival = self.world.now.advanced(byNanoseconds: self.nextDelay())
        client.loop.plan(at: arrival) { self.arrive(client, at: address) }
        return client
    }

    /// The opening packet has come to `address`.
    private func arrive(_ client: VirtualStream, at address: SocketAddress) {
        guard !client.isClosed, !self.silentAddresses.contains(address) else { return }
        // The kernel spreads connections over the listeners of an address.
        guard let listener = self.world.pick(self.listeners.filter { $0.boundAddress == address }) else {
            return client.connectHasFailed(ECONNREFUSED)
        }
        let peer: SocketAddress =
            switch address {
            case .unix: .unix(path: "")
            case .ipv4, .ipv6: .loopback(port: self.takePort())
            }
        let server = VirtualStream(network: self, loop: listener.loop, peer: peer, isSecure: listener.isSecure)
        let up = VirtualPipe(network: self, capacityBytes: self.world.random(self.conditions.capacityBytes))
        let down = VirtualPipe(network: self, capacityBytes: self.world.random(self.conditions.capacityBytes))
        up.connect(from: client, to: server)
        down.connect(from: server, to: client)
        server.attach(inbound: up, outbound: down)
        client.attach(inbound: down, outbound: up)
        let accepted = self.world.now.advanced(byNanoseconds: self.nextDelay())
        listener.loop.plan(at: accepted) { listener.take(server) }
        let connected = self.world.now.advanced(byNanoseconds: self.nextDelay())
        client.loop.plan(at: connected) { client.connectHasSucceeded() }
    }

    public func lookUp(
        _ name: String,
        on loop: any LoopContext,
        completion: @escaping (Result<[IPAddress], HostFailure>) -> Void
    ) {
        self.lookUps += 1
        let found = self.names[name] ?? .failure(HostFailure("no such name"))
        Self.virtual(loop).plan(at: self.world.now.advanced(byNanoseconds: self.nextDelay())) { completion(found) }
    }

    // MARK: For the network's own parts

    func nextDelay() -> Int64 { self.world.random(self.conditions.delayNanoseconds) }

    private func takePort() -> UInt16 {
        self.nextPort = self.nextPort == .max ? 20_000 : self.nextPort + 1
        return self.nextPort
    }

    /// Keeps the stream alive until it is closed, as a loop does with a connection. Returns its number.
    func register(_ stream: VirtualStream) -> Int {
        self.madeStreams += 1
        self.open[self.madeStreams] = stream
        return self.madeStreams
    }

    func deregister(_ number: Int) { self.open[number] = nil }

    func remove(_ listener: VirtualListener) { self.listeners.removeAll { $0 === listener } }

    private static func virtual(_ loop: any LoopContext) -> VirtualLoop {
        guard let loop = loop as? VirtualLoop else { preconditionFailure("virtual streams belong to virtual loops") }
        return loop
    }
}

/// Takes streams for one loop.
public final class VirtualListener: StreamListener {
    private let network: VirtualNetwork
    let loop: VirtualLoop
    public let boundAddress: SocketAddress
    let isSecure: Bool
    private var accept: ((any ByteStream) -> (any StreamHandler)?)?

    init(
        network: VirtualNetwork,
        loop: VirtualLoop,
        boundAddress: SocketAddress,
        isSecure: Bool,
        accept: @escaping (any ByteStream) -> (any StreamHandler)?
    ) {
        self.network = network
        self.loop = loop
        self.boundAddress = boundAddress
        self.isSecure = isSecure
        self.accept = accept
    }

    /// In memory nothing is encrypted.
    public func renew(_ tls: TLSContext) {}

    /// A stream that was still knocking when the listener closed is broken off, as the kernel does.
    func take(_ stream: VirtualStream) {
        guard let accept = self.accept else { return stream.reset() }
        guard let handler = accept(stream) else { return stream.close() }
        stream.start(handler: handler)
    }

    public func close() {
        self.loop.preconditionOnLoop()
        self.accept = nil
        self.network.remove(self)
    }
}

extension SocketAddress {
    fileprivate func with(port: UInt16) -> SocketAddress {
        switch self {
        case .ipv4(let address, _): .ipv4(address, port: port)
        case .ipv6(let high, let low, _): .ipv6(high, low, port: port)
        case .unix: self
        }
    }
}
