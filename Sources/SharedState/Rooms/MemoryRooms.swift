import Admission
import Synchronization

/// Rooms in this process's memory, shared by its loops: one node, no Redis, nothing survives the process.
///
/// Limits: `maxRooms` rooms; a room's journal keeps `RoomRules.journalEntries` to twice as many entries.
public final class MemoryRooms: Sendable {
    public static let maxRooms = 10_000
    /// Loops read the clock once a turn: one may be behind another by so much. Further back, the clock was set.
    private static let turnMicros: Int64 = 1_000_000

    private struct Room {
        var model = RoomModel()
        var journal: [JournalEntry] = []
        /// Entries that are no more in `journal`.
        var forgotten: Int64 = 0

        mutating func keepJournal() {
            self.journal += self.model.takeJournal()
            guard self.journal.count >= 2 * RoomRules.journalEntries else { return }
            let surplus = self.journal.count - RoomRules.journalEntries
            self.journal.removeFirst(surplus)
            self.forgotten += Int64(surplus)
        }
    }
    private struct Content {
        var rooms: [String: Room] = [:]
        var nowMicros: Int64 = 0
    }
    private let content = Mutex(Content())

    public init() {}

    /// The journal of `room`, the oldest entry first.
    public func journal(room: String) -> [JournalEntry] {
        self.content.withLock { $0.rooms[room]?.journal ?? [] }
    }

    /// At most `count` entries behind the one numbered `after`, counted from 1 since the room began; from the oldest on
    /// when there has never been such a number: that was another room of the same name.
    func journal(room: String, after: Int64, count: Int) -> (first: Int64, entries: [JournalEntry], kept: Int64) {
        self.content.withLock { content in
            guard let room = content.rooms[room] else { return (1, [], 0) }
            let kept = Int64(room.journal.count)
            let skipped = after > room.forgotten + kept ? 0 : max(0, after - room.forgotten)
            return (room.forgotten + skipped + 1, Array(room.journal.dropFirst(Int(skipped)).prefix(count)), kept)
        }
    }

    func journalAdded(room: String) -> Int64 {
        self.content.withLock { content in
            content.rooms[room].map { $0.forgotten + Int64($0.journal.count) } ?? 0
        }
    }

    /// Runs one operation of a room. `wallMicros` is the caller's clock; the room's time never goes back.
    func run<Answer: Sendable>(
        room: String,
        wallMicros: Int64,
        creates: Bool,
        _ operation: (inout RoomModel, Int64) throws(RoomError) -> Answer
    ) -> Result<Answer, StoreError> {
        self.content.withLock { content in
            let isSetBack = wallMicros < content.nowMicros - Self.turnMicros
            content.nowMicros = isSetBack ? wallMicros : max(content.nowMicros, wallMicros)
            let now = content.nowMicros
            if content.rooms[room] == nil {
                guard creates else { return .failure(.noRoom) }
                guard content.rooms.count < Self.maxRooms else {
                    return .failure(.refused("\(Self.maxRooms) rooms are in memory already: use Redis for more"))
                }
            }
            do throws(RoomError) {
                let answer = try operation(&content.rooms[room, default: Room()].model, now)
                content.rooms[room]?.keepJournal()
                return .success(answer)
            } catch {
                return .failure(StoreError(error))
            }
        }
    }
}
