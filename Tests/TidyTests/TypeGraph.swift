/// Which files of a module need which, by the names of types that their text mentions.
///
/// A node is a file together with its extensions: `Thing+Other.swift` belongs to `Thing.swift`. Comments and texts do not
/// count. What is reached only through a value whose type nobody names is not seen.
struct TypeGraph {
    struct Edge: Hashable {
        let from: String
        let to: String
    }

    private(set) var nodes: Set<String> = []
    /// The types by whose names the one needs the other.
    private(set) var edges: [Edge: Set<String>] = [:]

    /// - Parameter files: each with its path and its text.
    init(_ files: [(path: String, text: String)]) {
        let parts = files.map { (node: Self.node(of: $0.path), code: Self.withoutCommentsAndTexts($0.text)) }
        var homes: [String: String] = [:]
        for part in parts {
            self.nodes.insert(part.node)
            // Declared at the margin: a nested type cannot be named from elsewhere without the one around it.
            let declaration = /(?m)^(?:[@\w()]+ )*?(?:struct|final class|class|enum|protocol|actor|typealias) (\w+)/
            for match in part.code.matches(of: declaration) { homes[String(match.1)] = part.node }
        }
        for part in parts {
            for word in Self.words(part.code) {
                guard let home = homes[word], home != part.node else { continue }
                self.edges[Edge(from: part.node, to: home), default: []].insert(word)
            }
        }
    }

    /// Files that need each other, directly or not; each group sorted, none of a single file.
    var cycles: [[String]] {
        var search = ComponentSearch(
            successors: Dictionary(grouping: self.edges.keys, by: \.from).mapValues {
                $0.map(\.to).sorted()
            }
        )
        for node in self.nodes.sorted() { search.visit(node) }
        return search.components.filter { $0.count > 1 }.map { $0.sorted() }.sorted { $0[0] < $1[0] }
    }

    /// What ties a cycle together, an edge a line.
    func description(of cycle: [String]) -> String {
        let members = Set(cycle)
        return self.edges.filter { members.contains($0.key.from) && members.contains($0.key.to) }
            .map { "\($0.key.from) needs \($0.key.to) for \($0.value.sorted().joined(separator: ", "))" }
            .sorted().joined(separator: "\n")
    }

    private static func node(of path: String) -> String {
        let name = path.split(separator: "/").last ?? ""
        return String(name.dropLast(".swift".count).prefix { $0 != "+" })
    }

    private static func words(_ code: String) -> Set<String> {
        Set(code.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.map(String.init))
    }

    private static func withoutCommentsAndTexts(_ text: String) -> String {
        text.replacing(/"""[\s\S]*?"""/, with: "")
            .split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.replacing(/"(?:[^"\\]|\\.)*"/, with: "").replacing(/\/\/.*/, with: "") }
            .joined(separator: "\n")
    }
}

/// Tarjan's search for strongly connected components.
private struct ComponentSearch {
    let successors: [String: [String]]
    private(set) var components: [[String]] = []
    private var order: [String: Int] = [:]
    private var lowest: [String: Int] = [:]
    private var stack: [String] = []

    init(successors: [String: [String]]) { self.successors = successors }

    mutating func visit(_ node: String) {
        guard self.order[node] == nil else { return }
        let number = self.order.count
        self.order[node] = number
        self.lowest[node] = number
        self.stack.append(node)
        for next in self.successors[node] ?? [] {
            if self.order[next] == nil { self.visit(next) }
            // What has left the stack belongs to a component that is complete.
            if self.stack.contains(next) { self.lowest[node] = min(self.lowest[node]!, self.lowest[next]!) }
        }
        guard self.lowest[node] == number, let start = self.stack.firstIndex(of: node) else { return }
        self.components.append(Array(self.stack[start...]))
        self.stack.removeSubrange(start...)
    }
}
