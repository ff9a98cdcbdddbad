import Decisions
import EventLoop
import Glibc
import Scaling

/// Reads journals of decisions.
///
/// Half a line is what a process that was killed, or a full disk, leaves behind: at the end of a file, or before a head. It
/// is left out and told of. Anything else that cannot be read is an error with file and line.
public struct DecisionJournal {
    public struct Problem: Error, CustomStringConvertible {
        public let description: String
        public init(description: String) { self.description = description }
    }

    /// A line longer than this is none of ours.
    private static let maxLineBytes = 4 << 20

    /// What was left out.
    public private(set) var notices: [String] = []
    /// Whose decisions they are; nil before the first head.
    public private(set) var pool: String?
    private var limits: [Int64: ScalingLimits] = [:]
    /// Of each term, the decision that was read last.
    private var latest: [Int64: (number: Int64, wallMicros: Int64)] = [:]
    /// Lines are passed over up to the first head.
    private var isBeforeHead = false
    /// A line that could not be read, and why.
    private var damage: (place: String, reason: String)?

    public init() {}

    /// Hands the records of the files over, in their order.
    public mutating func read(files: [String], _ take: (DecisionRecord) throws -> Void) throws {
        for path in files {
            let file = try Self.open(path)
            defer { fclose(file) }
            try self.read(file, path, take)
        }
    }

    /// Hands over what follows the first head in the last `bytes` of a file; all of one that is shorter.
    public mutating func read(endOf path: String, bytes: Int, _ take: (DecisionRecord) throws -> Void) throws {
        let file = try Self.open(path)
        defer { fclose(file) }
        guard fseek(file, 0, SEEK_END) == 0 else {
            throw Problem(description: "\(SystemError(call: "seek in \(path)"))")
        }
        let start = ftell(file) - bytes
        guard fseek(file, max(0, start), SEEK_SET) == 0 else {
            throw Problem(description: "\(SystemError(call: "seek in \(path)"))")
        }
        self.isBeforeHead = start > 0
        defer { self.isBeforeHead = false }
        try self.read(file, start > 0 ? "\(path), from byte \(start), line " : path, take)
    }

    private static func open(_ path: String) throws -> UnsafeMutablePointer<FILE> {
        guard let file = fopen(path, "re") else {
            throw Problem(description: "\(SystemError(call: path)): name a file of `decisions` in the state folder")
        }
        return file
    }

    private mutating func read(
        _ file: UnsafeMutablePointer<FILE>,
        _ path: String,
        _ take: (DecisionRecord) throws -> Void
    ) throws {
        var line: UnsafeMutablePointer<CChar>?
        var room = 0
        defer { free(line) }
        var number = 0
        while case let count = getline(&line, &room, file), count > 0, let bytes = line {
            number += 1
            guard count <= Self.maxLineBytes else {
                throw Problem(description: "\(path):\(number): the line is longer than any of a journal of decisions")
            }
            let text = UnsafeRawBufferPointer(start: bytes, count: count)
            let whole = text.last == UInt8(ascii: "\n") ? text.dropLast() : text[...]
            if self.isBeforeHead, !whole.starts(with: DecisionLine.headStart) { continue }
            if number == 1, !self.isBeforeHead { try Self.expectBeginning(Array(whole), "\(path):1") }
            try self.read(line: Array(whole), "\(path):\(number)", take)
        }
        guard ferror(file) == 0 else { throw Problem(description: "\(SystemError(call: "read of \(path)"))") }
        self.endFile()
    }

    /// A file begins with a head, or with a part of one where its writer was stopped.
    private static func expectBeginning(_ line: [UInt8], _ place: String) throws(Problem) {
        let start = DecisionLine.headStart
        guard !line.starts(with: start), !start.starts(with: line) else { return }
        guard DecisionLine.isSealed(line) else {
            throw Problem(
                description:
                    "\(place): this is no journal of decisions. Name a file of `decisions` in the state folder"
            )
        }
        // A whole line in the place of a head is told of by what it lacks.
        guard (try? DecisionLine.parse(line)) == nil else { return }
        throw Problem(
            description:
                "\(place): the file begins in the middle of a line: what stood before was cut off. Take another copy, or "
                + "take out all up to the next line that begins with {\"head\""
        )
    }

    /// The same of lines that came from elsewhere.
    public mutating func read(lines: [UInt8], from source: String, _ take: (DecisionRecord) throws -> Void) throws {
        for (index, line) in lines.split(separator: UInt8(ascii: "\n")).enumerated() {
            try self.read(line: Array(line), "\(source), line \(index + 1)", take)
        }
        self.endFile()
    }

    private mutating func read(line: [UInt8], _ place: String, _ take: (DecisionRecord) throws -> Void) throws {
        guard !line.isEmpty else { return }
        let content: DecisionLine.Content
        do {
            content = try DecisionLine.parse(line)
        } catch {
            try self.refuseDamage()
            self.damage = (place, "\(error)")
            return
        }
        switch content {
        case .head(let head):
            self.isBeforeHead = false
            self.leaveDamageOut()
            guard self.pool ?? head.pool == head.pool else {
                throw Problem(
                    description:
                        "\(place): decisions on the pool \(head.pool) behind those on \(self.pool ?? ""); give the "
                        + "files of one pool"
                )
            }
            self.pool = head.pool
            self.limits[head.fence] = nil
            try take(.head(head))
        case .entry(let content):
            try self.refuseDamage()
            let fence = content.fence
            guard let entry = content.entry(after: self.limits[fence]) else {
                throw Problem(
                    description:
                        "\(place): a decision without the limits that it was made by: lines before it are missing. "
                        + "Begin at a line that begins with {\"head\""
                )
            }
            self.limits[fence] = entry.limits
            try self.expectLater(entry, place)
            try take(.entry(entry))
        }
    }

    /// Numbers go on when a clock is set back, and times when a shared state that has lost all counts its terms anew:
    /// what is behind in both was read before.
    private mutating func expectLater(_ entry: DecisionEntry, _ place: String) throws {
        if let last = self.latest[entry.fence], entry.number <= last.number, entry.wallMicros <= last.wallMicros {
            throw Problem(
                description:
                    "\(place): decision \(entry.number) comes behind decision \(last.number): give each file once, and "
                    + "files in the order of their days"
            )
        }
        self.latest[entry.fence] = (entry.number, entry.wallMicros)
    }

    private mutating func endFile() { self.leaveDamageOut() }

    private mutating func leaveDamageOut() {
        guard let damage = self.damage else { return }
        self.notices.append(
            "\(damage.place) was left out: \(damage.reason). Its writer was stopped in the middle of it"
        )
        self.damage = nil
    }

    private func refuseDamage() throws {
        guard let damage = self.damage else { return }
        throw Problem(
            description:
                "\(damage.place): \(damage.reason). Take another copy of the file, or take this line out and all up to "
                + "the next that begins with {\"head\""
        )
    }
}
