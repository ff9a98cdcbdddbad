import Admission
import Primitives
import RedisClient
import TestKit
import Testing

@testable import SharedState

/// Reading what happened in a room, from either store.
@Suite(.serialized) struct RoomJournalTests {
    private static let limits = RoomLimits(
        inflowMilli: 10_000,
        burst: 10,
        slots: 100,
        sessionMicros: 60 * Nanoseconds.perSecond / 1_000,
        claimMicros: 60 * Nanoseconds.perSecond / 1_000,
        horizonMicros: 1_000_000
    )

    @Test(arguments: StateKind.allCases)
    func read_pages_tellWhatThereIsAndTheOldest(kind: StateKind) async throws {
        try await withRig(kind) { rig async throws in
            #expect(
                try await rig.readJournal("r", after: nil) == JournalPage(records: [], kept: 0, added: 0, firstID: nil)
            )
            _ = try await rig.tick("r", Self.limits).get()
            _ = try await rig.join("r", 3).get()
            let all = try await rig.readJournal("r", after: nil)
            #expect(all.records.map { $0.value("kind") } == ["limits", "exchange"])
            #expect(all.kept == 2 && all.added == 2 && all.firstID == all.records[0].id)
            let rest = try await rig.readJournal("r", after: all.records[0].id)
            #expect(rest.records == [all.records[1]])
            #expect(rest.firstID == all.firstID)
        }
    }

    /// How many were dropped, the counts tell.
    @Test func read_redisTrimmedOrEmptied_tellsTheOldestThatIsLeft() async throws {
        try await withRig(.redis) { rig async throws in
            _ = try await rig.tick("r", Self.limits).get()
            _ = try await rig.join("r", 3).get()
            let last = try #require(try await rig.readJournal("r", after: nil).records.last)
            _ = try await rig.send("XTRIM", "sluice:{r}:journal", "MAXLEN", "1")
            var page = try await rig.readJournal("r", after: last.id)
            #expect(page == JournalPage(records: [], kept: 1, added: 2, firstID: last.id))
            _ = try await rig.send("XTRIM", "sluice:{r}:journal", "MAXLEN", "0")
            page = try await rig.readJournal("r", after: last.id)
            #expect(page == JournalPage(records: [], kept: 0, added: 2, firstID: nil))
        }
    }
}

extension StateRig {
    fileprivate func readJournal(_ room: String, after: String?) async throws -> JournalPage {
        let journal: any RoomJournal
        if let client = self.client {
            journal = RedisRoomJournal(client: client)
        } else {
            let rooms = (self.store as? MemoryRoomStore)?.rooms ?? MemoryRooms()
            journal = MemoryRoomJournal(loop: self.loop, rooms: rooms)
        }
        return try await withCheckedContinuation { continuation in
            journal.read(room: room, after: after, count: 100) { continuation.resume(returning: $0) }
        }.get()
    }
}
