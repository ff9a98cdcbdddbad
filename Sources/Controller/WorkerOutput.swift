import EventLoop
import Glibc
import Primitives

/// A worker's standard output. One line of it says where the worker listens; all others are the worker's own business
/// and are thrown away, but read, because a full pipe would stop the worker.
///
/// A worker that writes without end takes one read of every turn of the loop, and no more.
final class WorkerOutput: Descriptor {
    /// A line longer than this is no announcement.
    static let maxLineBytes = 4_096
    private static let announcement = Array("listening on ".utf8)

    /// Nil once it has been called.
    private var onAnnouncement: ((String) -> Void)?
    /// The beginning of a line whose end has not come yet, up to `maxLineBytes`.
    private var partial: [UInt8] = []
    private var readIsDue = false

    /// Takes ownership of `fd`, which must be non-blocking. `onAnnouncement` is called once, on the loop, with what
    /// stands behind `listening on `.
    init(loop: EventLoop, fd: Int32, onAnnouncement: @escaping (String) -> Void) throws {
        self.onAnnouncement = onAnnouncement
        super.init(loop: loop, fd: fd)
        try self.register([.readable, .inputEnded])
    }

    override func ready(_ events: ReadyEvents) { self.readOnce() }

    private func readOnce() {
        guard self.fd >= 0, !self.readIsDue else { return }
        let count = read(self.fd, self.loop.readScratch.baseAddress, self.loop.readScratch.count)
        if count == -1, errno == EAGAIN { return }
        guard count > 0 || count == -1 && errno == EINTR else { return self.deregisterAndClose() }
        if count > 0, self.onAnnouncement != nil {
            self.look(UnsafeRawBufferPointer(rebasing: self.loop.readScratch[..<count]))
        }
        // The set tells of new input only: what is left has to be remembered.
        self.readIsDue = true
        self.loop.onNextTurn { [weak self] in
            self?.readIsDue = false
            self?.readOnce()
        }
    }

    private func look(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        while let end = rest.firstIndex(of: ASCII.lineFeed) {
            self.keep(rest[..<end])
            rest = rest[(end + 1)...]
            if self.partial.starts(with: Self.announcement), self.partial.count <= Self.maxLineBytes {
                let address = String(decoding: self.partial.dropFirst(Self.announcement.count), as: UTF8.self)
                let onAnnouncement = self.onAnnouncement
                self.onAnnouncement = nil
                self.partial = []
                onAnnouncement?(address)
                return
            }
            self.partial.removeAll(keepingCapacity: true)
        }
        self.keep(rest)
    }

    /// One byte more than a line may have, so that a line that is cut is not taken for a whole one.
    private func keep(_ bytes: Slice<UnsafeRawBufferPointer>) {
        self.partial += bytes.prefix(max(0, Self.maxLineBytes + 1 - self.partial.count))
    }
}
