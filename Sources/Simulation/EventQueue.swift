import Primitives

/// What is to happen, in order of time; of one moment, in the order in which it was put in.
///
/// A calendar: the hour is cut into pieces of 69 s, those into pages of a millisecond. Only the page of now is sorted, so
/// that an event costs the same however many are to come. Limits: 52 days from the zero of time.
public struct EventQueue<Event> {
    @usableFromInline
    struct Entry {
        @usableFromInline var at: UInt64
        @usableFromInline var order: UInt64
        @usableFromInline var event: Event

        @inlinable
        init(at: UInt64, order: UInt64, event: Event) {
            self.at = at
            self.order = order
            self.event = event
        }
    }

    @inlinable static var pageBits: UInt64 { 20 }
    @inlinable static var pieceBits: UInt64 { 16 }
    @inlinable static var pagesOfPiece: Int { 1 << Self.pieceBits }

    /// The page of now, sorted; what lies before `next` is done.
    @usableFromInline var page: [Entry] = []
    @usableFromInline var next = 0
    /// Counted from the zero of time.
    @usableFromInline var pageNumber: UInt64 = 0
    /// The later pages of this piece.
    @usableFromInline var pages: [[Entry]]
    @usableFromInline var inPages = 0
    /// Of each piece, from the zero of time.
    @usableFromInline var later: [[Entry]] = []
    @usableFromInline var inLater = 0
    @usableFromInline var order: UInt64 = 0

    @inlinable
    public init() { self.pages = Array(repeating: [], count: Self.pagesOfPiece) }

    @inlinable public var count: Int { self.page.count - self.next + self.inPages + self.inLater }

    /// An event of the past happens now.
    @inlinable
    public mutating func push(_ event: Event, at instant: Instant) {
        precondition(instant.nanoseconds < 1 << 52, "an event beyond the end of the calendar")
        let entry = Entry(at: instant.nanoseconds, order: self.order, event: event)
        self.order += 1
        let number = entry.at >> Self.pageBits
        if number <= self.pageNumber {
            self.insert(entry)
        } else if number >> Self.pieceBits == self.pageNumber >> Self.pieceBits {
            self.pages[Int(number) & (Self.pagesOfPiece - 1)].append(entry)
            self.inPages += 1
        } else {
            let piece = Int(number >> Self.pieceBits)
            while self.later.count <= piece { self.later.append([]) }
            self.later[piece].append(entry)
            self.inLater += 1
        }
    }

    @inlinable
    mutating func insert(_ entry: Entry) {
        var low = self.next
        var high = self.page.count
        while low < high {
            let middle = (low + high) / 2
            if self.page[middle].at <= entry.at { low = middle + 1 } else { high = middle }
        }
        self.page.insert(entry, at: low)
    }

    /// When the next event happens; nil when there is none.
    @inlinable
    public mutating func nextAt() -> Instant? {
        guard self.next < self.page.count || self.turnPage() else { return nil }
        return Instant(nanoseconds: self.page[self.next].at)
    }

    @inlinable
    public mutating func pop() -> (at: Instant, event: Event)? {
        guard self.next < self.page.count || self.turnPage() else { return nil }
        let entry = self.page[self.next]
        self.next += 1
        return (Instant(nanoseconds: entry.at), entry.event)
    }

    /// False when nothing is to come.
    @inlinable
    mutating func turnPage() -> Bool {
        self.page.removeAll(keepingCapacity: true)
        self.next = 0
        if self.inPages == 0 {
            guard self.inLater > 0 else { return false }
            self.openPiece()
        } else {
            self.pageNumber += 1
        }
        while self.pages[Int(self.pageNumber) & (Self.pagesOfPiece - 1)].isEmpty { self.pageNumber += 1 }
        // The memory of the old page is used again.
        swap(&self.page, &self.pages[Int(self.pageNumber) & (Self.pagesOfPiece - 1)])
        self.inPages -= self.page.count
        self.page.sort { ($0.at, $0.order) < ($1.at, $1.order) }
        return true
    }

    @inlinable
    mutating func openPiece() {
        var piece = Int(self.pageNumber >> Self.pieceBits) + 1
        while self.later[piece].isEmpty { piece += 1 }
        self.pageNumber = UInt64(piece) << Self.pieceBits
        for entry in self.later[piece] {
            self.pages[Int(entry.at >> Self.pageBits) & (Self.pagesOfPiece - 1)].append(entry)
        }
        self.inPages = self.later[piece].count
        self.inLater -= self.inPages
        self.later[piece] = []
    }
}
