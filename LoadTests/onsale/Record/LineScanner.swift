import Glibc

/// The lines of a file, one after the other, without the whole of it in memory.
struct LineScanner: ~Copyable {
    private let path: String
    private let descriptor: Int32
    private var isAtStart = true
    private var buffer: [UInt8] = []
    private var start = 0
    private var isAtEnd = false
    /// What is longer comes in pieces of this.
    private static let longestLine = 1 << 20
    private static let chunk = 1 << 18

    /// `-` is standard input.
    init(_ path: String) throws(PlayProblem) {
        self.path = path
        self.descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard self.descriptor != -1 else { throw PlayProblem("\(path): \(String(cString: strerror(errno)))") }
    }

    deinit { if self.descriptor != STDIN_FILENO { close(self.descriptor) } }

    /// nil at the end. Bytes that are no UTF-8 become U+FFFD.
    mutating func next() throws(PlayProblem) -> String? {
        while true {
            if let end = self.buffer[self.start...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { self.start = end + 1 }
                return String(decoding: self.buffer[self.start..<end], as: UTF8.self)
            }
            let rest = self.buffer[self.start...]
            if self.isAtEnd || rest.count >= Self.longestLine {
                guard !rest.isEmpty else { return nil }
                self.start = self.buffer.count
                return String(decoding: rest, as: UTF8.self)
            }
            try self.fill()
        }
    }

    private mutating func fill() throws(PlayProblem) {
        self.buffer.removeFirst(self.start)
        self.start = 0
        let held = self.buffer.count
        self.buffer.append(contentsOf: repeatElement(0, count: Self.chunk))
        let descriptor = self.descriptor
        var count = -1
        repeat {
            count = self.buffer.withUnsafeMutableBytes { bytes in
                read(descriptor, bytes.baseAddress?.advanced(by: held), Self.chunk)
            }
        } while count == -1 && errno == EINTR
        guard count != -1 else { throw PlayProblem("the log cannot be read: \(String(cString: strerror(errno)))") }
        self.buffer.removeLast(Self.chunk - count)
        self.isAtEnd = count == 0
        defer { self.isAtStart = false }
        // What rotation leaves behind is mostly compressed (RFC 1952 section 2.3.1).
        guard self.isAtStart, self.buffer.starts(with: [0x1F, 0x8B]) else { return }
        throw PlayProblem("\(self.path) is compressed with gzip: give its lines, as `zcat LOG | onsale record -` does")
    }
}
