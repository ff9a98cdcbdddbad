import EventLoop
import Glibc
import Primitives

/// A worker's output: a file, since that outlives the controller as the worker does. It is read for the worker's address
/// until that is known, a piece at a time; and cut when it grows beyond its limit, the last piece of it kept beside it.
final class WorkerLog {
    /// Files longer than this are cut.
    static let maxBytes = 8 << 20
    /// What is kept of a file that is cut.
    static let keptBytes = 1 << 20
    private static let firstLookNanoseconds = 5 * Nanoseconds.perMillisecond
    private static let longestLookNanoseconds = 100 * Nanoseconds.perMillisecond

    let path: String
    private let loop: EventLoop
    private var reader = AnnouncementReader()
    private var offset: Int64 = 0
    private var pause = WorkerLog.firstLookNanoseconds
    private var timer: LoopTimer?
    private var onAnnouncement: ((String) -> Void)?

    init(path: String, loop: EventLoop) {
        self.path = path
        self.loop = loop
    }

    /// Makes the file, or opens it, to be written to. The caller closes the descriptor.
    func openForWriting() throws -> Int32 {
        let file = open(self.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard file != -1 else { throw SystemError(call: "output file \(self.path)") }
        return file
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
        let file = open(self.path, O_RDONLY | O_CLOEXEC)
        guard file != -1 else { return false }
        defer { close(file) }
        let scratch = self.loop.readScratch
        let count = pread(file, scratch.baseAddress, scratch.count, off_t(self.offset))
        guard count > 0 else { return false }
        self.offset += Int64(count)
        self.reader.read(UnsafeRawBufferPointer(rebasing: scratch[..<count]))
        return count == scratch.count
    }

    /// Cuts the file when it is too long. Its writer appends, so it goes on at the new end; what it writes in the moment of
    /// the cut may be lost.
    func tidy() {
        var information = stat()
        guard stat(self.path, &information) != -1, information.st_size > Self.maxBytes else { return }
        let tail = Self.tail(of: self.path, bytes: Self.keptBytes)
        let file = open(self.path + ".1", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        if file != -1 {
            _ = tail.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            close(file)
        }
        truncate(self.path, 0)
        self.offset = 0
    }

    /// The last lines, for whoever has to find out why a worker died; empty when it said nothing.
    static func lastLines(of path: String, count: Int = 3) -> String {
        let text = String(decoding: Self.tail(of: path, bytes: 1_024), as: UTF8.self)
        return text.split(whereSeparator: \.isNewline).suffix(count).joined(separator: " | ")
    }

    private static func tail(of path: String, bytes limit: Int) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file != -1 else { return [] }
        defer { close(file) }
        let size = lseek(file, 0, Int32(SEEK_END))
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = pread(file, &bytes, limit, max(0, size - off_t(limit)))
        return Array(bytes[..<max(0, count)])
    }

    /// The output of a worker that has ended as it was told to.
    func remove() {
        unlink(self.path)
        unlink(self.path + ".1")
    }
}
