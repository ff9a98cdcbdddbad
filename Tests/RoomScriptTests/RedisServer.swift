import Foundation

/// A private `redis-server` on a unix socket in a folder of its own, for as long as the value lives.
final class RedisServer {
    struct Failure: Error, CustomStringConvertible { var description: String }

    let socketPath: String
    private let folder: URL
    private let pid: pid_t

    /// Waits until the server answers PING, 10 seconds at most.
    init() throws {
        self.folder = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        self.socketPath = self.folder.appendingPathComponent("redis.sock").path
        // `timeout` ends the server even when the test process dies without running a deinit.
        self.pid = try Self.spawn([
            "timeout", "300", "redis-server", "--port", "0", "--save", "", "--appendonly", "no", "--loglevel",
            "warning", "--logfile", self.folder.appendingPathComponent("log").path, "--dir", self.folder.path,
            "--unixsocket", self.socketPath,
        ])
        let deadline = Date(timeIntervalSinceNow: 10)
        while (try? RedisConnection(socketPath: self.socketPath).command(["PING"])) != .status("PONG") {
            guard Date() < deadline, waitpid(self.pid, nil, WNOHANG) == 0 else {
                throw Failure(description: "redis-server did not come up: is redis-server 7 installed and in PATH?")
            }
            poll(nil, 0, 5)
        }
    }

    deinit {
        if waitpid(self.pid, nil, WNOHANG) == 0 {
            kill(self.pid, SIGTERM)
            waitpid(self.pid, nil, 0)
        }
        try? FileManager.default.removeItem(at: self.folder)
    }

    /// With an empty signal mask: a child of a concurrency thread inherits a full one and would be deaf to SIGTERM.
    private static func spawn(_ arguments: [String]) throws -> pid_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var mask = sigset_t()
        sigemptyset(&mask)
        posix_spawnattr_setsigmask(&attributes, &mask)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        pointers.append(nil)
        var pid: pid_t = 0
        let error = posix_spawnp(&pid, arguments[0], nil, &attributes, pointers, environ)
        guard error == 0 else { throw Failure(description: "cannot start \(arguments[0]): errno \(error)") }
        return pid
    }
}
