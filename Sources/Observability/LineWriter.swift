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
            pen.write()
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

    private let tell: @Sendable (LineWriter.News) -> Void
    private var spools: [LineSpool] = []
    private var target: LineWriter.Target?
    private var fd: Int32 = -1
    /// Being written, from `written` on.
    private var chunk: [UInt8] = []
    private var written = 0
    private var lastCheck: UInt64 = 0
    /// Why nothing can be written; nil while it can.
    private var trouble: String?
    private var lostInHalves: UInt64 = 0
    private var lostToldOf: UInt64 = 0
    private var slownessToldAt: UInt64?

    init(tell: @escaping @Sendable (LineWriter.News) -> Void) { self.tell = tell }

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
        self.trouble = nil
        self.target = target
        self.write()
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

    // MARK: Writing

    /// False when something of it is left.
    private func writeChunk() -> Bool {
        guard self.openFile() else { return false }
        while self.written < self.chunk.count {
            let count = self.chunk.withUnsafeBytes { bytes in
                let rest = min(bytes.count - self.written, Self.pieceBytes)
                return Glibc.write(self.fd, bytes.baseAddress! + self.written, rest)
            }
            if count >= 0 {
                self.written += count
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

    /// False when it takes nothing for a while.
    private func waitForReader() -> Bool {
        var event = pollfd(fd: self.fd, events: Int16(POLLOUT), revents: 0)
        return poll(&event, 1, Self.patienceMilliseconds) > 0
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
            self.fd = STDOUT_FILENO
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
        let now = DispatchTime.now().uptimeNanoseconds
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
        if self.fd > STDERR_FILENO { _ = Glibc.close(self.fd) }
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
        guard self.trouble == nil else { return }
        self.trouble = reason
        self.tell(.failed(reason))
    }

    private func review(isStuck: Bool) {
        let lost = self.spools.reduce(self.lostInHalves) { $0 + $1.dropped }
        if !isStuck, self.trouble != nil {
            self.trouble = nil
            self.tell(.works(lost: lost - self.lostToldOf))
            self.lostToldOf = lost
        }
        guard self.trouble == nil, lost > self.lostToldOf else { return }
        let now = DispatchTime.now().uptimeNanoseconds
        if let told = self.slownessToldAt, now &- told < Self.slownessNanoseconds { return }
        self.slownessToldAt = now
        self.tell(.tooSlow(lost: lost - self.lostToldOf))
        self.lostToldOf = lost
    }
}
