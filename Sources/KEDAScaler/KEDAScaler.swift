import Addresses
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import NIOCore
import NIOPosix
import Primitives
import Synchronization
import enum Transport.SocketFile

/// KEDA's external scaler: the operator keeps KEDA, which asks here how many workers a pool is to have.
///
/// Calls are answered on threads of its own, from what the controller's loop has left in the `ScalerBook`; the loop waits
/// for nobody. May be used from any thread.
public final class KEDAScaler: Sendable {
    public enum Event: Sendable {
        /// With the port that was picked, when it was left open.
        case listening(Addresses.SocketAddress)
        /// The first attempt to listen failed: it is over.
        case refused(String)
        /// What was listening has come to an end unasked; it begins again a second later.
        case interrupted(String)
        /// Told to end, it has ended.
        case ended
    }

    public struct TLSFiles: Sendable {
        public let certificate, key: String

        public init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    /// KEDA's operator and its metrics server have a connection each.
    static let mostConnections = 64
    /// Calls at once on one of them. A stream is a call.
    static let mostCalls = 128
    /// Of a call's message: names and metadata of a ScaledObject.
    private static let mostMessageBytes = 16 * 1024
    private static let retrySeconds = 1

    private let address: Addresses.SocketAddress
    private let tls: TLSFiles?
    private let book: ScalerBook
    private let executor = ScalerExecutor()
    private let connections = ConnectionCount(most: KEDAScaler.mostConnections)
    private let running = Mutex(Running())

    private struct Running: Sendable {
        var isOver = false
        var task: Task<Void, Never>?
        var server: GRPCServer<HTTP2ServerTransport.Posix>?
    }

    /// `now`: the clock that decisions are told with.
    public init(address: Addresses.SocketAddress, tls: TLSFiles?, now: @escaping @Sendable () -> Primitives.Instant) {
        self.address = address
        self.tls = tls
        self.book = ScalerBook(now: now)
    }

    // MARK: What is decided

    /// The pools that are scaled by KEDA.
    public func serve(_ pools: [String]) { self.book.change { answers, _ in answers.serve(pools) } }

    /// What the leading controller has decided. `mark` tells one decision from the next.
    public func heard(pool: String, desired: Int, mark: Int64) {
        self.book.change { answers, now in answers.heard(pool: pool, desired: desired, mark: mark, now: now) }
    }

    // MARK: Running

    /// To be called once. `onEvent` is called on a thread of the scaler's.
    public func start(onEvent: @escaping @Sendable (Event) -> Void) {
        let task = Task(executorPreference: self.executor) {
            let threads = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            await self.run(on: threads, onEvent)
            threads.shutdownGracefully(queue: self.executor.queue) { _ in onEvent(.ended) }
        }
        self.running.withLock { $0.task = task }
    }

    /// Streams end, connections are told to go, and after a second whatever is left is cut off. `.ended` tells when.
    public func stop() {
        let server = self.running.withLock { running in
            running.isOver = true
            return running.server
        }
        self.book.end()
        server?.beginGracefulShutdown()
        self.executor.after(seconds: Self.retrySeconds) { self.running.withLock { $0.task }?.cancel() }
    }

    private func run(on threads: MultiThreadedEventLoopGroup, _ onEvent: @escaping @Sendable (Event) -> Void) async {
        var address = self.address
        var hasListened = false
        while !self.running.withLock({ $0.isOver }) {
            let reason: String
            // Left by a process that died, or by a server of this one that came to an end.
            if case .unix(let path) = address, !SocketFile.removeIfStale(path) {
                reason = "\(path) is in the way: somebody listens there, it is no socket, or may not be removed"
            } else {
                let server = self.makeServer(on: threads, at: address)
                let isWanted = self.running.withLock { running in
                    running.server = server
                    return !running.isOver
                }
                guard isWanted else { return }
                async let end = Self.serve(server)
                if let bound = try? await server.transport.listeningAddress {
                    // What is tried again has to be where it was.
                    address = Self.address(bound) ?? address
                    if !hasListened { onEvent(.listening(address)) }
                    hasListened = true
                }
                reason = await end
            }
            guard !self.running.withLock({ $0.isOver }) else { return }
            guard hasListened else { return onEvent(.refused(reason)) }
            onEvent(.interrupted(reason))
            try? await Task.sleep(for: .seconds(Self.retrySeconds))
        }
    }

    /// Why it ended.
    private static func serve(_ server: GRPCServer<HTTP2ServerTransport.Posix>) async -> String {
        do {
            try await server.serve()
            return "it was closed"
        } catch {
            return "\((error as? RuntimeError)?.cause ?? error)"
        }
    }

    private func makeServer(
        on threads: MultiThreadedEventLoopGroup,
        at address: Addresses.SocketAddress
    ) -> GRPCServer<HTTP2ServerTransport.Posix> {
        let security: HTTP2ServerTransport.Posix.TransportSecurity =
            self.tls.map { files in
                .tls(
                    certificateChain: [.file(path: files.certificate, format: .pem)],
                    privateKey: .file(path: files.key, format: .pem)
                )
            } ?? .plaintext
        let transport = HTTP2ServerTransport.Posix(
            address: Self.address(address),
            transportSecurity: security,
            config: .defaults { config in
                config.http2.maxConcurrentStreams = Self.mostCalls
                config.rpc.maxRequestPayloadSize = Self.mostMessageBytes
                // KEDA keeps its connections; one whose other end is gone without a word is found out.
                config.connection.maxIdleTime = .seconds(600)
                config.connection.keepalive.time = .seconds(60)
                config.connection.keepalive.clientBehavior.minPingIntervalWithoutCalls = .seconds(10)
                config.connection.keepalive.clientBehavior.allowWithoutCalls = true
                config.channelDebuggingCallbacks.onAcceptTCPConnection = { [connections = self.connections] channel in
                    connections.accept(channel)
                }
            },
            eventLoopGroup: threads
        )
        return GRPCServer(transport: transport, services: [ScalerService(book: self.book)])
    }

    // MARK: Addresses

    private static func address(_ address: Addresses.SocketAddress) -> GRPCNIOTransportCore.SocketAddress {
        switch address {
        case .ipv4(_, let port): .ipv4(host: address.host, port: Int(port))
        case .ipv6(_, _, let port): .ipv6(host: address.host, port: Int(port))
        case .unix(let path): .unixDomainSocket(path: path)
        }
    }

    private static func address(_ address: GRPCNIOTransportCore.SocketAddress) -> Addresses.SocketAddress? {
        if let found = address.ipv4 { return try? Addresses.SocketAddress(parsing: "\(found.host):\(found.port)") }
        if let found = address.ipv6 { return try? Addresses.SocketAddress(parsing: "[\(found.host)]:\(found.port)") }
        return address.unixDomainSocket.map { .unix(path: $0.path) }
    }
}

/// How many connections there are: one too many is closed as soon as it is accepted.
private final class ConnectionCount: Sendable {
    private let most: Int
    private let count = Mutex(0)

    init(most: Int) { self.most = most }

    func accept(_ channel: any Channel) -> EventLoopFuture<Void> {
        let count = self.count.withLock { count in
            count += 1
            return count
        }
        channel.closeFuture.whenComplete { _ in self.count.withLock { $0 -= 1 } }
        if count > self.most { channel.close(promise: nil) }
        return channel.eventLoop.makeSucceededVoidFuture()
    }
}
