import EventLoop
import Glibc
import Logging
import Pools
import Primitives

/// Where a controller writes down which workers run, so that the next one on the same folder goes on with them.
protocol WorkerBook: AnyObject {
    /// Those of which something is written down; nil: it cannot be seen now.
    var pools: [String]? { get }
    /// What was written last, empty when nothing was; nil: it cannot be read now, and is tried again.
    func load(pool: String) -> WorkerRegistry?
    /// False: a later leader has written, or it could not be written, and nothing changed.
    func save(_ registry: WorkerRegistry, pool: String) -> Bool
    /// For the operator: since when the list cannot be read or written, why, and what to do; nil when it can be.
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
    /// By the pool whose list could not be read or written the last time; `wholeFolder` stands for all.
    private var outages: [String: Outage] = [:]
    private static let wholeFolder = ""

    private struct Outage {
        enum Cause {
            case unread(Int32)
            case unwritten(Int32)
            /// By that process; nil: it cannot be seen which.
            case locked(Int32?)
        }
        var cause: Cause
        let since: Instant
        var isTold = false
    }
    /// Whoever holds the lock for longer does not just write.
    static let lockPatienceNanoseconds = Nanoseconds.perSecond

    init(stateFolder: String, loop: any LoopContext, log: Logger) {
        self.path = stateFolder + "/workers"
        self.loop = loop
        self.log = log
        mkdir(self.path, 0o700)
    }

    private func file(of pool: String) -> String { "\(self.path)/\(pool).workers" }

    func logFile(of worker: String) -> String { "\(self.path)/\(worker).log" }

    /// Nil: it cannot be read, which is another thing than that there is none.
    private func written(pool: String) -> WorkerRegistry? {
        do throws(SystemError) {
            let bytes = try WholeFile.read(self.file(of: pool), maxBytes: Self.maxFileBytes)
            self.couldBeRead(pool: pool)
            return WorkerRegistry(text: String(decoding: bytes, as: UTF8.self))
        } catch {
            guard error.code == ENOENT else {
                self.failed(.unread(error.code), pool: pool)
                return nil
            }
            self.couldBeRead(pool: pool)
            return WorkerRegistry(fence: 0, workers: [])
        }
    }

    private func couldBeRead(pool: String) {
        if case .unread? = self.outages[pool]?.cause { self.passed(pool: pool) }
    }

