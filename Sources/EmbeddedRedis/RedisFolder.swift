import EventLoop
import Glibc
import Primitives

/// The folder of an embedded Redis: `redis` in the state folder, open to its owner only.
struct RedisFolder {
    /// `sun_path` holds 108 bytes with the closing zero.
    static let maxSocketPathBytes = 107
    /// A log longer than this is begun anew when the server is started.
    static let maxLogBytes = 1 << 20

    let path: String
    let socketPath: String
    /// The socket is not in the folder: the path would have been too long.
    let isSocketElsewhere: Bool

    var pidFile: String { self.path + "/redis.pid" }
    var logFile: String { self.path + "/redis.log" }
    /// Held while somebody looks for a server and starts one.
    var lockFile: String { self.path + "/redis.lock" }
    /// Locked by everybody who uses the server.
    var usageFile: String { self.path + "/redis.users" }

    /// Makes the folders that are missing.
    init(stateFolder: String, temporaryFolder: String?) throws(EmbeddedRedisError) {
        guard !stateFolder.isEmpty else { throw EmbeddedRedisError("the state folder has no name: give its path") }
        try Self.makeParents(of: stateFolder + "/redis")
        guard let resolved = realpath(stateFolder, nil) else {
            throw EmbeddedRedisError("\(SystemError(call: "state folder \(stateFolder)"))")
        }
        defer { free(resolved) }
        self.path = String(cString: resolved) + "/redis"
        try Self.makePrivate(self.path)
        let inside = self.path + "/redis.sock"
        self.isSocketElsewhere = inside.utf8.count > Self.maxSocketPathBytes
        guard self.isSocketElsewhere else {
            self.socketPath = inside
            return
        }
        let temporary = temporaryFolder ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        let short = "\(temporary)/sluice-\(geteuid())-\(String(FNV1a.hash64(self.path.utf8), radix: 16))"
        self.socketPath = short + "/redis.sock"
        guard self.socketPath.utf8.count <= Self.maxSocketPathBytes else {
            throw EmbeddedRedisError(
                "neither \(inside) nor \(self.socketPath) is short enough for a socket "
                    + "(\(Self.maxSocketPathBytes) bytes): choose a shorter state folder or TMPDIR"
            )
        }
        try Self.makePrivate(short)
    }

    private static func makeParents(of path: String) throws(EmbeddedRedisError) {
        var end = path.index(after: path.startIndex)
        while let slash = path[end...].firstIndex(of: "/") {
            let parent = String(path[..<slash])
            if mkdir(parent, 0o700) == -1, errno != EEXIST {
                throw EmbeddedRedisError("\(SystemError(call: "making of folder \(parent)"))")
            }
            end = path.index(after: slash)
        }
    }

    /// What lies there already must be a folder of ours that nobody else can enter: in a temporary folder, anybody may
    /// have put something there.
    private static func makePrivate(_ path: String) throws(EmbeddedRedisError) {
        if mkdir(path, 0o700) == -1, errno != EEXIST {
            throw EmbeddedRedisError("\(SystemError(call: "making of folder \(path)"))")
        }
        var information = stat()
        guard lstat(path, &information) != -1 else {
            throw EmbeddedRedisError("\(SystemError(call: "look at folder \(path)"))")
        }
        guard information.st_mode & S_IFMT == S_IFDIR, information.st_uid == geteuid(),
            information.st_mode & 0o077 == 0
        else {
            throw EmbeddedRedisError(
                "\(path) must be a folder that belongs to user \(geteuid()) and is open to nobody else: "
                    + "remove it, or chown and chmod 700 it"
            )
        }
    }

    func boundLog() {
        var information = stat()
        guard stat(self.logFile, &information) != -1, information.st_size > Self.maxLogBytes else { return }
        truncate(self.logFile, 0)
    }

    /// The end of the server's log, for an error message; empty when there is none.
    func logTail(lines: Int = 5) -> String {
        let text = Self.read(self.logFile, lastBytes: 4_096)
        return text.split(separator: "\n").suffix(lines).joined(separator: " | ")
    }

    /// The text of a small file; empty when it is not there.
    static func read(_ path: String, lastBytes: Int = 4_096) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file != -1 else { return "" }
        defer { close(file) }
        // Fails for /proc, whose files have no end to count from; they are read from the beginning.
        lseek(file, -off_t(lastBytes), Int32(SEEK_END))
        var bytes = [UInt8](repeating: 0, count: lastBytes)
        var count = 0
        while count < lastBytes {
            let more = bytes.withUnsafeMutableBytes {
                Glibc.read(file, $0.baseAddress! + count, lastBytes - count)
            }
            guard more > 0 else { break }
            count += more
        }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
