import CLinux
import EventLoop
import Glibc

/// Outgoing connections, and the options of sockets.
extension Connection {
    /// Starts an outgoing connection. Success arrives as `connected`, failure as `closed`, never before this returns.
    /// `ticket` is what an earlier connection to the same peer left.
    public static func connect(
        to address: SocketAddress,
        from local: SocketAddress? = nil,
        on loop: EventLoop,
        timeoutNanoseconds: Int64,
        tls: TLSContext? = nil,
        serverName: String? = nil,
        ticket: TLSTicket? = nil,
        handler: any StreamHandler
    ) throws -> Connection {
        loop.preconditionOnLoop()
        let fd = sluice_socket(address.family)
        guard fd != -1 else { throw TransportError.system("socket", errno) }
        let session: TLSSession?
        do {
            if let local { try Self.bind(fd, to: local) }
            session = try tls.map {
                try TLSSession(context: $0, fd: fd, isServer: false, serverName: serverName, ticket: ticket)
            }
        } catch {
            Glibc.close(fd)
            throw error
        }
        Self.setNoDelay(fd, address)
        let connection = Connection(connecting: fd, to: address, on: loop, tls: session)
        let code = address.withSockaddr { Glibc.connect(fd, $0, $1) }
        // A unix socket with a full backlog says EAGAIN.
        let failure = code == -1 && errno != EINPROGRESS ? errno : 0
        try connection.beginConnecting(handler: handler, timeoutNanoseconds: timeoutNanoseconds, failure: failure)
        return connection
    }

    private static func bind(_ fd: Int32, to local: SocketAddress) throws {
        var one: Int32 = 1
        // The port is chosen at connect time, per destination: one host can hold more than 64 k connections.
        setsockopt(fd, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, &one, 4)
        let code = local.withSockaddr { Glibc.bind(fd, $0, $1) }
        guard code != -1 else { throw TransportError.bind(local, errno) }
    }

    static func setNoDelay(_ fd: Int32, _ address: SocketAddress) {
        guard address.family != AF_UNIX else { return }
        var one: Int32 = 1
        setsockopt(fd, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
    }

    /// A server that does not speak TLS often takes the handshake for a command, and waits for the rest of it.
    var connectingTooLong: CloseReason {
        guard self.state == .handshaking else { return .connectTimedOut }
        return .tls("the handshake was not answered in time; does that port speak TLS?")
    }
}
