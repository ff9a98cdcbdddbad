/// A place in a settings file. Line and column are counted from 1; columns count Unicode scalars.
public struct SourcePosition: Hashable, Comparable, Sendable {
    public let line: Int
    public let column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    public static func < (left: SourcePosition, right: SourcePosition) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// What a settings file says, before anything is known about what it means. The parser of the file makes it (module
/// `SettingsFile`); every part remembers where it stood, so that a problem found later can point at it.
public struct SettingsNode: Equatable, Sendable {
    public enum Content: Equatable, Sendable {
        /// `isPlain` is false when the text stood in quotes: then it is a text, whatever it looks like.
        case scalar(String, isPlain: Bool)
        case sequence([SettingsNode])
        /// In the order of the file. Keys that are written twice are here twice: the decoder reports them.
        case mapping([Entry])
    }

    public struct Entry: Equatable, Sendable {
        public let key: String
        public let keyPosition: SourcePosition
        public let value: SettingsNode

        public init(key: String, keyPosition: SourcePosition, value: SettingsNode) {
            self.key = key
            self.keyPosition = keyPosition
            self.value = value
        }
    }

    public let content: Content
    public let position: SourcePosition

    public init(_ content: Content, at position: SourcePosition) {
        self.content = content
        self.position = position
    }

    /// `key:` with nothing behind it, or one of YAML's words for nothing.
    package var isNull: Bool {
        guard case .scalar(let text, isPlain: true) = self.content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// The node in the words of an error: `"abc"`, `a list`.
    package var shown: String {
        switch self.content {
        case .sequence: "a list"
        case .mapping: "a mapping of keys"
        case .scalar("", isPlain: true): "nothing"
        case .scalar(let text, _): text.quotedForMessage
        }
    }
}

extension String {
    private static let shownScalars = 60

    /// In quotes, on one line, and cut when long: the text comes from the file and goes into a log.
    package var quotedForMessage: String {
        var result = "\""
        for (index, scalar) in self.unicodeScalars.enumerated() {
            guard index < Self.shownScalars else { return result + "...\"" }
            let isControl = scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
            result.unicodeScalars.append(isControl ? "?" : scalar)
        }
        return result + "\""
    }
}
