import Admission
import EventLoop

/// Journals in this process's memory: an entry's id is its number since the room began.
public final class MemoryRoomJournal: RoomJournal {
    public let loop: any LoopContext
    private let rooms: MemoryRooms

    public init(loop: any LoopContext, rooms: MemoryRooms) {
        self.loop = loop
        self.rooms = rooms
    }

    public func read(
        room: String,
        after: String?,
        count: Int,
        completion: @escaping StoreCompletion<JournalPage>
    ) {
        self.loop.preconditionOnLoop()
        let number = after.flatMap { JournalRecord.parts(of: $0)?.0 } ?? 0
        let part = self.rooms.journal(room: room, after: number, count: count)
        let records = part.entries.enumerated().map { index, entry in
            let texts = entry.fields
            let fields = stride(from: 0, to: texts.count, by: 2).map { (name: texts[$0], value: texts[$0 + 1]) }
            return JournalRecord(id: "\(part.first + Int64(index))-0", fields: fields)
        }
        let added = self.rooms.journalAdded(room: room)
        let page = JournalPage(
            records: records,
            kept: part.kept,
            added: added,
            firstID: part.kept > 0 ? "\(added - part.kept + 1)-0" : nil,
            hasMore: !records.isEmpty && part.first + Int64(records.count) <= added
        )
        self.loop.onNextTurn { completion(.success(page)) }
    }
}
