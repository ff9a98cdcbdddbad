import Foundation

/// Processes by number and time of start: a number alone may belong to another process by now.
struct ProcessTable {
    struct Entry: Hashable, Sendable {
        let pid: Int32
        /// Clock ticks since boot.
        let startedTicks: UInt64
    }

    private var parents: [Entry: Int32] = [:]
    private var entries: [Int32: Entry] = [:]
    private var names: [Entry: String] = [:]
    private var sessions: [Entry: Int32] = [:]

    /// Reads all of `/proc`.
    init() {
        for pid in Self.pids {
            guard let line = Self.read("/proc/\(pid)/stat"), let (parent, started) = Self.parse(line) else { continue }
            let entry = Entry(pid: pid, startedTicks: started)
            self.parents[entry] = parent
            self.entries[pid] = entry
            self.names[entry] = Self.name(line)
            self.sessions[entry] = Self.session(line)
        }
    }

    /// The process' children, their children, and so on; itself not.
    func descendants(of pid: Int32) -> Set<Entry> {
        var found: Set<Entry> = []
        var front: Set<Int32> = [pid]
        while !front.isEmpty {
            let children = self.parents.filter { front.contains($0.value) && !found.contains($0.key) }.map(\.key)
            found.formUnion(children)
            front = Set(children.map(\.pid))
        }
        return found
    }

    /// The workers among the process' children: all but the embedded Redis, and those that have ended.
    func workers(of pid: Int32) -> [Entry] {
        self.parents.filter { entry, parent in
            parent == pid && self.names[entry] != "redis-server" && Self.isAlive(entry)
        }.map(\.key)
    }

    /// Those of a run: that carry its mark.
    func marked(_ mark: RunMark) -> Set<Entry> {
        Set(self.entries.values.filter { Self.variables(of: $0).contains(mark.entry) })
    }

    /// The workers of a run that lead a session of their own, whoever has started them: they outlive their controller.
    func workers(of mark: RunMark) -> [Entry] {
        self.entries.values.filter { entry in
            guard self.sessions[entry] == entry.pid else { return false }
            let variables = Self.variables(of: entry)
            return variables.contains(mark.entry) && variables.contains { $0.hasPrefix("SLUICE_WORKER=") }
        }
    }

    /// Of all processes that there are now.
    static var pids: [Int32] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
    }

    /// Whether it is a worker of that pool of a run, and lives; nil: it does not carry the run's mark, or is gone.
    static func isWorker(_ pid: Int32, of mark: RunMark, pool: String) -> Bool? {
        guard let line = Self.read("/proc/\(pid)/stat"), let (_, started) = Self.parse(line) else { return nil }
        let variables = Self.variables(of: Entry(pid: pid, startedTicks: started))
        guard variables.contains(mark.entry) else { return nil }
        return Self.session(line) == pid && !Self.isZombie(line)
            && variables.contains { $0.hasPrefix("SLUICE_WORKER=\(pool) ") }
    }

    /// None of those of other users, and of those that have ended.
    private static func variables(of entry: Entry) -> [String] {
        (Self.read("/proc/\(entry.pid)/environ") ?? "").split(separator: "\0").map(String.init)
    }

    private static func session(_ line: String) -> Int32? {
        let fields = Self.fields(line)
        return fields.count > 3 ? Int32(fields[3]) : nil
    }

    /// What the kernel calls the program: between the parentheses.
    private static func name(_ line: String) -> String {
        guard let begin = line.firstIndex(of: "("), let end = line.lastIndex(of: ")") else { return "" }
        return String(line[line.index(after: begin)..<end])
    }

    static func isAlive(_ entry: Entry) -> Bool {
        guard let line = Self.read("/proc/\(entry.pid)/stat"), let (_, started) = Self.parse(line) else { return false }
        return started == entry.startedTicks && !Self.isZombie(line)
    }

    /// The name in a `stat` line is in parentheses and may hold anything, parentheses included.
    private static func fields(_ line: String) -> [Substring] {
        guard let end = line.lastIndex(of: ")") else { return [] }
        return line[line.index(after: end)...].split(separator: " ")
    }

    private static func parse(_ line: String) -> (parent: Int32, startedTicks: UInt64)? {
        let fields = Self.fields(line)
        guard fields.count > 19, let parent = Int32(fields[1]), let started = UInt64(fields[19]) else { return nil }
        return (parent, started)
    }

    /// It has ended, and its parent has not asked how.
    private static func isZombie(_ line: String) -> Bool { Self.fields(line).first == "Z" }

    private static func read(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }
}
