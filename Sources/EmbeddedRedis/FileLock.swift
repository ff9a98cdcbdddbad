import EventLoop
import Glibc

/// A lock between processes, which the kernel takes back from one that dies. Given back by `deinit`.
struct FileLock: ~Copyable {
    private let file: Int32

    /// Nil while somebody else, in this process or another, has it: exclusively, or at all when it is not to be shared.
    static func take(_ path: String, shared: Bool = false) throws(EmbeddedRedisError) -> FileLock? {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file != -1 else { throw EmbeddedRedisError("\(SystemError(call: "lock file \(path)"))") }
        guard flock(file, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != -1 else {
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

    /// Makes a shared lock exclusive. False when others share it: then this share is gone, so that of several who try
    /// at the same time the last one succeeds.
    func makeExclusive() -> Bool { flock(self.file, LOCK_EX | LOCK_NB) != -1 }
}
