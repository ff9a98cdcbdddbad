import Decisions
import EventLoop
import Foundation
import Glibc
import Logging
import Primitives
import Scaling
import Settings
import TestKit
import Testing

@testable import Controller

/// Journals of decisions on a real disk.
@Suite struct DecisionJournalTests {
    /// A state folder, removed in the end.
    final class Rig {
        let path: String
        let files: DecisionFiles

        init() {
            var template = Array("/tmp/sluice-decisions-XXXXXX\0".utf8CString.dropLast())
            self.path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
            self.files = DecisionFiles(stateFolder: self.path)
        }

        deinit {
            chmod(self.path, 0o700)
            try? FileManager.default.removeItem(atPath: self.path)
        }

        var names: [String] { (try? self.files.names().map(\.text)) ?? [] }
        func path(of name: String) -> String { "\(self.path)/decisions/\(name)" }
        func text(_ name: String) throws -> String { try String(contentsOfFile: self.path(of: name), encoding: .utf8) }
        func write(_ text: String, to name: String) throws {
            try? FileManager.default.createDirectory(
                atPath: "\(self.path)/decisions",
                withIntermediateDirectories: true
            )
            try text.write(toFile: self.path(of: name), atomically: false, encoding: .utf8)
        }

        func read(pool: String = "tickets") throws -> (records: [DecisionRecord], notices: [String]) {
            var journal = DecisionJournal()
            var records: [DecisionRecord] = []
            try journal.read(files: try self.files.files(ofPool: pool)) { records.append($0) }
            return (records, journal.notices)
        }

        /// What reading fails with.
        func problem() -> String {
            do {
                _ = try self.read()
                return "nothing"
            } catch {
                return "\(error)"
            }
        }
    }

    static let bounds = DecisionBounds(keepNanoseconds: 7 * 86_400 * Nanoseconds.perSecond, bytes: 64 << 20)

    func items(_ moments: [InventedDecisions.Moment]) -> [DecisionPen.Item] {
        moments.map { DecisionPen.Item(entry: $0.entry, head: $0.head) }
    }

    /// Somebody who has written so many, and goes on.
    func begun(_ rig: Rig, seed: UInt64, decisions: Int) throws -> (pen: DecisionPen, source: InventedDecisions) {
        var pen = DecisionPen(files: rig.files, pool: "tickets")
        var source = InventedDecisions(seed: seed)
        try pen.write(self.items(source.moments(decisions)), Self.bounds)
        return (pen, source)
    }

    func entries(_ records: [DecisionRecord]) -> [DecisionEntry] {
        records.compactMap { if case .entry(let entry) = $0 { entry } else { nil } }
    }

    func replayed(_ records: [DecisionRecord]) -> DecisionComparison {
        var comparison = DecisionComparison()
        for record in records { comparison.take(record) }
        return comparison
    }

    // MARK: Lines

    /// To the last bit, what has no number included.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func line_readBack_isWhatWasWritten(seed: UInt64) throws {
        var source = InventedDecisions(seed: seed)
        for moment in source.moments(200) {
            let head = try DecisionLine.bytes(moment.head)
            let entry = try DecisionLine.bytes(moment.entry, withLimits: true)
            guard case .head(let readHead) = try DecisionLine.parse(head.dropLast()),
                case .entry(let content) = try DecisionLine.parse(entry.dropLast())
            else { return #expect(Bool(false), "a line of another kind") }
            // What a decision sets anew is not written down.
            var policy = moment.head.policy
            policy.limits = policy.limits.withoutStanding
            #expect(readHead.policy == policy && readHead.next == moment.head.next)
            #expect(content.entry(after: nil) == moment.entry)
            let short = try DecisionLine.bytes(moment.entry, withLimits: false)
            guard case .entry(let without) = try DecisionLine.parse(short.dropLast()) else { return }
            #expect(without.entry(after: nil) == nil && without.entry(after: moment.entry.limits) == moment.entry)
        }
    }

