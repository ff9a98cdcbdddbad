import DequeModule

/// What one loop wants from the shared state, gathered: at most one call of a kind is on the way, and what comes
/// meanwhile makes up the next one. So calls grow with gateways and rooms, not with visitors.
///
/// Limits: a call carries at most `largest` items; no more than `mostWaiting` wait, and each of them once.
public struct Batch<Item: Hashable> {
    @usableFromInline let largest: Int
    @usableFromInline let mostWaiting: Int
    /// Which of two goes first; nil: whoever came first.
    @usableFromInline let goesFirst: ((Item, Item) -> Bool)?
    @usableFromInline var waiting = Deque<Item>()
    @usableFromInline var members: Set<Item> = []
    @usableFromInline var isInOrder = true
    @usableFromInline var hasCall = false

    @inlinable
    public init(largest: Int, mostWaiting: Int = .max, goesFirst: ((Item, Item) -> Bool)? = nil) {
        precondition(largest > 0, "a batch holds something")
        self.largest = largest
        self.mostWaiting = mostWaiting
        self.goesFirst = goesFirst
    }

    @inlinable public var isOnTheWay: Bool { self.hasCall }
    @inlinable public var count: Int { self.waiting.count }
    /// What waits, in no particular order.
    @inlinable public var all: [Item] { Array(self.waiting) }
    @inlinable public var isFull: Bool { self.waiting.count >= self.mostWaiting }

    /// False when it waits already, and when there is no room for it.
    @discardableResult
    @inlinable
    public mutating func add(_ item: Item) -> Bool {
        guard !self.isFull, self.members.insert(item).inserted else { return false }
        if self.isInOrder, let goesFirst, let last = self.waiting.last { self.isInOrder = !goesFirst(item, last) }
        self.waiting.append(item)
        return true
    }

    /// A call did not do what it was to do: its items wait again, before those that came later. What there is no room
    /// for is dropped.
    @inlinable
    public mutating func putBack(_ items: [Item]) {
        for item in items.reversed() where !self.isFull && self.members.insert(item).inserted {
            if self.isInOrder, let goesFirst, let first = self.waiting.first {
                self.isInOrder = !goesFirst(first, item)
            }
            self.waiting.prepend(item)
        }
    }

    /// The next call's items; nil while a call is on the way, and when nothing `isStillWanted`: what is not is dropped.
    @inlinable
    public mutating func next(isStillWanted: (Item) -> Bool = { _ in true }) -> [Item]? {
        guard !self.isOnTheWay, !self.waiting.isEmpty else { return nil }
        if !self.isInOrder, let goesFirst {
            // What is there is in order but for the newest, which this sort makes good use of.
            self.waiting.sort(by: goesFirst)
            self.isInOrder = true
        }
        var items: [Item] = []
        while items.count < self.largest, let item = self.waiting.popFirst() {
            self.members.remove(item)
            if isStillWanted(item) { items.append(item) }
        }
        guard !items.isEmpty else { return nil }
        self.hasCall = true
        return items
    }

    /// The call came back, with whatever result.
    @inlinable
    public mutating func returned() {
        precondition(self.isOnTheWay, "a call came back that was not on the way")
        self.hasCall = false
    }

    /// Drops what is not wanted any more: for callers that have been waiting for long.
    @inlinable
    public mutating func drop(where isUnwanted: (Item) -> Bool) {
        self.waiting.removeAll { item in
            guard isUnwanted(item) else { return false }
            self.members.remove(item)
            return true
        }
    }

    @inlinable
    public mutating func removeAll() -> [Item] {
        defer {
            self.waiting.removeAll()
            self.members.removeAll()
            self.isInOrder = true
        }
        return Array(self.waiting)
    }
}
