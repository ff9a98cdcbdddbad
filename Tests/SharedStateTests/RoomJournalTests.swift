import Admission
import Foundation
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

    /// A room in which limits were set and people let in, once each. Where the machine takes seconds between the two, the
    /// room has been silent, and lets nobody in at once: then another room is tried.
    private static func room(in rig: StateRig) async throws -> String {
        for attempt in 0..<200 {
            let name = "r\(attempt)"
            _ = try await rig.tick(name, Self.limits).get()
            if try await rig.join(name, 3).get().admitted == 3 { return name }
        }
        throw StoreError.unavailable("no two calls came close to each other")
    }

    @Test(arguments: StateKind.allCases)
    func read_pages_tellWhatThereIsAndTheOldest(kind: StateKind) async throws {
        try await withRig(kind) { rig async throws in
            #expect(
                try await rig.readJournal("r", after: nil) == JournalPage(records: [], kept: 0, added: 0, firstID: nil)
            )
            let name = try await Self.room(in: rig)
            let all = try await rig.readJournal(name, after: nil)
            #expect(all.records.map { $0.value("kind") } == ["limits", "exchange"])
            try #require(all.records.count == 2)
            #expect(all.kept == 2 && all.added == 2 && all.firstID == all.records[0].id)
            let rest = try await rig.readJournal(name, after: all.records[0].id)
            #expect(rest.records == [all.records[1]])
            #expect(rest.firstID == all.firstID)
            let first = try await rig.readJournal(name, after: nil, count: 1)
            #expect(first.records == [all.records[0]])
            #expect(first.hasMore && !all.hasMore && !rest.hasMore)
        }
    }

    /// How many were dropped, the counts tell.
    @Test func read_redisTrimmedOrEmptied_tellsTheOldestThatIsLeft() async throws {
        try await withRig(.redis) { rig async throws in
            let name = try await Self.room(in: rig)
            let last = try #require(try await rig.readJournal(name, after: nil).records.last)
            _ = try await rig.send("XTRIM", .text("sluice:{\(name)}:journal"), "MAXLEN", "1")
            var page = try await rig.readJournal(name, after: last.id)
            #expect(page == JournalPage(records: [], kept: 1, added: 2, firstID: last.id))
            _ = try await rig.send("XTRIM", .text("sluice:{\(name)}:journal"), "MAXLEN", "0")
            page = try await rig.readJournal(name, after: last.id)
            #expect(page == JournalPage(records: [], kept: 0, added: 2, firstID: nil))
        }
    }

    /// Entries of the largest batches. Seen before: a thousand of them are 8 MB, and the script that read them held the
    /// server for 41 ms.
    @Test func read_largeEntries_comeInSmallParts() async throws {
        try await withRig(.redis) { rig async throws in
            try await rig.fillJournal(entries: 1_000, grants: 500)
            let pages = try await rig.readWholeJournal("r")
            #expect(pages.flatMap(\.records).map(\.micros) == (1...1_000).map { Int64($0) })
            let sizes = pages.map { $0.records.flatMap(\.fields).reduce(0) { $0 + $1.value.utf8.count } }
            #expect(sizes.max()! <= 384 * 1_024, "\(sizes.max()!) bytes at once")
        }
    }

    /// What it costs the server, with large entries and with small ones. Set `SLUICE_COST` to run it: times depend on the
    /// machine, so they are printed, and only gross excess fails.
    @Test(
        .enabled(if: ProcessInfo.processInfo.environment["SLUICE_COST"] != nil),
        arguments: [500, 1]
    )
    func read_longJournal_staysShort(grants: Int) async throws {
        try await withRig(.redis) { rig async throws in
            try await rig.fillJournal(entries: 1_000, grants: grants)
            _ = try await rig.send("CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "256")
            _ = try await rig.send("SLOWLOG", "RESET")
            _ = try await rig.readWholeJournal("r")
            let durations = (try await rig.send("SLOWLOG", "GET", "256").array ?? []).compactMap { entry -> Int64? in
                guard let parts = entry.array, parts[3].array?.first?.text == "EVALSHA" else { return nil }
                return parts[2].integer
            }.sorted()
            print("cost of the journal, \(grants) grants an entry: \(durations.count) calls, ", terminator: "")
            print("median \(durations[durations.count / 2]) us, worst \(durations.last!) us")
            #expect(durations.last! < 25_000)
        }
    }
}

extension StateRig {
    /// From the beginning to the end.
    fileprivate func readWholeJournal(_ room: String) async throws -> [JournalPage] {
        var pages: [JournalPage] = []
        repeat {
            let last = pages.last?.records.last?.id
            pages.append(try await self.readJournal(room, after: last, count: 1_000))
        } while pages.last!.hasMore
        return pages
    }

    /// Entries of room `r` as the largest numbers make them, with the times 1, 2, ...
    fileprivate func fillJournal(entries: Int, grants: Int) async throws {
        let script = """
            local list = {}
            for index = 1, tonumber(ARGV[2]) do list[index] = (1e8 + index) .. ':123456' end
            local text = table.concat(list, ',')
            for index = 1, tonumber(ARGV[1]) do
                redis.call('XADD', KEYS[1], '*', 'kind', 'exchange', 't', index, 'g', text)
            end
            """
        let key = RedisArgument.text(RoomScript.journalKey(room: "r"))
        _ = try await self.send("EVAL", .text(script), "1", key, .text("\(entries)"), .text("\(grants)"))
    }

    fileprivate func readJournal(_ room: String, after: String?, count: Int = 100) async throws -> JournalPage {
        let journal: any RoomJournal
        if let client = self.client {
            journal = RedisRoomJournal(client: client)
        } else {
            let rooms = (self.store as? MemoryRoomStore)?.rooms ?? MemoryRooms()
            journal = MemoryRoomJournal(loop: self.loop, rooms: rooms)
        }
        return try await withCheckedContinuation { continuation in
            journal.read(room: room, after: after, count: count) { continuation.resume(returning: $0) }
        }.get()
    }
}