    @Test func line_cutOrChanged_isRefused() throws {
        var source = InventedDecisions(seed: 4)
        let line = Array(try DecisionLine.bytes(source.moments(9)[8].entry, withLimits: true).dropLast())
        for count in 0..<line.count {
            #expect(throws: DecisionLine.Damage.self) { try DecisionLine.parse(Array(line[..<count])) }
        }
        for index in line.indices {
            var changed = line
            changed[index] ^= 1
            #expect(throws: DecisionLine.Damage.self) { try DecisionLine.parse(changed) }
        }
    }

    // MARK: Files

    @Test func files_areNamedByPoolDayAndPart() throws {
        for text in ["sale-2026-11-22.jsonl", "sale-2-2026-11-22.7.jsonl"] {
            #expect(try #require(DecisionFileName(text)).text == text)
        }
        #expect(DecisionFileName("sale-2-2026-11-22.7.jsonl")?.pool == "sale-2")
        for text in ["sale.jsonl", "sale-2026-11-22.0.jsonl", "sale-2026-11-22.txt", "-2026-11-22.jsonl", "lock"] {
            #expect(DecisionFileName(text) == nil, "\(text)")
        }
        let order = ["a-2026-11-22.jsonl", "a-2026-11-22.2.jsonl", "a-2026-11-22.10.jsonl", "a-2026-11-23.jsonl"]
        #expect(order.reversed().compactMap(DecisionFileName.init).sorted().map(\.text) == order)
    }

    @Test func journal_writtenAndReadBack_isReplayedExactly() throws {
        let rig = Rig()
        var pen = DecisionPen(files: rig.files, pool: "tickets")
        var source = InventedDecisions(seed: 21)
        let moments = source.moments(1_500)
        for start in stride(from: 0, to: moments.count, by: 50) {
            try pen.write(self.items(Array(moments[start..<start + 50])), Self.bounds)
        }
        #expect(rig.names == ["tickets-2026-11-22.jsonl"])
        let (records, notices) = try rig.read()
        #expect(notices.isEmpty && self.entries(records) == moments.map(\.entry))
        // One at the beginning, and one every few minutes.
        #expect(records.count - moments.count == 3)
        let comparison = self.replayed(records)
        #expect(comparison.steps == 1_500 && comparison.differing == 0 && comparison.skipped == 0)
        // And from the head in the middle.
        let middle = try #require(records.dropFirst().firstIndex { if case .head = $0 { true } else { false } })
        let rest = self.replayed(Array(records[middle...]))
        #expect(rest.steps == 900 && rest.differing == 0 && rest.skipped == 0)
    }

    @Test func anotherDay_beginsAnotherFile_thatCanBeReplayedByItself() throws {
        let rig = Rig()
        var pen = DecisionPen(files: rig.files, pool: "tickets")
        var source = InventedDecisions(seed: 22)
        // Half a minute before midnight.
        let shift: Int64 = 43_170_000_000
        let moments = source.moments(60).map { moment in
            var (head, entry) = (moment.head, moment.entry)
            head.wallMicros += shift
            entry.wallMicros += shift
            return InventedDecisions.Moment(head: head, entry: entry)
        }
        try pen.write(self.items(moments), Self.bounds)
        #expect(rig.names == ["tickets-2026-11-22.jsonl", "tickets-2026-11-23.jsonl"])
        var journal = DecisionJournal()
        var second: [DecisionRecord] = []
        try journal.read(files: [rig.path(of: "tickets-2026-11-23.jsonl")]) { second.append($0) }
        let comparison = self.replayed(second)
        #expect(comparison.steps > 20 && comparison.steps < 40 && comparison.differing == 0)
        #expect(self.replayed(try rig.read().records).steps == 60)
        // A clock that is set back leads to no earlier file.
        try pen.write(self.items(source.moments(5)), Self.bounds)
        #expect(rig.names.count == 2)
        #expect(self.replayed(try rig.read().records).steps == 65)
    }

