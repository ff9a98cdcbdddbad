import CLinux
import Glibc

/// Reads whole lines from a pipe, such as a child's standard output. A line longer than `maxLineBytes` is cut there.
///
/// A child that floods its output does not hold the loop: after `maxBytesPerTurn` or `maxLinesPerTurn`, to within one
/// read, others get their turn.
public final class LineReader: Descriptor {
    public static let maxLineBytes = 4_096
    public static let maxBytesPerTurn = 64 * 1024
    public static let maxLinesPerTurn = 256
    /// Small, so that a read of nothing but line ends holds a bounded number of lines.
    private static let readBytes = 4_096
    private let onLine: (String) -> Void
    private var partial: [UInt8] = []
    /// The rest is read in the next turn.
    private var isGivingWay = false

    /// Takes ownership of `fd`, which must be non-blocking. `onLine` runs on the loop, without the line's end.
    public init(loop: EventLoop, fd: Int32, onLine: @escaping (String) -> Void) throws {
        self.onLine = onLine
        super.init(loop: loop, fd: fd)
        try self.register([.readable, .inputEnded])
    }

    public override func ready(_ events: ReadyEvents) {
        guard !self.isGivingWay else { return }
        var bytes = 0
        var lines = 0
        while self.fd >= 0 {
            guard bytes < Self.maxBytesPerTurn, lines < Self.maxLinesPerTurn else { return self.giveWay() }
            let count = read(self.fd, self.loop.readScratch.baseAddress, Self.readBytes)
            if count == -1, errno == EINTR { continue }
            if count == -1, errno == EAGAIN { return }
            guard count > 0 else {
                self.deregisterAndClose()
                return
            }
            bytes += count
            lines += self.split(UnsafeRawBufferPointer(rebasing: self.loop.readScratch[..<count]))
        }
    }

    private func giveWay() {
        self.isGivingWay = true
        self.loop.onNextTurn {
            self.isGivingWay = false
            self.ready(.readable)
        }
    }

    /// Returns how many lines ended in `bytes`.
    private func split(_ bytes: UnsafeRawBufferPointer) -> Int {
        var lines: [String] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(of: 0x0A) {
            self.keep(rest[..<end])
            lines.append(String(decoding: self.partial, as: UTF8.self))
            self.partial.removeAll(keepingCapacity: true)
            rest = rest[(end + 1)...]
        }
        self.keep(rest)
        // After the memory has been looked at: what hears of a line may use it.
        for line in lines { self.onLine(line) }
        return lines.count
    }

    private func keep(_ bytes: Slice<UnsafeRawBufferPointer>) {
        self.partial.append(contentsOf: bytes.prefix(Self.maxLineBytes - self.partial.count))
    }
}
