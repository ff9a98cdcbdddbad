import Primitives

/// Steps through flat JSON: strings without copies, integers, pairs of integers; other values are stepped over.
struct JSONScanner {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    private mutating func skipBlanks() {
        while self.position < self.bytes.count {
            switch self.bytes[self.position] {
            case ASCII.space, ASCII.tab, ASCII.lineFeed, ASCII.carriageReturn: self.position += 1
            default: return
            }
        }
    }

    /// Steps over `byte` if it comes next.
    mutating func skip(_ byte: UInt8) -> Bool {
        self.skipBlanks()
        guard self.position < self.bytes.count, self.bytes[self.position] == byte else { return false }
        self.position += 1
        return true
    }

    /// The bytes between the quotes, escapes left as they are.
    mutating func string() -> UnsafeRawBufferPointer? {
        guard self.skip(UInt8(ascii: "\"")) else { return nil }
        let start = self.position
        while self.position < self.bytes.count {
            let byte = self.bytes[self.position]
            self.position += 1
            if byte == UInt8(ascii: "\"") {
                return UnsafeRawBufferPointer(rebasing: self.bytes[start..<(self.position - 1)])
            }
            if byte == UInt8(ascii: "\\") { self.position += 1 }
        }
        return nil
    }

    /// Steps over `null` if it comes next.
    mutating func null() -> Bool {
        self.skipBlanks()
        let rest = UnsafeRawBufferPointer(rebasing: self.bytes[self.position...])
        guard rest.starts(with: "null".utf8) else { return false }
        self.position += 4
        return true
    }

    mutating func integer() -> Int64? {
        let isNegative = self.skip(UInt8(ascii: "-"))
        self.skipBlanks()
        var value: Int64 = 0
        var digits = 0
        while self.position < self.bytes.count, ASCII.isDigit(self.bytes[self.position]) {
            guard digits < 18 else { return nil }
            value = value * 10 + Int64(self.bytes[self.position] - ASCII.zero)
            digits += 1
            self.position += 1
        }
        guard digits > 0 else { return nil }
        return isNegative ? -value : value
    }

    /// `[a, b]`; the position is left where it was when something else comes next.
    mutating func pair() -> (Int64, Int64)? {
        let start = self.position
        if self.skip(UInt8(ascii: "[")), let first = self.integer(), self.skip(UInt8(ascii: ",")),
            let second = self.integer(), self.skip(UInt8(ascii: "]"))
        {
            return (first, second)
        }
        self.position = start
        return nil
    }

    /// Steps over any one value: to the comma or the closing brace of the object that holds it.
    mutating func skipValue() -> Bool {
        var depth = 0
        let start = self.position
        while true {
            self.skipBlanks()
            guard self.position < self.bytes.count else { return false }
            switch self.bytes[self.position] {
            case UInt8(ascii: "\""):
                guard self.string() != nil else { return false }
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return self.position > start }
                depth -= 1
            case UInt8(ascii: ","):
                if depth == 0 { return self.position > start }
            default:
                break
            }
            self.position += 1
        }
    }
}