    /// The whole journal of a pool stays within its bound, the latest decisions stay, and what is left can be replayed.
    @Test func size_isBounded_andTheOldestGoesFirst() throws {
        let rig = Rig()
        let bounds = DecisionBounds(keepNanoseconds: Self.bounds.keepNanoseconds, bytes: 400_000)
        try rig.write("of another pool", to: "other-2026-11-22.jsonl")
        try rig.write("somebody's notes", to: "notes.txt")
        var pen = DecisionPen(files: rig.files, pool: "tickets")
        var source = InventedDecisions(seed: 23)
        var most = 0
        for _ in 0..<300 {
            try pen.write(self.items(source.moments(10)), bounds)
            let names = try rig.files.names().filter { $0.pool == "tickets" }
            most = max(most, try names.reduce(0) { $0 + (try rig.files.bytes(of: $1)) })
        }
        // A file is full when it has reached its part: what is written in one go comes on top.
        #expect(most > 200_000 && most <= 400_000 + 40_000, "\(most) bytes")
        #expect(!rig.names.contains("tickets-2026-11-22.jsonl"), "the oldest")
        #expect(rig.names.contains("other-2026-11-22.jsonl"))
        #expect(try rig.text("notes.txt") == "somebody's notes")
        let (records, _) = try rig.read()
        #expect(self.entries(records).last?.number == 3_000)
        let comparison = self.replayed(records)
        #expect(comparison.steps == self.entries(records).count && comparison.differing == 0)
    }

    @Test func days_thatAreTooOld_goForAllPools() throws {
        let rig = Rig()
        for name in ["tickets-2026-11-14.jsonl", "gone-2026-11-14.jsonl", "tickets-2026-11-15.jsonl"] {
            try rig.write("{}\n", to: name)
        }
        var pen = DecisionPen(files: rig.files, pool: "tickets")
        var source = InventedDecisions(seed: 24)
        try pen.write(self.items(source.moments(1)), Self.bounds)
        #expect(rig.names == ["tickets-2026-11-15.jsonl", "tickets-2026-11-22.jsonl"])
    }

    // MARK: What goes wrong

    /// Killed in the middle of a line, and started again on the same file.
    @Test func tornLine_isLeftOut_andTheNextOneGoesOn() throws {
        let rig = Rig()
        var first = DecisionPen(files: rig.files, pool: "tickets")
        var killed = InventedDecisions(seed: 25, controller: "a@1", fence: 1)
        try first.write(self.items(killed.moments(30)), Self.bounds)
        let name = "tickets-2026-11-22.jsonl"
        let whole = try rig.text(name)
        try rig.write(String(whole.dropLast(100)), to: name)
        let torn = try rig.read()
        #expect(torn.notices.count == 1 && torn.notices[0].contains("\(name):31 was left out"))
        #expect(self.replayed(torn.records).steps == 29)

        var second = DecisionPen(files: rig.files, pool: "tickets")
        var next = InventedDecisions(seed: 26, controller: "b@2", fence: 2)
        try second.write(self.items(next.moments(30)), Self.bounds)
        let (records, notices) = try rig.read()
        #expect(notices.count == 1 && notices[0].contains("\(name):31"))
        let comparison = self.replayed(records)
        #expect(comparison.steps == 59 && comparison.differing == 0 && comparison.restarts == 1)
    }

    @Test func changedLine_isRefusedWithFileAndLine() throws {
        let rig = Rig()
        _ = try self.begun(rig, seed: 27, decisions: 30)
        let name = "tickets-2026-11-22.jsonl"
        var lines = try rig.text(name).split(separator: "\n").map(String.init)
        lines[10] = lines[10].replacingOccurrences(of: "\"ready\":", with: "\"ready\":1")
        try rig.write(lines.joined(separator: "\n") + "\n", to: name)
        #expect(rig.problem().contains("\(name):11: it is not as it was written"), "\(rig.problem())")
        // Lines are gone, and with them the limits of those behind; here they have not changed any more.
        try rig.write(lines[28...29].joined(separator: "\n") + "\n", to: name)
        #expect(rig.problem().contains("\(name):1: a decision without the limits"), "\(rig.problem())")
        try rig.write("rooms:\n  onsale:\n    slots: 5\n", to: name)
        #expect(rig.problem().contains("\(name):1: this is no journal of decisions"), "\(rig.problem())")
    }

