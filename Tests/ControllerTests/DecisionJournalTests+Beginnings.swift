import Decisions
import TestKit
import Testing

@testable import Controller

/// Files that do not begin as a journal of decisions does: one line says which, where, and what to do.
extension DecisionJournalTests {
    private static let name = "tickets-2026-11-22.jsonl"

    /// Seen before: the sum of a line that nobody had changed did not match; or, where a head came next, its writer was said
    /// to have been stopped.
    @Test(arguments: [1, 2, 5])
    func beginningThatIsCutOff_isToldOf(cutLine: Int) throws {
        let rig = Rig()
        _ = try self.begun(rig, seed: 41, decisions: 10)
        let lines = try rig.text(Self.name).split(separator: "\n").map(String.init)
        // In the middle of a head, and of a decision.
        let rest = [String(lines[cutLine - 1].dropFirst(20))] + lines[cutLine...]
        let words = "\(rig.path(of: Self.name)):1: the file begins in the middle of a line: what stood before was"
        // Also where the next line is a head, from which it could go on.
        for whole in [rest, [rest[0]] + lines, [rest[0]]] {
            try rig.write(whole.joined(separator: "\n") + "\n", to: Self.name)
            #expect(rig.problem().hasPrefix(words) && !rig.problem().contains("\n"), "\(rig.problem())")
        }
    }

    /// Cut off between two lines: the head is missing, and no line is damaged.
    @Test func headThatIsCutOff_isToldOf() throws {
        let rig = Rig()
        _ = try self.begun(rig, seed: 27, decisions: 30)
        let lines = try rig.text(Self.name).split(separator: "\n").map(String.init)
        try rig.write(lines[28...].joined(separator: "\n") + "\n", to: Self.name)
        let words = "\(rig.path(of: Self.name)):1: a decision without the limits that it was made by"
        #expect(rig.problem().hasPrefix(words) && !rig.problem().contains("\n"), "\(rig.problem())")
    }

    /// Seen before: of a file with one line, that its writer was stopped in the middle of it.
    @Test(arguments: ["rooms:\n  onsale:\n    slots: 5\n", "{\"pool\":\"tickets\"}", "{}\n{}\n", "\u{7F}ELF\0\0", " "])
    func fileOfSomethingElse_isToldOf(text: String) throws {
        let rig = Rig()
        try rig.write(text, to: Self.name)
        let words = "this is no journal of decisions. Name a file of `decisions` in the state folder"
        #expect(rig.problem() == "\(rig.path(of: Self.name)):1: \(words)")
    }

    /// Killed in its first line: that is half a head, and no other file.
    @Test(arguments: [3, 40])
    func firstLineThatIsTorn_isLeftOut(bytes: Int) throws {
        let rig = Rig()
        _ = try self.begun(rig, seed: 43, decisions: 1)
        try rig.write(String(try rig.text(Self.name).prefix(bytes)), to: Self.name)
        let (records, notices) = try rig.read()
        #expect(records.isEmpty && notices.count == 1, "\(notices)")
    }
}
