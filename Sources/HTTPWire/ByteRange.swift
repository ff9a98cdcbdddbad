/// A part of a message, counted in bytes from the start of the buffer that was parsed.
///
/// Heads hold ranges instead of pointers, so they stay meaningful when the buffer moves.
public struct ByteRange: Hashable, Sendable {
    public var start: Int32
    public var count: Int32

    @inlinable @inline(__always)
    public init(start: Int, end: Int) {
        self.start = Int32(truncatingIfNeeded: start)
        self.count = Int32(truncatingIfNeeded: end &- start)
    }

    public static let empty = ByteRange(start: 0, end: 0)

    /// The offset after the last byte.
    @inlinable public var end: Int { Int(self.start) &+ Int(self.count) }
    @inlinable public var isEmpty: Bool { self.count == 0 }

    /// The bytes themselves. `bytes` must be the buffer that was parsed, or a copy of it.
    ///
    /// The check stays in release builds: a range used on the wrong buffer traps instead of reading foreign memory.
    @inlinable @inline(__always)
    public func slice(of bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        precondition(self.start >= 0 && self.count >= 0 && self.end <= bytes.count, "a range of another buffer")
        return UnsafeRawBufferPointer(
            start: bytes.baseAddress.unsafelyUnwrapped + Int(self.start),
            count: Int(self.count)
        )
    }
}
