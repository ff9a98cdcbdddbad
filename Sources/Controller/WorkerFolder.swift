import EventLoop
import Glibc
import Logging
import Pools
import Primitives

/// Where a controller writes down which workers run, so that the next one on the same folder goes on with them.
protocol WorkerBook: AnyObject {
    /// Those of which something is written down.
    var pools: [String] { get }
    /// What was written last; empty when nothing was.
    func load(pool: String) -> WorkerRegistry
    /// False: a later leader has written, or it could not be written, and nothing changed.
    func save(_ registry: WorkerRegistry, pool: String) -> Bool
    /// For the operator: since when the list cannot be written, why, and what to do; nil when it can be.
    func problem(pool: String) -> String?
    /// Workers of the folder that run and that nobody has written down.
    func strays(pool: String, besides known: Set<String>) -> [RegisteredWorker]
    func logFile(of worker: String) -> String
    /// Removes outputs of workers that are gone, beyond the latest few.
    func tidy(keeping logs: Set<String>)
}

/// The folder `workers` in the state folder: for each pool a file that is replaced in one step, and for each worker the
/// file of its output.
///
/// Nothing is forced to the disk: what a power cut loses is about processes that it ended too.
final class WorkerFolder: WorkerBook {
    /// Outputs of workers that died, kept for whoever has to find out why.
    static let keptLogs = 20
    /// A file longer than this is none of ours.
    private static let maxFileBytes = 16 << 20

    private let path: String
    private let loop: any LoopContext
    private let log: Logger
    /// Of pools whose list could not be written the last time.
    private var outages: [String: (code: Int32, sinceMicros: Int64)] = [:]

    init(stateFolder: String, loop: any LoopContext, log: Logger) {
        self.path = stateFolder + "/workers"
        self.loop = loop
        self.log = log
        mkdir(self.path, 0o700)
    }

    private func file(of pool: String) -> String { "\(self.path)/\(pool).workers" }

    func logFile(of worker: String) -> String { "\(self.path)/\(worker).log" }

    private func written(pool: String) -> WorkerRegistry {
        Self.text(of: self.file(of: pool)).map { WorkerRegistry(text: $0) } ?? WorkerRegistry(fence: 0, workers: [])
    }

    func load(pool: String) -> WorkerRegistry {
        let registry = self.written(pool: pool)
        if !registry.damages.isEmpty {
            let file = self.file(of: pool)
            let copy = file + ".damaged"
            rename(file, copy)
            self.log.error(
                "a list of workers is damaged; what can be read of it counts, and workers that run are found without it",
                metadata: ["file": "\(file)", "copy": "\(copy)", "problems": "\(registry.damages.prefix(5))"]
            )
        }
        return registry
    }

    var pools: [String] {
        let ending = ".workers"
        return self.names.filter { $0.hasSuffix(ending) }.map { String($0.dropLast(ending.count)) }.sorted()
    }

    private var names: [String] {
        guard let folder = opendir(self.path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            names.append(
                withUnsafeBytes(of: &entry.pointee.d_name) {
                    String(cString: $0.baseAddress!.assumingMemoryBound(to: CChar.self))
                }
            )
        }
        return names
    }

    func save(_ registry: WorkerRegistry, pool: String) -> Bool {
        let lock = open("\(self.path)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        defer { if lock != -1 { close(lock) } }
        guard lock != -1 else { return self.failed(errno, pool: pool) }
        // Not waited for: whoever holds it may have been stopped. It is written again with the next change or round.
        guard flock(lock, LOCK_EX | LOCK_NB) != -1 else { return false }
        guard self.written(pool: pool).fence <= registry.fence else { return false }
        let file = self.file(of: pool)
        let draft = file + ".new"
        if let code = Self.write(registry.text, to: draft) { return self.failed(code, pool: pool) }
        guard rename(draft, file) != -1 else { return self.failed(errno, pool: pool) }
        if self.outages.removeValue(forKey: pool) != nil {
            self.log.notice("the list of workers is written again", metadata: ["file": "\(file)"])
        }
        return true
    }

    /// It is tried again with every round, and told once.
    private func failed(_ code: Int32, pool: String) -> Bool {
        let before = self.outages[pool]
        self.outages[pool] = (code, before?.sinceMicros ?? self.loop.wallMicros)
        guard before == nil else { return false }
        self.log.error(
            "the list of workers cannot be written; workers go on, and it is tried again every second",
            metadata: ["file": "\(self.file(of: pool))", "error": "\(SystemError.message(code: code))"]
        )
        return false
    }

    func problem(pool: String) -> String? {
        guard let outage = self.outages[pool] else { return nil }
        let since = RFC3339.text(wallMicros: outage.sinceMicros, fraction: .millis)
        let isFull = outage.code == ENOSPC || outage.code == EDQUOT
        return "pool \(pool): the list of workers cannot be written to \(self.file(of: pool)) since \(since): "
            + "\(SystemError.message(code: outage.code)). Workers go on, and the next controller finds them in the shared "
            + "state and among this machine's processes; "
            + (isFull
                ? "what new workers write is kept in memory. Free space under \(self.path)"
                : "see that this program may write under \(self.path)")
    }

    func strays(pool: String, besides known: Set<String>) -> [RegisteredWorker] {
        ProcessTable.sessionLeaders(withVariable: WorkerMark.variable).compactMap { identity, value in
            guard let mark = WorkerMark(text: value), mark.pool == pool, !known.contains(mark.id),
                mark.log == self.logFile(of: mark.id)
            else { return nil }
            return RegisteredWorker(
                id: mark.id,
                process: identity,
                state: .starting,
                startedMicros: self.loop.wallMicros,
                sinceMicros: self.loop.wallMicros,
                shape: mark.shape,
                keeper: "",
                log: mark.log,
                address: mark.address
            )
        }
    }

    func tidy(keeping logs: Set<String>) {
        // Those of other pools, and of another controller on the same folder, are written down.
        let logs = self.pools.reduce(into: logs) { $0.formUnion(self.written(pool: $1).workers.map(\.log)) }
        let old = self.names.compactMap { name -> (path: String, changed: Int)? in
            let path = "\(self.path)/\(name)"
            var information = stat()
            guard name.hasSuffix(".log"), !logs.contains(path), stat(path, &information) != -1 else { return nil }
            return (path, information.st_mtim.tv_sec)
        }
        for log in old.sorted(by: { $0.changed > $1.changed }).dropFirst(Self.keptLogs) {
            unlink(log.path)
            unlink(log.path + ".1")
        }
    }

    // MARK: Files

    private static func text(of path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file != -1 else { return nil }
        defer { close(file) }
        var all: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while all.count < Self.maxFileBytes, case let count = read(file, &piece, piece.count), count > 0 {
            all += piece[..<count]
        }
        return String(decoding: all, as: UTF8.self)
    }

    /// The error's number; nil when all of it is written.
    private static func write(_ text: String, to path: String) -> Int32? {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file != -1 else { return errno }
        defer { close(file) }
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            guard count > 0 else { return errno }
            written += count
        }
        return nil
    }
}
