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
        let targets = /(?:module|tests|\.executableTarget|\.target)\(\s*(?:name: )?"(\w+)"(?<rest>[^"\[]*)/
        for match in text.matches(of: targets) {
            var names: Set<String> = []
            // The list, if there is one, begins right behind the name.
            if !match.rest.contains(")"), let open = text[match.range.upperBound...].first, open == "[" {
                let list = text[match.range.upperBound...].prefix { $0 != "]" }
                for word in list.matches(of: /"(\w+)"/) { names.insert(String(word.1)) }
                for word in list.matches(of: /[\s,\[](\w+)(?=[\s,]|$)/) {
                    if let product = products[String(word.1)] { names.insert(product) }
                }
            }
            self.dependencies[String(match.1)] = names
        }
    }
}
