import DequeModule

/// What one loop wants from the shared state, gathered: at most one call of a kind is on the way, and what comes
/// meanwhile makes up the next one. So calls grow with gateways and rooms, not with visitors.
///
/// Limits: a call carries at most `largest` items; how many may wait is the caller's to bound.
struct Batch<Item> {
    private let largest: Int
    private var waiting = Deque<Item>()
    private(set) var isOnTheWay = false

    init(largest: Int) {
        precondition(largest > 0, "a batch holds something")
        self.largest = largest
    }

    var count: Int { self.waiting.count }

    mutating func add(_ item: Item) { self.waiting.append(item) }

    /// The next call's items, oldest first; nil while a call is on the way, and when nothing `isStillWanted`: what is
    /// not is dropped.
    mutating func next(isStillWanted: (Item) -> Bool = { _ in true }) -> [Item]? {
        guard !self.isOnTheWay, !self.waiting.isEmpty else { return nil }
        var items: [Item] = []
        while items.count < self.largest, let item = self.waiting.popFirst() {
            if isStillWanted(item) { items.append(item) }
        }
        guard !items.isEmpty else { return nil }
        self.isOnTheWay = true
        return items
    }

    /// The call came back, with whatever result.
    mutating func returned() {
        precondition(self.isOnTheWay, "a call came back that was not on the way")
        self.isOnTheWay = false
    }

    /// Drops what is not wanted any more: for callers that have been waiting for long.
    mutating func drop(where isUnwanted: (Item) -> Bool) { self.waiting.removeAll(where: isUnwanted) }

    mutating func removeAll() -> [Item] {
        defer { self.waiting.removeAll() }
        return Array(self.waiting)
    }
}
