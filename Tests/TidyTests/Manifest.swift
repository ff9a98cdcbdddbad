import Foundation

/// What `Package.swift` says of its targets, read from its text.
struct Manifest {
    /// Target, and the modules of this package and products that it may use.
    private(set) var dependencies: [String: Set<String>] = [:]

    init(text: String) {
        var products: [String: String] = [:]
        for match in text.matches(of: /let (\w+) = Target\.Dependency\.product\(name: "(\w+)"/) {
            products[String(match.1)] = String(match.2)
        }
        let targets = /(?:module|tests|\.executableTarget|\.target|\.systemLibrary)\(\s*(?:name: )?"(\w+)"/
        for match in text.matches(of: targets) {
            var names: Set<String> = []
            let tail = text[match.range.upperBound...]
            let untilList = tail.prefix { $0 != "[" && $0 != "\"" }
            // The list, if there is one, belongs to this target when the target has not ended before it.
            if !untilList.contains(")"), !untilList.contains("providers"), tail.dropFirst(untilList.count).first == "["
            {
                let list = tail.dropFirst(untilList.count).prefix { $0 != "]" }
                for word in list.matches(of: /"(\w+)"/) { names.insert(String(word.1)) }
                for word in list.split(whereSeparator: { !$0.isLetter && !$0.isNumber && $0 != "\"" }) {
                    if let product = products[String(word)] { names.insert(product) }
                }
            }
            self.dependencies[String(match.1)] = names
        }
    }
}
