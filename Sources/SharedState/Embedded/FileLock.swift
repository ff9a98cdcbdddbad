import EventLoop
import Glibc

/// A lock between processes, which the kernel takes back from one that dies. Given back by `deinit`.
struct FileLock: ~Copyable {
    private let file: Int32

    /// Nil while another process, or another holder in this one, has it.
    static func take(_ path: String) throws(EmbeddedRedisError) -> FileLock? {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file != -1 else { throw EmbeddedRedisError("\(SystemError(call: "lock file \(path)"))") }
        guard flock(file, LOCK_EX | LOCK_NB) != -1 else {
            let code = errno
            close(file)
            guard code == EWOULDBLOCK || code == EINTR else {
                throw EmbeddedRedisError("\(SystemError(call: "lock file \(path)", code: code))")
            }
            return nil
        }
        return FileLock(file: file)
    }

    private init(file: Int32) { self.file = file }

    deinit { close(self.file) }
}
