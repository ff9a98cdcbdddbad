import Glibc
import Synchronization

/// One `redis-server` of a fleet, with a folder of its own. It can be asked over its unix socket whatever the fleet's
/// clients use, and is ended by its process number.
public final class RedisFleetNode: Sendable {
    public enum Kind: Sendable { case server, sentinel }

    public let kind: Kind
    /// Such as `server-2`; also the name of its folder.
    public let name: String
    /// Plain or TLS, as the fleet is.
    public let port: UInt16
    public let folder: String
    private let admin: (user: String, password: String)?
    /// `launcher` is the `timeout` that ends the server even when the test's process dies without cleaning up.
    private struct Processes {
        var launcher: pid_t = 0
        var server: pid_t = 0
    }
    private let processes = Mutex(Processes())

    init(kind: Kind, name: String, port: UInt16, folder: String, admin: (user: String, password: String)?) {
        self.kind = kind
        self.name = name
        self.port = port
        self.folder = folder
        self.admin = admin
    }

    public var socketPath: String { "\(self.folder)/r.sock" }
    /// Zero when it does not run.
    public var pid: pid_t { self.processes.withLock { $0.server } }

    // MARK: Life

    /// Starts it by its configuration file, and returns when it answers.
    public func start() throws {
        precondition(self.pid == 0, "\(self.name) runs already")
        let words = ["timeout", "-s", "KILL", "600", "redis-server", "\(self.folder)/redis.conf"]
        let launcher = try Self.spawn(words + (self.kind == .sentinel ? ["--sentinel"] : []))
        self.processes.withLock { $0.launcher = launcher }
        try RedisFleet.wait(for: "\(self.name) to answer") {
            guard waitpid(launcher, nil, WNOHANG) == 0 else {
                self.processes.withLock { $0 = Processes() }
                throw RedisFleetError("\(self.name) ended at once; its log:\n\(self.log)")
            }
            guard let info = try? self.info("server"), let pid = info["process_id"].flatMap({ pid_t($0) }) else {
                return false
            }
            self.processes.withLock { $0.server = pid }
            return true
        }
    }

    /// Ends it as a power failure would.
    public func kill() {
        let processes = self.processes.withLock { processes in
            defer { processes = Processes() }
            return processes
        }
        guard processes.launcher != 0 else { return }
        if processes.server != 0 {
            Glibc.kill(processes.server, SIGKILL)
        } else {
            Glibc.kill(processes.launcher, SIGTERM)
        }
        waitpid(processes.launcher, nil, 0)
    }

    /// Stands still: it takes connections and bytes, and answers nothing.
    public func freeze() { if self.pid != 0 { Glibc.kill(self.pid, SIGSTOP) } }
    public func thaw() { if self.pid != 0 { Glibc.kill(self.pid, SIGCONT) } }

    // MARK: Questions

    /// Asks this node itself, with all rights. An error that it answers is a value here.
    @discardableResult
    public func command(_ words: String...) throws -> RedisFleetReply { try self.command(words) }

    @discardableResult
    public func command(_ words: [String]) throws -> RedisFleetReply {
        let connection = try RedisFleetAdmin(socketPath: self.socketPath)
        if let admin = self.admin { _ = try connection.command(["AUTH", admin.user, admin.password]) }
        return try connection.command(words)
    }

    /// As `command`, but an error is thrown.
    @discardableResult
    public func order(_ words: String...) throws -> RedisFleetReply {
        let reply = try self.command(words)
        if case .error(let text) = reply { throw RedisFleetError("\(self.name), \(words): \(text)") }
        return reply
    }

    /// The fields of a section of `INFO`.
    public func info(_ section: String) throws -> [String: String] {
        let text = try self.command("INFO", section).text ?? ""
        var fields: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[String(parts[0])] = String(parts[1]) }
        }
        return fields
    }

    /// `master` or `slave`; nil when it does not answer.
    public var role: String? { (try? self.command("ROLE"))?.array.first?.text }

    var log: String {
        guard let file = fopen("\(self.folder)/log", "r") else { return "(none)" }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 64 * 1024)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    /// With an empty signal mask: a child of a concurrency thread inherits a full one.
    private static func spawn(_ arguments: [String]) throws -> pid_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var mask = sigset_t()
        sigemptyset(&mask)
        posix_spawnattr_setsigmask(&attributes, &mask)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // What it says before it has a log.
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        pointers.append(nil)
        var pid: pid_t = 0
        let error = posix_spawnp(&pid, arguments[0], &actions, &attributes, pointers, environ)
        guard error == 0 else { throw RedisFleetError("cannot start \(arguments[0]): errno \(error)") }
        return pid
    }
}
