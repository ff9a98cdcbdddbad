import Primitives

/// Finds in a worker's output the line that says where it listens: `listening on ADDRESS`. All others are the worker's
/// own business. A line longer than `maxLineBytes` is no announcement.
struct AnnouncementReader {
    static let maxLineBytes = 4_096
    private static let announcement = Array("listening on ".utf8)

    /// What stands behind `listening on ` in the first such line; nil until it has come.
    private(set) var announced: String?
    /// The beginning of a line whose end has not come yet, one byte more than a line may have at most, so that a line
    /// that is cut is not taken for a whole one.
    private var partial: [UInt8] = []

    mutating func read(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        while self.announced == nil, let end = rest.firstIndex(of: ASCII.lineFeed) {
            self.keep(rest[..<end])
            rest = rest[(end + 1)...]
            if self.partial.starts(with: Self.announcement), self.partial.count <= Self.maxLineBytes {
                self.announced = String(decoding: self.partial.dropFirst(Self.announcement.count), as: UTF8.self)
            }
            self.partial.removeAll(keepingCapacity: true)
        }
        if self.announced == nil { self.keep(rest) }
    }

    private mutating func keep(_ bytes: Slice<UnsafeRawBufferPointer>) {
        self.partial += bytes.prefix(max(0, Self.maxLineBytes + 1 - self.partial.count))
    }
}
