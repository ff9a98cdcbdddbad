import Foundation
import Settings
import SettingsFile
import Testing

@testable import onsale

/// The stories of `LoadTests/Scenarios`, and the page that explains every key.
@Suite struct ScenarioLibraryTests {
    static let stories = try! FileManager.default.contentsOfDirectory(
        atPath: ScenarioTexts.path("LoadTests", "Scenarios")
    )
    .filter { $0.hasSuffix(".yaml") }.sorted()

    // MARK: Stories

    @Test func stories_areAtLeastTen() { #expect(Self.stories.count >= 10) }

    @Test(arguments: Self.stories)
    func story_isReadToldAndSmall(name: String) throws {
        let path = ScenarioTexts.path("LoadTests", "Scenarios", name)
        let scenario = try ScenarioFile.load(path)
        #expect(scenario.name != nil)
        #expect(scenario.visitors <= 4_000 && scenario.durationSeconds <= 60)
        let crowd = try Crowd(scenario)
        #expect(crowd.arrivalsPerSecond().reduce(0, +) == scenario.visitors)
        #expect(PlanText.render(crowd).contains(scenario.name ?? ""))
        // A story says who comes, what could go wrong, and what must hold, before anything else.
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let told = text.split(separator: "\n").prefix { $0.hasPrefix("# ") }.joined(separator: "\n")
        #expect(told.contains("\n# What could go wrong: ") && told.contains("\n# What must hold: "))
    }

    /// Between them the stories show every kind of people and every curve.
    @Test func stories_showEverything() throws {
        let texts = try Self.stories.map {
            try String(contentsOfFile: ScenarioTexts.path("LoadTests", "Scenarios", $0), encoding: .utf8)
        }.joined()
        for kind in VisitorKind.allCases { #expect(texts.contains("\n  \(kind.rawValue):"), "\(kind)") }
        for curve in ArrivalsText.Curve.allCases { #expect(texts.contains("curve: \(curve.rawValue)"), "\(curve)") }
        let page = try Self.page()
        for name in Self.stories { #expect(page.contains("`\(name)`"), "\(name) is not on the page") }
    }

    // MARK: The page

    static func page() throws -> String {
        try String(contentsOfFile: ScenarioTexts.path("LoadTests", "README.md"), encoding: .utf8)
    }

    /// The file that is shown under "Scenario files", with every key in it.
    static func reference() throws -> [Substring] {
        let lines = try Self.page().split(separator: "\n", omittingEmptySubsequences: false)
        let section = try #require(lines.firstIndex(of: "## Scenario files"))
        let start = try #require(lines[section...].firstIndex(of: "```yaml"))
        let end = try #require(lines[(start + 1)...].firstIndex(of: "```"))
        return Array(lines[(start + 1)..<end])
    }

    @Test func reference_asItIs_statesTheDefaults() throws {
        let text = try Self.reference().joined(separator: "\n")
        #expect(try ScenarioTexts.decode(text) == ScenarioTexts.decode(""))
    }

    /// Every key that the schema knows is there, switched on or off, with the schema's own words for what it may be. The
    /// manners of a class are those of everybody, and stand there once.
    @Test func reference_documentsEveryKeyOnce() throws {
        let lines = try Self.reference()
        let text = lines.map(Self.switchedOn).joined(separator: "\n")
        let tree = try #require(try SettingsFile.tree(of: Array(text.utf8), path: "README.md"))
        let keys = Self.keys(tree)
        let schema = ScenarioFile.keys
        let own = schema.filter { key in
            !key.path.hasPrefix("classes.*.") || ["classes.*.like", "classes.*.weight"].contains(key.path)
        }
        #expect(Set(schema.map(\.path)).isSuperset(of: keys.map(\.path)))
        let manners = { (prefix: String) in
            schema.filter { $0.path.hasPrefix(prefix) }.map { $0.path.dropFirst(prefix.count) }
        }
        #expect(manners("classes.*.") == ["like", "weight"] + manners("manners."))
        var documented: Set<Int> = []
        for key in own where key.isValue {
            let places = keys.filter { $0.path == key.path }.map { $0.line - 2 }
            let described = places.filter { $0 >= 0 && lines[$0].drop { $0 == " " } == "# [\(key.meaning)]" }
            #expect(described.count == 1, "\(key.path) needs the line: # [\(key.meaning)]")
            documented.formUnion(described)
        }
        let strays = lines.indices.filter { lines[$0].drop { $0 == " " }.hasPrefix("# [") && !documented.contains($0) }
        #expect(strays == [], "lines that describe no key")
    }

    /// `| \`fan\` | words | \`key: value\`, ... |`: what the table says of a kind makes exactly that kind of a plain visitor.
    @Test(arguments: VisitorKind.allCases)
    func table_saysWhatAKindIsLike(kind: VisitorKind) throws {
        let row = try Self.page().split(separator: "\n").first { $0.hasPrefix("| `\(kind.rawValue)` |") }
        let cells = try #require(row).split(separator: "|")
        let changes = cells[2].split(separator: "`").filter { $0.contains(": ") }
        let text = "classes:\n  x:\n    like: visitor\n" + changes.map { "    \($0)\n" }.joined()
        let told = try ScenarioTexts.decode(text).classes[0].manners
        let meant = try ScenarioTexts.decode("classes:\n  \(kind.rawValue): {}\n").classes[0].manners
        #expect(told == meant)
    }

    private static func switchedOn(_ line: Substring) -> String {
        let indent = line.prefix { $0 == " " }
        let rest = line[indent.endIndex...]
        guard rest.first == "#", rest.count > 1, rest.dropFirst().first != " " else { return String(line) }
        return String(indent + rest.dropFirst())
    }

    private static func keys(_ root: SettingsNode) -> [(path: String, line: Int)] {
        var keys: [(path: String, line: Int)] = []
        func walk(_ node: SettingsNode, _ path: String) {
            switch node.content {
            case .scalar: break
            case .sequence(let nodes): for node in nodes { walk(node, "\(path)[]") }
            case .mapping(let entries):
                for entry in entries {
                    let isName = path == "classes"
                    let next = path.isEmpty ? entry.key : "\(path).\(isName ? "*" : entry.key)"
                    if !isName { keys.append((next, entry.keyPosition.line)) }
                    walk(entry.value, next)
                }
            }
        }
        walk(root, "")
        return keys
    }
}
