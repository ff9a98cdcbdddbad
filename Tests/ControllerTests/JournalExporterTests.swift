import Foundation
import EventLoop
import Logging
import Reports
import SharedState
import TestKit
import Testing

@testable import Controller

/// A journal that a test fills and trims.
private final class ListedJournal: RoomJournal {
    let loop: any LoopContext
    var records: [JournalRecord] = []
    var trimmed: Int64 = 0
    var isAway = false
    var reads = 0
    /// Large entries come fewer at a time than was asked for.
    var mostOfAPage = Int.max
    /// Whether answers wait until they are let go.
    var isHeld = false
    private var held: [() -> Void] = []

    init(loop: any LoopContext) { self.loop = loop }

    func add(_ numbers: ClosedRange<Int64>) { self.records += numbers.map { JournalFolderTests.record($0) } }

    func trim(_ count: Int) {
        self.records.removeFirst(count)
        self.trimmed += Int64(count)
    }

    func read(
        room: String,
        after: String?,
        count: Int,
        completion: @escaping StoreCompletion<JournalPage>
    ) {
        self.reads += 1
        let start = after.flatMap { id in
            self.records.firstIndex { $0.id == id }.map { $0 + 1 }
                ?? (self.records.isEmpty || id < self.records[0].id ? 0 : nil)
        }
        let rest = self.records.dropFirst(start ?? 0)
        let page = JournalPage(
            records: Array(rest.prefix(min(count, self.mostOfAPage))),
            kept: Int64(self.records.count),
            added: self.trimmed + Int64(self.records.count),
            firstID: self.records.first?.id,
            hasMore: rest.count > min(count, self.mostOfAPage)
        )
        let answer = { completion(self.isAway ? .failure(.unavailable("away")) : .success(page)) }
        if self.isHeld { self.held.append(answer) } else { self.loop.onNextTurn(answer) }
    }

    func letGo() {
        let answers = self.held
        self.held = []
        for answer in answers { answer() }
    }
}

/// An exporter on a real loop, with its journal and its folder.
private final class Rig: Sendable {
    let fixture: LoopFixture
    let spool: SpoolFolder
    private let parts: LoopBound<(journal: ListedJournal, exporter: JournalExporter)>

