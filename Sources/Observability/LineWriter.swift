import Dispatch
import Glibc
import Synchronization

/// Writes the lines of several spools to a file, a pipe or standard output, on a thread of its own: whatever the disk or
/// the reader does, no thread that makes lines waits for it.
public final class LineWriter: Sendable {
    public enum Target: Equatable, Sendable {
        case standardOutput
        /// Lines are appended. A file that is not there is made; one that was moved away is made anew within a second. A
        /// pipe (FIFO) is written to while somebody reads it.
        case file(String)
    }

    /// What the operator should know.
    public enum News: Equatable, Sendable {
        /// Nothing can be written, and why. Told once, until it works again.
        case failed(String)
        /// Whoever reads has taken nothing for so many seconds. Told once, until it takes something.
        case standsStill(seconds: UInt64)
        /// It works again; so many lines were lost meanwhile.
        case works(lost: UInt64)
        /// So many lines were lost because they came faster than they could be written. At most once a minute.
        case tooSlow(lost: UInt64)
    }

    private let queue = DispatchQueue(label: "sluice.lines")
    private let pen: LinePen
    private let isAsked = Atomic(false)

    /// `tell` is called on the writer's thread.
    public init(tell: @escaping @Sendable (News) -> Void) { self.pen = LinePen(tell: tell) }

    public func add(_ spool: LineSpool) { self.queue.async { [pen = self.pen] in pen.add(spool) } }

    /// Where lines go from here on; nil: nowhere. What waits is written to the old place first. The same target again has
    /// its file looked at, as after a rotation.
    public func direct(to target: Target?) {
        self.queue.async { [pen = self.pen] in pen.direct(to: target) }
    }

    /// Has what waits written soon. To be called several times a second, and when a spool fills: while an earlier call has
    /// not been heard, as when the disk stands still, it does nothing.
    public func hurry() {
        guard !self.isAsked.exchange(true, ordering: .acquiringAndReleasing) else { return }
        self.queue.async { [self] in
            self.isAsked.store(false, ordering: .releasing)
            self.pen.write()
        }
    }

    /// Writes what waits, as far as that is possible now, and then calls `completion` on the writer's thread.
    public func finish(_ completion: @escaping @Sendable () -> Void) {
        self.queue.async { [pen = self.pen] in
            pen.writeAtLast()
            completion()
        }
    }
}

/// The writer's own side.
// Unchecked because all state is confined to the writer's queue; others only carry the reference there.
final class LinePen: @unchecked Sendable {
    private static let checkNanoseconds: UInt64 = 1_000_000_000
    private static let slownessNanoseconds: UInt64 = 60_000_000_000
    /// What is written at once: a pipe takes less.
    private static let pieceBytes = 64 * 1_024
    /// A reader that takes nothing for so long is asked again the next time.
    private static let patienceMilliseconds: Int32 = 100
    /// The same at the end, where there is no next time.
    private static let lastPatienceMilliseconds: Int32 = 2_000
    private static let stillnessSeconds: UInt64 = 5
    /// Where a pipe has room at all it has room for so much, and takes it as a whole: nobody else's lines come between.
    private static let certainBytes = Int(PIPE_BUF)

    /// Why nothing is written.
    private enum Trouble {
        case failed, standsStill
    }

    private let standardOutput: Int32
    private let clock: @Sendable () -> UInt64
    private let tell: @Sendable (LineWriter.News) -> Void
    private var spools: [LineSpool] = []
    private var target: LineWriter.Target?
    private var fd: Int32 = -1
    /// Other programs have the descriptor, too, so that it is left as it is: a write to it waits for its reader,
    /// however long that takes. So nothing is written before there is room.
    private var waitsInWrites = false
    private var patienceMilliseconds = LinePen.patienceMilliseconds
    /// Being written, from `written` on.
    private var chunk: [UInt8] = []
    private var written = 0
    private var lastCheck: UInt64 = 0
    /// What the operator was told last; nil while lines are written.
    private var trouble: Trouble?
    /// When something was last written, or nothing was there to be written.
    private var lastProgress: UInt64 = 0
    private var lostInHalves: UInt64 = 0
    private var lostToldOf: UInt64 = 0
    private var slownessToldAt: UInt64?

    /// `standardOutput` is a descriptor that stays open; `clock` counts nanoseconds.
    init(
        standardOutput: Int32 = STDOUT_FILENO,
        clock: @escaping @Sendable () -> UInt64 = { DispatchTime.now().uptimeNanoseconds },
        tell: @escaping @Sendable (LineWriter.News) -> Void
    ) {
        self.standardOutput = standardOutput
        self.clock = clock
        self.tell = tell
    }

    deinit { self.close() }

    func add(_ spool: LineSpool) { self.spools.append(spool) }

    func direct(to target: LineWriter.Target?) {
        self.lastCheck = 0
        guard target != self.target else { return self.write() }
        if self.target != nil {
            self.write()
            self.forgetHalfLine()
        }
        self.close()
        if target == nil { self.forgetAll() }
        let hadTrouble = self.trouble != nil
        self.trouble = nil
        self.target = target
        self.lastProgress = self.clock()
        self.waitsInWrites = target == .standardOutput && Self.waitsInWrites(self.standardOutput)
        self.write()
        if hadTrouble, self.trouble == nil { self.tellOfEnd() }
    }

