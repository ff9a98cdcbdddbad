import Glibc

/// Files as a whole, with as many calls as it takes. A signal that comes meanwhile is no failure. Blocks on the disk.
public enum WholeFile {
    private static let pieceBytes = 65_536

    /// What stands in a file, or as much of it as `maxBytes` and the piece that reaches them.
    public static func read(_ path: String, maxBytes: Int) throws(SystemError) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file != -1 else { throw SystemError(call: "open of \(path)") }
        defer { close(file) }
        var all: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: Self.pieceBytes)
        while all.count < maxBytes {
            let count = Glibc.read(file, &piece, piece.count)
            if count == -1, errno == EINTR { continue }
            guard count != -1 else { throw SystemError(call: "read of \(path)") }
            guard count > 0 else { break }
            all += piece[..<count]
        }
        return all
    }

    /// Writes all of `bytes` where the open `file` stands; `name` is for the error. Waits where others have made it
    /// non-blocking.
    public static func write(_ bytes: some Sequence<UInt8>, to file: Int32, named name: String) throws(SystemError) {
        let bytes = Array(bytes)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count == -1, errno == EINTR || errno == EAGAIN && Self.waitForRoom(file) { continue }
            guard count > 0 else { throw SystemError(call: "write to \(name)") }
            written += count
        }
    }

    private static func waitForRoom(_ file: Int32) -> Bool {
        var room = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
        return poll(&room, 1, -1) == 1 || errno == EINTR
    }
}

/// Locks of files between processes (flock).
public enum FileLocks {
    /// The process that holds the lock of an open file; nil when none does, or when it cannot be seen from here.
    public static func holder(of file: Int32) -> Int32? {
        var information = stat()
        guard fstat(file, &information) != -1, let bytes = try? WholeFile.read("/proc/locks", maxBytes: 1 << 20) else {
            return nil
        }
        // As glibc takes a device's number apart.
        let device = UInt64(information.st_dev)
        let major = UInt32(truncatingIfNeeded: (device >> 8) & 0xFFF | (device >> 32) & ~0xFFF)
        let minor = UInt32(truncatingIfNeeded: device & 0xFF | (device >> 12) & ~0xFF)
        let place = (major, minor, UInt64(information.st_ino))
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").lazy.compactMap { line in
            Self.holder(line, at: place)
        }.first
    }

    /// Such as `1: FLOCK  ADVISORY  WRITE 4242 fd:01:131075 0 EOF`; who waits for it has an arrow behind the number.
    static func holder(_ line: some StringProtocol, at place: (major: UInt32, minor: UInt32, inode: UInt64)) -> Int32? {
        let words = line.split(separator: " ")
        guard words.count >= 6, words[1] == "FLOCK", let pid = Int32(words[4]), pid > 0 else { return nil }
        let numbers = words[5].split(separator: ":")
        guard numbers.count == 3, UInt32(numbers[0], radix: 16) == place.major,
            UInt32(numbers[1], radix: 16) == place.minor, UInt64(numbers[2]) == place.inode
        else { return nil }
        return pid
    }
}
