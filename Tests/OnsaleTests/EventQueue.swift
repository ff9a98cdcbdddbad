import Primitives

/// What is to happen in virtual time, soonest first; what happens at the same moment keeps its order.
struct EventQueue {
    struct Event {
        let at: Instant
        let order: Int
        let visitor: Int
        let happening: VirtualRun.Happening
    }

    private var heap: [Event] = []
    private var orders = 0

    mutating func push(_ happening: VirtualRun.Happening, to visitor: Int, at: Instant) {
        self.orders += 1
        self.heap.append(Event(at: at, order: self.orders, visitor: visitor, happening: happening))
        var child = self.heap.count - 1
        while child > 0, Self.isBefore(self.heap[child], self.heap[(child - 1) / 2]) {
            self.heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func pop() -> Event? {
        guard let first = self.heap.first else { return nil }
        let last = self.heap.removeLast()
        guard !self.heap.isEmpty else { return first }
        self.heap[0] = last
        var parent = 0
        while true {
            let left = parent * 2 + 1
            guard left < self.heap.count else { break }
            let right = left + 1
            let smaller = right < self.heap.count && Self.isBefore(self.heap[right], self.heap[left]) ? right : left
            guard Self.isBefore(self.heap[smaller], self.heap[parent]) else { break }
            self.heap.swapAt(parent, smaller)
            parent = smaller
        }
        return first
    }

    private static func isBefore(_ one: Event, _ other: Event) -> Bool {
        one.at.nanoseconds == other.at.nanoseconds
            ? one.order < other.order : one.at.nanoseconds < other.at.nanoseconds
    }
}
