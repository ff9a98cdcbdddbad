import Yams

/// A node of YAML whose values are replaced by their path, while everything else stays as it was written.
extension Node {
    /// The value under a key of a mapping; nil when there is none.
    func value(of key: String) -> Node? { self.mapping?.first { $0.key.scalar?.string == key }?.value }

    func value(at path: [String]) -> Node? {
        path.reduce(Optional(self)) { node, key in node?.value(of: key) }
    }

    /// The names of a mapping, in the order of the file.
    var names: [String] { self.mapping?.compactMap { $0.key.scalar?.string } ?? [] }

    /// The same tree with another value there, which is added when there was none; nil takes the key away. What is no
    /// mapping on the way, such as `worker:` with nothing behind it, becomes one.
    func setting(_ path: [String], to value: Node?) -> Node {
        guard let key = path.first else { return value ?? self }
        let inner: Node?
        if path.count == 1 {
            inner = value
        } else {
            let old = self.value(of: key)
            if value == nil, old?.mapping == nil { return self }
            inner = (old ?? Node([(Node, Node)]())).setting(Array(path.dropFirst()), to: value)
        }
        return self.replacing(key, with: inner)
    }

    private func replacing(_ key: String, with value: Node?) -> Node {
        var pairs: [(Node, Node)] = []
        var isThere = false
        for (name, old) in self.mapping.map(Array.init) ?? [] {
            guard name.scalar?.string == key else {
                pairs.append((name, old))
                continue
            }
            isThere = true
            if let value { pairs.append((name, value)) }
        }
        if !isThere, let value { pairs.append((Node(key), value)) }
        return Node(pairs, .implicit, self.mapping?.style ?? .any)
    }
}
