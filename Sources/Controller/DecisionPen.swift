import Decisions
import EventLoop
import Glibc
import Primitives
import Scaling

/// Writes the decisions of one pool to its files. Blocks on the disk.
///
/// A replay can begin with each file and behind everything that went wrong: there a head stands, which says all that the
/// policy knew.
struct DecisionPen: Sendable {
    /// An entry, and what stands before it if a replay is to begin there.
    struct Item: Sendable {
        var entry: DecisionEntry
        var head: DecisionHead
    }

    /// So many entries after a head comes another one: about ten minutes.
    static let entriesToHead = 600
    /// A tenth of a second: far longer than a write takes.
    private static let lockAttempts = 50
    private static let lockPauseMicros: UInt32 = 2_000

    private let files: DecisionFiles
    private let pool: String
    /// Nil: to be looked for.
    private var current: DecisionFileName?
    private var bytes = 0
    /// What was written last, when it was written whole.
    private var last: (controller: String, fence: Int64, number: Int64, limits: ScalingLimits)?
    private var sinceHead = 0

    init(files: DecisionFiles, pool: String) {
        self.files = files
        self.pool = pool
    }

    /// Throws when not all of it is on the disk: the next ones are told to follow a gap.
    mutating func write(_ items: [Item], _ bounds: DecisionBounds) throws {
        do {
            if let current = self.current { self.lookAgain(at: current) }
            var lines: [UInt8] = []
            for item in items {
                let day = DecisionFileName.day(ofMicros: item.entry.wallMicros)
                if self.current.map({ $0.day < day || self.bytes + lines.count >= bounds.partBytes }) ?? true {
                    try self.append(&lines)
                    try self.turn(to: day, bounds, wallMicros: item.entry.wallMicros)
                }
                lines += try self.lines(item)
            }
            try self.append(&lines)
        } catch {
            self.current = nil
            self.last = nil
            throw error
        }
    }

    private mutating func lines(_ item: Item) throws -> [UInt8] {
        let (entry, limits) = (item.entry, item.entry.limits.withoutStanding)
        let follows = self.last.map {
            $0.controller == item.head.controller && $0.fence == entry.fence && $0.number + 1 == entry.number
        }
        var lines: [UInt8] = []
        if follows != true || self.sinceHead >= Self.entriesToHead {
            lines += try DecisionLine.bytes(item.head)
            self.sinceHead = 0
            self.last = nil
        }
        lines += try DecisionLine.bytes(entry, withLimits: self.last?.limits != limits)
        self.sinceHead += 1
        self.last = (item.head.controller, entry.fence, entry.number, limits)
        return lines
    }

    /// Somebody may have removed the file to make room, or another controller has written there since, and may have been
    /// killed inside a line: what follows begins with a head then, as a replay needs it.
    private mutating func lookAgain(at name: DecisionFileName) {
        let bytes = (try? self.files.bytes(of: name)) ?? 0
        if bytes < self.bytes { self.current = nil }
        if bytes > self.bytes { self.last = nil }
    }

    /// The newest file, if it is of that day and has room, or the one behind it. A clock that was set back leads to no
    /// earlier file.
    private mutating func turn(to day: String, _ bounds: DecisionBounds, wallMicros: Int64) throws {
        try self.files.make()
        let newest = try self.files.names().last { $0.pool == self.pool }
        let next: DecisionFileName
        if let newest, newest.day >= day {
            let hasRoom = try self.files.bytes(of: newest) < bounds.partBytes
            next = hasRoom ? newest : DecisionFileName(pool: self.pool, day: newest.day, part: newest.part + 1)
        } else {
            next = DecisionFileName(pool: self.pool, day: day, part: 1)
        }
        try self.files.prune(pool: self.pool, keeping: next, bounds, wallMicros: wallMicros)
        self.current = next
        self.bytes = (try? self.files.bytes(of: next)) ?? 0
        self.last = nil
    }

    private mutating func append(_ lines: inout [UInt8]) throws {
        guard !lines.isEmpty, let current = self.current else { return }
        let path = self.files.path(of: current)
        let file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        guard file != -1 else { throw SystemError(call: "open of \(path)") }
        defer { close(file) }
        try Self.lock(file, path)
        // Whoever wrote there last may have been killed, or had no room left: another controller as well as this one.
        if try Self.endsInsideALine(file, path) { lines.insert(UInt8(ascii: "\n"), at: 0) }
        try WholeFile.write(lines, to: file, named: path)
        self.bytes += lines.count
        lines = []
    }

    /// Two that are told that they lead, for a moment, do not write into each other's lines. Held until the file is closed.
    private static func lock(_ file: Int32, _ path: String) throws(HeldByAnother) {
        for _ in 0..<self.lockAttempts {
            if flock(file, LOCK_EX | LOCK_NB) == 0 { return }
            // Some file systems, as of a network, have no locks.
            guard errno == EWOULDBLOCK || errno == EINTR else { return }
            usleep(self.lockPauseMicros)
        }
        throw HeldByAnother(path: path)
    }

    /// Somebody has held the lock for longer than a write takes.
    struct HeldByAnother: Error, CustomStringConvertible {
        let path: String
        var description: String {
            "another process holds \(self.path), perhaps a controller that was stopped while it wrote: two of one state "
                + "folder take turns. Find it (fuser -v) and end it, or let it go on"
        }
    }

    private static func endsInsideALine(_ file: Int32, _ path: String) throws -> Bool {
        let size = lseek(file, 0, SEEK_END)
        guard size > 0 else { return false }
        var last: UInt8 = 0
        guard pread(file, &last, 1, size - 1) == 1 else { throw SystemError(call: "read of \(path)") }
        return last != UInt8(ascii: "\n")
    }
}