    /// Whoever wants the end of a long journal reads no more than that: from a head on.
    @Test func end_isReadFromAHeadOn() throws {
        let rig = Rig()
        var pen = DecisionPen(files: rig.files, pool: "tickets")
        var source = InventedDecisions(seed: 33)
        let moments = source.moments(1_500)
        try pen.write(self.items(moments), Self.bounds)
        let file = rig.path(of: "tickets-2026-11-22.jsonl")
        let bytes = try rig.text("tickets-2026-11-22.jsonl").utf8.count
        var counts: [Int] = []
        for tail in [1_000, bytes / 3, bytes - 100, bytes, 10 * bytes] {
            var journal = DecisionJournal()
            var records: [DecisionRecord] = []
            try journal.read(endOf: file, bytes: tail) { records.append($0) }
            let comparison = self.replayed(records)
            #expect(comparison.steps == self.entries(records).count && comparison.differing == 0)
            if let last = self.entries(records).last { #expect(last == moments.last?.entry) }
            counts.append(comparison.steps)
        }
        #expect(counts == [0, 300, 900, 1_500, 1_500])
    }

    @Test func filesOfTwoPools_areRefused() throws {
        let rig = Rig()
        var source = InventedDecisions(seed: 28)
        let moment = source.next()
        var other = moment.head
        other.pool = "other"
        let lines = try [moment.head, other].map { String(decoding: try DecisionLine.bytes($0), as: UTF8.self) }
        try rig.write(lines.joined(), to: "tickets-2026-11-22.jsonl")
        #expect(rig.problem().contains(":2: decisions on the pool other behind those on tickets"), "\(rig.problem())")
    }

    /// A decision that counts twice would be replayed against its own outcome.
    @Test func filesGivenTwice_orInAnotherOrder_areRefused() throws {
        let rig = Rig()
        var source = InventedDecisions(seed: 40)
        for day in ["22", "23"] {
            let lines = try source.moments(3).flatMap { moment in
                [try DecisionLine.bytes(moment.head), try DecisionLine.bytes(moment.entry, withLimits: true)]
            }
            try rig.write(String(decoding: lines.joined(), as: UTF8.self), to: "tickets-2026-11-\(day).jsonl")
        }
        let (first, second) = (rig.path(of: "tickets-2026-11-22.jsonl"), rig.path(of: "tickets-2026-11-23.jsonl"))
        func read(_ files: [String]) throws -> Int {
            var journal = DecisionJournal()
            var count = 0
            try journal.read(files: files) { if case .entry = $0 { count += 1 } }
            return count
        }
        #expect(try read([first, second]) == 6)
        for wrong in [[first, first], [second, first]] {
            #expect {
                _ = try read(wrong)
            } throws: {
                "\($0)".contains("\(first):2: decision") && "\($0)".contains("give each file once")
            }
        }
    }

