import CLinux
import EventLoop
import Glibc
import Primitives

/// Accepts connections for one loop. With `reusePort` every loop listens on the same address, and the kernel spreads
/// the connections over them.
public final class Listener: Descriptor, StreamListener {
    /// The kernel cuts it to `net.core.somaxconn`.
    public static let defaultBacklog: Int32 = 65_535
    /// Connections taken in a row before others get their turn.
    private static let maxAcceptsInARow = 256
    /// When the process has no descriptors left, waiting is all there is; the backlog holds those who knock.
    private static let exhaustedPauseNanoseconds = 50 * Nanoseconds.perMillisecond

    /// After so many failures in a row for no known reason the listener pauses, too.
    private static let maxFailuresInARow = 16

    /// The system call; a test puts its own in.
    typealias AcceptCall = (Int32, UnsafeMutablePointer<sockaddr_storage>, UnsafeMutablePointer<UInt32>) -> Int32

    private enum Standing {
        case listening
        /// Others get their turn first; the rest is accepted in the next one.
        case givingWay
        /// Until the timer fires, however many knock.
        case pausing
    }

    public let boundAddress: SocketAddress
    private let tls: NewestTLS?
    private let makeHandler: (any ByteStream) -> (any StreamHandler)?
    private let acceptCall: AcceptCall
    private var standing = Standing.listening
    private var failuresInARow = 0
    private var pause: LoopTimer?
    /// How often the process had no descriptor, or the kernel no memory, for a connection that knocked.
    public private(set) var exhaustedCount: UInt64 = 0
    /// How often accepting failed for another reason: mostly, the connection's network had gone.
    public private(set) var failedCount: UInt64 = 0

    /// `makeHandler` returns nil to refuse a connection, which is then closed at once.
    public convenience init(
        loop: EventLoop,
        address: SocketAddress,
        reusePort: Bool = true,
        backlog: Int32 = Listener.defaultBacklog,
        tls: TLSContext? = nil,
        makeHandler: @escaping (any ByteStream) -> (any StreamHandler)?
    ) throws {
        try self.init(
            loop: loop,
            address: address,
            reusePort: reusePort,
            backlog: backlog,
            tls: tls,
            acceptCall: { sluice_accept($0, $1, $2) },
            makeHandler: makeHandler
        )
    }

    init(
        loop: EventLoop,
        address: SocketAddress,
        reusePort: Bool,
        backlog: Int32,
        tls: TLSContext?,
        acceptCall: @escaping AcceptCall,
        makeHandler: @escaping (any ByteStream) -> (any StreamHandler)?
    ) throws {
        loop.preconditionOnLoop()
        let fd = sluice_socket(address.family)
        guard fd != -1 else { throw TransportError.system("socket", errno) }
        do {
            self.boundAddress = try Self.listen(fd, address, reusePort: reusePort, backlog: backlog)
        } catch {
            Glibc.close(fd)
            throw error
        }
        self.tls = tls.map(NewestTLS.init)
        self.makeHandler = makeHandler
        self.acceptCall = acceptCall
        super.init(loop: loop, fd: fd)
        try self.register(.readable)
    }

    public func renew(_ tls: TLSContext) {
        self.loop.preconditionOnLoop()
        guard let newest = self.tls else { preconditionFailure("a listener does not change between plain and TLS") }
        newest.context = tls
    }

    private static func listen(
        _ fd: Int32,
        _ address: SocketAddress,
        reusePort: Bool,
        backlog: Int32
    ) throws -> SocketAddress {
        var one: Int32 = 1
        if case .unix(let path) = address {
            // A socket file that a dead process left behind is in the way of nobody but us; a living one's is not ours.
            SocketFile.removeIfStale(path)
        } else {
            setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, 4)
            if reusePort { setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, 4) }
            // Accepted connections inherit it.
            Connection.setNoDelay(fd, address)
        }
        guard address.withSockaddr({ Glibc.bind(fd, $0, $1) }) != -1 else {
            throw TransportError.bind(address, errno)
        }
        guard Glibc.listen(fd, backlog) != -1 else { throw TransportError.bind(address, errno) }
        if case .unix = address { return address }
        return try SocketAddress.bound(fd: fd)
    }

    /// Throws when somebody listens at `address` already. The loops of one process share an address by `SO_REUSEPORT`, and
    /// so would a second process of the same user, silently, with half of the connections: this asks without. Port 0 is
    /// always free, and a path of the file system is bound by one alone in any case.
    public static func requireFree(_ address: SocketAddress) throws {
        guard let port = address.port, port != 0 else { return }
        let fd = sluice_socket(address.family)
        guard fd != -1 else { throw TransportError.system("socket", errno) }
        defer { Glibc.close(fd) }
        var one: Int32 = 1
        // Connections that have ended, and wait for their last packets, keep nobody from listening.
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        guard address.withSockaddr({ Glibc.bind(fd, $0, $1) }) != -1 else { throw TransportError.bind(address, errno) }
    }

    public override func ready(_ events: ReadyEvents) {
        guard self.standing == .listening else { return }
        for _ in 0..<Self.maxAcceptsInARow {
            guard self.fd >= 0, self.acceptOne() else { return }
        }
        self.standing = .givingWay
        self.loop.onNextTurn {
            self.standing = .listening
            self.ready(.readable)
        }
    }

    /// False when there is nobody left to accept, or nothing left to accept with.
    private func acceptOne() -> Bool {
        var storage = sockaddr_storage()
        var length = UInt32(MemoryLayout<sockaddr_storage>.size)
        let accepted = self.acceptCall(self.fd, &storage, &length)
        guard accepted == -1 else {
            self.failuresInARow = 0
            self.take(accepted, peer: SocketAddress(storage) ?? .unix(path: ""))
            return true
        }
        switch errno {
        case EAGAIN: return false
        case EINTR, ECONNABORTED: return true
        case EMFILE, ENFILE, ENOBUFS, ENOMEM:
            self.exhaustedCount += 1
            self.pauseAccepting()
            return false
        default:
            // Accepting reports errors of the connection's network as its own: the next connection may be sound.
            self.failedCount += 1
            self.failuresInARow += 1
            guard self.failuresInARow >= Self.maxFailuresInARow else { return true }
            self.pauseAccepting()
            return false
        }
    }

    private func take(_ accepted: Int32, peer: SocketAddress) {
        let connection = Connection(accepted: accepted, from: peer, on: self.loop, tls: self.tls)
        guard let handler = self.makeHandler(connection), (try? connection.start(handler: handler)) != nil else {
            // Not only the descriptor: a handler that was made is told.
            return connection.close()
        }
    }

    /// One pause at a time, however many events there are meanwhile.
    private func pauseAccepting() {
        self.standing = .pausing
        self.failuresInARow = 0
        let pause =
            self.pause
            ?? LoopTimer(loop: self.loop) { [weak self] in
                self?.standing = .listening
                self?.ready(.readable)
            }
        self.pause = pause
        pause.arm(afterNanoseconds: Self.exhaustedPauseNanoseconds)
    }

    /// Stops listening. Connections that were accepted live on; those that have knocked already are accepted first, as
    /// the system would break them off.
    public func close() {
        for _ in 0..<Int(Self.defaultBacklog) {
            guard self.fd >= 0, self.acceptOne() else { break }
        }
        self.pause = nil
        self.deregisterAndClose()
        if case .unix(let path) = self.boundAddress { unlink(path) }
    }
}
