import EventLoop
import Glibc
import Primitives
import SharedState

/// Where a room's journal is exported to: one file of JSON lines a day, in UTC. Blocks on the disk.
///
/// The files themselves are the record of how far the export is: the last whole line tells. So nothing is written
/// twice or left out when the process dies in the middle.
struct JournalFolder: Sendable {
    /// How far the export of a room is.
    struct Position: Equatable, Sendable {
        /// Of the last entry that was written.
        var id: String
        /// Its number since the shared state began to count.
        var number: Int64
    }

    let path: String
    let room: String

    private static let longestTail = 1 << 20
    private static let microsADay: Int64 = 86_400_000_000

    private func name(ofDay day: Int64) -> String {
        let text = RFC3339.text(wallMicros: day * Self.microsADay, fraction: .microsIfAny)
        return "\(self.room)-\(text.prefix(10)).jsonl"
    }

    /// Throws when nothing could be written there.
    func check() throws {
        if let problem = FolderAccess.problem(of: self.path) { throw FolderAccess.Failure(description: problem) }
    }

    // MARK: Reading

    /// What the last whole line tells; nil when there is none. A file may have none: it was made, or the beginning of its
    /// first line written, when a crash or a full disk came. Then the one before it tells. What is left of a line is cut
    /// off.
    func position() throws -> Position? {
        for name in try self.names().reversed() {
            if let position = try self.position(inFile: "\(self.path)/\(name)") { return position }
        }
        return nil
    }

    private func position(inFile file: String) throws -> Position? {
        let fd = open(file, O_RDWR | O_CLOEXEC)
        guard fd != -1 else { throw SystemError(call: "open of \(file)") }
        defer { close(fd) }
        let size = lseek(fd, 0, SEEK_END)
        let count = min(Int(size), Self.longestTail)
        var tail = [UInt8](repeating: 0, count: count)
        guard pread(fd, &tail, count, size - off_t(count)) == count else { throw SystemError(call: "read of \(file)") }
        guard let end = tail.lastIndex(of: UInt8(ascii: "\n")) else {
            // A file with the beginning of its first line.
            if size > 0, count == size { ftruncate(fd, 0) }
            return nil
        }
        if end + 1 < tail.count { ftruncate(fd, size - off_t(tail.count - end - 1)) }
        // A line that somebody else wrote tells nothing.
        let lines = tail[..<end].split(separator: UInt8(ascii: "\n")).reversed()
        return lines.lazy.compactMap { Self.position(inLine: String(decoding: $0, as: UTF8.self)) }.first
    }

    /// Files of this room, the newest last: a name ends with its day.
    private func names() throws -> [String] {
        guard let folder = opendir(self.path) else { throw SystemError(call: "opendir of \(self.path)") }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            let isOfRoom = name.hasPrefix("\(self.room)-") && name.hasSuffix(".jsonl")
            // `sale-2` is another room than `sale`.
            if isOfRoom, name.utf8.count == self.room.utf8.count + 1 + 10 + 6 { names.append(name) }
        }
        return names.sorted()
    }

    /// Reads what `JournalLine` wrote; nil for anything else.
    static func position(inLine line: String) -> Position? {
        guard let match = line.prefixMatch(of: /\{"n":(\d+),"id":"(\d+-\d+)"/), let number = Int64(match.1) else {
            return nil
        }
        return Position(id: String(match.2), number: number)
    }

    // MARK: Writing

    /// Appends the records, each to the file of its day, and numbers them from `first` on.
    func append(_ records: [JournalRecord], first: Int64) throws {
        var day: Int64?
        var lines: [UInt8] = []
        for (index, record) in records.enumerated() {
            let recordDay = (record.micros ?? 0) / Self.microsADay
            // A clock that was set back must not put a later entry into an earlier file: the last one of the newest
            // file tells how far the export is.
            let next = max(day ?? recordDay, recordDay)
            if let day, day != next {
                try self.write(lines, day: day)
                lines = []
            }
            day = next
            lines += JournalLine.bytes(record, number: first + Int64(index))
        }
        if let day { try self.write(lines, day: day) }
    }

    private func write(_ lines: [UInt8], day: Int64) throws {
        let newest = try self.names().last ?? ""
        let file = "\(self.path)/\(max(newest, self.name(ofDay: day)))"
        let fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        guard fd != -1 else { throw SystemError(call: "open of \(file)") }
        defer { close(fd) }
        let before = lseek(fd, 0, SEEK_END)
        do {
            try WholeFile.write(lines, to: fd, named: file)
        } catch {
            // Half a batch would be written again.
            ftruncate(fd, before)
            throw error
        }
    }
}
