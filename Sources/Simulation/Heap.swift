/// The least of many at any time: times at which something ends.
struct Heap {
    private(set) var items: [UInt64] = []

    var count: Int { self.items.count }
    var least: UInt64? { self.items.first }

    mutating func push(_ item: UInt64) {
        self.items.append(item)
        var child = self.items.count - 1
        while child > 0, self.items[child] < self.items[(child - 1) / 2] {
            self.items.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    @discardableResult
    mutating func popLeast() -> UInt64? {
        guard let least = self.items.first else { return nil }
        let last = self.items.removeLast()
        guard !self.items.isEmpty else { return least }
        self.items[0] = last
        var parent = 0
        while true {
            let left = 2 * parent + 1
            guard left < self.items.count else { return least }
            let right = left + 1
            let smaller = right < self.items.count && self.items[right] < self.items[left] ? right : left
            guard self.items[smaller] < self.items[parent] else { return least }
            self.items.swapAt(parent, smaller)
            parent = smaller
        }
    }
}