    init(spool: SpoolFolder, keptEntries: Int = 100_000) throws {
        let fixture = try LoopFixture()
        self.fixture = fixture
        self.spool = spool
        self.parts = try fixture.run {
            let journal = ListedJournal(loop: fixture.loop)
            let exporter = JournalExporter(
                room: "sale",
                path: spool.path,
                keptEntries: keptEntries,
                loop: fixture.loop,
                journal: journal,
                log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            return LoopBound((journal, exporter), loop: fixture.loop)
        }
    }

    func change(_ body: @escaping @Sendable (ListedJournal) -> Void) throws {
        try self.fixture.run { [parts = self.parts] in body(parts.open().journal) }
    }

    /// One round, to its end.
    @discardableResult
    func round(until condition: (ControllerStatus.Export) -> Bool) throws -> ControllerStatus.Export {
        try self.fixture.run { [parts = self.parts] in parts.open().exporter.export() }
        try self.fixture.waitUntil { condition(try self.status()) }
        return try self.status()
    }

    /// With both in hand, in one turn.
    func turn(_ body: @escaping @Sendable (ListedJournal, JournalExporter) -> Void) throws {
        try self.fixture.run { [parts = self.parts] in body(parts.open().journal, parts.open().exporter) }
    }

    /// One round, and whatever follows until its second is over.
    func exportForASecond() throws {
        let end = try self.fixture.run { [parts = self.parts, loop = self.fixture.loop] in
            parts.open().exporter.export()
            return loop.now.advanced(byNanoseconds: 1_000_000_000)
        }
        try self.fixture.waitUntil { try self.fixture.run { [loop = self.fixture.loop] in loop.now >= end } }
    }

    func status() throws -> ControllerStatus.Export {
        try self.fixture.run { [parts = self.parts] in parts.open().exporter.status }
    }

    var reads: Int { get throws { try self.fixture.run { [parts = self.parts] in parts.open().journal.reads } } }

    func forget() throws { try self.fixture.run { [parts = self.parts] in parts.open().exporter.pause() } }
}

@Suite(.timeLimit(.minutes(30))) struct JournalExporterTests {
    private func numbers(_ spool: SpoolFolder) -> [Int64] {
        spool.names.flatMap { spool.text($0).split(separator: "\n") }
            .compactMap { JournalFolder.position(inLine: String($0))?.number }
    }

    /// More than one call's worth, over rounds, a trim in between and a new leader: every entry once, what was lost
    /// counted.
    @Test func export_keepsUp_countsWhatWasLost_writesNothingTwice() throws {
        let spool = try SpoolFolder()
        let rig = try Rig(spool: spool)
        try rig.change { $0.add(1...2_500) }
        var status = try rig.round { $0.exportedTo == 2_500 }
        #expect(status.behind == 0 && status.lost == 0 && status.written == 2_500)

        try rig.change { journal in
            journal.trim(2_400)
            journal.add(2_501...2_600)
        }
        // Another leader was here for a while: the folder says how far it is.
        try rig.forget()
        #expect(try rig.status().behind == nil, "that is for whoever leads to say")
        status = try rig.round { $0.exportedTo == 2_600 }
        #expect(status.lost == 0 && status.kept == 200)

        try rig.change { journal in
            journal.add(2_601...2_700)
            journal.trim(250)
        }
        status = try rig.round { $0.exportedTo == 2_700 }
        #expect(status.lost == 50)
        #expect(self.numbers(spool) == Array(1...2_600) + Array(2_651...2_700))
        try rig.fixture.end()
    }

    /// Entries so large that few come at a time: all of them are written within the second, not one part of them.
    @Test func export_smallParts_areAllWritten() throws {
        let spool = try SpoolFolder()
        let rig = try Rig(spool: spool)
        try rig.change { journal in
            journal.mostOfAPage = 8
            journal.add(1...100)
        }
        try rig.turn { $1.export() }
        try rig.fixture.waitUntil { try rig.status().exportedTo == 100 }
        #expect(try rig.reads == 13)
        #expect(self.numbers(spool) == Array(1...100))
        try rig.fixture.end()
    }

    /// Seen before: who led no longer wrote what it had asked for, and up to nine batches behind that, while the next
    /// leader wrote the same ones.
    @Test(arguments: [false, true])
    func pause_busyExporter_leavesTheRestToTheNextLeader(isWriting: Bool) throws {
        let spool = try SpoolFolder()
        let (old, new) = (try Rig(spool: spool), try Rig(spool: spool))
        for rig in [old, new] { try rig.change { $0.add(1...5_000) } }
        try old.change { $0.isHeld = true }
        try old.turn { $1.export() }
        try old.fixture.waitUntil { try old.reads == 1 }
        // Either the first batch is on its way to the disk when the lead is lost, or it has not come yet.
        try old.turn { journal, exporter in
            if isWriting { journal.letGo() }
            exporter.pause()
        }
        if isWriting { try old.fixture.waitUntil { try old.status().written == 1_000 } }
        #expect(try old.reads == 1)
        try new.round { $0.exportedTo == 5_000 }
        try old.turn { journal, _ in
            journal.isHeld = false
            journal.letGo()
        }

        // It leads again, and more has happened.
        for rig in [old, new] { try rig.change { $0.add(5_001...5_010) } }
        let status = try old.round { $0.exportedTo == 5_010 }
        #expect(status.lost == 0)
        #expect(self.numbers(spool) == Array(1...5_010))
        for rig in [old, new] { try rig.fixture.end() }
    }

    @Test func export_stateAway_saysSo_andGoesOnLater() throws {
        let spool = try SpoolFolder()
        let rig = try Rig(spool: spool)
        try rig.change { journal in
            journal.add(1...3)
            journal.isAway = true
        }
        #expect(try rig.round { $0.problem != nil }.exportedTo == nil)
        try rig.change { $0.isAway = false }
        let status = try rig.round { $0.exportedTo == 3 }
        #expect(status.problem == nil && status.behind == 0)
        #expect(self.numbers(spool) == [1, 2, 3])
        try rig.change { $0.isAway = true }
        #expect(try rig.round { $0.problem != nil }.behind == nil, "nobody knows")
        try rig.fixture.end()
    }

    /// The shared state was emptied and counts anew: what it has now is written, behind what there was.
    @Test func export_stateEmptied_goesOnWithWhatThereIs() throws {
        let spool = try SpoolFolder()
        let rig = try Rig(spool: spool)
        try rig.change { $0.add(1...10) }
        try rig.round { $0.exportedTo == 10 }
        try rig.change { journal in
            journal.records = []
            journal.add(11...12)
        }
        #expect(try rig.round { $0.exportedTo == 2 }.lost == 0)
        #expect(self.numbers(spool) == Array(1...10) + [1, 2])
        try rig.fixture.end()
    }

    /// The same, seen only when more has happened since than there was before.
    @Test func export_stateEmptied_andMoreWrittenThanBefore_countsAnewAndLosesNothing() throws {
        let spool = try SpoolFolder()
        let rig = try Rig(spool: spool)
        try rig.change { $0.add(1...10) }
        try rig.round { $0.exportedTo == 10 }
        try rig.change { journal in
            journal.records = []
            journal.add(11...2_510)
        }
        let status = try rig.round { $0.written == 2_510 }
        #expect(status.exportedTo == 2_500 && status.lost == 0 && status.behind == 0)
        #expect(self.numbers(spool).elementsEqual(Array(1...10) + Array(1...2_500)))
        try rig.fixture.end()
    }

    // MARK: Journals that keep little

    @Test func interval_leavesHalfOfWhatIsKept() {
        let milliseconds = [1_000, 4_000, 10_000, 20_000, 100_000, 10_000_000].map {
            JournalExporter.intervalNanoseconds(keeping: $0) / 1_000_000
        }
        #expect(milliseconds == [50, 200, 500, 1_000, 1_000, 1_000])
    }

    /// A thousand entries came and went between two looks a second apart: those in between were lost.
    @Test(arguments: [(kept: 1_000, isOften: true), (kept: 100_000, isOften: false)])
    func export_aShortJournal_isLookedAtSeveralTimesASecond(kept: Int, isOften: Bool) throws {
        let rig = try Rig(spool: SpoolFolder(), keptEntries: kept)
        var most = 0
        // A second of a machine that stands still holds fewer looks: then another second is tried.
        try rig.fixture.waitUntil {
            let before = try rig.reads
            try rig.exportForASecond()
            most = max(most, try rig.reads - before)
            return most > 2 || !isOften
        }
        #expect(isOften ? most > 2 : most == 1)
        try rig.fixture.end()
    }

    // MARK: A folder that goes

    @Test func export_folderGone_isSaidAlthoughThereIsNothingToWrite_andGoesOnWhenItIsBack() throws {
        let spool = try SpoolFolder()
        let rig = try Rig(spool: spool)
        try rig.change { $0.add(1...10) }
        try rig.round { $0.exportedTo == 10 }
        try FileManager.default.moveItem(atPath: spool.path, toPath: spool.path + "-away")
        let problem = try #require(try rig.round { $0.problem != nil }.problem)
        #expect(problem.hasPrefix("there is no folder \(spool.path)"))
        try rig.change { $0.add(11...12) }
        // Seen before: 0 behind, for as long as nothing could be written.
        #expect(try rig.round { $0.behind == 2 }.problem == problem)
        try FileManager.default.moveItem(atPath: spool.path + "-away", toPath: spool.path)
        let status = try rig.round { $0.exportedTo == 12 }
        #expect(status.problem == nil && status.lost == 0)
        #expect(self.numbers(spool) == Array(1...12))
        try rig.fixture.end()
    }

    /// Seen before: NOT exported, as far as entry 10, 0 behind.
    @Test func export_diskFull_saysHowManyAreBehind_andWritesThemWhenThereIsRoom() throws {
        let spool = try SpoolFolder()
        let rig = try Rig(spool: spool)
        try rig.change { $0.add(1...10) }
        #expect(try rig.round { $0.exportedTo == 10 }.behind == 0)
        // The newest file takes the next entries, and this one takes none.
        let full = spool.path + "/sale-9999-12-31.jsonl"
        try FileManager.default.createSymbolicLink(atPath: full, withDestinationPath: "/dev/full")
        try rig.change { $0.add(11...48) }
        var status = try rig.round { $0.problem != nil }
        #expect(status.problem?.contains("No space left") == true && status.exportedTo == 10)
        #expect(status.behind == 38 && status.lost == 0)
        // Seen before: what was dropped meanwhile was counted again every second.
        try rig.change { $0.trim(15) }
        for _ in 1...3 {
            let before = try rig.reads
            status = try rig.round { _ in (try? rig.reads) ?? 0 >= before + 2 }
            #expect(status.behind == 33 && status.lost == 5 && status.problem != nil)
        }
        try FileManager.default.removeItem(atPath: full)
        status = try rig.round { $0.exportedTo == 48 }
        #expect(status.behind == 0 && status.lost == 5 && status.problem == nil)
        #expect(self.numbers(spool) == Array(1...10) + Array(16...48))
        try rig.fixture.end()
    }

    /// The files went with it: what the shared state still has is written again, what it has not is counted.
    @Test func export_emptyFolderInItsPlace_writesWhatIsThere_andCountsTheRest() throws {
        let spool = try SpoolFolder()
        let rig = try Rig(spool: spool)
        try rig.change { $0.add(1...10) }
        try rig.round { $0.exportedTo == 10 }
        try FileManager.default.removeItem(atPath: spool.path)
        try rig.round { $0.problem != nil }
        try rig.change { journal in
            journal.add(11...20)
            journal.trim(14)
        }
        try FileManager.default.createDirectory(atPath: spool.path, withIntermediateDirectories: false)
        let status = try rig.round { $0.exportedTo == 20 }
        #expect(status.problem == nil && status.lost == 4)
        #expect(self.numbers(spool) == Array(15...20))
        try rig.fixture.end()
    }
}
