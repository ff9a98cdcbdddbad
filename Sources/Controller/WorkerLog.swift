import EventLoop
import Glibc
import Primitives

/// A worker's output: a file, since that outlives the controller as the worker does. It is read for the worker's address
/// until that is known, a piece at a time; and cut when it grows beyond its limit, the last piece of it kept beside it.
///
/// Where the disk is full the file is one in memory: a worker that cannot say where it listens would serve nobody.
final class WorkerLog {
    /// Files longer than this are cut.
    static let maxBytes = 8 << 20
    /// What is kept of a file that is cut.
    static let keptBytes = 1 << 20
    /// Disk that is taken when the file is made: a disk that fills up afterwards has room for the announcement.
    private static let reservedBytes = 64 << 10
    /// Of the file in memory.
    static let memoryName = "sluice-worker"
    private static let firstLookNanoseconds = 5 * Nanoseconds.perMillisecond
    private static let longestLookNanoseconds = 100 * Nanoseconds.perMillisecond

    /// The output itself, and beside it the last piece of what was cut off: either may be there alone.
    static func files(of path: String) -> [String] { [path, Self.cutOff(of: path)] }
    private static func cutOff(of path: String) -> String { path + ".1" }
    static func remove(_ path: String) { for file in self.files(of: path) { unlink(file) } }
    /// The output's own name, of either file's; nil: it is no worker's.
    static func stem(of name: String) -> String? {
        let stem = name.hasSuffix(".1") ? String(name.dropLast(2)) : name
        return stem.hasSuffix(".log") ? stem : nil
    }

    let path: String
    private let loop: EventLoop
    private var reader = AnnouncementReader()
    private var offset: Int64 = 0
    private var pause = WorkerLog.firstLookNanoseconds
    private var timer: LoopTimer?
    private var onAnnouncement: ((String) -> Void)?
    /// The file in memory that stands for the one at `path`; nil: there is none.
    private var memory: Int32?
    /// Why the disk did not take the file; nil when it did.
    private(set) var trouble: String?

    /// `process` is the worker that writes already; nil: it is to be started.
    init(path: String, process: Int32? = nil, loop: EventLoop) {
        self.path = path
        self.loop = loop
        self.memory = process.flatMap { MemoryFile.find(named: Self.memoryName, ofProcess: $0) }
    }

    deinit { if let memory = self.memory { close(memory) } }

    /// Makes the file, or opens it, to be written to. The caller closes the descriptor.
    func openForWriting() throws -> Int32 {
        let file = open(self.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        if file != -1 {
            if FolderAccess.reserve(Self.reservedBytes, of: file) { return file }
            close(file)
            unlink(self.path)
        }
        let code = file == -1 ? errno : ENOSPC
        self.trouble =
            "what new workers write is kept in memory while they run: \(self.path) cannot be made: "
            + "\(SystemError.message(code: code)). Free space there, or see that this program may write there"
        let memory = try MemoryFile.make(named: Self.memoryName)
        self.memory = memory
        let copy = fcntl(memory, F_DUPFD_CLOEXEC, 0)
        guard copy != -1 else { throw SystemError(call: "output file in memory") }
        return copy
    }

    /// Nil when the file cannot be opened.
    private func withFile<Result>(_ mode: Int32, _ body: (Int32) -> Result) -> Result? {
        if let memory = self.memory { return body(memory) }
        let file = open(self.path, mode | O_CLOEXEC)
        guard file != -1 else { return nil }
        defer { close(file) }
        return body(file)
    }

    /// Calls `onAnnouncement` once, when the worker has told where it listens; never before this has returned.
    func watch(_ onAnnouncement: @escaping (String) -> Void) {
        self.onAnnouncement = onAnnouncement
        let timer = LoopTimer(loop: self.loop) { [weak self] in self?.look() }
        self.timer = timer
        timer.arm(afterNanoseconds: Self.firstLookNanoseconds)
    }

    func ignore() {
        self.onAnnouncement = nil
        self.timer?.disarm()
    }

    /// A file tells nobody when it grows, so it is looked at: soon at first, because many workers start quickly.
    private func look() {
        guard self.onAnnouncement != nil else { return }
        let hasMore = self.readPiece()
        if let address = self.reader.announced {
            let onAnnouncement = self.onAnnouncement
            self.onAnnouncement = nil
            onAnnouncement?(address)
            return
        }
        self.pause = hasMore ? Self.firstLookNanoseconds : min(Self.longestLookNanoseconds, self.pause * 3 / 2)
        self.timer?.arm(afterNanoseconds: self.pause)
    }

    /// Reads what fits into the loop's scratch memory. True when there may be more.
    private func readPiece() -> Bool {
        let scratch = self.loop.readScratch
        let count = self.withFile(O_RDONLY) { pread($0, scratch.baseAddress, scratch.count, off_t(self.offset)) } ?? -1
        guard count > 0 else { return false }
        self.offset += Int64(count)
        self.reader.read(UnsafeRawBufferPointer(rebasing: scratch[..<count]))
        return count == scratch.count
    }

    /// Cuts the file when it is too long. Its writer appends, so it goes on at the new end; what it writes in the moment of
    /// the cut may be lost.
    func tidy() {
        let isCut = self.withFile(O_RDWR) { file in
            var information = stat()
            guard fstat(file, &information) != -1, information.st_size > Self.maxBytes else { return false }
            Self.write(Self.tail(of: file, bytes: Self.keptBytes), to: Self.cutOff(of: self.path))
            ftruncate(file, 0)
            return true
        }
        if isCut ?? false { self.offset = 0 }
    }

    /// The worker has ended: what it has written to memory goes to the disk, if that takes it by now.
    func keep() {
        guard let memory = self.memory else { return }
        Self.write(Self.tail(of: memory, bytes: Self.keptBytes), to: self.path)
    }

    private static func write(_ bytes: [UInt8], to path: String) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file != -1 else { return }
        _ = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
        close(file)
    }

    /// The last lines, for whoever has to find out why a worker died; empty when it said nothing.
    func lastLines(count: Int = 3) -> String {
        let text = String(decoding: self.withFile(O_RDONLY) { Self.tail(of: $0, bytes: 1_024) } ?? [], as: UTF8.self)
        return text.split(whereSeparator: \.isNewline).suffix(count).joined(separator: " | ")
    }

    private static func tail(of file: Int32, bytes limit: Int) -> [UInt8] {
        var information = stat()
        guard fstat(file, &information) != -1 else { return [] }
        let size = off_t(information.st_size)
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = pread(file, &bytes, limit, max(0, size - off_t(limit)))
        return Array(bytes[..<max(0, count)])
    }

    /// The output of a worker that has ended as it was told to.
    func remove() { Self.remove(self.path) }
}
