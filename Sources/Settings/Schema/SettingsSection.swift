/// A mapping of the file whose keys are known: the decoder, the list of changes and the documentation of the keys all
/// follow from `fields`.
package protocol SettingsSection: Equatable, Sendable {
    /// Every value at its default; what is required holds a placeholder that decoding always replaces.
    init()
    static var fields: [SettingsField<Self>] { get }
    /// What the keys of one section must keep among themselves.
    static func check(_ section: Self, at path: String, _ findings: inout Findings)
    /// True when `loaded` differs in a way that lets nothing of it take effect before a restart.
    static func needsRestart(running: Self, loaded: Self) -> Bool
}

extension SettingsSection {
    package static func check(_ section: Self, at path: String, _ findings: inout Findings) {}
    package static func needsRestart(running: Self, loaded: Self) -> Bool { false }

    /// Reads what `node` says and leaves the default where it says nothing, or something wrong.
    package static func read(_ node: SettingsNode, at path: String, _ findings: inout Findings) -> Self {
        guard case .mapping(let entries) = node.content else {
            // An empty section is an empty mapping whose keys are all left out.
            if node.isNull { return self.read([], of: node, at: path, &findings) }
            findings.report(node.position, path, "found \(node.shown); allowed: a mapping with the keys \(self.names)")
            return Self()
        }
        return self.read(entries, of: node, at: path, &findings)
    }

    private static func read(
        _ entries: [SettingsNode.Entry],
        of node: SettingsNode,
        at path: String,
        _ findings: inout Findings
    ) -> Self {
        var section = Self()
        let fields = self.fields
        var seen = KeyRegister()
        for entry in entries {
            let keyPath = path.appending(key: entry.key)
            guard let field = fields.first(where: { $0.name == entry.key }) else {
                findings.report(entry.keyPosition, keyPath, self.unknown(entry.key, among: findings.knownKeys))
                continue
            }
            guard seen.isNew(entry, keyPath, &findings) else { continue }
            findings.place(keyPath, at: entry.keyPosition)
            field.read(entry.value, keyPath, &section, &findings)
        }
        for field in fields where field.defaultText == nil && !seen.contains(field.name) {
            findings.report(
                node.position,
                path.appending(key: field.name),
                "the key is missing; it must be \(field.allowed)"
            )
        }
        self.check(section, at: path, &findings)
        return section
    }

    private static var names: String { self.fields.map(\.name).joined(separator: ", ") }

    /// The nearest known key, or where the key does belong.
    private static func unknown(_ key: String, among known: () -> [SettingsKey]) -> String {
        let names = self.fields.map(\.name)
        var message = "unknown key"
        if let nearest = NearestWord.of(key, among: names) {
            message += "; did you mean \(nearest)?"
        } else if let home = known().first(where: { $0.path.lastKey == key }) {
            message += "; it is known as \(home.path)"
        }
        return "\(message); allowed here: \(names.joined(separator: ", "))"
    }

    // MARK: What follows from the fields besides decoding

    package static func keys(at path: String) -> [SettingsKey] {
        self.fields.flatMap { $0.keys(path.appending(key: $0.name)) }
    }

    static func changes(from running: Self, to loaded: Self, at path: String) -> [SettingsChange] {
        guard running != loaded else { return [] }
        let changes = self.fields.flatMap { $0.changes(running, loaded, path.appending(key: $0.name)) }
        return self.needsRestart(running: running, loaded: loaded) ? changes.map(\.afterRestart) : changes
    }

    /// `loaded`, with the running value wherever a restart is needed.
    static func effectiveSection(running: Self, loaded: Self) -> Self {
        guard !self.needsRestart(running: running, loaded: loaded) else { return running }
        var result = loaded
        for field in self.fields { field.keepRunning(running, &result) }
        return result
    }
}

/// The keys that a mapping has had so far; a second one with the same name is reported, and not read.
struct KeyRegister {
    private var positions: [String: SourcePosition] = [:]

    func contains(_ key: String) -> Bool { self.positions[key] != nil }

    mutating func isNew(_ entry: SettingsNode.Entry, _ path: String, _ findings: inout Findings) -> Bool {
        if let first = self.positions[entry.key] {
            let message = "the key is already there at line \(first.line); keep one of the two"
            findings.report(entry.keyPosition, path, message)
            return false
        }
        self.positions[entry.key] = entry.keyPosition
        return true
    }
}

extension String {
    /// A key under a path. Names come from the file: what does not look like one is quoted.
    package func appending(key: String) -> String {
        let isPlain = !key.isEmpty && key.utf8.count <= 64 && key.utf8.allSatisfy(NameText.isNameByte)
        let key = isPlain ? key : key.quotedForMessage
        return self.isEmpty ? key : "\(self).\(key)"
    }

    fileprivate var lastKey: Substring { self[(self.lastIndex(of: ".").map(self.index(after:)) ?? self.startIndex)...] }
}
