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

    /// Reads all of `/proc`.
    init() {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let pid = Int32(name), let line = Self.read("/proc/\(pid)/stat"),
                let (parent, started) = Self.parse(line)
            else { continue }
            let entry = Entry(pid: pid, startedTicks: started)
            self.parents[entry] = parent
            self.entries[pid] = entry
            self.names[entry] = Self.name(line)
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