    private static func waitsInWrites(_ fd: Int32) -> Bool {
        var status = stat()
        let isFile = fstat(fd, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        return !isFile && fcntl(fd, F_GETFL) & O_NONBLOCK == 0
    }

    /// Writes all that waits, or as much as can be written now.
    func write() {
        guard self.target != nil else { return }
        var isStuck = !self.writeChunk()
        for spool in self.spools where !isStuck {
            spool.exchange(&self.chunk)
            isStuck = !self.writeChunk()
        }
        self.review(isStuck: isStuck)
    }

    func writeAtLast() {
        if self.waitsInWrites { self.patienceMilliseconds = Self.lastPatienceMilliseconds }
        self.write()
        self.patienceMilliseconds = Self.patienceMilliseconds
    }

    // MARK: Writing

    /// False when something of it is left.
    private func writeChunk() -> Bool {
        guard self.openFile() else { return false }
        while self.written < self.chunk.count {
            if self.waitsInWrites, !self.waitForReader() { return false }
            let end = self.pieceEnd
            let count = self.chunk.withUnsafeBytes { bytes in
                Glibc.write(self.fd, bytes.baseAddress! + self.written, end - self.written)
            }
            if count >= 0 {
                self.written += count
                self.lastProgress = self.clock()
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                guard self.waitForReader() else { return false }
            case let code:
                self.fail(code)
                return false
            }
        }
        self.chunk.removeAll(keepingCapacity: true)
        self.written = 0
        return true
    }

    /// Up to where is written next: whole lines, where others write to the same place.
    private var pieceEnd: Int {
        guard self.waitsInWrites else { return min(self.chunk.count, self.written + Self.pieceBytes) }
        let piece = self.chunk[self.written..<min(self.chunk.count, self.written + Self.certainBytes)]
        return piece.lastIndex(of: 0x0A).map { $0 + 1 } ?? piece.endIndex
    }

    /// False when it takes nothing for a while.
    private func waitForReader() -> Bool {
        var event = pollfd(fd: self.fd, events: Int16(POLLOUT), revents: 0)
        return poll(&event, 1, self.patienceMilliseconds) > 0
    }

    /// The line that was under way when its file or its reader was lost: the rest of it would look like a line.
    private func forgetHalfLine() {
        guard self.written > 0, self.chunk[self.written - 1] != 0x0A else { return }
        let rest = self.chunk[self.written...]
        self.written = rest.firstIndex(of: 0x0A).map { $0 + 1 } ?? self.chunk.count
        self.lostInHalves += 1
    }

    /// Nobody wants the lines any more that the old place did not take.
    private func forgetAll() {
        for spool in self.spools {
            self.chunk.removeAll(keepingCapacity: true)
            spool.exchange(&self.chunk)
        }
        self.chunk.removeAll(keepingCapacity: true)
        self.written = 0
    }

    // MARK: The file

    private func openFile() -> Bool {
        guard let target = self.target else { return false }
        switch target {
        case .standardOutput:
            self.fd = self.standardOutput
            return true
        case .file(let path):
            self.leaveMovedFile(path)
            if self.fd >= 0 { return true }
            // A pipe without a reader must not hold the writer: it says ENXIO.
            self.fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0o640)
            if self.fd >= 0 { return true }
            self.fail(errno)
            return false
        }
    }

    /// A file that was moved away, as rotation does, is written to until the line under way is whole.
    private func leaveMovedFile(_ path: String) {
        let now = self.clock()
        guard self.fd >= 0, now &- self.lastCheck >= Self.checkNanoseconds else { return }
        // Half a chunk is left only where nothing can be written; then it is not waited for.
        guard self.written == 0 || self.trouble != nil else { return }
        self.lastCheck = now
        var here = stat()
        var there = stat()
        let isSame =
            fstat(self.fd, &here) == 0 && stat(path, &there) == 0
            && here.st_ino == there.st_ino && here.st_dev == there.st_dev
        guard !isSame else { return }
        self.forgetHalfLine()
        self.close()
    }

    private func close() {
        if self.fd >= 0, self.fd != self.standardOutput { _ = Glibc.close(self.fd) }
        self.fd = -1
    }

    // MARK: Trouble

    private func fail(_ code: Int32) {
        let reason =
            switch code {
            case ENXIO, EPIPE: "nobody reads the pipe"
            case ENOSPC, EDQUOT: "there is no room left on the device"
            default: String(cString: strerror(code))
            }
        // The pipe's next reader begins with a whole line.
        if code == EPIPE {
            self.forgetHalfLine()
            self.close()
        }
        guard self.trouble != .failed else { return }
        self.trouble = .failed
        self.tell(.failed(reason))
    }

    private var lost: UInt64 { self.spools.reduce(self.lostInHalves) { $0 + $1.dropped } }

    private func tellOfEnd() {
        let lost = self.lost
        self.tell(.works(lost: lost - self.lostToldOf))
        self.lostToldOf = lost
    }

    private func review(isStuck: Bool) {
        let now = self.clock()
        if !isStuck { self.lastProgress = now }
        let stillness = (now &- self.lastProgress) / 1_000_000_000
        if isStuck, self.trouble == nil, stillness >= Self.stillnessSeconds {
            self.trouble = .standsStill
            self.tell(.standsStill(seconds: stillness))
        }
        let hasMoved = self.trouble == .standsStill && stillness < Self.stillnessSeconds
        if self.trouble != nil, !isStuck || hasMoved {
            self.trouble = nil
            self.tellOfEnd()
        }
        let lost = self.lost
        guard self.trouble == nil, lost > self.lostToldOf else { return }
        if let told = self.slownessToldAt, now &- told < Self.slownessNanoseconds { return }
        self.slownessToldAt = now
        self.tell(.tooSlow(lost: lost - self.lostToldOf))
        self.lostToldOf = lost
    }
}
