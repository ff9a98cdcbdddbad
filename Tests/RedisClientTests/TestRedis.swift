import EventLoop
import Glibc
import RedisClient
import Transport

/// A `redis-server` of a test's own, in a folder of its own, ended by its process number.
///
/// Belongs to the loop of the rig that starts it.
final class TestRedis {
    let folder: String
    private let loop: EventLoop
    private var child: ChildProcess?
    private(set) var exits = 0

    init(loop: EventLoop) {
        self.loop = loop
        var template = Array("/tmp/sluice-test-XXXXXX".utf8CString)
        self.folder = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)!) }
    }

    var socketPath: String { self.folder + "/redis.sock" }
    var endpoint: RedisEndpoint { RedisEndpoint(.unix(path: self.socketPath)) }
    var pid: Int32? { self.child?.pid }

    func start(_ extra: [String] = []) throws {
        let arguments = [
            "--port", "0", "--unixsocket", self.socketPath, "--unixsocketperm", "700", "--save", "", "--dir",
            self.folder, "--logfile", self.folder + "/redis.log", "--enable-debug-command", "yes",
        ]
        self.child = try ChildProcess.spawn("redis-server", arguments: arguments + extra, on: self.loop) {
            [weak self] _ in
            self?.exits += 1
        }
    }

    func kill() { self.child?.signal(SIGKILL) }

    /// Stops the server, so that it takes connections and bytes and answers nothing.
    func freeze() { self.child?.signal(SIGSTOP) }
    func thaw() { self.child?.signal(SIGCONT) }

    func remove() {
        self.kill()
        for name in ["redis.sock", "redis.log", "tls.crt", "tls.key", "dump.rdb"] { unlink(self.folder + "/" + name) }
        rmdir(self.folder)
    }
}
