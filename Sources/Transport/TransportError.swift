import EventLoop
import Glibc

/// Why something about a socket or its TLS could not be set up.
public enum TransportError: Error, CustomStringConvertible {
    case system(String, Int32)
    case bind(SocketAddress, Int32)
    /// What was being done, and what OpenSSL said.
    case tls(String, String)

    public var description: String {
        switch self {
        case .system(let call, let code): "\(call): \(SystemError.message(code: code))"
        case .bind(let address, EADDRINUSE):
            "cannot listen on \(address): another process does. Stop that one, perhaps a Sluice that was started before, "
                + "or choose another port"
        case .bind(let address, let code): "cannot listen on \(address): \(SystemError.message(code: code))"
        case .tls(let action, let reason): "\(action): \(reason)"
        }
    }
}

/// Why a connection ended; told exactly once.
public enum CloseReason: Equatable, Sendable, CustomStringConvertible {
    /// This side closed it.
    case local
    /// The peer closed both ways, in order.
    case peer
    /// The peer broke it off.
    case reset
    case connectFailed(Int32)
    case connectTimedOut
    case tls(String)
    /// The client had no turn for a TLS handshake: too many wait for theirs, or it has waited for too long.
    case noTurn
    /// The memory of the loop's connections is used up, and this one asked for more.
    case outOfMemory
    /// A system call failed with this `errno`.
    case failed(Int32)

    public var description: String {
        switch self {
        case .local: "closed here"
        case .peer: "closed by the peer"
        case .reset: "reset by the peer"
        case .connectFailed(let code): "connect failed: \(SystemError.message(code: code))"
        case .connectTimedOut: "connect timed out"
        case .tls(let reason): "TLS: \(reason)"
        case .noTurn: "closed here before the TLS handshake: more clients come than can be served"
        case .outOfMemory: "closed here for want of buffer memory"
        case .failed(let code): SystemError.message(code: code)
        }
    }
}
