import Glibc
import Transport

extension ErrorKind {
    /// What the end of a connection means for who waits on it.
    init(_ reason: CloseReason) {
        self =
            switch reason {
            case .connectTimedOut, .connectFailed(ETIMEDOUT): .connectTimedOut
            case .connectFailed(ECONNREFUSED): .refused
            case .connectFailed(EADDRNOTAVAIL), .connectFailed(EADDRINUSE), .connectFailed(EMFILE),
                .connectFailed(ENFILE), .connectFailed(ENOBUFS), .connectFailed(ENOMEM), .outOfMemory:
                .toolLimit
            case .local, .peer, .reset, .connectFailed, .noTurn, .tls, .failed: .broken
            }
    }
}
