/// Appends into memory that the caller owns, and remembers instead of trapping when it did not fit.
///
/// The request path builds heads and pages with it in a loop's scratch memory: no allocation, one copy.
public struct ByteWriter {
    @usableFromInline let base: UnsafeMutableRawPointer
    @usableFromInline let capacity: Int
    public private(set) var count = 0
    /// True once an append did not fit. Nothing of that append, nor of any later one, was written.
    public private(set) var overflowed = false

    /// `memory` must outlive the writer.
    public init(_ memory: UnsafeMutableRawBufferPointer) {
        precondition(memory.baseAddress != nil, "a writer needs memory")
        self.base = memory.baseAddress!
        self.capacity = memory.count
    }

    public var written: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: self.base, count: self.count) }

    /// Takes the writer back to an earlier `count`, to overwrite what came after it.
    public mutating func rewind(to count: Int) {
        precondition(count >= 0 && count <= self.count, "rewind goes back only")
        self.count = count
    }

    @inline(__always)
    private mutating func reserve(_ size: Int) -> Bool {
        if self.overflowed || size > self.capacity - self.count {
            self.overflowed = true
            return false
        }
        return true
    }

    @inline(__always)
    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0, self.reserve(bytes.count) else { return }
        (self.base + self.count).copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
        self.count += bytes.count
    }

    @inline(__always)
    public mutating func append(_ text: StaticString) {
        self.append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    public mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { self.append($0) }
    }

    public mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { self.append(UnsafeRawBufferPointer($0)) }
    }

    @inline(__always)
    public mutating func append(byte: UInt8) {
        guard self.reserve(1) else { return }
        self.base.storeBytes(of: byte, toByteOffset: self.count, as: UInt8.self)
        self.count += 1
    }

    /// `value` in decimal digits, with a minus sign when negative.
    public mutating func append(decimal value: Int) {
        var rest = value.magnitude
        var digits = 1
        var limit: UInt = 10
        while rest >= limit {
            digits += 1
            let (next, overflow) = limit.multipliedReportingOverflow(by: 10)
            if overflow { break }
            limit = next
        }
        let isNegative = value < 0
        guard self.reserve(digits + (isNegative ? 1 : 0)) else { return }
        if isNegative { self.append(byte: 0x2D) }
        var position = self.count + digits
        self.count = position
        repeat {
            position -= 1
            self.base.storeBytes(of: ASCII.zero &+ UInt8(rest % 10), toByteOffset: position, as: UInt8.self)
            rest /= 10
        } while rest > 0
    }
}
