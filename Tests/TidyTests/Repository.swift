import Foundation

/// The sources as files.
struct Repository {
    struct File {
        /// From the root of the repository.
        let path: String
        let lines: [String]
    }

    let root: URL

    /// The checkout that these tests were built from.
    static let here = Repository(
        root: URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
    )

    /// Names in a folder, hidden ones left out.
    func names(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: self.root.appendingPathComponent(folder).path)
            .filter { !$0.hasPrefix(".") }.sorted()
    }

    func text(_ path: String) throws -> String {
        try String(contentsOf: self.root.appendingPathComponent(path), encoding: .utf8)
    }

    /// Every Swift file below a folder.
    func swiftFiles(in folder: String) throws -> [File] {
        let base = self.root.appendingPathComponent(folder).resolvingSymlinksInPath()
        let paths = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
        return try paths.filter { $0.hasSuffix(".swift") }.sorted().map { path in
            let text = try String(contentsOf: base.appendingPathComponent(path), encoding: .utf8)
            return File(path: "\(folder)/\(path)", lines: text.components(separatedBy: "\n"))
        }
    }

    /// The modules that the files of a folder import.
    func imports(in folder: String) throws -> [(module: String, file: String)] {
        try self.swiftFiles(in: folder).flatMap { file in
            file.lines.compactMap { line in Self.importedModule(line).map { ($0, file.path) } }
        }
    }

    static func importedModule(_ line: String) -> String? {
        var words = line.split(separator: " ").map(String.init)
        while let first = words.first, first.hasPrefix("@") || ["public", "internal", "private"].contains(first) {
            words.removeFirst()
        }
        guard words.first == "import", words.count >= 2 else { return nil }
        // `import struct Module.Name` and `import Module.Submodule` name the module first.
        let kinds = ["struct", "class", "enum", "func", "protocol", "typealias", "var", "let"]
        let name = kinds.contains(words[1]) && words.count > 2 ? words[2] : words[1]
        return name.split(separator: ".").first.map(String.init)
    }
}
