import Addresses
import CLinux
import Glibc

/// The file by which others find a unix socket. It stays when its process dies, and is in the way of the next one.
public enum SocketFile {
    /// Removes one at which nobody listens. Whatever else there is stays: what somebody listens at, and what is no socket.
    /// False when something is left in the way.
    @discardableResult
    public static func removeIfStale(_ path: String) -> Bool {
        let probe = sluice_socket(AF_UNIX)
        guard probe != -1 else { return false }
        defer { close(probe) }
        var information = stat()
        let code = SocketAddress.unix(path: path).withSockaddr { connect(probe, $0, $1) }
        let isDead = code == -1 && errno == ECONNREFUSED
        guard stat(path, &information) == 0 else { return true }
        guard isDead, information.st_mode & S_IFMT == S_IFSOCK else { return false }
        return unlink(path) == 0
    }
}
