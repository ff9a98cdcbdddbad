import Settings
import Testing

@testable import SettingsFile

@Suite struct YAMLTreeTests {
    @Test(arguments: [
        (
            "a: [1, 2",
            "sluice.yaml:2:1: this is not YAML: did not find expected ',' or ']' (while parsing a flow sequence, which begins at line 1)"
        ),
        (
            "a: 1\n\tb: 2",
            "sluice.yaml:2:1: this is not YAML: found a tab character that violates indentation (while scanning a plain "
                + "scalar, which begins at line 1); YAML is indented with spaces, not with tabs"
        ),
        ("a: \u{1}", "sluice.yaml:1:4: this is not YAML: control characters are not allowed"),
        ("a: *b", "sluice.yaml:1:4: this is not YAML: found undefined alias"),
        ("? [a]\n: 1", "sluice.yaml:1:3: a key must be a word"),
        ("x: 1\na: !!int 5", "sluice.yaml:2:4: the tag tag:yaml.org,2002:int means nothing here; take it out"),
        ("&x a: 1\na: 2", "sluice.yaml:1:1: a key is there twice in one mapping: a"),
    ])
    func text_thatIsNoTree_isRefusedAtItsPlace(text: String, problem: String) {
        #expect(SettingsText.problems(text) == [problem])
    }

    @Test func secondDocument_isRefused() {
        #expect(
            SettingsText.problems("--- {a: 1}\n--- {a: 1}").first?.hasPrefix("sluice.yaml:2:1: this is not YAML")
                == true
        )
    }

    @Test func invalidUTF8_isRefusedWithItsLine() {
        #expect(
            throws: SettingsError([
                SettingsProblem(
                    file: "f",
                    position: SourcePosition(line: 2, column: 1),
                    path: "",
                    message: "this line is not UTF-8; save the file in that encoding"
                )
            ])
        ) { try SettingsFile.decode([0x61, 0x0A, 0xFF, 0x0A], path: "f") }
    }

    @Test func duplicates_ofAnyKindAndNumber_areAllInTheTree() throws {
        let tree = try YAMLTree.parse("a: 1\n\"b\": 2\n'b': 3\na: {c: 4, c: 5, c: 6}\na: é\n", file: "f")
        guard case .mapping(let entries) = tree?.content else { return #expect(Bool(false), "no mapping") }
        #expect(entries.map(\.key) == ["a", "b", "b", "a", "a"])
        #expect(entries.map(\.keyPosition.line) == [1, 2, 3, 4, 5])
        guard case .mapping(let inner) = entries[3].value.content else { return #expect(Bool(false), "no mapping") }
        #expect(inner.map(\.key) == ["c", "c", "c"])
        #expect(inner.map(\.keyPosition.column) == [5, 11, 17])
    }

    @Test func quotes_makeAText() throws {
        let tree = try YAMLTree.parse("[1, \"1\", '1', !!str 1, null, \"null\"]", file: "f")
        guard case .sequence(let nodes) = tree?.content else { return #expect(Bool(false), "no list") }
        let plain = nodes.map { if case .scalar(_, let isPlain) = $0.content { isPlain } else { false } }
        #expect(plain == [true, false, false, false, true, false])
    }

    @Test func byteOrderMarkAndCRLF_areTaken() {
        let text = "\u{FEFF}" + SettingsText.smallest.replacing("\n", with: "\r\n")
        #expect(SettingsText.problems(text) == [])
    }

    @Test func deepNesting_isRefused() {
        let text = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
        #expect(SettingsText.problems(text) == ["sluice.yaml:1:34: nested deeper than 32 levels"])
        #expect(SettingsText.problems(String(repeating: "[", count: 100_000)).count == 1)
    }

    /// Nine lines of aliases would be a billion values.
    @Test func aliases_thatMultiply_areCutOff() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            let alias = "*a\(level - 1)"
            text += "a\(level): &a\(level) [\(Array(repeating: alias, count: 10).joined(separator: ", "))]\n"
        }
        let problems = SettingsText.problems(text)
        #expect(problems.count == 1)
        #expect(problems.first?.hasSuffix("more than 100000 values") == true)
    }
}