    @Test func missingFile_isToldOf() {
        var journal = DecisionJournal()
        #expect {
            try journal.read(files: ["/nowhere/tickets.jsonl"]) { _ in }
        } throws: {
            "\($0)".contains("/nowhere/tickets.jsonl: No such file")
        }
    }

    /// What could not be written is a gap, and the journal goes on behind it.
    @Test func diskThatFails_leavesAGapAndNoMore() throws {
        let rig = Rig()
        var (pen, source) = try self.begun(rig, seed: 29, decisions: 20)
        // A folder in place of the file: nobody can write there, whoever it is.
        let path = rig.path(of: "tickets-2026-11-22.jsonl")
        try FileManager.default.moveItem(atPath: path, toPath: path + ".away")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        let lost = self.items(source.moments(20))
        #expect(throws: (any Error).self) { try pen.write(lost, Self.bounds) }
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.moveItem(atPath: path + ".away", toPath: path)
        try pen.write(self.items(source.moments(20)), Self.bounds)
        let comparison = self.replayed(try rig.read().records)
        #expect(comparison.steps == 40 && comparison.gaps == 1 && comparison.differing == 0)
    }

    /// Somebody makes room by hand while the controller runs: what comes next can be replayed by itself.
    @Test(arguments: [true, false])
    func files_removedMeanwhile_areBegunAnew(withFolder: Bool) throws {
        let rig = Rig()
        var (pen, source) = try self.begun(rig, seed: 34, decisions: 20)
        let file = rig.path(of: "tickets-2026-11-22.jsonl")
        try FileManager.default.removeItem(
            atPath: withFolder ? URL(filePath: file).deletingLastPathComponent().path : file
        )
        try pen.write(self.items(source.moments(20)), Self.bounds)
        try pen.write(self.items(source.moments(20)), Self.bounds)
        let (records, notices) = try rig.read()
        let comparison = self.replayed(records)
        #expect(comparison.steps == 40 && comparison.differing == 0 && notices.isEmpty, "\(notices)")
    }

    // MARK: Off the loop

    private func folder(_ fixture: LoopFixture, _ rig: Rig) throws -> LoopBound<DecisionFolder> {
        try fixture.run { [path = rig.path, loop = fixture.loop] in
            let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let settings = ControllerSettings()
            return LoopBound(DecisionFolder(stateFolder: path, settings: settings, loop: loop, log: log), loop: loop)
        }
    }

    @Test func folder_writesWhatItIsGiven_andKeepsTheLatest() throws {
        let rig = Rig()
        let fixture = try LoopFixture()
        let folder = try self.folder(fixture, rig)
        var source = InventedDecisions(seed: 30)
        let moments = source.moments(100)
        try fixture.run { for moment in moments { folder.open().add(moment.entry, moment.head) } }
        try fixture.waitUntil { (try? rig.read().records).map { self.entries($0).count == 100 } ?? false }
        #expect(self.replayed(try rig.read().records).differing == 0)
        #expect(try fixture.run { folder.open().problems }.isEmpty)

        let answer = Handover<[UInt8]>()
        try fixture.run { folder.open().latest(pool: "tickets", count: 7) { answer.put($0) } }
        var journal = DecisionJournal()
        var latest: [DecisionRecord] = []
        try journal.read(lines: try answer.take(), from: "here") { latest.append($0) }
        #expect(self.entries(latest) == moments.suffix(7).map { $0.entry.withoutLatency })
    }

    @Test func folder_thatCannotBeWritten_isAProblem_untilItCan() throws {
        let rig = Rig()
        let fixture = try LoopFixture()
        let folder = try self.folder(fixture, rig)
        // A file where the folder should be.
        try "".write(toFile: "\(rig.path)/decisions", atomically: false, encoding: .utf8)
        var source = InventedDecisions(seed: 31)
        let lost = source.moments(10)
        try fixture.run { for moment in lost { folder.open().add(moment.entry, moment.head) } }
        try fixture.waitUntil { try !fixture.run { folder.open().problems }.isEmpty }
        let problem = try fixture.run { folder.open().problems }[0]
        #expect(problem.contains("pool tickets: decisions cannot be journalled in \(rig.path)/decisions"))
        #expect(problem.contains("Scaling goes on"))
        try FileManager.default.removeItem(atPath: "\(rig.path)/decisions")
        // Each is taken at once: the problem is over with the first that is written.
        try fixture.waitUntil {
            let moment = source.next()
            return try fixture.run {
                folder.open().add(moment.entry, moment.head)
                return folder.open().problems.isEmpty
            }
        }
        try fixture.waitUntil { !((try? rig.read().records) ?? []).isEmpty }
        let comparison = self.replayed(try rig.read().records)
        #expect(comparison.steps > 0 && comparison.differing == 0)
    }

    @Test func folder_thatIsToldToKeepNothing_writesNothing() throws {
        let rig = Rig()
        let fixture = try LoopFixture()
        let folder = try self.folder(fixture, rig)
        var source = InventedDecisions(seed: 32)
        let moments = source.moments(10)
        let answer = Handover<[UInt8]>()
        try fixture.run {
            var settings = ControllerSettings()
            settings.decisionsKeepNanoseconds = 0
            folder.open().apply(settings)
            for moment in moments { folder.open().add(moment.entry, moment.head) }
            folder.open().latest(pool: "tickets", count: 100) { answer.put($0) }
        }
        #expect(try !answer.take().isEmpty, "what is in memory can be explained all the same")
        #expect(access("\(rig.path)/decisions", F_OK) == -1)
    }
}
