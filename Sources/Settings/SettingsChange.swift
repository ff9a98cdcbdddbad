/// One value that a reload finds changed.
public struct SettingsChange: Equatable, Sendable, CustomStringConvertible {
    /// Such as `rooms.onsale.inflow`.
    public let path: String
    /// As it would be written in the file; secrets are left out.
    public let before: String
    public let after: String
    public let reload: Reload

    init(_ path: String, _ before: String, _ after: String, _ reload: Reload) {
        self.path = path
        self.before = before
        self.after = after
        self.reload = reload
    }

    var afterRestart: SettingsChange { SettingsChange(self.path, self.before, self.after, .needsRestart) }

    public var description: String { "\(self.path): \(self.before) -> \(self.after) (\(self.reload.rawValue))" }
}

extension Settings {
    /// What a reload would alter, in the order of the schema.
    public static func changes(from running: Settings, to loaded: Settings) -> [SettingsChange] {
        self.changes(from: running, to: loaded, at: "")
    }

    /// What is in force after a reload: `loaded`, with the running value wherever a restart is needed.
    public static func effective(running: Settings, loaded: Settings) -> Settings {
        self.effectiveSection(running: running, loaded: loaded)
    }
}
