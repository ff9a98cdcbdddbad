/// How the value of one key is read from the file, said back, and described to someone who wrote it wrong.
package struct ValueKind<Value: Equatable & Sendable>: Sendable {
    /// Continues "allowed: " in an error.
    package let allowed: String
    /// The same for documentation, where the value itself is an example.
    package let brief: String
    /// The keys inside of the value at a path, for a value that can also be a mapping.
    package var innerKeys: (@Sendable (String) -> [SettingsKey])?
    /// Nil after reporting what is wrong.
    package let read: @Sendable (ValueSite, inout Findings) -> Value?
    /// As it would be written in the file; secrets are left out.
    package let write: @Sendable (Value) -> String

    package init(
        allowed: String,
        brief: String? = nil,
        innerKeys: (@Sendable (String) -> [SettingsKey])? = nil,
        read: @escaping @Sendable (ValueSite, inout Findings) -> Value?,
        write: @escaping @Sendable (Value) -> String
    ) {
        self.allowed = allowed
        self.brief = brief ?? allowed
        self.innerKeys = innerKeys
        self.read = read
        self.write = write
    }
}

/// A value that is being read: what the file says, of which key, and what may stand there.
package struct ValueSite {
    package let node: SettingsNode
    package let path: String
    /// Of the whole value: a kind that is part of another does not know all that is allowed.
    package let allowed: String

    package init(node: SettingsNode, path: String, allowed: String) {
        self.node = node
        self.path = path
        self.allowed = allowed
    }

    package func refuse(found: String? = nil, because refusal: Refusal = Refusal(), _ findings: inout Findings) {
        let reason = refusal.reason.isEmpty ? "" : ", \(refusal.reason)"
        findings.report(
            self.node.position,
            self.path,
            "found \(found ?? self.node.shown)\(reason); allowed: \(self.allowed)"
        )
    }
}

extension ValueKind {
    /// A value that is one word or text. `shown` is how a refused text is repeated.
    package static func scalar(
        _ allowed: String,
        brief: String? = nil,
        needsPlain: Bool = false,
        shown: @escaping @Sendable (String) -> String = { $0.quotedForMessage },
        write: @escaping @Sendable (Value) -> String,
        parse: @escaping @Sendable (String) throws(Refusal) -> Value
    ) -> Self {
        ValueKind(
            allowed: allowed,
            brief: brief,
            read: { site, findings in
                guard case .scalar(let text, let isPlain) = site.node.content, !site.node.isNull else {
                    site.refuse(&findings)
                    return nil
                }
                do throws(Refusal) {
                    guard isPlain || !needsPlain else { throw Refusal("which is a text because of its quotes") }
                    return try parse(text)
                } catch {
                    site.refuse(found: shown(text), because: error, &findings)
                    return nil
                }
            },
            write: write
        )
    }

    /// `word`, without quotes, for nil, or a value of `kind`. `null` is YAML's own word and may be left empty.
    package static func either<Wrapped>(_ word: String, or kind: ValueKind<Wrapped>) -> Self where Value == Wrapped? {
        ValueKind(
            allowed: "\(word) or \(kind.allowed)",
            brief: "\(word) or \(kind.brief)",
            read: { site, findings in
                if site.node.isNull, word == "null" { return .some(nil) }
                if case .scalar(word, isPlain: true) = site.node.content { return .some(nil) }
                guard let value = kind.read(site, &findings) else { return nil }
                return .some(value)
            },
            write: { $0.map(kind.write) ?? word }
        )
    }

    /// A list of values of one kind.
    package static func list<Item>(of kind: ValueKind<Item>, count: ClosedRange<Int>) -> Self where Value == [Item] {
        ValueKind(
            allowed: "a list of \(count.lowerBound) to \(count.upperBound), each \(kind.allowed)",
            brief: "a list of \(count.lowerBound) to \(count.upperBound), each \(kind.brief)",
            read: { site, findings in
                guard let nodes = ListText.nodes(at: site, count: count, &findings) else { return nil }
                return nodes.enumerated().compactMap { index, node in
                    let path = "\(site.path)[\(index)]"
                    findings.place(path, at: node.position)
                    return kind.read(ValueSite(node: node, path: path, allowed: kind.allowed), &findings)
                }
            },
            write: { "[\($0.map(kind.write).joined(separator: ", "))]" }
        )
    }
}

/// What lists of mappings and lists of values have in common.
enum ListText {
    static func nodes(at site: ValueSite, count: ClosedRange<Int>, _ findings: inout Findings) -> [SettingsNode]? {
        var nodes: [SettingsNode] = []
        if case .sequence(let found) = site.node.content {
            nodes = found
        } else if !site.node.isNull {
            site.refuse(&findings)
            return nil
        }
        guard count.contains(nodes.count) else {
            site.refuse(found: "a list of \(nodes.count)", &findings)
            return nil
        }
        return nodes
    }

    static func format<Item: CustomStringConvertible>(_ items: [Item]) -> String {
        "[\(items.map(\.description).joined(separator: ", "))]"
    }
}
