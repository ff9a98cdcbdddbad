import Primitives
import Settings
import Testing

@testable import SettingsFile

/// Whatever happens to a good file, it is either refused with a reason, or holds nothing that the schema does not know.
@Suite struct SettingsMutationTests {
    private static let known = Set(SettingsKey.all.map(\.path))

    @Test(arguments: [1, 2, 0xC0FFEE, 0xBADC0DE] as [UInt64])
    func mutatedFile_isRefusedWithAReasonOrFullyKnown(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let good = try ReferenceFile.withoutComments(SettingsText.reference())
        var accepted = 0
        for round in 0..<600 {
            var text = good
            for _ in 0..<Int.random(in: 1...3, using: &random) { Self.mutate(&text, &random) }
            do throws(SettingsError) {
                _ = try SettingsFile.decode(text, path: "s.yaml")
                accepted += 1
                let string = String(decoding: text, as: UTF8.self)
                let paths = try YAMLTree.parse(string, file: "s.yaml").map(ReferenceFile.keyPaths) ?? []
                let unknown = paths.filter { !Self.known.contains($0.path) }
                #expect(unknown.isEmpty, "seed \(seed), round \(round): \(unknown) in\n\(string)")
                #expect(Set(paths.map(\.fullPath)).count == paths.count, "seed \(seed), round \(round): a key twice")
            } catch {
                let hasReasons = error.problems.allSatisfy { !$0.message.isEmpty && $0.position != nil }
                #expect(hasReasons, "seed \(seed), round \(round): \(error)")
            }
        }
        #expect(
            accepted > 0 && accepted < 600,
            "seed \(seed): \(accepted) of 600 were accepted; the mutations test nothing"
        )
    }

    private static func mutate(_ text: inout [UInt8], _ random: inout SplitMix64) {
        guard !text.isEmpty else { return }
        let index = Int.random(in: 0..<text.count, using: &random)
        switch Int.random(in: 0..<8, using: &random) {
        case 0: text[index] = UInt8.random(in: 0...255, using: &random)
        case 1: text.remove(at: index)
        case 2: text.insert(Array("azAZ09 :-[]{}#&*!|>'\"%@`,\n\t".utf8).randomElement(using: &random) ?? 0, at: index)
        case 3: text.removeSubrange(index..<min(text.count, index + Int.random(in: 1...40, using: &random)))
        case 4:
            text.insert(
                contentsOf: text[index..<min(text.count, index + 30)],
                at: Int.random(in: 0...text.count, using: &random)
            )
        case 5: self.changeLines(&text, &random) { lines, a, b in lines.swapAt(a, b) }
        case 6: self.changeLines(&text, &random) { lines, a, b in lines.insert(lines[a], at: b) }
        default: self.changeLines(&text, &random) { lines, a, _ in lines.remove(at: a) }
        }
    }

    private static func changeLines(
        _ text: inout [UInt8],
        _ random: inout SplitMix64,
        _ change: (inout [ArraySlice<UInt8>], Int, Int) -> Void
    ) {
        var lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let (a, b) = (
            lines.indices.randomElement(using: &random) ?? 0, lines.indices.randomElement(using: &random) ?? 0
        )
        change(&lines, a, b)
        text = Array(lines.joined(separator: [UInt8(ascii: "\n")]))
    }
}