    func load(pool: String) -> WorkerRegistry? {
        guard let registry = self.written(pool: pool) else { return nil }
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

    var pools: [String]? {
        let ending = ".workers"
        return self.names?.filter { $0.hasSuffix(ending) }.map { String($0.dropLast(ending.count)) }.sorted()
    }

    /// Nil: it cannot be seen what there is.
    private var names: [String]? {
        guard let folder = opendir(self.path) else {
            guard errno != ENOENT else {
                self.passed(pool: Self.wholeFolder)
                return []
            }
            self.failed(.unread(errno), pool: Self.wholeFolder)
            return nil
        }
        defer { closedir(folder) }
        self.passed(pool: Self.wholeFolder)
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
        guard lock != -1 else { return self.failed(.unwritten(errno), pool: pool) }
        // Not waited for: whoever holds it may have been stopped. It is written again with the next change or round.
        guard flock(lock, LOCK_EX | LOCK_NB) != -1 else {
            let isHeld = errno == EWOULDBLOCK || errno == EINTR
            return self.failed(isHeld ? .locked(FileLocks.holder(of: lock)) : .unwritten(errno), pool: pool)
        }
        // What cannot be read is not written over, either: it may name workers that run.
        guard let before = self.written(pool: pool), before.fence <= registry.fence else { return false }
        let file = self.file(of: pool)
        let draft = file + ".new"
        do throws(SystemError) {
            try Self.write(registry.text, to: draft)
            guard rename(draft, file) != -1 else { throw SystemError(call: "rename of \(draft)") }
        } catch {
            return self.failed(.unwritten(error.code), pool: pool)
        }
        self.passed(pool: pool)
        return true
    }

    // MARK: What fails

    /// It is tried again with every round, and told once. Always false.
    @discardableResult
    private func failed(_ cause: Outage.Cause, pool: String) -> Bool {
        var outage = self.outages[pool] ?? Outage(cause: cause, since: self.loop.now)
        outage.cause = cause
        if !outage.isTold, self.isLasting(outage) {
            outage.isTold = true
            self.log.error("\(self.words(outage, pool: pool))")
        }
        self.outages[pool] = outage
        return false
    }

    private func passed(pool: String) {
        guard let outage = self.outages.removeValue(forKey: pool), outage.isTold else { return }
        self.log.notice("the list of workers is in order again", metadata: ["file": "\(self.place(of: pool))"])
    }

    private func isLasting(_ outage: Outage) -> Bool {
        guard case .locked = outage.cause else { return true }
        return self.loop.now.nanoseconds(since: outage.since) >= Self.lockPatienceNanoseconds
    }

    func problem(pool: String) -> String? {
        for key in [pool, Self.wholeFolder] {
            // Reading is asked for seldom: whether it still fails is looked up before anybody is told.
            if case .unread? = self.outages[key]?.cause {
                if key == Self.wholeFolder { _ = self.names } else { _ = self.written(pool: key) }
            }
            guard let outage = self.outages[key], self.isLasting(outage) else { continue }
            return "pool \(pool): " + self.words(outage, pool: key)
        }
        return nil
    }

    private func place(of pool: String) -> String { pool == Self.wholeFolder ? self.path : self.file(of: pool) }

    private func words(_ outage: Outage, pool: String) -> String {
        let age = self.loop.now.nanoseconds(since: outage.since) / Nanoseconds.perMicrosecond
        let since = RFC3339.text(wallMicros: self.loop.wallMicros - age, fraction: .millis)
        let place = self.place(of: pool)
        switch outage.cause {
        case .unread(let code):
            return "the list of workers cannot be read from \(place) since \(since): "
                + "\(SystemError.message(code: code)). Workers go on; whoever begins to lead waits for it, since it names "
                + "workers that run. See that this program may read it, and has descriptors left (ulimit -n)"
        case .unwritten(let code):
            let isFull = code == ENOSPC || code == EDQUOT
            return "the list of workers cannot be written to \(place) since \(since): "
                + "\(SystemError.message(code: code)). \(Self.meanwhile); "
                + (isFull
                    ? "what new workers write is kept in memory. Free space under \(self.path)"
                    : "see that this program may write under \(self.path)")
        case .locked(let holder):
            let who = holder.map { "process \($0)" } ?? "another process"
            return "the list of workers cannot be written to \(place) since \(since): \(who) holds \(self.path)/lock, "
                + "perhaps a controller that was stopped while it wrote. \(Self.meanwhile); let it go on (kill -CONT), "
                + "or end it"
        }
    }

    private static let meanwhile =
        "Workers go on, and the next controller finds them in the shared state and among this machine's processes"

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
        var logs = logs
        guard let names = self.names, let pools = self.pools else { return }
        for pool in pools {
            // Whose list cannot be read may run as well as not.
            guard let registry = self.written(pool: pool) else { return }
            logs.formUnion(registry.workers.map(\.log))
        }
        let old = Set(names.compactMap { WorkerLog.stem(of: $0) }).map { "\(self.path)/\($0)" }
            .filter { !logs.contains($0) }
            .map { (path: $0, changed: WorkerLog.files(of: $0).compactMap(Self.changed).max() ?? 0) }
        for log in old.sorted(by: { $0.changed > $1.changed }).dropFirst(Self.keptLogs) { WorkerLog.remove(log.path) }
    }

    /// When a file was changed, in seconds since 1970; nil: it is not there.
    private static func changed(_ path: String) -> Int? {
        var information = stat()
        return stat(path, &information) == -1 ? nil : information.st_mtim.tv_sec
    }

    // MARK: Files

    private static func write(_ text: String, to path: String) throws(SystemError) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file != -1 else { throw SystemError(call: "open of \(path)") }
        defer { close(file) }
        try WholeFile.write(text.utf8, to: file, named: path)
    }
}
