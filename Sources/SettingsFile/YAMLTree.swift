import Settings
import Yams

/// Turns the text of a YAML file into a tree that knows where everything stood.
///
/// Yams stops at the first key that is there twice, and forgets where the second one is. Such a key is therefore
/// renamed in a copy of the text, by its first letter so that no column moves, and the copy is read again; the tree
/// gets the old name back, and the decoder reports both places together with whatever else is wrong.
struct YAMLTree {
    /// More are reported one at a time.
    private static let maxRenamed = 50
    /// What an operator writes has a few hundred; the limit is for aliases that multiply.
    private static let maxNodes = 100_000
    private static let maxDepth = 32
    /// The first of Unicode's private letters: YAML takes them, and nobody's key begins with one.
    private static let firstPrivateLetter: UInt32 = 0xE000

    private let file: String
    private var scalars: [Unicode.Scalar]
    /// What a renamed key was called, by its place.
    private var renamed: [SourcePosition: String] = [:]
    private var nodes = 0

    /// The tree of `text`; nil when there is nothing in it. `file` is the name to give it in problems.
    static func parse(_ text: String, file: String) throws(SettingsError) -> SettingsNode? {
        var tree = YAMLTree(file: file, text: text)
        guard let node = try tree.compose() else { return nil }
        return try tree.convert(node, depth: 0)
    }

    private init(file: String, text: String) {
        self.file = file
        self.scalars = Array(text.unicodeScalars)
        // A byte order mark would make the first key an unknown one.
        if self.scalars.first == "\u{FEFF}" { self.scalars.removeFirst() }
    }

    private var text: String {
        var text = ""
        text.unicodeScalars.append(contentsOf: self.scalars)
        return text
    }

    // MARK: Reading

    private mutating func compose() throws(SettingsError) -> Node? {
        while true {
            do {
                // No resolver: what a word means is decided by the key it stands under, so that `no` is a language.
                return try Parser(yaml: self.text, resolver: .basic, encoding: .utf8).singleRoot()
            } catch YamlError.duplicatedKeysInMapping(let names, let context) {
                let position = SourcePosition(context.mark)
                guard let name = names.first, self.rename(name, at: position) else {
                    throw self.refused(
                        position,
                        "a key is there twice in one mapping: \(names.joined(separator: ", "))"
                    )
                }
            } catch let error as YamlError {
                throw self.refused(error)
            } catch {
                throw self.refused(nil, "the YAML cannot be read: \(error)")
            }
        }
    }

    /// False when the name does not stand there letter by letter, as with escapes, or when there have been too many.
    private mutating func rename(_ name: String, at position: SourcePosition) -> Bool {
        guard self.renamed.count < Self.maxRenamed, var index = self.index(of: position) else { return false }
        if self.scalars[index] == "\"" || self.scalars[index] == "'" { index += 1 }
        guard let letter = Unicode.Scalar(Self.firstPrivateLetter + UInt32(self.renamed.count)) else { return false }
        guard !name.isEmpty, self.scalars[index...].starts(with: name.unicodeScalars) else { return false }
        self.scalars[index] = letter
        self.renamed[position] = name
        return true
    }

    private func index(of position: SourcePosition) -> Int? {
        var line = 1
        var start = 0
        while line < position.line {
            guard let end = self.scalars[start...].firstIndex(of: "\n") else { return nil }
            start = end + 1
            line += 1
        }
        let index = start + position.column - 1
        return index < self.scalars.count ? index : nil
    }

    // MARK: Problems

    private func refused(_ position: SourcePosition?, _ message: String) -> SettingsError {
        SettingsError([SettingsProblem(file: self.file, position: position, path: "", message: message)])
    }

    /// In our words and without the lines that Yams would repeat: they may hold a secret.
    private func refused(_ error: YamlError) -> SettingsError {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let around = context.map { " (\($0.text), which begins at line \($0.mark.line))" } ?? ""
            let hint = self.tabHint(at: mark)
            return self.refused(SourcePosition(mark), "this is not YAML: \(problem)\(around)\(hint)")
        case .reader(let problem, let offset, _, _):
            return self.refused(offset.map(self.position(ofCharacter:)), "this is not YAML: \(problem)")
        default:
            return self.refused(nil, "this is not YAML: \(error)")
        }
    }

    private func tabHint(at mark: Mark) -> String {
        guard let index = self.index(of: SourcePosition(mark)), self.scalars[index] == "\t" else { return "" }
        return "; YAML is indented with spaces, not with tabs"
    }

    private func position(ofCharacter offset: Int) -> SourcePosition {
        let before = self.text.prefix(offset)
        let line = before.unicodeScalars.count { $0 == "\n" } + 1
        let column = before.unicodeScalars.reversed().prefix { $0 != "\n" }.count + 1
        return SourcePosition(line: line, column: column)
    }

    // MARK: Conversion

    private mutating func convert(_ node: Node, depth: Int) throws(SettingsError) -> SettingsNode {
        let position = node.mark.map(SourcePosition.init) ?? SourcePosition(line: 1, column: 1)
        self.nodes += 1
        guard self.nodes <= Self.maxNodes else { throw self.refused(position, "more than \(Self.maxNodes) values") }
        guard depth <= Self.maxDepth else { throw self.refused(position, "nested deeper than \(Self.maxDepth) levels") }
        switch node {
        case .scalar(let scalar):
            let isText = try self.isText(scalar.tag, at: position)
            return SettingsNode(.scalar(scalar.string, isPlain: scalar.style == .plain && !isText), at: position)
        case .sequence(let sequence):
            _ = try self.isText(sequence.tag, at: position)
            var nodes: [SettingsNode] = []
            for item in sequence { nodes.append(try self.convert(item, depth: depth + 1)) }
            return SettingsNode(.sequence(nodes), at: position)
        case .mapping(let mapping):
            _ = try self.isText(mapping.tag, at: position)
            var entries: [SettingsNode.Entry] = []
            for (key, value) in mapping {
                entries.append(try self.entry(key, try self.convert(value, depth: depth + 1), at: position))
            }
            return SettingsNode(.mapping(entries), at: position)
        case .alias:
            throw self.refused(position, "an alias that leads nowhere")
        }
    }

    private func entry(
        _ key: Node,
        _ value: SettingsNode,
        at mapping: SourcePosition
    ) throws(SettingsError) -> SettingsNode.Entry {
        let position = key.mark.map(SourcePosition.init) ?? mapping
        guard case .scalar(let scalar) = key else { throw self.refused(position, "a key must be a word") }
        return SettingsNode.Entry(key: self.renamed[position] ?? scalar.string, keyPosition: position, value: value)
    }

    /// Whether `!!str` says so. Tags that would make something else of a value are refused rather than ignored.
    private func isText(_ tag: Tag, at position: SourcePosition) throws(SettingsError) -> Bool {
        switch tag.description {
        case "tag:yaml.org,2002:str": return true
        case "", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq": return false
        default: throw self.refused(position, "the tag \(tag) means nothing here; take it out")
        }
    }
}

extension SourcePosition {
    fileprivate init(_ mark: Mark) { self.init(line: mark.line, column: mark.column) }
}
