/// How the value of one key is read from the file, said back, and described to someone who wrote it wrong.
struct ValueKind<Value: Equatable & Sendable>: Sendable {
    /// Continues "allowed: ".
    let allowed: String
    /// The keys inside of the value, for a value that can also be a mapping.
    var inner: [InnerKey] = []
    /// Nil after reporting what is wrong.
    let read: @Sendable (SettingsNode, _ path: String, inout Findings) -> Value?
    /// As it would be written in the file; secrets are left out.
    let write: @Sendable (Value) -> String

    struct InnerKey: Sendable {
        let name: String
        let allowed: String

        func under(_ path: String, _ reload: Reload) -> SettingsKey {
            SettingsKey(path: path.appending(key: self.name), allowed: self.allowed, defaultText: nil, reload: reload, isValue: true)
        }
    }
}

extension ValueKind {
    /// A value that is one word or text. `shown` is how a refused text is repeated.
    static func scalar(
        _ allowed: String, needsPlain: Bool = false,
        shown: @escaping @Sendable (String) -> String = { $0.quotedForMessage },
        write: @escaping @Sendable (Value) -> String,
        parse: @escaping @Sendable (String) throws(Refusal) -> Value
    ) -> Self {
        ValueKind(
            allowed: allowed,
            read: { node, path, findings in
                guard case .scalar(let text, let isPlain) = node.content, !node.isNull else {
                    findings.report(node.position, path, "found \(node.shown); allowed: \(allowed)")
                    return nil
                }
                do throws(Refusal) {
                    guard isPlain || !needsPlain else { throw Refusal("which is a text because of its quotes") }
                    return try parse(text)
                } catch {
                    let reason = error.reason.isEmpty ? "" : ", \(error.reason)"
                    findings.report(node.position, path, "found \(shown(text))\(reason); allowed: \(allowed)")
                    return nil
                }
            },
            write: write)
    }

    /// The same kind, or `word` (unquoted) for nil. `null` is YAML's own word and can be left empty.
    func orNone(_ word: String) -> ValueKind<Value?> {
        let allowed = "\(word) or \(self.allowed)"
        let kind = self
        return ValueKind<Value?>(
            allowed: allowed,
            read: { node, path, findings in
                if node.isNull, word == "null" { return .some(nil) }
                if case .scalar(word, isPlain: true) = node.content { return .some(nil) }
                return kind.read(node, path, &findings)
            },
            write: { $0.map(kind.write) ?? word })
    }
}
