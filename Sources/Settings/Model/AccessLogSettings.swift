/// A line for each request, for those who analyse them.
public struct AccessLogSettings: Equatable, Sendable {
    public enum Format: String, CaseIterable, Sendable {
        case json
        /// As web servers have written it for ever.
        case combined
    }

    /// `stdout`, or the path of a file; nil: no access log.
    public var path: String?
    public var format = Format.json
    /// The share of requests that get a line, from 0 to 1.
    public var sample = 1.0

    public init() {}

    /// The word in place of a path for standard output.
    public static let standardOutput = "stdout"

    func resolved(in folder: String) -> Self {
        var resolved = self
        if self.path != Self.standardOutput { resolved.path = self.path?.resolved(in: folder) }
        return resolved
    }
}

extension AccessLogSettings: SettingsSection {
    package static var fields: [SettingsField<Self>] {
        [
            .value("path", \.path, .either("null", or: .pathOrStandardOutput), .live),
            .value("format", \.format, .word, .live),
            .value("sample", \.sample, .number(0...1), .live),
        ]
    }
}

extension ValueKind where Value == String {
    fileprivate static var pathOrStandardOutput: Self {
        let kind = Self.path
        let word = AccessLogSettings.standardOutput
        return ValueKind(
            allowed: "\(word) or \(kind.allowed)",
            brief: "\(word) or \(kind.brief)",
            read: kind.read,
            write: kind.write
        )
    }
}
