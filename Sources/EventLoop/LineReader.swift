import CLinux
import Glibc

/// Reads whole lines from a pipe, such as a child's standard output. A line longer than `maxLineBytes` is cut there.
public final class LineReader: Descriptor {
    public static let maxLineBytes = 4_096
    private let onLine: (String) -> Void
    private var partial: [UInt8] = []

    /// Takes ownership of `fd`, which must be non-blocking. `onLine` runs on the loop, without the line's end.
    public init(loop: EventLoop, fd: Int32, onLine: @escaping (String) -> Void) throws {
        self.onLine = onLine
        super.init(loop: loop, fd: fd)
        try self.register([.readable, .inputEnded])
    }

    public override func ready(_ events: ReadyEvents) {
        while self.fd >= 0 {
            let count = read(self.fd, self.loop.readScratch.baseAddress, self.loop.readScratch.count)
            if count == -1, errno == EINTR { continue }
            if count == -1, errno == EAGAIN { return }
            guard count > 0 else {
                self.deregisterAndClose()
                return
            }
            let bytes = [UInt8](UnsafeRawBufferPointer(rebasing: self.loop.readScratch[0..<count]))
            for byte in bytes {
                if byte == 0x0A {
                    self.flush()
                } else if self.partial.count < Self.maxLineBytes {
                    self.partial.append(byte)
                }
            }
        }
    }

    private func flush() {
        let line = String(decoding: self.partial, as: UTF8.self)
        self.partial.removeAll(keepingCapacity: true)
        self.onLine(line)
    }
}
