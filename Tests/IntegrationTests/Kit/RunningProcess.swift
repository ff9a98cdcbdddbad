import Glibc
import Synchronization

/// A child process whose standard output and standard error go to files, so that no reader has to keep up with them.
final class RunningProcess: Sendable {
    enum End: Equatable { case exited(Int32), signalled(Int32) }

    let pid: pid_t
    private let outputFile: String
    private let errorFile: String
    private let end = Mutex<End?>(nil)

    /// `executable` is looked up in PATH; `folder` takes the two files, named after `name`.
    init(_ executable: String, _ arguments: [String], folder: String, name: String) throws {
        self.outputFile = "\(folder)/\(name).out"
        self.errorFile = "\(folder)/\(name).err"
        self.pid = try Self.spawn([executable] + arguments, output: self.outputFile, errors: self.errorFile)
    }

    deinit { self.kill() }

    private static func spawn(_ words: [String], output: String, errors: String) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        // The threads of Dispatch and Foundation block signals, and a child inherits that.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        let argv = words.map { strdup($0) } + [nil]
        defer { for word in argv { free(word) } }
        var pid: pid_t = 0
        let code = posix_spawnp(&pid, words[0], &actions, &attributes, argv, environ)
        guard code == 0 else {
            throw Disappointment("\(words[0]) cannot be started: \(String(cString: strerror(code)))")
        }
        return pid
    }

    /// What it has said so far.
    var output: String { Self.text(self.outputFile) }
    var errors: String { Self.text(self.errorFile) }
    var outputBytes: [UInt8] { Self.bytes(self.outputFile) }

    static func text(_ path: String) -> String { String(decoding: Self.bytes(path), as: UTF8.self) }

    static func bytes(_ path: String) -> [UInt8] {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd != -1 else { return [] }
        defer { close(fd) }
        var all: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(fd, &piece, piece.count), count > 0 { all += piece[..<count] }
        return all
    }

    /// Nil while it runs.
    var endIfEnded: End? {
        self.end.withLock { end in
            if end == nil {
                var status: Int32 = 0
                guard waitpid(self.pid, &status, WNOHANG) == self.pid else { return nil }
                // The low seven bits are the signal; an exit has none and carries its code above.
                end = status & 0x7F == 0 ? .exited(status >> 8 & 0xFF) : .signalled(status & 0x7F)
            }
            return end
        }
    }

    func signal(_ number: Int32) {
        self.end.withLock { if $0 == nil { _ = Glibc.kill(self.pid, number) } }
    }

    func waitForEnd() throws -> End { try Patience.value(of: "the end of process \(self.pid)") { self.endIfEnded } }

    func kill() {
        guard self.endIfEnded == nil else { return }
        self.signal(SIGKILL)
        self.end.withLock { end in
            var status: Int32 = 0
            waitpid(self.pid, &status, 0)
            end = .signalled(SIGKILL)
        }
    }
}
