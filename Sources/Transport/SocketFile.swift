import Addresses
import CLinux
import Glibc

/// The file by which others find a unix socket. It stays when its process dies, and is in the way of the next one.
public enum SocketFile {
    /// Removes one at which nobody listens. Whatever else there is stays: what somebody listens at, and what is no socket.
    public static func removeIfStale(_ path: String) {
        let probe = sluice_socket(AF_UNIX)
        guard probe != -1 else { return }
        defer { close(probe) }
        var information = stat()
        let code = SocketAddress.unix(path: path).withSockaddr { connect(probe, $0, $1) }
        guard code == -1, errno == ECONNREFUSED, stat(path, &information) == 0,
            information.st_mode & S_IFMT == S_IFSOCK
        else { return }
        unlink(path)
    }
}
