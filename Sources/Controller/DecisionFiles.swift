import EventLoop
import Glibc
import Primitives

/// The name of a file of a pool's journal of decisions: one a day, in UTC, and more when one has grown long.
struct DecisionFileName: Comparable, Sendable {
    let pool: String
    /// `2026-11-23`.
    let day: String
    /// From 1 on.
    let part: Int

    var text: String { "\(self.pool)-\(self.day)\(self.part == 1 ? "" : ".\(self.part)").jsonl" }

    init(pool: String, day: String, part: Int) {
        self.pool = pool
        self.day = day
        self.part = part
    }

    /// Nil for a file of somebody else's.
    init?(_ text: String) {
        // `sale-2` is another pool than `sale`: a name ends with its day and its part.
        guard let match = text.wholeMatch(of: /(.+)-(\d{4}-\d{2}-\d{2})(?:\.([1-9]\d{0,8}))?\.jsonl/) else {
            return nil
        }
        self.init(pool: String(match.1), day: String(match.2), part: match.3.flatMap { Int($0) } ?? 1)
    }

    static func < (left: DecisionFileName, right: DecisionFileName) -> Bool {
        (left.pool, left.day, left.part) < (right.pool, right.day, right.part)
    }

    private static let microsADay: Int64 = 86_400_000_000

    static func day(ofMicros micros: Int64) -> String {
        String(RFC3339.text(wallMicros: micros / Self.microsADay * Self.microsADay, fraction: .microsIfAny).prefix(10))
    }
}

/// The folder of all pools' journals of decisions. Blocks on the disk.
public struct DecisionFiles: Sendable {
    /// In the state folder.
    public static let folderName = "decisions"

    let path: String

    public init(stateFolder: String) { self.path = "\(stateFolder)/\(Self.folderName)" }

    /// Made when it is missing.
    func make() throws {
        guard mkdir(self.path, 0o700) == 0 || errno == EEXIST else { throw SystemError(call: "mkdir of \(self.path)") }
    }

    /// In order. Files of others that lie about are left out.
    func names() throws -> [DecisionFileName] {
        guard let folder = opendir(self.path) else { throw SystemError(call: "opendir of \(self.path)") }
        defer { closedir(folder) }
        var names: [DecisionFileName] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(cString: $0.baseAddress!.assumingMemoryBound(to: CChar.self))
            }
            if let name = DecisionFileName(name) { names.append(name) }
        }
        return names.sorted()
    }

    func path(of name: DecisionFileName) -> String { "\(self.path)/\(name.text)" }

    func bytes(of name: DecisionFileName) throws -> Int {
        var information = stat()
        guard stat(self.path(of: name), &information) != -1 else {
            throw SystemError(call: "stat of \(self.path(of: name))")
        }
        return Int(information.st_size)
    }

    /// The pools that have a journal there, and the files of one of them, the oldest first.
    public func pools() throws -> [String] { Set(try self.names().map(\.pool)).sorted() }
    public func files(ofPool pool: String) throws -> [String] {
        try self.names().filter { $0.pool == pool }.map { self.path(of: $0) }
    }

    /// Removes whole days that are older than `keepNanoseconds`, of all pools, and the oldest files of `pool` until the
    /// others have no more than `bytes`.
    func prune(pool: String, keeping current: DecisionFileName, _ bounds: DecisionBounds, wallMicros: Int64) throws {
        let oldest = DecisionFileName.day(ofMicros: max(0, wallMicros - bounds.keepNanoseconds / 1_000))
        var own: [(name: DecisionFileName, bytes: Int)] = []
        for name in try self.names() where name != current {
            if name.day < oldest {
                try self.remove(name)
            } else if name.pool == pool {
                own.append((name, try self.bytes(of: name)))
            }
        }
        var total = own.reduce(0) { $0 + $1.bytes }
        for (name, bytes) in own {
            guard total + bounds.partBytes > bounds.bytes else { break }
            try self.remove(name)
            total -= bytes
        }
    }

    private func remove(_ name: DecisionFileName) throws {
        guard unlink(self.path(of: name)) == 0 || errno == ENOENT else {
            throw SystemError(call: "unlink of \(self.path(of: name))")
        }
    }
}

/// How much of a pool's decisions is kept.
struct DecisionBounds: Equatable, Sendable {
    /// 0: nothing is written.
    var keepNanoseconds: Int64
    /// Of one pool, over all its files.
    var bytes: Int

    /// A file goes as a whole, so it is a small part of them.
    var partBytes: Int { self.bytes / 8 }
}
