import Glibc
import TestKit
import Testing

@testable import Controller

/// Two who write at the same time, as two that are told for a moment that they lead.
extension DecisionJournalTests {
    /// Half a line of another controller's takes none of this one's along.
    @Test func lineThatAnotherHasLeftHalf_isClosedFirst() throws {
        let rig = Rig()
        var (pen, source) = try self.begun(rig, seed: 35, decisions: 20)
        let name = "tickets-2026-11-22.jsonl"
        try rig.write(try rig.text(name) + "{\"head\":{\"controller\":\"b", to: name)
        try pen.write(self.items(source.moments(20)), Self.bounds)
        let (records, notices) = try rig.read()
        #expect(self.entries(records).count == 40 && notices.count == 1, "\(notices)")
    }

    /// Limits are written where they change: those of another must not be taken for one's own.
    @Test func linesOfAnother_areFollowedByAHead() throws {
        let rig = Rig()
        var own = DecisionPen(files: rig.files, pool: "tickets")
        var other = own
        var mine = InventedDecisions(seed: 37)
        var theirs = InventedDecisions(seed: 38, controller: "b@2", fence: 2)
        let parts = [mine.moments(20), theirs.moments(20), mine.moments(20)]
        try own.write(self.items(parts[0]), Self.bounds)
        try other.write(self.items(parts[1]), Self.bounds)
        try own.write(self.items(parts[2]), Self.bounds)
        #expect(self.entries(try rig.read().records) == parts.flatMap { $0 }.map(\.entry))
    }

    @Test func file_thatAnotherHolds_isNotWrittenTo_andThatIsTold() throws {
        let rig = Rig()
        var (pen, source) = try self.begun(rig, seed: 36, decisions: 20)
        let other = open(rig.path(of: "tickets-2026-11-22.jsonl"), O_RDONLY | O_CLOEXEC)
        try #require(other != -1 && flock(other, LOCK_EX | LOCK_NB) == 0)
        let lost = self.items(source.moments(20))
        let error = #expect(throws: DecisionPen.HeldByAnother.self) { try pen.write(lost, Self.bounds) }
        #expect("\(try #require(error))".contains("another process holds"))
        close(other)
        try pen.write(self.items(source.moments(20)), Self.bounds)
        let comparison = self.replayed(try rig.read().records)
        #expect(comparison.steps == 40 && comparison.gaps == 1 && comparison.differing == 0)
    }
}
