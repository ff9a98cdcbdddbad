import Primitives

/// Where a request stands in a trace: the `traceparent` field of W3C Trace Context.
public struct TraceParent: Equatable, Sendable {
    /// The two halves of the trace's id, not both zero.
    public let traceHigh: UInt64
    public let traceLow: UInt64
    /// Who sends the request; not zero.
    public var parent: UInt64
    /// Bit 0: whoever sent it records the trace.
    public let flags: UInt8

    static let byteCount = 55
    /// Flags whose meaning this version knows: recorded, and an id that is random.
    private static let knownFlags: UInt8 = 3

    public init(traceHigh: UInt64, traceLow: UInt64, parent: UInt64, flags: UInt8) {
        precondition(traceHigh | traceLow != 0 && parent != 0, "a trace and its parent have ids that are not zero")
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.parent = parent
        self.flags = flags
    }

    /// Nil when it is malformed. Of a version to come the part that is known counts.
    public init?(parsing bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.byteCount, bytes[2] == Self.dash, bytes[35] == Self.dash, bytes[52] == Self.dash,
            let version = Self.number(bytes, at: 0, digits: 2), version != 0xFF,
            bytes.count == Self.byteCount || version > 0 && bytes[Self.byteCount] == Self.dash,
            let high = Self.number(bytes, at: 3, digits: 16), let low = Self.number(bytes, at: 19, digits: 16),
            let parent = Self.number(bytes, at: 36, digits: 16), let flags = Self.number(bytes, at: 53, digits: 2),
            high | low != 0, parent != 0
        else { return nil }
        self.init(
            traceHigh: high,
            traceLow: low,
            parent: parent,
            flags: UInt8(truncatingIfNeeded: flags) & Self.knownFlags
        )
    }

    private static let dash = UInt8(ascii: "-")

    /// Digits in small letters only.
    private static func number(_ bytes: UnsafeRawBufferPointer, at start: Int, digits: Int) -> UInt64? {
        var number: UInt64 = 0
        for index in start..<start + digits {
            let byte = bytes[index]
            guard byte < UInt8(ascii: "A") || byte > UInt8(ascii: "F"), let digit = ASCII.hexValue(byte) else {
                return nil
            }
            number = number << 4 | UInt64(digit)
        }
        return number
    }

    /// Appends the field's value, in version 00.
    public func append(to writer: inout ByteWriter) {
        writer.append("00-")
        self.appendTrace(to: &writer)
        writer.append("-")
        writer.append(hexadecimal: self.parent, digits: 16)
        writer.append("-")
        writer.append(hexadecimal: UInt64(self.flags), digits: 2)
    }

    /// Appends the id of the trace.
    public func appendTrace(to writer: inout ByteWriter) {
        writer.append(hexadecimal: self.traceHigh, digits: 16)
        writer.append(hexadecimal: self.traceLow, digits: 16)
    }
}

extension ByteWriter {
    /// The lowest `digits` hexadecimal digits, in small letters.
    public mutating func append(hexadecimal value: UInt64, digits: Int) {
        var left = digits
        while left >= 8 {
            left -= 8
            let word = Self.hexadecimal(UInt32(truncatingIfNeeded: value >> UInt64(4 * left)))
            withUnsafeBytes(of: word.bigEndian) { self.append($0) }
        }
        for place in (0..<left).reversed() {
            let digit = UInt8(truncatingIfNeeded: value >> UInt64(4 * place)) & 15
            self.append(byte: digit < 10 ? ASCII.zero + digit : 0x57 + digit)
        }
    }

    /// Eight digits in one word, the first one in its highest byte: ids are written with every request.
    private static func hexadecimal(_ value: UInt32) -> UInt64 {
        var digits = UInt64(value)
        digits = (digits | digits << 16) & 0x0000_FFFF_0000_FFFF
        digits = (digits | digits << 8) & 0x00FF_00FF_00FF_00FF
        digits = (digits | digits << 4) & 0x0F0F_0F0F_0F0F_0F0F
        // In each byte 1 for a letter: six more than nine carries into the next half.
        let letters = (digits + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        return digits + 0x3030_3030_3030_3030 + letters * 0x27
    }
}
