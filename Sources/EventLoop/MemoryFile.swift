import CLinux
import Glibc

/// A file in memory that a process writes its output to when the disk does not take it. It lasts as long as somebody has
/// it open, the process among them; others find it by that process.
public enum MemoryFile {
    /// Opened to be read, and to be appended to. The caller closes the descriptor.
    public static func make(named name: String) throws -> Int32 {
        let file = sluice_memory_file(name)
        guard file != -1 else { throw SystemError(call: "file in memory") }
        return file
    }

    /// The file of that name that the process `pid` has as one of its outputs; nil when it has none.
    public static func find(named name: String, ofProcess pid: Int32) -> Int32? {
        for output in [STDOUT_FILENO, STDERR_FILENO] {
            let path = "/proc/\(pid)/fd/\(output)"
            var link = [CChar](repeating: 0, count: 256)
            // Such as `/memfd:NAME (deleted)`.
            let count = max(0, readlink(path, &link, link.count - 1))
            let target = String(decoding: link.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard target.hasPrefix("/memfd:\(name) ") || target == "/memfd:\(name)" else { continue }
            let file = open(path, O_RDWR | O_APPEND | O_CLOEXEC)
            if file != -1 { return file }
        }
        return nil
    }
}

extension FolderAccess {
    /// Takes disk for the first `bytes` of a file that is open to be written to; false when there is none. A file system
    /// that cannot do that is asked whether it has some.
    public static func reserve(_ bytes: Int, of file: Int32) -> Bool {
        if sluice_reserve(file, bytes) != -1 { return true }
        guard errno == EOPNOTSUPP || errno == ENOSYS else { return false }
        var system = statvfs()
        guard fstatvfs(file, &system) != -1 else { return false }
        return UInt64(system.f_bavail) * UInt64(system.f_frsize) >= UInt64(bytes)
    }
}
