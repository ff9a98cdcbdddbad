import Settings

/// A value that takes the place of what a settings file says, before the file is checked: `rooms.onsale.inflow=150/s`.
public struct SettingsOverride: Equatable, Sendable {
    /// Such as `rooms.onsale.inflow` or `routes[0].pool`.
    public let path: String
    /// As it would stand in the file.
    public let value: String

    public init(path: String, value: String) {
        self.path = path
        self.value = value
    }

    /// Nil when there is no `=` behind a key.
    public init?(parsing text: String) {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else { return nil }
        self.init(path: String(text[..<equals]), value: String(text[text.index(after: equals)...]))
    }

    /// Whether it is that key, or a part of the file in which that key is.
    public func replaces(_ key: String) -> Bool { key == self.path || key.hasPrefix(self.path + ".") }

    /// How a problem with it names where it comes from.
    var source: String { "--set \(self.path)=\(self.value)" }

    private enum Step {
        case key(String)
        case index(Int)
    }

    private var steps: [Step]? {
        var steps: [Step] = []
        for part in self.path.split(separator: ".", omittingEmptySubsequences: false) {
            let pieces = part.split(separator: "[", omittingEmptySubsequences: false)
            guard let key = pieces.first, !key.isEmpty else { return nil }
            steps.append(.key(String(key)))
            for piece in pieces.dropFirst() {
                guard piece.hasSuffix("]"), let index = Int(piece.dropLast()), index >= 0 else { return nil }
                steps.append(.index(index))
            }
        }
        return steps
    }

    /// The tree with the value in place. Keys that are not there are put in: whether they mean anything is checked with
    /// the rest of the file. A room or a pool that is not there is put in only as a whole: one value of it would begin one
    /// that lacks all else.
    func applied(to tree: SettingsNode?) throws(SettingsError) -> SettingsNode {
        guard let steps = self.steps else {
            throw self.refused("is no path of a key, such as rooms.onsale.inflow or routes[0].pool")
        }
        try self.checkName(steps, in: tree)
        let start = SourcePosition(line: 1, column: 1)
        let value =
            try YAMLTree.parse(self.value, file: self.source) ?? SettingsNode(.scalar("", isPlain: true), at: start)
        return try self.put(value, at: steps[...], in: tree ?? SettingsNode(.mapping([]), at: start))
    }

    /// What is named by an operator, by the key of its section.
    private static let named = ["pools": "pool", "rooms": "room"]

    private func checkName(_ steps: [Step], in tree: SettingsNode?) throws(SettingsError) {
        guard steps.count > 2, case .key(let section) = steps[0], case .key(let name) = steps[1],
            let what = Self.named[section]
        else { return }
        let names = tree?.entries.first { $0.key == section }?.value.entries.map(\.key) ?? []
        guard !names.contains(name) else { return }
        let known = names.isEmpty ? "none" : names.joined(separator: ", ")
        let message = "there is no \(what) \(name); there are: \(known)"
        throw SettingsError([SettingsProblem(file: self.source, position: nil, path: self.path, message: message)])
    }

    private func refused(_ what: String) -> SettingsError {
        SettingsError([SettingsProblem(file: self.source, position: nil, path: "", message: "\(self.path) \(what)")])
    }

    private func put(
        _ value: SettingsNode,
        at steps: ArraySlice<Step>,
        in node: SettingsNode?
    ) throws(SettingsError) -> SettingsNode {
        guard let step = steps.first else {
            // Problems with the value are told where the file has it.
            return SettingsNode(value.content, at: node?.position ?? value.position)
        }
        let position = node?.position ?? value.position
        switch step {
        case .key(let key):
            var entries: [SettingsNode.Entry] = []
            switch node?.content {
            case .mapping(let known): entries = known
            case .scalar("", isPlain: true), nil: break
            case .scalar, .sequence: throw self.refused("leads into a value that holds no keys; look at \(key)")
            }
            let index = entries.firstIndex { $0.key == key }
            let inner = try self.put(value, at: steps.dropFirst(), in: index.map { entries[$0].value })
            let entry = SettingsNode.Entry(
                key: key,
                keyPosition: index.map { entries[$0].keyPosition } ?? position,
                value: inner
            )
            if let index { entries[index] = entry } else { entries.append(entry) }
            return SettingsNode(.mapping(entries), at: position)
        case .index(let index):
            guard case .sequence(var items)? = node?.content, index < items.count else {
                throw self.refused("names item \(index) of a list that has none of that number")
            }
            items[index] = try self.put(value, at: steps.dropFirst(), in: items[index])
            return SettingsNode(.sequence(items), at: position)
        }
    }
}

extension SettingsNode {
    /// None where it is no mapping.
    fileprivate var entries: [Entry] { if case .mapping(let entries) = self.content { entries } else { [] } }
}
