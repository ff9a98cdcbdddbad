import Foundation
import Testing

/// The shape of the house, which nobody should have to watch over by eye.
@Suite struct LayoutTests {
    private let repository = Repository.here

    @Test func topLevel_hasNothingButItsRooms() throws {
        let allowed: Set = [
            "Package.swift", "Package.resolved", "Sources", "Tests", "LoadTests", "Config", "README.md", "LICENSE",
        ]
        let ignored = try self.repository.text(".gitignore").split(separator: "\n").compactMap { line in
            line.hasPrefix("#") ? nil : line.trimmingCharacters(in: CharacterSet(charactersIn: "/"))
        }
        let names = try self.repository.names(in: "").filter { !ignored.contains($0) || allowed.contains($0) }
        #expect(Set(names).subtracting(allowed).isEmpty)
        for name in ["Package.swift", "Sources", "Tests", "LoadTests", "Config"] { #expect(names.contains(name)) }
    }

    @Test func folders_ofSources_areTheTargets() throws {
        let manifest = Manifest(text: try self.repository.text("Package.swift"))
        let folders = try self.repository.names(in: "Sources").filter { $0 != "README.md" }
        #expect(Set(folders).subtracting(manifest.dependencies.keys).isEmpty)
        // The fuzzer is built by its own script, with a library that provides `main`.
        let others = ["run", "README.md", "Fuzz"]
        let tests = try self.repository.names(in: "Tests").filter { !others.contains($0) }
        #expect(Set(tests).subtracting(manifest.dependencies.keys).isEmpty)
    }

    /// A target in no group of the test script would never run.
    @Test func testTargets_areEachInOneGroupOfTheTestScript() throws {
        let grouped = try self.repository.text("Tests/run").split(separator: "\n")
            .compactMap { try? /[a-z]+='([A-Za-z|]+)'/.wholeMatch(in: $0)?.1 }
            .flatMap { $0.split(separator: "|").map { "\($0)Tests" } }
        let targets = try self.repository.names(in: "Tests").filter { $0.hasSuffix("Tests") }
        #expect(grouped.sorted() == targets)
    }

    @Test func manifest_isReadAsItIsMeant() throws {
        let manifest = Manifest(
            text: """
                let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
                .target(name: "CThing"),
                module("Ground"),
                module("First", ["Ground", deque], resources: []),
                module(
                    "Second",
                    [
                        "First", "Ground",
                    ]),
                tests("FirstTests", ["First"]),
                """
        )
        #expect(manifest.dependencies["CThing"] == [])
        #expect(manifest.dependencies["Ground"] == [])
        #expect(manifest.dependencies["First"] == ["Ground", "DequeModule"])
        #expect(manifest.dependencies["Second"] == ["First", "Ground"])
        #expect(manifest.dependencies["FirstTests"] == ["First"])
    }

    // MARK: Arrows

    private static let pureRing = [
        "Primitives", "Addresses", "Admission", "HTTPWire", "Scaling", "Settings", "Rooms", "Pools",
        "Decisions", "Simulation",
    ]

    /// Time and randomness are arguments there: what a simulation proves of it holds in production.
    @Test(arguments: LayoutTests.pureRing)
    func pureRing_importsNothingOfTheSystem(module: String) throws {
        let own = Set(Self.pureRing).union(["CRoomScript", "DequeModule", "HeapModule", "Synchronization"])
        let imports = try self.repository.imports(in: "Sources/\(module)")
        #expect(!(try self.repository.swiftFiles(in: "Sources/\(module)").isEmpty))
        for (name, file) in imports { #expect(own.contains(name), "\(file) imports \(name)") }
        for file in try self.repository.swiftFiles(in: "Sources/\(module)") {
            for (index, line) in file.lines.enumerated() {
                for word in ["ContinuousClock", "SuspendingClock", "SystemRandomNumberGenerator", ".random(in:"]
                where line.contains(word) && !line.contains("using:") {
                    Issue.record("\(file.path):\(index + 1): \(word)")
                }
            }
        }
    }

    /// An import that the manifest does not allow builds as long as somebody else pulls the module in.
    @Test func imports_ofEveryModule_areInTheManifest() throws {
        let manifest = Manifest(text: try self.repository.text("Package.swift"))
        let system: Set = ["Dispatch", "Foundation", "Glibc", "Synchronization", "Testing"]
        let folders = try self.repository.names(in: "Sources").filter { $0 != "README.md" }.map {
            ($0, "Sources/\($0)")
        }
        for (target, folder) in folders + [("onsale", "LoadTests/onsale")] {
            let allowed = (manifest.dependencies[target] ?? []).union(system)
            for (name, file) in try self.repository.imports(in: folder) {
                #expect(
                    allowed.contains(name),
                    "\(file) imports \(name), which Package.swift does not give to \(target)"
                )
            }
        }
    }

    // MARK: Ratchets: figures that may go down, and up only on purpose

    @Test func files_staySmall() throws {
        for folder in ["Sources", "LoadTests", "Tests"] {
            for file in try self.repository.swiftFiles(in: folder) {
                // Nobody reads or edits what a generator wrote.
                if file.path.hasPrefix("Sources/KEDAScaler/Generated/") { continue }
                let limit = 440
                #expect(file.lines.count <= limit, "\(file.path) has \(file.lines.count) lines, the limit is \(limit)")
            }
        }
    }

    @Test func functions_stayShort() throws {
        for folder in ["Sources", "LoadTests"] {
            for file in try self.repository.swiftFiles(in: folder) {
                for (name, line, length) in Functions.lengths(in: file.lines) {
                    #expect(length <= 75, "\(file.path):\(line): \(name) has \(length) lines")
                }
            }
        }
    }
}

/// Finds functions by their indentation, which the formatter guarantees.
enum Functions {
    static func lengths(in lines: [String]) -> [(name: String, line: Int, length: Int)] {
        var found: [(name: String, line: Int, length: Int)] = []
        // Few lines have either word, and the expression takes its time to say no.
        for (index, line) in lines.enumerated() where line.contains("func ") || line.contains("init") {
            guard let match = line.firstMatch(of: /^( *)(?:[\w@()]+ )*(func [^\s(<]+|init[?]?(?=[(<]))/) else {
                continue
            }
            let closing = String(match.1) + "}"
            guard let end = lines[index...].firstIndex(where: { $0 == closing }) else { continue }
            // Otherwise it has one line, or is a protocol's, which has none.
            let hasBody = line.hasSuffix("{") || line.hasSuffix("(")
            if hasBody { found.append((String(match.2), index + 1, end - index + 1)) }
        }
        return found
    }
}
