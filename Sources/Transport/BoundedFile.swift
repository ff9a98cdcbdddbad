import EventLoop
import Glibc

/// Files that somebody else has written, such as settings and certificates: read whole, up to a limit.
public enum BoundedFile {
    /// Which file, and what is wrong with it.
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// The file, and when its content was changed, in microseconds since 1970. Blocks on the disk.
    public static func read(
        _ path: String,
        limit: Int
    ) throws(Failure) -> (bytes: [UInt8], changedMicros: Int64) {
        // Without O_NONBLOCK a named pipe would keep us waiting for its writer.
        let fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard fd != -1 else {
            throw Failure(description: "\(path) cannot be opened: \(SystemError.message(code: errno))")
        }
        defer { close(fd) }
        var status = stat()
        guard fstat(fd, &status) != -1, status.st_mode & S_IFMT == S_IFREG else {
            throw Failure(description: "\(path) is not a file")
        }
        let changedMicros = Int64(status.st_mtim.tv_sec) * 1_000_000 + Int64(status.st_mtim.tv_nsec) / 1_000
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = Glibc.read(fd, &chunk, chunk.count)
            if count == -1, errno == EINTR { continue }
            guard count != -1 else {
                throw Failure(description: "\(path) cannot be read: \(SystemError.message(code: errno))")
            }
            if count == 0 { return (bytes, changedMicros) }
            bytes += chunk[..<count]
            guard bytes.count <= limit else { throw Failure(description: "\(path) is larger than \(limit) bytes") }
        }
    }
}
