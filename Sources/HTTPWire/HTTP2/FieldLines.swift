import Primitives

/// Reads field lines that were written here, one after the other: `name: value` and the line end.
public struct FieldLines {
    private let text: UnsafeRawBufferPointer
    private var position = 0

    /// - Parameter text: must outlive the reader. A line without colon or end is the last one, and left out.
    public init(_ text: UnsafeRawBufferPointer) { self.text = text }

    public mutating func next() -> (name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)? {
        let rest = self.text[self.position...]
        guard let lineFeed = rest.firstIndex(of: ASCII.lineFeed), lineFeed > rest.startIndex,
            let colon = rest[..<lineFeed].firstIndex(of: ASCII.colon)
        else { return nil }
        var start = colon + 1
        while start < lineFeed - 1, self.text[start] == ASCII.space { start += 1 }
        let name = UnsafeRawBufferPointer(rebasing: self.text[self.position..<colon])
        self.position = lineFeed + 1
        return (name, UnsafeRawBufferPointer(rebasing: self.text[start..<max(start, lineFeed - 1)]))
    }

    /// Names that have no place in HTTP/2 (RFC 9113 section 8.2.2): they are about a connection of HTTP/1.
    public static func isConnectionSpecific(_ name: UnsafeRawBufferPointer) -> Bool {
        switch name.count {
        case 7: ASCII.equalsIgnoringCase(name, "upgrade")
        case 10: ASCII.equalsIgnoringCase(name, "connection") || ASCII.equalsIgnoringCase(name, "keep-alive")
        case 16: ASCII.equalsIgnoringCase(name, "proxy-connection")
        case 17: ASCII.equalsIgnoringCase(name, "transfer-encoding")
        default: false
        }
    }
}

extension Trailers {
    /// One field of a request's trailers in HTTP/2; it is kept if it may travel on. False when the trailers are larger
    /// than `BodyReader.maxTrailerBytes`, together with the `bytes` that came before.
    public mutating func take(
        name: UnsafeRawBufferPointer,
        value: UnsafeRawBufferPointer,
        bytes: inout Int
    ) -> Bool {
        bytes += name.count + value.count + 4
        guard bytes <= BodyReader.maxTrailerBytes else { return false }
        let isLine = value.allSatisfy { $0 >= ASCII.space && $0 != 0x7F || $0 == ASCII.tab }
        guard isLine, name.count > 0, name.allSatisfy(ASCII.isToken) else { return true }
        for byte in name { self.takeName(byte) }
        self.endName()
        for byte in value { self.takeValue(byte) }
        self.endLine()
        return true
    }
}
