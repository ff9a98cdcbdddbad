import Settings
import Testing

@testable import SettingsFile

/// How `Config/sluice.yaml` is read as documentation.
enum ReferenceFile {
    struct Key: Hashable {
        /// As the schema writes it, such as `pools.*.worker.slots`.
        let path: String
        /// With the names and numbers of the file.
        let fullPath: String
        let line: Int
    }

    /// A comment is `# text`; any other line with a # in front is a setting that is switched off.
    static func switchedOn(_ line: Substring) -> String {
        let indent = line.prefix { $0 == " " }
        let rest = line[indent.endIndex...]
        guard rest.first == "#", rest.count > 1 else { return String(line) }
        let behind = rest.dropFirst()
        let isComment = behind.first == " " && behind.dropFirst().first != " "
        return isComment ? String(line) : String(indent + behind)
    }

    static func withoutComments(_ text: String) -> [UInt8] {
        let lines = text.split(separator: "\n").filter { !$0.drop { $0 == " " }.hasPrefix("#") }
        return Array(lines.joined(separator: "\n").utf8)
    }

    static func keyPaths(_ root: SettingsNode) -> [Key] {
        var keys: [Key] = []
        func walk(_ node: SettingsNode, _ path: String, _ fullPath: String) {
            switch node.content {
            case .scalar: break
            case .sequence(let nodes):
                for (index, node) in nodes.enumerated() { walk(node, "\(path)[]", "\(fullPath)[\(index)]") }
            case .mapping(let entries):
                for entry in entries {
                    let isName = path == "pools" || path == "rooms"
                    let next = path.isEmpty ? entry.key : "\(path).\(isName ? "*" : entry.key)"
                    let full = "\(fullPath).\(entry.key)"
                    if !isName { keys.append(Key(path: next, fullPath: full, line: entry.keyPosition.line)) }
                    walk(entry.value, next, full)
                }
            }
        }
        walk(root, "", "")
        return keys
    }
}

@Suite struct ReferenceFileTests {
    @Test func reference_loadsWithEverythingAtHome() throws {
        let settings = try SettingsText.decode(SettingsText.reference())
        #expect(settings.redis == .embedded)
        #expect(settings.pools.map(\.driver) == [.process])
        #expect(settings.notices == [])
    }

    @Test func reference_statesTheDefaults() throws {
        let settings = try SettingsText.decode(SettingsText.reference())
        var expected = Settings()
        expected.stateFolder = "/etc/.sluice"
        expected.pools = [PoolSettings(name: "tickets")]
        expected.rooms = [RoomSettings(name: "onsale", slots: 2000, inflowMilli: 120_000)]
        expected.rooms[0].title = "Tickets go on sale"
        expected.routes = [
            RouteSettings(pool: "tickets", room: "onsale"), RouteSettings(path: "/assets", pool: "tickets"),
        ]
        #expect(settings == expected)
    }

    /// Every key that the schema knows is in the file, also where it is switched off, and the other way round; each with
    /// the schema's own words for what it may be, its default and when it takes effect.
    @Test func reference_documentsEveryKeyOnce() throws {
        let text = try SettingsText.reference()
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let tree = try YAMLTree.parse(lines.map(ReferenceFile.switchedOn).joined(separator: "\n"), file: "sluice.yaml")
        let keys = try #require(tree.map(ReferenceFile.keyPaths))
        let schema = SettingsKey.all
        #expect(Set(keys.map(\.path)).symmetricDifference(schema.map(\.path)) == [])

        var documented: Set<Int> = []
        for key in schema where key.isValue {
            let places = keys.filter { $0.path == key.path }.map(\.line)
            let described = places.filter { lines[$0 - 2].drop { $0 == " " } == "# \(key.summary)" }
            #expect(described.count == 1, "\(key.path) needs the line: # \(key.summary)")
            documented.formUnion(described.map { $0 - 2 })
        }
        let strays = lines.indices.filter { lines[$0].drop { $0 == " " }.hasPrefix("# [") && !documented.contains($0) }
        #expect(strays == [], "lines that describe no key")
    }

    @Test func schema_namesEveryKeyOnce() {
        let paths = SettingsKey.all.map(\.path)
        #expect(Set(paths).count == paths.count)
    }
}
