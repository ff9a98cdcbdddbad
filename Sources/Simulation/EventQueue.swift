import Primitives

/// What is to happen, in order of time; of one moment, in the order in which it was put in.
///
/// A calendar: the time to come is cut into pieces of 69 s, the nearest of those into pages of a millisecond. What is on a
/// page is a list whose links lie in one array with all others, and only the page of now is sorted: so an event costs the
/// same however many are to come, and no memory is taken for it while as many have happened. Limits: 52 days from the
/// zero of time, 2 thousand million events.
public struct EventQueue<Event> {
    /// A link of the list of a page, of a piece, or of those that are free.
    @usableFromInline
    struct Link {
        @usableFromInline var at: UInt64
        @usableFromInline var event: Event
        /// Whichever was put in before it; -1: none.
        @usableFromInline var next: Int32

        @inlinable
        init(at: UInt64, event: Event, next: Int32) {
            self.at = at
            self.event = event
            self.next = next
        }
    }

    /// When something on the page of now happens, and where it stands among `events`: in the order of being put in.
    @usableFromInline
    struct Key: Comparable {
        @usableFromInline var at: UInt64
        @usableFromInline var place: UInt32

        @inlinable
        init(at: UInt64, place: Int) {
            self.at = at
            self.place = UInt32(place)
        }

        @inlinable
        static func < (left: Key, right: Key) -> Bool {
            left.at == right.at ? left.place < right.place : left.at < right.at
        }
    }

    @inlinable static var pageBits: UInt64 { 20 }
    @inlinable static var pieceBits: UInt64 { 16 }
    @inlinable static var pagesOfPiece: Int { 1 << Self.pieceBits }

    /// The page of now, or the next on which something happens; what is put in for a time before it stands there, too.
    /// The keys are sorted; what lies before `next` is done.
    @usableFromInline var keys: [Key] = []
    @usableFromInline var events: [Event] = []
    @usableFromInline var next = 0
    /// Counted from the zero of time.
    @usableFromInline var pageNumber: UInt64 = 0
    @usableFromInline var links: [Link] = []
    @usableFromInline var freeLinks: Int32 = -1
    /// The newest link of each page of this piece.
    @usableFromInline var pages: [Int32]
    @usableFromInline var inPages = 0
    /// The newest link of each piece, from the zero of time.
    @usableFromInline var later: [Int32] = []
    @usableFromInline var inLater = 0

    @inlinable
    public init() { self.pages = Array(repeating: -1, count: Self.pagesOfPiece) }

    @inlinable public var count: Int { self.keys.count - self.next + self.inPages + self.inLater }

    /// An event of the past happens now.
    @inlinable
    public mutating func push(_ event: Event, at instant: Instant) {
        precondition(instant.nanoseconds < 1 << 52, "an event beyond the end of the calendar")
        let at = instant.nanoseconds
        let number = at >> Self.pageBits
        if number <= self.pageNumber {
            self.insert(event, at: at)
        } else if number >> Self.pieceBits == self.pageNumber >> Self.pieceBits {
            let page = Int(number) & (Self.pagesOfPiece - 1)
            self.pages[page] = self.link(event, at: at, after: self.pages[page])
            self.inPages += 1
        } else {
            let piece = Int(number >> Self.pieceBits)
            while self.later.count <= piece { self.later.append(-1) }
            self.later[piece] = self.link(event, at: at, after: self.later[piece])
            self.inLater += 1
        }
    }

    @inlinable
    mutating func link(_ event: Event, at: UInt64, after next: Int32) -> Int32 {
        let link = Link(at: at, event: event, next: next)
        let free = self.freeLinks
        guard free >= 0 else {
            self.links.append(link)
            return Int32(self.links.count - 1)
        }
        self.freeLinks = self.links[Int(free)].next
        self.links[Int(free)] = link
        return free
    }

    /// Onto the page of now.
    @inlinable
    mutating func insert(_ event: Event, at: UInt64) {
        let key = Key(at: at, place: self.events.count)
        self.events.append(event)
        var low = self.next
        var high = self.keys.count
        while low < high {
            let middle = (low + high) / 2
            if self.keys[middle] < key { low = middle + 1 } else { high = middle }
        }
        self.keys.insert(key, at: low)
    }

    /// When the next event happens; nil when there is none.
    @inlinable
    public mutating func nextAt() -> Instant? {
        guard self.next < self.keys.count || self.turnPage() else { return nil }
        return Instant(nanoseconds: self.keys[self.next].at)
    }

    @inlinable
    public mutating func pop() -> (at: Instant, event: Event)? {
        guard let at = self.nextAt() else { return nil }
        let event = self.events[Int(self.keys[self.next].place)]
        self.next += 1
        return (at, event)
    }

    /// False when nothing is to come.
    @inlinable
    mutating func turnPage() -> Bool {
        self.keys.removeAll(keepingCapacity: true)
        self.events.removeAll(keepingCapacity: true)
        self.next = 0
        if self.inPages == 0 {
            guard self.inLater > 0 else { return false }
            self.openPiece()
        } else {
            self.pageNumber += 1
        }
        var page = Int(self.pageNumber) & (Self.pagesOfPiece - 1)
        while self.pages[page] < 0 { page += 1 }
        self.pageNumber = self.pageNumber & ~UInt64(Self.pagesOfPiece - 1) | UInt64(page)
        self.readPage(from: self.pages[page])
        self.pages[page] = -1
        self.inPages -= self.keys.count
        return true
    }

    /// The links give the newest first.
    @inlinable
    mutating func readPage(from newest: Int32) {
        var link = newest
        var last = newest
        while link >= 0 {
            self.events.append(self.links[Int(link)].event)
            self.keys.append(Key(at: self.links[Int(link)].at, place: 0))
            last = link
            link = self.links[Int(link)].next
        }
        self.links[Int(last)].next = self.freeLinks
        self.freeLinks = newest
        self.events.reverse()
        self.keys.reverse()
        for place in self.keys.indices { self.keys[place].place = UInt32(place) }
        self.sortKeys()
    }

    /// Most pages hold a few events, put in nearly in order.
    @inlinable
    mutating func sortKeys() {
        guard self.keys.count <= 32 else { return self.keys.sort() }
        for place in self.keys.indices.dropFirst() {
            let key = self.keys[place]
            var hole = place
            while hole > 0, key < self.keys[hole - 1] {
                self.keys[hole] = self.keys[hole - 1]
                hole -= 1
            }
            self.keys[hole] = key
        }
    }

    /// Deals the events of the next piece out to its pages, the oldest of each first.
    @inlinable
    mutating func openPiece() {
        var piece = Int(self.pageNumber >> Self.pieceBits) + 1
        while self.later[piece] < 0 { piece += 1 }
        self.pageNumber = UInt64(piece) << Self.pieceBits
        var link = self.turnRound(self.later[piece])
        self.later[piece] = -1
        while link >= 0 {
            let page = Int(self.links[Int(link)].at >> Self.pageBits) & (Self.pagesOfPiece - 1)
            let next = self.links[Int(link)].next
            self.links[Int(link)].next = self.pages[page]
            self.pages[page] = link
            self.inPages += 1
            link = next
        }
        self.inLater -= self.inPages
    }

    /// The same list from its other end.
    @inlinable
    mutating func turnRound(_ list: Int32) -> Int32 {
        var link = list
        var turned: Int32 = -1
        while link >= 0 {
            let next = self.links[Int(link)].next
            self.links[Int(link)].next = turned
            turned = link
            link = next
        }
        return turned
    }
}
