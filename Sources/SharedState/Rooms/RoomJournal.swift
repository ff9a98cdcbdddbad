import Admission
import EventLoop

/// One entry of a room's journal as the shared state keeps it.
public struct JournalRecord: Equatable, Sendable {
    /// Names the entry; ids of a room grow.
    public var id: String
    /// Names and values, as `JournalEntry.fields` writes them.
    public var fields: [(name: String, value: String)]

    public init(id: String, fields: [(name: String, value: String)]) {
        self.id = id
        self.fields = fields
    }

    public static func == (left: Self, right: Self) -> Bool {
        left.id == right.id && left.fields.elementsEqual(right.fields) { $0 == $1 }
    }

    public func value(_ name: String) -> String? { self.fields.first { $0.name == name }?.value }
    /// When it was written, on the room's clock.
    public var micros: Int64? { self.value("t").flatMap { Int64($0) } }

    /// An id is two numbers, the first of which decides.
    public static func parts(of id: String) -> (Int64, Int64)? {
        let parts = id.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = Int64(parts[0]), let second = Int64(parts[1]), first >= 0, second >= 0
        else {
            return nil
        }
        return (first, second)
    }
}

/// A part of a room's journal.
public struct JournalPage: Equatable, Sendable {
    /// The oldest first.
    public var records: [JournalRecord]
    /// How many entries there are, and how many there have been: what is missing was dropped.
    public var kept: Int64
    public var added: Int64
    /// The oldest one that there is; nil when there is none.
    public var firstID: String?
    /// Whether there are others behind the last of `records`.
    public var hasMore: Bool

    public init(records: [JournalRecord], kept: Int64, added: Int64, firstID: String?, hasMore: Bool = false) {
        self.records = records
        self.kept = kept
        self.added = added
        self.firstID = firstID
        self.hasMore = hasMore
    }
}

/// Reads rooms' journals.
public protocol RoomJournal: AnyObject {
    var loop: any LoopContext { get }

    /// At most `count` entries behind the one with the id `after`, fewer when they are large; from the oldest on without
    /// one, and when no entry ever had an id so high (the shared state was emptied since). Completes on the loop.
    func read(
        room: String,
        after: String?,
        count: Int,
        completion: @escaping StoreCompletion<JournalPage>
    )
}
