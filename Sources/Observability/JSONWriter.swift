/// Writes one JSON text, with commas and escapes where they belong. For status pages and logs, not for the request path.
///
/// Use is checked: a value without its key in an object, or an unclosed container, is a programming error and traps.
public struct JSONWriter: Sendable {
    /// Deeper nesting is a programming error.
    public static let maxDepth = 32

    private struct Container {
        let isObject: Bool
        var isEmpty = true
        var hasKey = false
    }
    private var text: [UInt8] = []
    private var open: [Container] = []

    public init() {}

    /// The text, when every container is closed.
    public consuming func finished() -> [UInt8] {
        precondition(self.open.isEmpty && !self.text.isEmpty, "a JSON text is one closed value")
        return self.text
    }

    public mutating func beginObject() { self.begin(0x7B, isObject: true) }
    public mutating func endObject() { self.end(0x7D, isObject: true) }
    public mutating func beginArray() { self.begin(0x5B, isObject: false) }
    public mutating func endArray() { self.end(0x5D, isObject: false) }

    /// The name of the next value of an object.
    public mutating func key(_ name: String) {
        guard let container = self.open.last, container.isObject, !container.hasKey else {
            preconditionFailure("the key '\(name)' stands outside of an object, or follows a key")
        }
        if !container.isEmpty { self.text.append(0x2C) }
        self.open[self.open.count - 1].isEmpty = false
        self.open[self.open.count - 1].hasKey = true
        Self.appendQuoted(name, to: &self.text)
        self.text.append(0x3A)
    }

    public mutating func value(_ value: String) {
        self.prepareValue()
        Self.appendQuoted(value, to: &self.text)
    }

    public mutating func value(_ value: some BinaryInteger) { self.literal("\(value)") }
    public mutating func value(_ value: Bool) { self.literal(value ? "true" : "false") }
    /// JSON has no infinities and no NaN: they become `null`.
    public mutating func value(_ value: Double) { self.literal(value.isFinite ? "\(value)" : "null") }
    public mutating func null() { self.literal("null") }

    /// A value that is JSON already.
    public mutating func raw(_ json: [UInt8]) {
        self.prepareValue()
        self.text += json
    }

    // MARK: Members of an object

    public mutating func member(_ name: String, _ value: String?) {
        self.key(name)
        if let value { self.value(value) } else { self.null() }
    }

    public mutating func member(_ name: String, _ value: (some BinaryInteger)?) {
        self.key(name)
        if let value { self.value(value) } else { self.null() }
    }

    public mutating func member(_ name: String, _ value: Double?) {
        self.key(name)
        if let value { self.value(value) } else { self.null() }
    }

    public mutating func member(_ name: String, _ value: Bool) {
        self.key(name)
        self.value(value)
    }

    // MARK: Inside

    private mutating func literal(_ text: String) {
        self.prepareValue()
        self.text += text.utf8
    }

    private mutating func prepareValue() {
        guard let container = self.open.last else {
            precondition(self.text.isEmpty, "a JSON text is one value")
            return
        }
        let last = self.open.count - 1
        if container.isObject {
            precondition(container.hasKey, "a value in an object needs a key")
            self.open[last].hasKey = false
        } else if !container.isEmpty {
            self.text.append(0x2C)
        }
        self.open[last].isEmpty = false
    }

    private mutating func begin(_ byte: UInt8, isObject: Bool) {
        self.prepareValue()
        precondition(self.open.count < Self.maxDepth, "JSON nested too deeply")
        self.open.append(Container(isObject: isObject))
        self.text.append(byte)
    }

    private mutating func end(_ byte: UInt8, isObject: Bool) {
        guard let container = self.open.popLast(), container.isObject == isObject, !container.hasKey else {
            preconditionFailure("a JSON container is closed that is not open")
        }
        self.text.append(byte)
    }

    /// `text` in quotes. Control characters are escaped, so that the result is one line (RFC 8259 section 7).
    static func appendQuoted(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(0x22)
        for byte in text.utf8 {
            switch byte {
            case 0x22, 0x5C: bytes += [0x5C, byte]
            case 0x0A: bytes += [0x5C, 0x6E]
            case 0x0D: bytes += [0x5C, 0x72]
            case 0x09: bytes += [0x5C, 0x74]
            case 0..<0x20, 0x7F: bytes += "\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8
            default: bytes.append(byte)
            }
        }
        bytes.append(0x22)
    }
}
