/// What reading a file has brought to light so far: where every key stands and what is wrong.
package struct Findings {
    package private(set) var problems: [(position: SourcePosition?, path: String, message: String)] = []
    package private(set) var positions: [String: SourcePosition] = [:]
    /// Every key of the file's schema, for the home of one that stands in the wrong section.
    let knownKeys: @Sendable () -> [SettingsKey]

    package init(knownKeys: @escaping @Sendable () -> [SettingsKey]) { self.knownKeys = knownKeys }

    package mutating func place(_ path: String, at position: SourcePosition) { self.positions[path] = position }

    package mutating func report(_ position: SourcePosition?, _ path: String, _ message: String) {
        self.problems.append((position, path, message))
    }

    /// Whether the value at `path` as a whole was refused.
    package func isRefused(_ path: String) -> Bool { self.problems.contains { $0.path == path } }

    /// Whether it was, or a part of it.
    package func hasProblem(at path: String) -> Bool {
        self.problems.contains { problem in
            problem.path == path || problem.path.hasPrefix("\(path).") || problem.path.hasPrefix("\(path)[")
        }
    }
}

/// Whether a running gateway takes a changed value over.
public enum Reload: String, Sendable {
    /// Within one tick of the reload.
    case live
    /// At the next start; until then the running value stays.
    case needsRestart = "at restart"
}

/// One key that a settings file may hold. `SettingsKey.all` is the whole schema.
public struct SettingsKey: Equatable, Sendable {
    /// Such as `pools.*.worker.slots` (`*` is a name that the operator gives) or `listen[].address`.
    public let path: String
    /// What the value may be, in words: `a count from 1 to 1000`.
    public let allowed: String
    /// As it would be written in the file; nil when the key must be given.
    public let defaultText: String?
    public let reload: Reload
    /// False for a key that only holds other keys.
    public let isValue: Bool

    package init(path: String, allowed: String, defaultText: String?, reload: Reload, isValue: Bool) {
        self.path = path
        self.allowed = allowed
        self.defaultText = defaultText
        self.reload = reload
        self.isValue = isValue
    }

    /// `[a count from 1 to 1000; default 8; live]`: how the reference file describes the key.
    public var summary: String { "[\(self.meaning); \(self.reload.rawValue)]" }

    /// `a count from 1 to 1000; default 8`: the same for a file that nothing follows while it is changed.
    package var meaning: String {
        "\(self.allowed); \(self.defaultText.map { "default \($0)" } ?? "required")"
    }

    /// Every key, in the order of the reference file.
    public static var all: [SettingsKey] { Settings.keys(at: "") }
}
