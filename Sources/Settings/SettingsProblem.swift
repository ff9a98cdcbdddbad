/// One thing wrong with a settings file: where it stands, which key it is about, what was found and what is allowed.
public struct SettingsProblem: Equatable, Sendable, CustomStringConvertible {
    /// As the file was named by whoever asked for it.
    public let file: String
    /// Nil when the file as a whole is meant: it is not there, or it cannot be read.
    public let position: SourcePosition?
    /// Such as `rooms.onsale.inflow` or `routes[1].pool`; empty for the file as a whole.
    public let path: String
    public let message: String

    public init(file: String, position: SourcePosition?, path: String, message: String) {
        self.file = file
        self.position = position
        self.path = path
        self.message = message
    }

    /// `file:line:column: key: message`, which editors and terminals turn into a link.
    public var description: String {
        var place = self.file
        if let position = self.position { place += ":\(position.line):\(position.column)" }
        return self.path.isEmpty ? "\(place): \(self.message)" : "\(place): \(self.path): \(self.message)"
    }
}

/// A settings file that was refused, with everything that is wrong with it, in the order of the file.
public struct SettingsError: Error, Equatable, Sendable, CustomStringConvertible {
    /// At least one, at most `maxProblems`.
    public let problems: [SettingsProblem]
    public static let maxProblems = 100

    public init(_ problems: [SettingsProblem]) {
        precondition(!problems.isEmpty, "an error without a problem")
        self.problems = Array(problems.prefix(Self.maxProblems))
    }

    public var description: String { self.problems.map(\.description).joined(separator: "\n") }

    private static let mostOnALine = 3

    /// The first problems on one line, for a log and for the status; `sluice check` prints all of them.
    public var line: String {
        let rest = self.problems.count - Self.mostOnALine
        let more = rest > 0 ? "; and \(rest) more, see `sluice check`" : ""
        let first = self.problems.prefix(Self.mostOnALine).map(\.description).joined(separator: "; ")
        return first.split(whereSeparator: \.isNewline).joined(separator: " ") + more
    }
}

/// Where every key of a loaded file stood: for checks that come later and need more than the text, such as whether a
/// certificate can be read.
public struct SettingsSourceMap: Sendable {
    public let file: String
    let positions: [String: SourcePosition]

    package init(file: String, positions: [String: SourcePosition]) {
        self.file = file
        self.positions = positions
    }

    /// A problem with the value at `path`, placed at the key, or at the nearest one around it when it was left out.
    public func problem(at path: String, _ message: String) -> SettingsProblem {
        SettingsProblem(file: self.file, position: self.position(of: path), path: path, message: message)
    }

    func position(of path: String) -> SourcePosition? {
        var path = path[...]
        while true {
            if let position = self.positions[String(path)] { return position }
            guard let cut = path.lastIndex(where: { $0 == "." || $0 == "[" }) else { return self.positions[""] }
            path = path[..<cut]
        }
    }
}
